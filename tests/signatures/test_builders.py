"""What a plan says of the builder and of initialisation, before any work."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.signatures.materials import FakeMaterials, signature
from tfx_savedmodel.errors import PlanError
from tfx_savedmodel.signatures.builders import builder_of
from tfx_savedmodel.signatures.plan import read_plan
from tfx_savedmodel.signatures.resolve import resolve

pytestmark = pytest.mark.unit

SIGNATURES = {
    "serving_default": signature("serving_default", {"bill": ("float32", (None, 1))}, {"y": ("float32", None)})
}
KEEPS: dict[str, Any] = {"keep": "all"}
MAKES: dict[str, Any] = {"keep": "all", "signatures": {"m": {"kind": "model"}}}


def made(plan: dict[str, Any], *, is_tf1: bool) -> str:
    materials = FakeMaterials(SIGNATURES, is_tf1=is_tf1, nodes=["fill", "mean_of_x"])
    return builder_of(resolve(read_plan(plan), materials), is_tf1=is_tf1)


@pytest.mark.parametrize(("is_tf1", "builders"), [(True, ("rewrite", "session")), (False, ("rewrite", "trace"))])
def test_the_cheapest_is_taken(is_tf1: bool, builders: tuple[str, str]) -> None:
    assert (made(KEEPS, is_tf1=is_tf1), made(MAKES, is_tf1=is_tf1)) == builders


@pytest.mark.parametrize("is_tf1", [True, False])
def test_another_is_taken_where_the_plan_asks_for_it(is_tf1: bool) -> None:
    assert made({**KEEPS, "builder": "session"}, is_tf1=is_tf1) == "session"
    assert made({**MAKES, "builder": "session"}, is_tf1=is_tf1) == "session"
    assert made({**KEEPS, "builder": "trace"}, is_tf1=False) == "trace"


@pytest.mark.parametrize(
    ("plan", "is_tf1", "words"),
    [
        ({**MAKES, "builder": "rewrite"}, True, "to be made: m.*builder session"),
        ({**MAKES, "builder": "rewrite"}, False, "to be made: m.*builder trace"),
        ({**KEEPS, "builder": "trace"}, True, "ref variables would break"),
        ({**KEEPS, "init_op": "fill"}, False, "of a TF1 SavedModel is meant"),
        ({**KEEPS, "init_op": "filll"}, True, "did you mean 'fill'"),
        ({**KEEPS, "init_op": "mean_of_x"}, True, "needs placeholders.*x:0"),
        ({**KEEPS, "builder": "sessions"}, True, "no such value.*session"),
    ],
)
def test_what_cannot_be_is_a_mistake(plan: dict[str, Any], is_tf1: bool, words: str) -> None:
    with pytest.raises(PlanError) as caught:
        made(plan, is_tf1=is_tf1)
    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].where == ("init_op" if "init_op" in plan else "builder")
    assert re.search(words, str(caught.value), re.DOTALL), str(caught.value)


def test_an_op_of_the_graph_is_no_mistake() -> None:
    assert made({**KEEPS, "init_op": "fill"}, is_tf1=True) == "rewrite"
