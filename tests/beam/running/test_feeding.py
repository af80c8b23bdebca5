"""How each signature is fed, decided from the graph as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.beam.views import graph_view
from tfx_savedmodel.beam.reading.features import Feature
from tfx_savedmodel.beam.running.feeding import (
    Available,
    DerivedFeed,
    FeatureFeed,
    FeatureInput,
    FeedPlan,
    SerializedFeed,
    plan_feeding,
)
from tfx_savedmodel.saved_model.view import NodeView, Shape, SignatureView, TensorSpec

pytestmark = pytest.mark.unit

Spec = tuple[str, Shape]
RAW = Available({"age": Feature("int64"), "name": Feature("bytes"), "size": Feature("float")})


def _signature(key: str, inputs: Mapping[str, Spec], outputs: Mapping[str, Spec]) -> SignatureView:
    def specs(side: str, values: Mapping[str, Spec]) -> dict[str, TensorSpec]:
        return {name: TensorSpec(f"{key}_{side}_{name}:0", dtype, shape) for name, (dtype, shape) in values.items()}

    return SignatureView(key, "tensorflow/serving/predict", specs("in", inputs), specs("out", outputs))


def _plan(
    signatures: Mapping[str, tuple[Mapping[str, Spec], Mapping[str, Spec]]],
    available: Available = RAW,
    contract: Any = None,
    parses: str = "",
) -> FeedPlan:
    """Plan for a graph of these signatures, of which `parses` has a ParseExampleV2 before its outputs."""
    views = {key: _signature(key, *sides) for key, sides in signatures.items()}
    nodes: dict[str, NodeView] = {}
    for key, view in views.items():
        op = "ParseExampleV2" if key == parses else "Identity"
        for spec in view.outputs.values():
            name = spec.tensor.partition(":")[0]
            nodes[name] = NodeView(name, op, (), "", (), lambda attr: None)
    return plan_feeding(graph_view(views, nodes, contract), available)


ONE = {"y": ("float32", (None, 1))}


def test_a_signature_that_parses_takes_serialized_examples() -> None:
    plan = _plan({"serve": ({"anything": ("string", (None,))}, ONE)}, parses="serve")
    assert plan.feeds == {"serve": SerializedFeed("anything")}


def test_a_text_input_that_is_not_parsed_takes_the_feature() -> None:
    plan = _plan({"serve": ({"name": ("string", (None,))}, ONE)})
    assert plan.feeds == {"serve": FeatureFeed({"name": FeatureInput("name", "bytes", "string", ())})}


def test_a_graph_whose_parsing_cannot_be_seen_is_told_by_the_input_name() -> None:
    plan = _plan({"serve": ({"serialized_examples": ("string", None)}, ONE)})
    assert plan.feeds == {"serve": SerializedFeed("serialized_examples")}


def test_numbers_are_read_from_the_list_that_the_examples_have() -> None:
    plan = _plan({"serve": ({"age": ("float64", (None, 1)), "size": ("float32", (None, 2, None))}, ONE)})
    assert plan.feeds["serve"] == FeatureFeed(
        {
            "age": FeatureInput("age", "int64", "float64", (1,)),
            "size": FeatureInput("size", "float", "float32", (2, None)),
        }
    )


@pytest.mark.parametrize(
    ("inputs", "named"),
    [
        ({"height": ("float32", (None, 1))}, "no feature 'height' for its input 'height' (they have: age, name, size)"),
        ({"name": ("float32", (None, 1))}, "'name' is float32, the feature 'name' holds bytes"),
        ({"size": ("int64", (None, 1))}, "'size' is int64, the feature 'size' holds float"),
        ({"size": ("float32", ())}, "'size' has no batch dimension"),
        ({"size": ("float32", None)}, "'size' has no declared rank"),
        ({"size": ("float32", (None, None, None))}, "'size' has several open dimensions"),
        ({}, "no inputs"),
    ],
)
def test_what_cannot_be_fed_says_why(inputs: Mapping[str, Spec], named: str) -> None:
    plan = _plan({"serve": (inputs, ONE)})
    assert not plan.feeds
    assert named in plan.refused["serve"]


def test_the_schema_closes_open_dimensions() -> None:
    image = Available({"image": Feature("float", (4, 4, 3))})
    plan = _plan({"serve": ({"image": ("float32", (None, None, None, 3))}, ONE)}, image)
    assert plan.feeds["serve"] == FeatureFeed({"image": FeatureInput("image", "float", "float32", (4, 4, 3))})


def test_the_policy_renames() -> None:
    plan = _plan({"serve": ({"x": ("float32", (None,))}, ONE)}, Available(RAW.features, {}, {"x": "size"}))
    assert plan.feeds["serve"] == FeatureFeed({"x": FeatureInput("size", "float", "float32", ())})


def test_the_contract_says_what_stands_for_missing() -> None:
    contract = {"signatures": {"serve": {"inputs": {"size": {"missing": "nan"}, "name": {"missing": "nan"}}}}}
    inputs = {"size": ("float32", (None, 1)), "name": ("string", (None, 1))}
    feed = _plan({"serve": (inputs, ONE)}, contract=contract).feeds["serve"]
    assert isinstance(feed, FeatureFeed)
    assert feed.inputs["size"].missing == "nan"
    assert feed.inputs["name"].missing is None  # NaN is no string: what a file in a model says is not believed.


@pytest.mark.parametrize("contract", [[], {"signatures": 3}, {"signatures": {"serve": {"inputs": [{"size": 1}]}}}])
def test_a_contract_of_another_form_is_ignored(contract: Any) -> None:
    assert "serve" in _plan({"serve": ({"size": ("float32", (None, 1))}, ONE)}, contract=contract).feeds


def test_of_equal_names_the_transformed_feature_is_fed() -> None:
    available = Available(RAW.features, {"size": Feature("float", (1,))})
    inputs = {"size": ("float32", (None, 1))}
    feed = _plan({"serve": (inputs, ONE)}, available).feeds["serve"]
    assert isinstance(feed, DerivedFeed) and feed.signature is None


@pytest.mark.parametrize(
    ("key", "entry"),
    [
        ("serve_raw", {"kind": "serve_features"}),
        ("renamed", {"kind": "alias", "inputs": {"size": {"missing": "nan"}}}),
        ("xai_preprocess", {}),
    ],
)
def test_what_takes_raw_features_is_fed_raw_in_spite_of_equal_names(key: str, entry: Any) -> None:
    available = Available(RAW.features, {"size": Feature("float", (1,))})
    plan = _plan({key: ({"size": ("float32", (None, 1))}, ONE)}, available, {"signatures": {key: entry}})
    assert isinstance(plan.feeds[key], FeatureFeed)


def test_the_explained_model_is_fed_through_its_preprocessing() -> None:
    given = {"size": ("float32", (None, 1))}
    available = Available(RAW.features, {"size": Feature("float", (1,))})
    plan = _plan({"xai_model": (given, ONE), "xai_preprocess": (given, given), "other": (given, ONE)}, available)
    explained, other = plan.feeds["xai_model"], plan.feeds["other"]
    assert isinstance(explained, DerivedFeed) and explained.signature == "xai_preprocess"
    assert isinstance(other, DerivedFeed) and other.signature is None


def test_without_a_transform_graph_the_preprocessing_feeds_what_has_its_names() -> None:
    raw, prepared = {"size": ("float32", (None, 1))}, {"size_xf": ("float32", (None, 1))}
    feed = _plan({"xai_preprocess": (raw, prepared), "serve": (prepared, ONE)}).feeds["serve"]
    assert isinstance(feed, DerivedFeed) and feed.signature == "xai_preprocess"
