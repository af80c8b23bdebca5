"""Keras model -> Estimator SavedModel and checkpoint, by `model_to_estimator`."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tfx_savedmodel.estimators.keras_model import make_compiled
from tfx_savedmodel.saved_model.rewrite import edit

#: The formats of a checkpoint, by our names -> what model_to_estimator calls them.
CHECKPOINT_FORMATS = {"object": "checkpoint", "saver": "saver"}

_FIRST_CHECKPOINT = ("keras", "keras_model.ckpt")
_CHECKPOINT = "model.ckpt-0"


def convert_keras_model(
    load: Callable[[], Any],
    export: Path,
    model_dir: Path,
    receiver: Callable[[], Any],
    checkpoint_format: str = "object",
) -> tuple[str, ...]:
    """Write the Estimator SavedModel into `export` and the checkpoint into `model_dir`, both empty before.

    Converting makes a Keras object useless for anything else. An old `model_dir` would silently give the weights
    that lie in it.

    Args:
      load: gives the Keras model.
      receiver: the serving_input_receiver_fn.
      checkpoint_format: "object" or "saver".

    Returns:
      What had to be done to the model, in words.
    """
    import tensorflow as tf

    # The exported graph keeps the variables' initialisers: with fixed seeds a model converts to the same graph twice.
    tf.keras.utils.set_random_seed(1)
    loaded = load()
    notes = make_compiled(loaded)
    # The object-based format restores by the model's structure: ops of a receiver that take a layer's name,
    # which would shift the names of its variables, do it no harm.
    estimator = tf.keras.estimator.model_to_estimator(
        loaded, model_dir=str(model_dir), checkpoint_format=CHECKPOINT_FORMATS[checkpoint_format]
    )
    base = export / "by-estimator"
    written = Path(estimator.export_saved_model(str(base), receiver).decode())
    for child in written.iterdir():
        child.rename(export / child.name)
    shutil.rmtree(base)
    _make_latest(model_dir)
    return notes


def forget_transform_graph(export: Path, transform_graph: str) -> None:
    """Take the place where the Transform graph lay out of the exported graph.

    Loaders put the true paths of assets in its stead; left there, it would tell of the machine that
    converted, and make two conversions of the same model differ.
    """
    prefix = f"{Path(transform_graph) / 'transform_fn'}{os.sep}".encode()

    def change(proto: Any) -> None:
        for meta_graph in proto.meta_graphs:
            for node in meta_graph.graph_def.node:
                if node.op == "Const":
                    strings = node.attr["value"].tensor.string_val
                    strings[:] = [value.removeprefix(prefix) for value in strings]

    edit(export, change)


def _make_latest(model_dir: Path) -> None:
    """Make the first checkpoint, of step 0, what an Estimator with this model_dir goes on from.

    Where `model_to_estimator` leaves it, it only warm-starts training: predict and evaluate would run on
    fresh random weights.
    """
    folder, prefix = _FIRST_CHECKPOINT
    for file in (model_dir / folder).glob(f"{prefix}*"):
        file.rename(model_dir / file.name.replace(prefix, _CHECKPOINT, 1))
    shutil.rmtree(model_dir / folder)
    (model_dir / "checkpoint").write_text(
        f'model_checkpoint_path: "{_CHECKPOINT}"\nall_model_checkpoint_paths: "{_CHECKPOINT}"\n', encoding="utf-8"
    )
