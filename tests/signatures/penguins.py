"""A small model behind a hand-made Transform graph, and plans that are resolved by hand."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfx_savedmodel.saved_model.view import Shape
from tfx_savedmodel.signatures.ingredients import Ingredients
from tfx_savedmodel.signatures.options import Explanation, Warmup
from tfx_savedmodel.signatures.plan import Plan
from tfx_savedmodel.signatures.receiving import Receiver
from tfx_savedmodel.signatures.resolved import ResolvedPlan, ResolvedSignature, ResolvedTensor
from tfx_savedmodel.sources.source import ModelFunction

PREDICT = "tensorflow/serving/predict"
ISLANDS = ("Dream", "Biscoe", "Torgersen")
RAW: dict[str, Any] = {
    "mass": tf.io.VarLenFeature(tf.float32),
    "island": tf.io.VarLenFeature(tf.string),
    "year": tf.io.FixedLenFeature([], tf.int64),
}
#: What each of the transformed features is made of.
MADE_OF = {"mass_scaled": {"mass"}, "island_hot": {"island"}, "age": {"mass", "year"}}
INPUTS: dict[str, tuple[str, Shape]] = {
    "mass_scaled": ("float32", (None, 1)),
    "island_hot": ("float32", (None, 4)),
    "age": ("float32", (None, 1)),
}


class Penguins:
    """A Transform graph: scales the mass (missing: 0), and looks islands up, with one more place for others."""

    schema: Any = None

    def __init__(self, hot: float = 1.0) -> None:
        self._hot = hot

    def raw_feature_spec(self, exclude: Collection[str] = ()) -> dict[str, Any]:
        return {name: spec for name, spec in RAW.items() if name not in exclude}

    def transformed_feature_spec(self) -> dict[str, Any]:
        return {
            name: tf.io.FixedLenFeature(shape[1:], tf.as_dtype(dtype))
            for name, (dtype, shape) in INPUTS.items()
            if shape
        }

    def given_without(self, exclude: Collection[str]) -> set[str]:
        return {name for name, raw in MADE_OF.items() if not raw & set(exclude)}

    def layer(self) -> Any:
        def transform(raw: Mapping[str, Any]) -> dict[str, Any]:
            rows = raw["mass"].dense_shape[0]
            mass = tf.sparse.to_dense(tf.sparse.reset_shape(raw["mass"], [rows, 1]))
            island = tf.sparse.to_dense(tf.sparse.reset_shape(raw["island"], [rows, 1]), default_value="")
            places = tf.argmax(tf.concat([island == name for name in ISLANDS] + [island == island], 1), 1)
            return {
                "mass_scaled": (mass - 4.0) / 2.0,
                "island_hot": tf.one_hot(places, 4, on_value=self._hot),
                "age": mass * tf.cast(raw["year"], tf.float32)[:, tf.newaxis],
            }

        return transform


def ingredients(transform: Any | None = None, schema: Any | None = None) -> Ingredients:
    """Return the model over a Transform graph; the model's answer is not a symmetric function of its inputs."""
    weights = tf.reshape(tf.range(12, dtype=tf.float32), [6, 2]) / 10.0

    def call(tensors: Mapping[str, Any]) -> Mapping[str, Any]:
        joined = tf.concat([tensors["mass_scaled"], tensors["island_hot"], tensors["age"] / 1000.0], 1)
        return {"probabilities": tf.nn.softmax(joined @ weights), "best": tf.argmax(joined @ weights, 1)}

    outputs: dict[str, tuple[str, Shape]] = {"probabilities": ("float32", (None, 2)), "best": ("int64", (None,))}
    model = ModelFunction(INPUTS, outputs, call, "the model")
    return Ingredients(model, transform or Penguins(), None, schema)


def signature(
    key: str, kind: str, inputs: Mapping[str, ResolvedTensor], method: str = PREDICT, **more: Any
) -> ResolvedSignature:
    """Return a signature that gives the model's probabilities."""
    outputs = {"probabilities": ResolvedTensor("probabilities", "float32", (None, 2))}
    return ResolvedSignature(key, kind, inputs, outputs, method, **more)


def model_inputs(names: Mapping[str, str] | None = None) -> dict[str, ResolvedTensor]:
    """Return the model's inputs, renamed where `names` (exported -> the model's) says so."""
    new = {old: name for name, old in (names or {}).items()}
    return {new.get(name, name): ResolvedTensor(name, *spec) for name, spec in INPUTS.items()}


def raw_inputs(names: Mapping[str, str] | None = None) -> dict[str, ResolvedTensor]:
    """Return the raw features as `serve_features` takes them."""
    new = {old: name for name, old in (names or {}).items()}
    return {
        new.get(name, name): ResolvedTensor(name, feature.dtype, feature.shape, feature.missing)
        for name, feature in ingredients(schema=univalent()).raw.items()
    }


def examples_input(name: str = "examples") -> dict[str, ResolvedTensor]:
    return {name: ResolvedTensor(name, "string", (None,))}


def resolved(
    *signatures: ResolvedSignature, explanation: Explanation | None = None, warmup: Warmup | None = None
) -> ResolvedPlan:
    plan = Plan(signatures={}, explanation=explanation, warmup=warmup)
    return ResolvedPlan(plan, {each.key: each for each in signatures})


class _Feature:
    """The part of a schema's feature that says that there is one value at most."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.value_count = self
        self.min, self.max = 0, 1

    def HasField(self, field: str) -> bool:
        return field == "value_count"

    def WhichOneof(self, group: str) -> None:
        return None


def univalent() -> Any:
    """Return a schema by which mass and island have one value at most."""
    return type("Schema", (), {"feature": [_Feature("mass"), _Feature("island")]})()


def save(directory: Path, *signatures: ResolvedSignature) -> Path:
    """Save functions over raw features, examples and the model's inputs, under their signatures' keys."""
    module = tf.Module()
    made = ingredients(schema=univalent())
    receiver = Receiver(made)

    def traced(each: ResolvedSignature) -> Any:
        def serve(tensors: Mapping[str, Any]) -> dict[str, Any]:
            if each.receiver == "examples":
                features = receiver.from_examples(next(iter(tensors.values())))
            else:
                features = {item.source: tensors[name] for name, item in each.inputs.items()}
                features = receiver.from_features(features) if each.receiver == "features" else features
            return {"probabilities": made.model.call(features)["probabilities"]}

        specs = {name: tf.TensorSpec(item.shape, item.dtype, name) for name, item in sorted(each.inputs.items())}
        return tf.function(serve, autograph=False).get_concrete_function(specs)

    functions = {each.key: traced(each) for each in signatures}
    tf.saved_model.save(module, str(directory), signatures=functions)
    return directory


def penguin(mass: float | None = 4.5, island: str | None = "Dream", year: int | None = 2007) -> bytes:
    """Return a serialized tf.Example; what is None is missing."""
    example = tf.train.Example()
    if mass is not None:
        example.features.feature["mass"].float_list.value.append(mass)
    if island is not None:
        example.features.feature["island"].bytes_list.value.append(island.encode())
    if year is not None:
        example.features.feature["year"].int64_list.value.append(year)
    serialized: bytes = example.SerializeToString()
    return serialized


def penguins(count: int) -> Sequence[bytes]:
    """Return examples, some without a mass, some without an island, some of an island nobody knows."""
    islands = (*ISLANDS, None, "Elsewhere")
    return [
        penguin(None if index % 4 == 3 else 3.0 + index, islands[index % len(islands)], 2007 + index)
        for index in range(count)
    ]
