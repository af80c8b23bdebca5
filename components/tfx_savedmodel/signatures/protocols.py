"""What this room needs of a model and of a Transform graph; the sources room has both."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Protocol

from tfx_savedmodel.saved_model.view import Shape


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


class TransformLike(Protocol):
    """A Transform graph: raw spec, transformed spec, its layer and its schema."""

    def raw_feature_spec(self, exclude: Collection[str] = ()) -> dict[str, Any]: ...

    def transformed_feature_spec(self) -> dict[str, Any]: ...

    def given_without(self, exclude: Collection[str]) -> set[str]: ...

    def layer(self) -> Any: ...

    @property
    def schema(self) -> Any: ...
