"""Trace a resolved plan's signatures as functions over a restored model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tfx_savedmodel.saved_model.view import Shape
from tfx_savedmodel.signatures.features import sparse_from_dense
from tfx_savedmodel.signatures.fitting import fitted, one_each
from tfx_savedmodel.signatures.ingredients import Ingredients
from tfx_savedmodel.signatures.protocols import ModelLike
from tfx_savedmodel.signatures.resolved import KEPT, ResolvedPlan, ResolvedSignature

Tensors = Mapping[str, Any]

#: The attribute of an exported object that holds the Transform layer.
TRANSFORM_ATTRIBUTE = "tfx_savedmodel_transform"


def save_functions(loaded: Any, functions: Mapping[str, Any], directory: Path, *, tracked: Any | None) -> None:
    """Save a restored object with these signatures; what it carried stays reachable on it.

    `tracked` is the Transform layer of the functions, if any.
    """
    import tensorflow as tf

    if tracked is not None:
        setattr(loaded, TRANSFORM_ATTRIBUTE, tracked)
    tf.saved_model.save(loaded, str(directory), signatures=dict(functions))


class TraceBuilder:
    """Makes a concrete function for each signature of a resolved plan.

    `tracked` is the Transform layer, once a signature needed it: whoever saves the functions must
    make it an attribute of the saved object, or its tables stay uninitialised.
    """

    def __init__(
        self, resolved: ResolvedPlan, ingredients: Callable[[], Ingredients], source: Callable[[str], ModelLike]
    ) -> None:
        self._resolved = resolved
        self._make_ingredients = ingredients
        self._source = source
        self._made: Ingredients | None = None
        self.tracked: Any | None = None

    def build(self) -> dict[str, Any]:
        """Return the concrete functions by signature key."""
        functions: dict[str, Any] = {}
        for key, signature in self._resolved.signatures.items():
            if signature.kind == "alias" and signature.of in functions:
                functions[key] = functions[signature.of]
            else:
                functions[key] = self._trace(signature)
        return functions

    def _trace(self, signature: ResolvedSignature) -> Any:
        import tensorflow as tf

        body = self._body(signature)
        specs = {
            name: tf.TensorSpec(item.shape, tf.as_dtype(item.dtype), name=name)
            for name, item in sorted(signature.inputs.items())
        }

        def function(inputs: Tensors) -> dict[str, Any]:
            results = body(inputs)
            return {name: tf.identity(results[name], name=_scope(name)) for name in sorted(signature.outputs)}

        function.__name__ = _scope(signature.key)
        return tf.function(function, autograph=False).get_concrete_function(specs)

    def _body(self, signature: ResolvedSignature) -> Callable[[Tensors], Tensors]:
        if signature.kind in (KEPT, "alias"):
            return self._source(signature.of or signature.key).call
        if signature.kind == "model":
            return lambda inputs: self._renamed(signature, self._call(_sources(signature, inputs)))
        if signature.kind == "preprocess":
            fed = self._resolved.signatures[signature.of or ""]
            return lambda inputs: {
                new: tensor
                for old, tensor in self._features(signature, inputs).items()
                for new, item in fed.inputs.items()
                if item.source == old
            }
        return lambda inputs: self._renamed(signature, self._call(self._features(signature, inputs)))

    @property
    def _ingredients(self) -> Ingredients:
        if self._made is None:
            self._made = self._make_ingredients()
        return self._made

    def _call(self, features: Tensors) -> Tensors:
        return self._ingredients.model.call(features)

    def _renamed(self, signature: ResolvedSignature, results: Tensors) -> Tensors:
        return {name: results[item.source] for name, item in signature.outputs.items()}

    def _features(self, signature: ResolvedSignature, inputs: Tensors) -> dict[str, Any]:
        """Return the model's inputs, from serialized examples or from raw features."""
        from_examples = signature.receiver == "examples"
        features = self._parsed(next(iter(inputs.values()))) if from_examples else _sources(signature, inputs)
        if self._ingredients.transform is not None:
            features = dict(self._transformed(features if from_examples else self._sparse(features)))
        elif from_examples:
            raw = self._ingredients.raw
            features = {name: one_each(value) if raw[name].sparse else value for name, value in features.items()}
        model = self._ingredients.model
        return {name: _as(features[name], *spec) for name, spec in model.inputs.items()}

    def _parsed(self, serialized: Any) -> dict[str, Any]:
        import tensorflow as tf

        parsed: dict[str, Any] = tf.io.parse_example(serialized, self._ingredients.raw_spec)
        return parsed

    def _sparse(self, inputs: Tensors) -> dict[str, Any]:
        """Return raw features as the Transform graph takes them, as if they had been parsed."""
        raw = self._ingredients.raw
        return {
            name: sparse_from_dense(value, raw[name].missing) if raw[name].sparse else value
            for name, value in inputs.items()
        }

    def _transformed(self, raw: Tensors) -> Tensors:
        transform = self._ingredients.transform
        assert transform is not None
        if self.tracked is None:
            self.tracked = transform.layer()
        transformed: Tensors = self.tracked(raw)
        return transformed


def _sources(signature: ResolvedSignature, inputs: Tensors) -> dict[str, Any]:
    return {item.source: inputs[name] for name, item in signature.inputs.items()}


def _as(value: Any, dtype: str, shape: Shape) -> Any:
    """Return a dense feature, known to fit, as the model takes it."""
    import tensorflow as tf

    if shape is None:
        return value if value.dtype.name == dtype else tf.cast(value, dtype)
    return tf.ensure_shape(fitted(value, dtype, shape[1:]), shape)


def _scope(name: str) -> str:
    plain = "".join(char if char.isalnum() and char.isascii() else "_" for char in name)
    return plain if plain[:1].isalpha() else f"s_{plain}"
