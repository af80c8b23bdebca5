"""The metadata for explainers: what it is bound to, baselines, one-hot inputs, groups."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from tests.signatures.penguins import (
    ISLANDS,
    Penguins,
    examples_input,
    ingredients,
    model_inputs,
    penguin,
    penguins,
    raw_inputs,
    resolved,
    signature,
    univalent,
)
from tfx_savedmodel.errors import ExamplesError
from tfx_savedmodel.signatures.baselines import spread
from tfx_savedmodel.signatures.encodings import Encoding, find_encodings
from tfx_savedmodel.signatures.explanation import explanation_metadata, explanation_problems, write_explanation
from tfx_savedmodel.signatures.options import Explanation
from tfx_savedmodel.signatures.resolved import ResolvedPlan, ResolvedSignature, ResolvedTensor
from tfx_savedmodel.sources.statistics import FeatureStatistics

pytestmark = pytest.mark.tf

XAI = signature("xai_model", "model", model_inputs({"mass": "mass_scaled"}))
DEFAULT = signature("serving_default", "serve_examples", examples_input(), receiver="examples")
STATISTICS = {
    "mass": FeatureStatistics("mass", present=0.9, values=1.0, median=6.0, mean=60.0),
    "island": FeatureStatistics("island", present=0.8, values=1.0, mode="Biscoe"),
    "year": FeatureStatistics("year", present=1.0, values=1.0, median=2008.4),
}
VOCABULARIES = {"island": ISLANDS, "species": ("Adelie", "Gentoo"), "long": tuple("abcdefgh")}
ISLAND_PLACES = ("island=Dream", "island=Biscoe", "island=Torgersen", "island=(other)")


def plan(*signatures: ResolvedSignature, **explanation: Any) -> ResolvedPlan:
    return resolved(*signatures, explanation=Explanation(**explanation))


def found(plan: ResolvedPlan) -> list[tuple[str, str, str]]:
    return [(problem.where, problem.found, problem.wanted) for problem in explanation_problems(plan)]


def test_it_is_bound_to_what_explainers_take() -> None:
    assert found(plan(XAI, DEFAULT)) == []
    assert found(resolved(DEFAULT)) == []
    alone = dataclasses.replace(XAI, key="serving_default")
    assert found(plan(alone, signature="serving_default")) == []
    ((where, named, wanted),) = found(plan(alone, DEFAULT))
    assert (where, named, wanted) == ("explanation.signature", "xai_model", "serving_default")
    for key in ("model", "serving_default"):
        other = dataclasses.replace(XAI, key=key)
        ((_, named, _),) = found(plan(XAI, other, signature=key))
        assert named.startswith(f"{key!r} among")


def test_one_output_of_floats_is_explained() -> None:
    two = dataclasses.replace(XAI, outputs={**XAI.outputs, "best": ResolvedTensor("best", "int64", (None,))})
    assert found(plan(two, output="probabilities")) == []
    assert found(plan(two)) == [("explanation.output", "'xai_model' has best, probabilities", "one")]
    assert found(plan(two, output="logits")) == [("explanation.output", "logits", "best, probabilities")]
    assert found(plan(two, output="best")) == [("explanation.output", "best: int64", "an output of floats")]


def test_something_must_have_a_gradient(tmp_path: Path) -> None:
    ((where, named, _),) = found(plan(dataclasses.replace(DEFAULT, key="xai_model")))
    assert (where, named) == ("explanation.signature", "examples: string")
    raw = plan(signature("xai_model", "serve_features", raw_inputs(), receiver="features"))
    assert found(raw) == []
    result = write_explanation(tmp_path / "m.json", raw)
    (note,) = result.notes
    assert "island (string), year (int64) has no gradient" in note
    modalities = {name: entry["modality"] for name, entry in result.metadata["inputs"].items()}
    assert modalities == {"mass": "numeric", "island": "categorical", "year": "categorical"}


def test_without_anything_known_inputs_are_what_they_are(tmp_path: Path) -> None:
    result = write_explanation(tmp_path / "m.json", plan(XAI, DEFAULT))
    assert result.notes == ()
    assert json.loads((tmp_path / "m.json").read_text(encoding="utf-8")) == result.metadata
    assert result.metadata == {
        "framework": "tensorflow2",
        "tags": ["tfx_savedmodel"],
        "outputs": {"probabilities": {"output_tensor_name": "probabilities"}},
        "inputs": {
            name: {"input_tensor_name": name, "encoding": "identity", "modality": "numeric"}
            for name in ("age", "island_hot", "mass")
        },
    }


def test_one_hot_inputs_are_named_and_grouped_and_statistics_give_one_baseline(tmp_path: Path) -> None:
    result = write_explanation(
        tmp_path / "m.json",
        plan(XAI, DEFAULT),
        ingredients=ingredients,
        vocabularies=VOCABULARIES,
        statistics=STATISTICS,
        examples=penguins(3),
    )
    assert result.notes == ()
    inputs = result.metadata["inputs"]
    assert inputs["island_hot"] == {
        "input_tensor_name": "island_hot",
        "encoding": "indicator",
        "modality": "categorical",
        "index_feature_mapping": list(ISLAND_PLACES),
        "group_name": "island",
        "input_baselines": [[0.0, 1.0, 0.0, 0.0]],
    }
    assert (inputs["mass"]["group_name"], inputs["mass"]["input_baselines"]) == ("mass", [[1.0]])
    assert "group_name" not in inputs["age"]  # made of two features
    assert inputs["age"]["input_baselines"] == [[6.0 * 2008]]


def test_examples_give_as_many_baselines_for_each_input(tmp_path: Path) -> None:
    result = write_explanation(tmp_path / "m.json", plan(XAI), ingredients=ingredients, examples=penguins(25))
    baselines = {name: entry["input_baselines"] for name, entry in result.metadata["inputs"].items()}
    assert {len(values) for values in baselines.values()} == {10}
    assert all(len(value) == 4 and sum(value) == 1.0 for value in baselines["island_hot"])
    assert spread([b"a", b"b", b"c", b"d"], 2) == [b"a", b"c"]


def test_raw_inputs_have_baselines_too(tmp_path: Path) -> None:
    raw = plan(signature("xai_model", "serve_features", raw_inputs({"kg": "mass"}), receiver="features"))
    made = ingredients(schema=univalent())
    result = write_explanation(tmp_path / "m.json", raw, ingredients=lambda: made, statistics=STATISTICS)
    baselines = {name: entry["input_baselines"] for name, entry in result.metadata["inputs"].items()}
    assert baselines == {"kg": [[6.0]], "island": [["Biscoe"]], "year": [2008]}


def test_what_most_examples_lack_is_missing_and_may_be_no_baseline(tmp_path: Path) -> None:
    rare = {**STATISTICS, "mass": dataclasses.replace(STATISTICS["mass"], present=0.2)}
    result = write_explanation(tmp_path / "m.json", plan(XAI), ingredients=ingredients, statistics=rare)
    assert result.metadata["inputs"]["mass"]["input_baselines"] == [[-2.0]]
    raw = plan(signature("xai_model", "serve_features", raw_inputs(), receiver="features"))
    made = ingredients(schema=univalent())
    with pytest.raises(ExamplesError, match="no finite number"):
        write_explanation(tmp_path / "raw.json", raw, ingredients=lambda: made, statistics=rare)
    assert not (tmp_path / "raw.json").exists()


def test_statistics_must_have_what_every_example_has(tmp_path: Path) -> None:
    without = {name: each for name, each in STATISTICS.items() if name != "year"}
    with pytest.raises(ExamplesError, match="feature 'year'"):
        write_explanation(tmp_path / "m.json", plan(XAI), ingredients=ingredients, statistics=without)


def test_a_signature_that_nothing_is_known_of_is_said(tmp_path: Path) -> None:
    odd = signature("xai_model", "kept", {"x": ResolvedTensor("x", "float32", (None, 7))}, of="x", of_source=True)
    result = write_explanation(tmp_path / "m.json", plan(odd), ingredients=ingredients, examples=penguins(2))
    assert "no baselines and no groups for 'xai_model'" in result.notes[0]
    assert result.metadata["inputs"]["x"] == {"input_tensor_name": "x", "encoding": "identity", "modality": "numeric"}


def test_an_alias_is_explained_under_its_own_names(tmp_path: Path) -> None:
    names = {"one": "island_hot", "two": "mass", "three": "age"}
    inputs = {new: dataclasses.replace(XAI.inputs[old], source=old) for new, old in names.items()}
    again = signature("xai_model", "alias", inputs, of="model")
    aliased = plan(dataclasses.replace(XAI, key="model"), again)
    result = write_explanation(
        tmp_path / "m.json", aliased, ingredients=ingredients, vocabularies=VOCABULARIES, statistics=STATISTICS
    )
    assert result.metadata["inputs"]["one"]["index_feature_mapping"] == list(ISLAND_PLACES)
    assert result.metadata["inputs"]["two"]["group_name"] == "mass"


class _Domain:
    """A schema that knows the islands, in another order than their indices, and one too few."""

    def __init__(self, *values: str) -> None:
        self.feature = [self]
        self.name = "island"
        self.string_domain = self
        self.value = values

    def HasField(self, field: str) -> bool:
        return False

    def WhichOneof(self, group: str) -> str:
        return "string_domain"


def test_the_places_come_from_the_domain_before_a_vocabulary() -> None:
    names = find_encodings(ingredients(schema=_Domain("Torgersen", "Dream")), {}, None)[0]["island_hot"].names
    assert names == ("island=Dream", "island[1]", "island=Torgersen", "island=(other)")
    # A value that the model treats like any it never saw does not lend its name to that place.
    names = find_encodings(ingredients(schema=_Domain("Dream", "Elsewhere")), {}, None)[0]["island_hot"].names
    assert names == ("island=Dream", "island[1]", "island[2]", "island=(other)")


@pytest.mark.parametrize(
    ("vocabulary", "hot"),
    [
        (("Biscoe", "Dream", "Torgersen"), 1.0),  # another order: not the vocabulary of this feature
        (("Adelie", "Gentoo"), 1.0),  # another feature's
        (ISLANDS, 0.5),  # scaled: no indicator
    ],
)
def test_no_places_are_named_that_are_not_known(vocabulary: tuple[str, ...], hot: float) -> None:
    found, notes = find_encodings(ingredients(Penguins(hot)), {"words": vocabulary}, penguin())
    assert found["island_hot"] == Encoding("island", None)
    assert notes == []


def test_a_word_where_unseen_values_fall_is_of_another_vocabulary() -> None:
    class OthersFirst(Penguins):
        def layer(self) -> Any:
            import tensorflow as tf

            inner = super().layer()

            def transform(raw: Any) -> Any:
                made = inner(raw)
                return {**made, "island_hot": tf.roll(made["island_hot"], 1, axis=1)}

            return transform

    made = ingredients(OthersFirst())
    assert find_encodings(made, {"species": ("Adelie",)}, None)[0]["island_hot"].names is None


def test_a_graph_that_refuses_made_up_examples_is_said() -> None:
    class Strict(Penguins):
        def layer(self) -> Any:
            import tensorflow as tf

            inner = super().layer()

            def transform(raw: Any) -> Any:
                tf.debugging.assert_positive(raw["year"])
                return inner(raw)

            return transform

    made = ingredients(Strict())
    found, notes = find_encodings(made, {"island": ISLANDS}, None)
    assert found["island_hot"] == Encoding("island", None)
    assert "what the inputs made of 'island' encode" in notes[0]
    found, notes = find_encodings(made, {"island": ISLANDS}, penguin())
    assert (found["island_hot"].names, notes) == (ISLAND_PLACES, [])


def test_the_number_of_baselines_is_the_same() -> None:
    with pytest.raises(AssertionError):
        explanation_metadata(XAI, "probabilities", baselines={"mass": [[1.0]], "age": []})
