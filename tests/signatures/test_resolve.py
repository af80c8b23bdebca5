"""Plans against a source made by hand: what is resolved, by which builder, and every mistake at once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.signatures.materials import FakeFunction, FakeMaterials, signature
from tfx_savedmodel.errors import PlanError
from tfx_savedmodel.signatures.kinds import CLASSIFY, PREDICT, REGRESS
from tfx_savedmodel.signatures.plan import check_plan
from tfx_savedmodel.signatures.resolve import resolve
from tfx_savedmodel.signatures.resolved import ResolvedPlan

pytestmark = pytest.mark.unit

SCORES = ("float32", (None, 3))
EXAMPLES = {"examples": ("string", (None,))}
SOURCE = FakeMaterials(
    {
        "serving_default": signature(
            "serving_default", EXAMPLES, {"probabilities": SCORES, "price": ("float32", (None, 1))}
        ),
        "halves": signature("halves", EXAMPLES, {"price": ("float16", (None,)), "names": ("string", (None, 3))}),
        "tensors": signature("tensors", {"x": SCORES, "y": SCORES}, {"a": SCORES, "b": SCORES}),
    },
    functions={"score": FakeFunction({"x": SCORES}, {"output_0": SCORES})},
    vocabularies={"species": ["Adelie", "Chinstrap", "Gentoo"]},
    examples=["serving_default", "halves"],
)


def resolved(signatures: dict[str, Any], **more: Any) -> ResolvedPlan:
    checked = check_plan({"signatures": signatures, **more})
    return resolve(checked.plan, SOURCE, problems=checked.problems, broken=checked.broken)


def mistakes(signatures: dict[str, Any], **more: Any) -> dict[str, str]:
    with pytest.raises(PlanError) as caught:
        resolved(signatures, **more)
    return {problem.where: problem.message for problem in caught.value.problems}


def sources(tensors: Any) -> dict[str, str]:
    return {name: item.source for name, item in tensors.items()}


def test_an_alias_renames_inputs_and_leaves_outputs_out() -> None:
    plan = resolved({"again": {"kind": "alias", "of": "tensors", "inputs": {"z": "x"}, "outputs": {"only": "b"}}})
    again = plan.signatures["again"]
    assert sources(again.inputs) == {"z": "x", "y": "y"}
    assert sources(again.outputs) == {"only": "b"}
    assert plan.only_renames and again.of == "tensors"


def test_names_go_through_aliases_of_aliases() -> None:
    plan = resolved(
        {
            "second": {"kind": "alias", "of": "first", "outputs": {"two": "one"}},
            "first": {"kind": "alias", "of": "tensors", "outputs": {"one": "a"}, "inputs": {"y": "x", "x": "y"}},
        }
    )
    second = plan.signatures["second"]
    assert (second.of, second.of_source) == ("tensors", True)
    assert sources(second.outputs) == {"two": "a"}
    assert sources(second.inputs) == {"y": "x", "x": "y"}


def test_an_alias_of_its_own_key_is_the_sources() -> None:
    plan = resolved({"tensors": {"kind": "alias", "of": "tensors", "outputs": {"c": "a"}}})
    assert plan.signatures["tensors"].of_source
    assert sources(plan.signatures["tensors"].outputs) == {"c": "a"}


def test_classify_and_regress_that_only_rename_need_no_trace() -> None:
    plan = resolved(
        {
            "classify": {"kind": "classify", "of": "serving_default", "scores": "probabilities"},
            "regress": {"kind": "regress", "of": "serving_default", "value": "price"},
        }
    )
    classify, regress = plan.signatures["classify"], plan.signatures["regress"]
    assert plan.only_renames
    assert (classify.method_name, sources(classify.inputs)) == (CLASSIFY, {"inputs": "examples"})
    assert sources(classify.outputs) == {"scores": "probabilities"}
    assert (regress.method_name, sources(regress.outputs)) == (REGRESS, {"outputs": "price"})


def test_classes_by_name_and_other_floats_are_computed() -> None:
    plan = resolved(
        {
            "classify": {
                "kind": "classify",
                "of": "serving_default",
                "scores": "probabilities",
                "classes": {"vocabulary": "species"},
            },
            "regress": {"kind": "regress", "of": "halves", "value": "price"},
            "names": {"kind": "classify", "of": "halves", "classes": "names"},
        }
    )
    classify, regress = plan.signatures["classify"], plan.signatures["regress"]
    assert classify.labels == ("Adelie", "Chinstrap", "Gentoo")
    assert classify.outputs["classes"].shape == (None, 3)
    assert regress.computes and regress.outputs["outputs"].dtype == "float32"
    assert plan.signatures["names"].only_renames
    assert not plan.only_renames


def test_what_cannot_be_classified_or_regressed() -> None:
    found = mistakes(
        {
            "a": {"kind": "classify", "of": "tensors", "scores": "a"},
            "b": {"kind": "classify", "of": "serving_default", "scores": "nope"},
            "c": {"kind": "regress", "of": "serving_default", "value": "probabilities"},
            "d": {"kind": "classify", "of": "halves", "scores": "names"},
            "e": {"kind": "classify", "of": "serving_default", "classes": "probabilities"},
            "f": {
                "kind": "classify",
                "of": "serving_default",
                "scores": "probabilities",
                "classes": {"labels": ["one", "two"]},
            },
            "g": {
                "kind": "classify",
                "of": "serving_default",
                "scores": "probabilities",
                "classes": {"vocabulary": "nope"},
            },
        }
    )
    assert found == {
        "signatures.a.of": "the signature does not take serialized examples",
        "signatures.b.scores": "signature 'serving_default' has no such output",
        "signatures.c.value": "the output is no regression",
        "signatures.d.scores": "the output cannot be scores",
        "signatures.e.classes": "the output cannot be classes",
        "signatures.f.classes": "not as many classes as scores",
        "signatures.g.classes": "no such vocabulary",
    }


def test_mistakes_of_form_and_against_the_model_come_together() -> None:
    found = mistakes(
        {
            "a": {"kind": "modl"},
            "b": {"kind": "alias", "of": "a"},
            "c": {"kind": "alias", "of": "nowhere"},
            "d": {"kind": "model", "outputs": {"p": "nope"}},
            "e": {"kind": "function", "path": "nope"},
            "f": {"kind": "function", "path": "score", "outputs": {"x": "nope"}},
        },
        keep=["gone"],
        kep=[],
        function_aliases={"one": "d", "two": "a", "three": "f", "four": "f"},
    )
    assert set(found) == {
        "kep",
        "keep",
        "signatures.a",
        "signatures.c.of",
        "signatures.d.outputs.p",
        "signatures.e",
        "signatures.f.outputs.x",
        "function_aliases.one",
        "function_aliases.four",
    }


def test_signatures_in_a_circle() -> None:
    found = mistakes({"a": {"kind": "alias", "of": "b"}, "b": {"kind": "regress", "of": "a", "value": "x"}})
    assert set(found.values()) == {"the signatures stand on each other in a circle"}


def test_a_name_that_an_input_keeps_cannot_be_anothers() -> None:
    found = mistakes({"a": {"kind": "alias", "of": "tensors", "inputs": {"y": "x"}}})
    assert found == {"signatures.a.inputs.y": "two inputs of one name"}


def test_functions_have_their_own_names() -> None:
    plan = resolved({"s": {"kind": "function", "path": "score"}, "m": {"kind": "module", "function": "score"}})
    assert {key: sources(item.outputs) for key, item in plan.signatures.items()} == {
        "s": {"output_0": "output_0"},
        "m": {"output_0": "output_0"},
    }
    assert plan.signatures["s"].method_name == PREDICT
