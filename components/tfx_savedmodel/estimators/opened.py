"""A Keras model as this stack can load it: what it takes, what it gives, and its forward pass."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfx_savedmodel import versions
from tfx_savedmodel.errors import UnsupportedModelError
from tfx_savedmodel.estimators.keras_model import (
    Allowed,
    ModelInput,
    load_keras_model,
    model_inputs,
    not_keras,
)
from tfx_savedmodel.saved_model.keras_metadata import keras_nodes
from tfx_savedmodel.saved_model.locate import GRAPH_FILES
from tfx_savedmodel.saved_model.parse import parse_saved_model
from tfx_savedmodel.saved_model.reader import read_saved_model
from tfx_savedmodel.sources.keras import KerasSource
from tfx_savedmodel.sources.keras_calls import keeps_state
from tfx_savedmodel.sources.keras_library import is_a
from tfx_savedmodel.sources.keras_load import keras_version
from tfx_savedmodel.sources.saved_model import SavedModelSource
from tfx_savedmodel.sources.source import TrainedModel


@dataclasses.dataclass(frozen=True)
class OpenedModel:
    """A model to convert.

    `root` is the Keras model; or, where Keras 3 cannot load what Keras 2 saved as a SavedModel, or the model's class
    is missing, None: then `source` has its traced functions.
    """

    path: Path
    root: Any
    source: TrainedModel

    @property
    def is_graph_network(self) -> bool:
        """Functional or Sequential, of Keras 2."""
        return bool(getattr(self.root, "_is_graph_network", False))

    @property
    def stateful(self) -> bool:
        return self.root is not None and keeps_state(self.root)

    @functools.cached_property
    def inputs(self) -> tuple[ModelInput, ...]:
        """The inputs, in the model's order.

        Raises:
          UnsupportedModelError: an input is sparse, ragged or of unknown rank, or the inputs are not known.
        """
        if self.is_graph_network:
            return model_inputs(self.root)
        import tensorflow as tf

        found = []
        for name, (dtype, shape) in self.source.model.inputs.items():
            if shape is None or not shape:
                raise UnsupportedModelError(
                    "an input without a batch dimension",
                    where=f"input {name!r}",
                    found="unknown rank" if shape is None else "a scalar",
                    wanted="tensors whose first dimension is the batch",
                    next_step="build the model with an Input of known rank",
                )
            found.append(ModelInput(name, tf.as_dtype(dtype), shape[1:], shape[0] if self.stateful else None))
        return tuple(found)

    @functools.cached_property
    def outputs(self) -> dict[str, str]:
        """The outputs, named as the output layers where the model is a graph of layers -> the source's own names.

        Keras 3 numbers them in its exports, or takes a dictionary's keys; in an Estimator's they have their layers'
        names, whichever Keras wrote it.
        """
        own = list(self.source.model.outputs)
        names = _layers_of_outputs(self.root, len(own))
        return dict(zip(names if len(names) == len(own) else own, own, strict=True))

    @property
    def output_names(self) -> tuple[str, ...]:
        """The names of the outputs; of Keras 2's graphs of layers without tracing the model."""
        return tuple(self.root.output_names) if self.is_graph_network else tuple(self.outputs)

    def call(self, features: Mapping[str, Any]) -> dict[str, Any]:
        """Run the forward pass on tensors by input name; return tensors by output name."""
        results = self.source.model.call(features)
        return {name: results[own] for name, own in self.outputs.items()}


def _layers_of_outputs(root: Any, count: int) -> list[str]:
    """Return the names of the layers that give the outputs, told apart as Keras 2 does: `d`, `d_1`; [] without layers.

    Keras 3 has a functional model's as they are, and none of a Sequential's.
    """
    layers = [str(name) for name in getattr(root, "output_names", None) or ()]
    if not layers and is_a(root, "Sequential"):
        layers = [str(root.layers[-1].name)] * count
    names: list[str] = []
    for layer in layers:
        later = (f"{layer}_{number}" for number in itertools.count(1))
        names.append(next(name for name in itertools.chain([layer], later) if name not in names))
    return names


def open_model(model: Path, allowed: Allowed, *, compiled: bool) -> OpenedModel:
    """Load a Keras model; what lies in a SavedModel was judged before.

    Raises:
      UnreadableModelError, UnsafeModelError: what the model is.
      UnsupportedModelError: Keras cannot load it, or it is none.
      UsageError: an allowed class or function cannot be found.
    """
    # Also where Keras 2 lies beside: it would have of the model what was traced, and ask for its classes.
    if model.is_dir() and versions.release(keras_version())[:1] >= (3,):
        return _restored(model)
    root = load_keras_model(model, allowed, compiled=compiled)
    if model.is_dir() and not getattr(root, "_is_graph_network", False) and root.save_spec() is None:
        # Its class is missing, and Keras kept no specs of its call: what was traced of it is there.
        return _restored(model)
    return OpenedModel(model, root, KerasSource.of_object(root, f"the Keras model, {model}"))


def _restored(model: Path) -> OpenedModel:
    """Return what Keras 2 traced of a model in its SavedModel, which is all that Keras 3 can have of it."""
    if not _is_of_keras(model):
        raise not_keras(model, f"a SavedModel without Keras metadata, under Keras {keras_version()}")
    return OpenedModel(model, None, SavedModelSource(read_saved_model(model)))


def _is_of_keras(model: Path) -> bool:
    if any(path == "root" for path, _ in keras_nodes(model)):
        return True
    name = next(name for name in GRAPH_FILES if (model / name).is_file())
    return any(  # as TensorFlow 2.4 and older wrote it
        meta_graph.object_graph_def.nodes
        and meta_graph.object_graph_def.nodes[0].user_object.identifier.startswith("_tf_keras_")
        for meta_graph in parse_saved_model(model, name).meta_graphs
    )
