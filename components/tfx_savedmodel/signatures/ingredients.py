"""What signatures are made of: the model, and the raw features with or without a Transform graph."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tfx_savedmodel.saved_model.view import Shape
from tfx_savedmodel.signatures.features import RawFeature, multivalent, raw_features

if TYPE_CHECKING:
    from tfx_savedmodel.signatures.protocols import ModelLike, TransformLike


@dataclasses.dataclass(frozen=True)
class Ingredients:
    """The model's function, the Transform graph and the raw parsing spec that receivers parse by.

    `raw_spec` is the Transform graph's, else the schema's, else made from the model's inputs;
    `schema` tells which variable-length features have one value.
    """

    model: ModelLike
    transform: TransformLike | None
    schema_spec: Mapping[str, Any] | None
    schema: Any | None
    exclude: tuple[str, ...] = ()

    @functools.cached_property
    def raw_spec(self) -> dict[str, Any]:
        """The tf.io parsing spec of what an example or a raw request holds."""
        if self.transform is not None:
            return self.transform.raw_feature_spec(self.exclude)
        if self.schema_spec is not None:
            needed = set(self.model.inputs)
            return {name: spec for name, spec in self.schema_spec.items() if name in needed}
        return spec_of_inputs(self.model.inputs)

    @functools.cached_property
    def given(self) -> set[str]:
        """The names of what comes of the raw features: what the Transform graph gives, else they."""
        if self.transform is None:
            return set(self.raw_spec)
        if self.exclude:
            return self.transform.given_without(self.exclude)
        return set(self.transform.transformed_feature_spec())

    @functools.cached_property
    def raw(self) -> dict[str, RawFeature]:
        """The raw features as inputs.

        Without a Transform graph nothing makes one value of several: what may be missing is [batch, 1],
        unless the schema says that there may be more.
        """
        schema = self.schema if self.schema is not None else getattr(self.transform, "schema", None)
        found = raw_features(self.raw_spec, schema)
        if self.transform is not None:
            return found
        optional = {name for name, feature in found.items() if feature.sparse} - multivalent(schema)
        return {**found, **{name: dataclasses.replace(found[name], shape=(None, 1)) for name in sorted(optional)}}


def spec_of_inputs(inputs: Mapping[str, tuple[str, Shape]]) -> dict[str, Any]:
    """Return a parsing spec made of a model's inputs: what is not the batch must be known.

    tf.Example holds float32, int64 and bytes; other numbers are parsed as those and cast.
    """
    import tensorflow as tf

    spec: dict[str, Any] = {}
    for name, (dtype, shape) in sorted(inputs.items()):
        parsed = storable(dtype)
        if parsed is not None and shape is not None and all(size is not None for size in shape[1:]):
            spec[name] = tf.io.FixedLenFeature(list(shape[1:]), tf.as_dtype(parsed))
    return spec


def storable(dtype: str) -> str | None:
    """Return the dtype in which tf.Example holds values of `dtype`, or None."""
    if dtype == "string":
        return "string"
    if dtype in ("float16", "bfloat16", "float32", "float64"):
        return "float32"
    if dtype in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "bool"):
        return "int64"
    return None
