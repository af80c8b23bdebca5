"""docs/consumers.md speaks of the models that there are."""

from __future__ import annotations

import re

import pytest

from tests.conftest import ROOT
from tests.consumers.consumer import PYTHONS

pytestmark = pytest.mark.tf


def test_the_table_has_every_model_and_every_consumer_of_the_tests() -> None:
    from tests.consumers.cases import CASES

    page = (ROOT / "docs" / "consumers.md").read_text(encoding="utf-8")
    table = re.search(r"<!-- models: [^>]*-->\n(.*?)<!-- end of models -->", page, re.DOTALL)
    assert table is not None
    head, _, *rows = table[1].splitlines()
    cells = {row.split("|")[1].strip(): row.split("|")[3:-1] for row in rows}
    assert sorted(cells) == sorted(CASES)
    versions = [version.strip() for version in head.split("|")[3:-1]]
    assert all(any(version.startswith(name.removeprefix("tf-") + ".") for version in versions) for name in PYTHONS)
    assert not [row for row in rows if "fails there" in row]
