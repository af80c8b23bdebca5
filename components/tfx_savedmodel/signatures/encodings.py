"""Which raw feature each of the model's inputs comes of, and what the places of a one-hot vector stand for.

Both are found by asking the Transform graph, never by names. An input comes of a raw feature alone if
the graph does not give it without that feature, and gives it without any other. It is a one-hot vector
of it if each value that the feature is known to have gives a vector of its own with a single 1. Known
values are those of the feature's domain in the schema, else of a vocabulary whose every word gives the
index of its line. The place that a value nobody has seen takes is called "feature=(other)", that of a
missing value "feature=(missing)"; places that nothing was found for are numbered.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tfx_savedmodel.signatures.feeding import receivable
from tfx_savedmodel.signatures.ingredients import Ingredients
from tfx_savedmodel.signatures.receiving import Receiver

if TYPE_CHECKING:
    import numpy as np

Value = bytes | int

_UNSEEN = b"tfx-savedmodel: a value that nobody has seen"
_FLOATS = ("float16", "bfloat16", "float32", "float64")


@dataclasses.dataclass(frozen=True)
class Encoding:
    """The raw feature that an input comes of, and the names of a one-hot vector's places; None is "not known"."""

    feature: str | None = None
    names: tuple[str, ...] | None = None


def find_encodings(
    ingredients: Ingredients, vocabularies: Mapping[str, Sequence[str]], example: bytes | None
) -> tuple[dict[str, Encoding], list[str]]:
    """Return what is known by name of the model's input, and notes on what could not be found out.

    Args:
      ingredients: with a Transform graph.
      vocabularies: words in the order of their indices.
      example: a serialized tf.Example whose other features are left as they are when one is tried;
        without it they are 0, "" or missing.
    """
    import tensorflow as tf

    if not receivable(ingredients):
        return {}, []
    sole = _sole_features(ingredients)
    found = {name: Encoding(feature) for name, feature in sole.items()}
    notes: list[str] = []
    trial = _Trial(ingredients, example)
    for feature in sorted(set(sole.values())):
        widths = {name: _width(ingredients, name) for name in sole if sole[name] == feature}
        widths = {name: width for name, width in widths.items() if width >= 2}
        if not widths or ingredients.raw[feature].dtype not in ("string", "int64"):
            continue
        try:
            for name, names in _indicators(trial, feature, widths, vocabularies):
                found[name] = Encoding(feature, names)
        except tf.errors.OpError as error:
            notes.append(f"explanation: it cannot be told what the inputs made of {feature!r} encode: {error.message}")
    return found, notes


def _sole_features(ingredients: Ingredients) -> dict[str, str]:
    """Return the model's inputs that depend on one raw feature alone, with that feature."""
    transform = ingredients.transform
    assert transform is not None
    inputs = set(ingredients.model.inputs)
    needed: dict[str, list[str]] = {name: [] for name in inputs}
    for feature in ingredients.raw:
        for name in inputs - transform.given_without((*ingredients.exclude, feature)):
            needed[name].append(feature)
    return {name: features[0] for name, features in sorted(needed.items()) if len(features) == 1}


def _width(ingredients: Ingredients, name: str) -> int:
    dtype, shape = ingredients.model.inputs[name]
    return (shape[1] or 0) if dtype in _FLOATS and shape is not None and len(shape) == 2 else 0


class _Trial:
    """Runs the preprocessing on examples that differ in one feature."""

    def __init__(self, ingredients: Ingredients, example: bytes | None) -> None:
        self.ingredients = ingredients
        self._receiver = Receiver(ingredients)
        self._example = example

    def run(self, feature: str, values: Sequence[Value | None]) -> dict[str, np.ndarray[Any, Any]]:
        """Return the model's inputs, arrays [values, …]; None is a missing value."""
        import tensorflow as tf

        serialized = [self._with(feature, value) for value in values]
        made = self._receiver.from_examples(tf.constant(serialized))
        return {name: value.numpy() for name, value in made.items()}

    def _with(self, feature: str, value: Value | None) -> bytes:
        import tensorflow as tf

        example = tf.train.Example.FromString(self._example or b"")
        spec = self.ingredients.raw_spec
        for name, each in spec.items():
            if isinstance(each, tf.io.FixedLenFeature) and name not in example.features.feature:
                _fill(example.features.feature[name], each)
        if feature in example.features.feature:
            del example.features.feature[feature]
        if isinstance(value, bytes):
            example.features.feature[feature].bytes_list.value.append(value)
        elif value is not None:
            example.features.feature[feature].int64_list.value.append(value)
        serialized: bytes = example.SerializeToString()
        return serialized


