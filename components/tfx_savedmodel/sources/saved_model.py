"""A TF2 SavedModel, Keras or not, as a source: its forward pass with names, dtypes and shapes."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfx_savedmodel.errors import UnsupportedModelError
from tfx_savedmodel.saved_model.keras_metadata import output_names
from tfx_savedmodel.saved_model.parsing import parsing_spec
from tfx_savedmodel.saved_model.view import GraphView, MetaGraphView, Shape, SignatureView
from tfx_savedmodel.sources.source import ModelFunction, TrainedModel

DEFAULT = "serving_default"


class SavedModelSource(TrainedModel):
    """A restored TF2 SavedModel.

    The caller has judged the graph before: `root` runs the model's initialisers.

    Raises:
      UnsupportedModelError: a TF1 MetaGraph, which TF2 must not save again.
    """

    def __init__(self, view: GraphView) -> None:
        self.view = view
        meta_graph = view.meta_graph()
        if meta_graph is None or not meta_graph.is_tf2:
            raise UnsupportedModelError(
                "this is a TF1 SavedModel",
                where=str(view.path),
                found="a MetaGraph without an object graph",
                wanted="a model saved by TF2 (tf.saved_model.save, Keras)",
                next_step="save the model with TF2: saved again from TF2, ref variables would break at the first call",
            )
        self.meta_graph: MetaGraphView = meta_graph
        self.described = f"the SavedModel at {view.path}"

    @property
    def path(self) -> Path:
        """The SavedModel directory."""
        return self.view.path

    @functools.cached_property
    def root(self) -> Any:
        """The object that `tf.saved_model.load` restores.

        Raises:
          UnsupportedModelError: TensorFlow cannot load it.
        """
        import tensorflow as tf

        if len(self.view.meta_graphs) > 1:
            # Its functions would be lost, and the other MetaGraphs with their weights.
            raise UnsupportedModelError(
                "TF2 loads a SavedModel of several MetaGraphs as TF1 would, which this plan forbids",
                where=str(self.path),
                found="; ".join(", ".join(item.tags) or "no tags" for item in self.view.meta_graphs),
                wanted="one MetaGraph, where functions are traced",
                next_step="use a plan that only renames, keeps and drops: it carries the other MetaGraphs",
            )
        try:
            return tf.saved_model.load(str(self.path), tags=list(self.meta_graph.tags))
        except Exception as error:  # the loader raises every kind
            raise UnsupportedModelError(
                "TensorFlow cannot load the model, which this plan needs",
                where=str(self.path),
                found=f"{type(error).__name__}: {error}",
                wanted=f"a model that TensorFlow {tf.__version__} loads",
                next_step="use the TensorFlow that it was saved with, or a plan that only renames, keeps and drops",
            ) from error

    @property
    def signatures(self) -> Mapping[str, SignatureView]:
        return self.meta_graph.signatures

    @property
    def notes(self) -> tuple[str, ...]:
        if not self.view.has_keras_metadata:
            return ()
        return (
            "Keras metadata is left out: it indexes the source's object graph and would break load_model; "
            "tf.saved_model.load gives the exported model",
        )

    @functools.cached_property
    def model(self) -> ModelFunction:
        """The forward pass: the signature that takes tensors, else the Keras object's call.

        A Trainer often exports `serving_default` over serialized examples; then the model itself is
        what Keras saved as `__call__`.

        Raises:
          UnsupportedModelError: no function can be told to be the model.
        """
        plain = [view for view in self.meta_graph.signatures.values() if self._takes_tensors(view)]
        chosen = [view for view in plain if view.key == DEFAULT]
        if chosen:
            return self._from_signature(chosen[0])
        call = self._from_call()
        if call is not None:
            return call
        if len(plain) == 1:
            return self._from_signature(plain[0])
        raise UnsupportedModelError(
            "it cannot be told which function is the model",
            where=str(self.path),
            found=f"signatures {', '.join(sorted(self.meta_graph.signatures)) or 'none'}",
            wanted=f"{DEFAULT!r} over tensors, a Keras model, or one signature over tensors",
            next_step="save the model with its forward pass as a signature",
        )

    def signature(self, key: str) -> ModelFunction:
        """Return a signature of the source as a function."""
        return self._from_signature(self.meta_graph.signatures[key])

    def _takes_tensors(self, view: SignatureView) -> bool:
        strings = [name for name, spec in view.inputs.items() if spec.dtype == "string"]
        if len(view.inputs) != 1 or not strings:
            return bool(view.inputs)
        return parsing_spec(self.meta_graph, view, strings[0]) is None

    def _from_signature(self, view: SignatureView) -> ModelFunction:
        function = self.root.signatures[view.key]
        return ModelFunction(
            inputs={name: (spec.dtype, spec.shape) for name, spec in view.inputs.items()},
            outputs={name: (spec.dtype, spec.shape) for name, spec in view.outputs.items()},
            call=lambda tensors: function(**tensors),
            described=f"signature {view.key!r}",
        )

    def _from_call(self) -> ModelFunction | None:
        """Return the Keras object's inference call, the variant traced with training=False."""
        import tensorflow as tf

        call = getattr(self.root, "__call__", None)  # noqa: B004 - the restored function itself is wanted
        for function in getattr(call, "concrete_functions", ()):
            arguments, keywords = function.structured_input_signature
            if not arguments or any(value is True for value in [*arguments[1:], *keywords.values()]):
                continue
            if any(isinstance(value, tf.TensorSpec) for value in arguments[1:]):
                continue
            return self._from_concrete(function, arguments, keywords)
        return None

    def _from_concrete(self, function: Any, arguments: tuple[Any, ...], keywords: Mapping[str, Any]) -> ModelFunction:
        import tensorflow as tf

        structure, rest = arguments[0], arguments[1:]
        specs = tf.nest.flatten(structure)
        names = sorted(structure) if isinstance(structure, Mapping) else [_last(spec.name) for spec in specs]
        # A concrete function takes the tensors; what was traced as a Python value is its own.
        results = tf.nest.flatten(function.structured_outputs)
        outputs = _result_names(function.structured_outputs, len(results), output_names(self.path))
        callee = self.root

        def call(tensors: Mapping[str, Any]) -> Mapping[str, Any]:
            packed = tf.nest.pack_sequence_as(structure, [tensors[name] for name in names])
            values = tf.nest.flatten(callee(packed, *rest, **keywords))
            return dict(zip(outputs, values, strict=True))

        return ModelFunction(
            inputs={name: _form(spec) for name, spec in zip(names, specs, strict=True)},
            outputs={name: _form(spec) for name, spec in zip(outputs, results, strict=True)},
            call=call,
            described="the Keras model's call",
        )


def _last(name: str | None) -> str:
    return (name or "").rpartition("/")[2]


def _result_names(structure: Any, count: int, keras_names: list[str]) -> list[str]:
    if isinstance(structure, Mapping):
        return sorted(structure)
    return keras_names if len(keras_names) == count else [f"output_{index}" for index in range(count)]


def _form(spec: Any) -> tuple[str, Shape]:
    return spec.dtype.name, tuple(spec.shape.as_list()) if spec.shape.rank is not None else None
