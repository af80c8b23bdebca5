"""The first half of the Builder way: a Keras model's forward pass as a TF1 SavedModel, by the exporter's parts."""

from __future__ import annotations

import shutil
from pathlib import Path

from tfx_savedmodel.errors import UnsupportedModelError
from tfx_savedmodel.estimators.opened import OpenedModel
from tfx_savedmodel.estimators.receivers import DEFAULT
from tfx_savedmodel.operations.exporting import session_of_trace
from tfx_savedmodel.operations.materials import ExportMaterials
from tfx_savedmodel.signatures.plan import read_plan
from tfx_savedmodel.signatures.resolve import resolve
from tfx_savedmodel.sources.keras import KerasSource
from tfx_savedmodel.sources.keras_load import is_keras_3
from tfx_savedmodel.sources.keras_parts import KerasParts
from tfx_savedmodel.sources.source import TrainedModel


def forward_pass_as_tf1(model: OpenedModel, directory: Path) -> None:
    """Write a model's forward pass into an empty directory, as `serving_default`; nothing of it is run.

    Raises:
      UnsupportedModelError: TensorFlow cannot save the model.
      UnsafeModelError: its graph touches files, the network or Python.
    """
    source = model.source
    if isinstance(source, KerasSource) and not is_keras_3(source.root):
        try:
            _write(model, KerasParts(source), directory)
            return
        except UnsupportedModelError:
            # Something of the model is nowhere but in its layers.
            shutil.rmtree(directory, ignore_errors=True)  # TF1's Builder may have taken it away already
            directory.mkdir()
    _write(model, source, directory)


def _write(model: OpenedModel, source: TrainedModel, directory: Path) -> None:
    renamed = any(name != own for name, own in model.outputs.items())
    part = {"kind": "model", "outputs": dict(model.outputs) if renamed else None}
    plan = read_plan({"builder": "session", "signatures": {DEFAULT: part}})
    materials = ExportMaterials(plan, lambda _: source)
    session_of_trace(materials, resolve(plan, materials), directory)