def _fill(feature: Any, spec: Any) -> None:
    import tensorflow as tf

    count = tf.TensorShape(spec.shape).num_elements() or 0
    if spec.dtype == tf.string:
        feature.bytes_list.value.extend([b""] * count)
    elif spec.dtype.is_integer:
        feature.int64_list.value.extend([0] * count)
    else:
        feature.float_list.value.extend([0.0] * count)


def _indicators(
    trial: _Trial, feature: str, widths: Mapping[str, int], vocabularies: Mapping[str, Sequence[str]]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the inputs that are one-hot vectors of the feature, with the names of their places."""
    import tensorflow as tf

    raw, spec = trial.ingredients.raw[feature], trial.ingredients.raw_spec[feature]
    if isinstance(spec, tf.io.FixedLenFeature) and tf.TensorShape(spec.shape).num_elements() != 1:
        return
    others: list[Value | None] = [_UNSEEN] if raw.dtype == "string" else []
    others += [None] if raw.sparse else []
    missing: dict[str, tuple[str, ...]] = {}
    for values, ordered in _known_values(trial.ingredients, feature, max(widths.values()), vocabularies):
        made = trial.run(feature, [*values, *others])
        for name, width in widths.items():
            if name in missing or len(values) > width:
                continue
            names = _places(feature, values, others, made[name], ordered=ordered)
            if names is not None:
                missing[name] = names
    yield from missing.items()


def _known_values(
    ingredients: Ingredients, feature: str, most: int, vocabularies: Mapping[str, Sequence[str]]
) -> Iterator[tuple[list[Value], bool]]:
    """Yield lists of values that the feature may have, and whether their order is that of their indices."""
    is_text = ingredients.raw[feature].dtype == "string"
    schema = ingredients.schema if ingredients.schema is not None else getattr(ingredients.transform, "schema", None)
    domain = _domain(schema, feature, most)
    if domain and isinstance(domain[0], bytes) == is_text:
        yield domain, False
    for _, words in sorted(vocabularies.items()):
        if not 0 < len(words) <= most:
            continue
        if is_text:
            yield [word.encode() for word in words], True
        elif all(word.lstrip("-").isdigit() for word in words):
            yield [int(word) for word in words], True


def _domain(schema: Any | None, feature: str, most: int) -> list[Value]:
    if schema is None:
        return []
    for each in schema.feature:
        if each.name != feature:
            continue
        if each.WhichOneof("domain_info") == "string_domain":
            return [value.encode() for value in each.string_domain.value][: most + 1]
        if each.WhichOneof("domain_info") == "domain":
            named = [domain for domain in schema.string_domain if domain.name == each.domain]
            return [value.encode() for domain in named for value in domain.value][: most + 1]
        limits = each.int_domain
        if each.WhichOneof("domain_info") == "int_domain" and limits.HasField("min") and limits.HasField("max"):
            return list(range(limits.min, min(limits.max, limits.min + most) + 1))
    return []


def _places(
    feature: str,
    values: Sequence[Value],
    others: Sequence[Value | None],
    rows: np.ndarray[Any, Any],
    *,
    ordered: bool,
) -> tuple[str, ...] | None:
    """Return a name for each place of one-hot rows [values and others, places], or None where they are none."""
    if not (((rows == 0) | (rows == 1)).all() and (rows.sum(axis=1) <= 1).all()):
        return None
    hot = [int(row.argmax()) if row.any() else None for row in rows]
    known, rest = hot[: len(values)], dict(zip(others, hot[len(values) :], strict=True))
    if None in known or len(set(known)) != len(known) or (ordered and known != list(range(len(known)))):
        return None
    names = {place: f"{feature}={_text(value)}" for place, value in zip(known, values, strict=True)}
    other, missing = rest.get(_UNSEEN), rest.get(None)
    if ordered and other in known:
        return None  # a word that falls where unseen values do is another feature's
    if other is not None:
        names[other] = f"{feature}=(other)"
    if missing is not None:
        names.setdefault(missing, f"{feature}=(missing)")
    if len(set(names.values())) != len(names):
        return None
    return tuple(names.get(place, f"{feature}[{place}]") for place in range(rows.shape[1]))


def _text(value: Value) -> str:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
