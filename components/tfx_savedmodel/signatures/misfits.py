"""Which features cannot become the model's inputs, found before anything is traced."""

from __future__ import annotations

from typing import Any

from tfx_savedmodel.errors import Problem
from tfx_savedmodel.saved_model.view import Shape
from tfx_savedmodel.signatures.features import RawFeature
from tfx_savedmodel.signatures.fitting import castable, same_sizes, takes_one_value
from tfx_savedmodel.signatures.ingredients import Ingredients

_Spec = tuple[str, Shape]


def misfits(ingredients: Ingredients, where: str) -> list[Problem]:
    """Return a problem at `where` for each input of the model whose feature is there and does not fit."""
    found: list[Problem | None] = []
    inputs = {name: spec for name, spec in sorted(ingredients.model.inputs.items()) if name in ingredients.given}
    if ingredients.transform is None:
        found = [_raw_misfit(where, ingredients.raw[name], wanted) for name, wanted in inputs.items()]
    else:
        given = ingredients.transform.transformed_feature_spec()
        found = [_transformed_misfit(where, name, given[name], wanted) for name, wanted in inputs.items()]
    return [problem for problem in found if problem is not None]


def _raw_misfit(where: str, feature: RawFeature, wanted: _Spec) -> Problem | None:
    name, spec = feature.name, (feature.dtype, feature.shape)
    if not feature.sparse:
        next_step = "give the Transform graph that makes the model's inputs, or the schema of what it was trained on"
        return _misfit(where, "a raw feature does not fit the model's input", name, spec, wanted, next_step)
    shape = wanted[1]
    if feature.shape != (None, 1) or (shape is not None and not (shape and takes_one_value(shape[1:]))):
        return Problem(
            where,
            "a feature of any number of values does not fit the model's input",
            found=f"feature {name!r}, {feature.dtype}, of variable length",
            wanted=_described(name, wanted) + ", from one value per example at most",
            next_step="give the feature a fixed shape in the schema, or use a Transform graph that makes it dense",
        )
    if feature.missing is None:
        return Problem(
            where,
            "a feature may be missing and has no value that says so",
            found=f"feature {name!r}, {feature.dtype}, of variable length",
            wanted=f"a feature that every example has, or one of float32 or string, for {_described(name, wanted)}",
            next_step="give the feature a fixed shape and presence in the schema, or use a Transform graph",
        )
    next_step = "correct the feature's type in the schema, or use a Transform graph that makes the model's inputs"
    return _misfit(where, "a raw feature does not fit the model's input", name, spec, wanted, next_step)


def _transformed_misfit(where: str, name: str, feature: Any, wanted: _Spec) -> Problem | None:
    import tensorflow as tf

    message = "what the Transform graph gives does not fit the model's input"
    if not isinstance(feature, tf.io.FixedLenFeature):
        return Problem(
            where,
            message,
            found=f"feature {name!r}, {feature.dtype.name}, a {type(feature).__name__}: not dense",
            wanted=_described(name, wanted),
            next_step="make the feature dense in the preprocessing_fn, with the value that stands for a missing one",
        )
    spec = (feature.dtype.name, (None, *feature.shape))
    return _misfit(where, message, name, spec, wanted, "give the Transform graph that the model was trained with")


def _misfit(where: str, message: str, name: str, found: _Spec, wanted: _Spec, next_step: str) -> Problem | None:
    """Judge a dense feature, [batch, …]."""
    sizes, shape = found[1] or (), wanted[1]
    fits = shape is None or (shape != () and same_sizes(sizes[1:], shape[1:]))
    if fits and castable(found[0], wanted[0]):
        return None
    described = f"feature {name!r}, {found[0]} {_sizes(found[1])}"
    return Problem(where, message, found=described, wanted=_described(name, wanted), next_step=next_step)


def _described(name: str, wanted: _Spec) -> str:
    return f"input {name!r}, {wanted[0]} {_sizes(wanted[1])}"


def _sizes(shape: Shape) -> str:
    return "of any shape" if shape is None else f"[{', '.join('?' if size is None else str(size) for size in shape)}]"
