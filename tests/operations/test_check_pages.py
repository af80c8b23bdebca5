"""The published pages are those of the checks and presets, and their examples hold."""

from __future__ import annotations

import json
import re
import shlex
import sys
from pathlib import Path

import pytest

from tests.cli.models import write_model
from tfx_savedmodel.cli.main import run
from tfx_savedmodel.operations.beside_model import REQUIRED
from tfx_savedmodel.operations.check_pages import page_files, page_markdown, with_presets
from tfx_savedmodel.operations.checks import checks
from tfx_savedmodel.operations.selection import select
from tfx_savedmodel.validation.policy import ASKED_FOR, LESS_THAN_ERRORS, Policy
from tfx_savedmodel.validation.policy_document import PolicyDocument
from tfx_savedmodel.validation.policy_text import read_policy
from tfx_savedmodel.validation.presets import PRESETS
from tfx_savedmodel.validation.registry import CHECKS

pytestmark = pytest.mark.unit

DOCS = Path(__file__).resolve().parents[2] / "docs"
POLICY = (DOCS / "policy.md").read_text(encoding="utf-8")
GUIDE = (DOCS / "validate.md").read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_the_published_pages_are_current() -> None:
    published = {path.name: path.read_text(encoding="utf-8") for path in (DOCS / "checks").iterdir()}
    wanted = dict(page_files())
    stale = sorted(name for name in {*published, *wanted} if published.get(name) != wanted.get(name))
    assert stale == [], "make check-pages writes them again"


def test_the_presets_of_the_policy_page_are_current() -> None:
    assert with_presets(POLICY) == POLICY, "make check-pages writes it again"


def test_the_table_says_of_every_check_what_every_preset_does() -> None:
    """Read from the page, not from the function that wrote it."""
    rows = {
        row[0]: row[1:] for row in re.findall(r"^\| \[(SM\d+)\].*? \| " + r"(.*?) \| " * 4 + r"(.*?) \|$", POLICY, re.M)
    }
    assert list(rows) == [check.code for check in CHECKS]
    for check in CHECKS:
        for cell, policy in zip(rows[check.code], PRESETS.values(), strict=True):
            words = [policy.severity_of(check.code).value] if policy.selects(check.code) else ["–"]
            assert cell.split() == words + ["**R**"] * policy.requires(check.code), check.code


def test_the_page_names_every_field() -> None:
    named = re.findall(r"^\| `(\w+)` \|", POLICY, re.MULTILINE)
    assert sorted(named) == sorted(name for name in PolicyDocument.model_fields if name != "schema_")


@pytest.mark.parametrize("page", [POLICY, GUIDE], ids=["policy.md", "validate.md"])
def test_every_example_is_a_policy(page: str) -> None:
    examples = blocks(page, "json")
    assert examples
    for example in examples:
        document = json.loads(example)
        if not document.pop("checks", ()):
            select(read_policy(json.dumps(document)), {})


def test_the_example_of_a_check_of_ones_own_works_as_it_stands_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file, the policy and the commands are the page's own; nothing is added to them."""
    (code,) = [block for block in blocks(POLICY, "python") if "HouseNames" in block]
    (example,) = [block for block in blocks(POLICY, "json") if "HouseNames" in block]
    (commands,) = [block for block in blocks(POLICY, "sh") if "HouseNames" in block]
    (tmp_path / "mypackage").mkdir()
    (tmp_path / "mypackage" / "checks.py").write_text(code, encoding="utf-8")
    (tmp_path / "policy.json").write_text(example, encoding="utf-8")
    write_model(tmp_path / "MODEL", signature="predict")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    lines = [shlex.split(line, comments=True) for line in commands.splitlines()]
    try:
        assert [run(line[1:]) for line in lines] == [0, 0, 1]
    finally:
        for name in ("mypackage", "mypackage.checks"):
            sys.modules.pop(name, None)
    text = capsys.readouterr().out
    assert text.count("ACME101 house-names\nEvery signature's key begins as those of the house do.") == 2
    assert "another beginning" in text
    assert "signature predict" in text


def test_a_page_says_what_a_policy_does_with_the_check() -> None:
    pages = {page.code: page for page in checks()}
    text = page_markdown(pages["SM103"])
    assert "A failure is an error. Under untrusted it is a warning." in text
    assert "Required by strict, serving and explanations" in text
    assert '| `required` | list of texts | `["serving_default"]` |' in text
    assert "Under strict it is an error." in page_markdown(pages["SM111"])
    assert "Under untrusted it is not made." in page_markdown(pages["SM201"])


def test_every_parameter_is_explained() -> None:
    assert [f"{page.code} {item.name}" for page in checks() for item in page.parameters if not item.about] == []


def test_parameters_on_the_pages_are_what_a_policy_takes() -> None:
    """Each default, as the page shows it, is accepted where the page says to set it."""
    for page in checks():
        (example,) = blocks(page_markdown(page), "json") or ["{}"]
        policy = read_policy(example)
        assert set(policy.parameters.get(page.code, {})) == {item.name for item in page.parameters}
        defaults = {name: value for name, value in policy.parameters.get(page.code, {}).items() if value is not None}
        select(Policy(parameters={page.code: defaults}), {})


def test_presets_and_weights_name_checks_that_there_are() -> None:
    codes = {check.code for check in CHECKS}
    named = {*LESS_THAN_ERRORS, *ASKED_FOR, *(code for needs in REQUIRED.values() for code in needs)}
    named |= {code for policy in PRESETS.values() for code in (*policy.required, *policy.parameters)}
    assert named - codes == set()
    for policy in PRESETS.values():
        select(policy, {})
