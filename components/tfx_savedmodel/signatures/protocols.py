"""What this room needs of functions and Transform graphs; other rooms have them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Protocol

from tfx_savedmodel.saved_model.view import Shape

#: The dtype and shape of a function's arguments by name, where the function does not know them itself.
Specs = Mapping[str, tuple[str, Shape]]


class ModelLike(Protocol):
    """A function with named inputs and outputs, each (dtype, shape), and where it comes from."""

    @property
    def inputs(self) -> Mapping[str, tuple[str, Shape]]: ...

    @property
    def outputs(self) -> Mapping[str, tuple[str, Shape]]: ...

    @property
    def call(self) -> Callable[[Mapping[str, Any]], Mapping[str, Any]]: ...

    @property
    def described(self) -> str: ...


class FunctionLike(ModelLike, Protocol):
    """A traced tf.function: `concrete` is the trace, `function` all traces of the same function."""

    @property
    def concrete(self) -> Any: ...

    @property
    def function(self) -> Any: ...


class TransformLike(Protocol):
    """A Transform graph: raw spec, transformed spec, its layer, its schema and vocabularies."""

    def raw_feature_spec(self, exclude: Collection[str] = ()) -> dict[str, Any]: ...

    def transformed_feature_spec(self) -> dict[str, Any]: ...

    def given_without(self, exclude: Collection[str]) -> set[str]: ...

    def layer(self) -> Any: ...

    def in_graph(self) -> Callable[[Mapping[str, Any]], Mapping[str, Any]]: ...

    @property
    def schema(self) -> Any: ...
