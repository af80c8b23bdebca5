"""From serialized examples or raw features to what the model takes, in graphs and eagerly alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tfx_savedmodel.saved_model.view import Shape
from tfx_savedmodel.signatures.features import sparse_from_dense
from tfx_savedmodel.signatures.fitting import fitted, one_each
from tfx_savedmodel.signatures.ingredients import Ingredients

Tensors = Mapping[str, Any]


class Receiver:
    """Parses, transforms and fits; `layer` is the Transform layer, once it was needed.

    Args:
      transform: in a graph of TF1's kind what transforms in the place of a layer.
      parse: what parses in the place of `tf.io.parse_example`.
    """

    def __init__(
        self,
        ingredients: Ingredients,
        transform: Callable[[Tensors], Tensors] | None = None,
        parse: Callable[[Any, Mapping[str, Any]], Tensors] | None = None,
    ) -> None:
        self._ingredients = ingredients
        self._parse = parse
        self.layer: Any | None = transform

    def from_examples(self, serialized: Any) -> dict[str, Any]:
        """Return the model's inputs from serialized tf.Examples, a string tensor [batch]."""
        import tensorflow as tf

        raw = self._ingredients.raw
        features: Tensors = (self._parse or tf.io.parse_example)(serialized, self._ingredients.raw_spec)
        if self._ingredients.transform is not None:
            return self._fitted(self._transformed(features))
        return self._fitted({name: one_each(value) if raw[name].sparse else value for name, value in features.items()})

    def from_features(self, features: Tensors) -> dict[str, Any]:
        """Return the model's inputs from one dense tensor per raw feature."""
        if self._ingredients.transform is None:
            return self._fitted(features)
        raw = self._ingredients.raw
        return self._fitted(
            self._transformed(
                {
                    name: sparse_from_dense(value, raw[name].missing) if raw[name].sparse else value
                    for name, value in features.items()
                }
            )
        )

    def _transformed(self, raw: Tensors) -> Tensors:
        transform = self._ingredients.transform
        assert transform is not None
        if self.layer is None:
            self.layer = transform.layer()
        transformed: Tensors = self.layer(raw)
        return transformed

    def _fitted(self, features: Tensors) -> dict[str, Any]:
        return {name: _as(features[name], *spec) for name, spec in self._ingredients.model.inputs.items()}


def _as(value: Any, dtype: str, shape: Shape) -> Any:
    """Return a dense feature, known to fit, as the model takes it."""
    import tensorflow as tf

    if shape is None:
        return value if value.dtype.name == dtype else tf.cast(value, dtype)
    return tf.ensure_shape(fitted(value, dtype, shape[1:]), shape)
