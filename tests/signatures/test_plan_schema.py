"""The published schema of the plan, and the page about it, are those of the classes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import get_args

import pytest

from tfx_savedmodel.signatures.kinds import Signature
from tfx_savedmodel.signatures.plan import Plan, read_plan, schema_text

pytestmark = pytest.mark.unit

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "plan.md").read_text(encoding="utf-8")
KINDS = [part.model_fields["kind"].default for part in get_args(get_args(Signature)[0])]


def test_the_published_schema_is_current() -> None:
    published = (DOCS / "plan.schema.json").read_text(encoding="utf-8")
    assert published == schema_text(), "make schemas writes it again"


def test_the_page_names_every_kind_and_field() -> None:
    for name in [*KINDS, *(field for field in Plan.model_fields if field not in ("version", "signatures"))]:
        assert f"`{name}`" in PAGE
    for part in get_args(get_args(Signature)[0]):
        (row,) = re.findall(rf"^\| \[`{part.model_fields['kind'].default}`\].*$", PAGE, re.MULTILINE)
        assert [name for name in part.model_fields if name != "kind" and f"`{name}`" not in row] == []


def test_every_example_on_the_page_is_a_plan() -> None:
    blocks = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) >= 8
    for block in blocks:
        text = block if block.lstrip().startswith("{") else "{" + block + "}"
        if block.startswith(('"source"', '"explanation"', '"warmup"', '"target"')):
            text = '{"signatures": {}, ' + block + "}"
        read_plan(json.loads(text))
