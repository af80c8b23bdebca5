"""The locks that a new repository begins with are those that our own tests run with."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.conftest import ROOT
from tests.templates.repositories import TEMPLATE, pins
from tfx_savedmodel.versions import STACKS, SUPPORTED, __version__

pytestmark = pytest.mark.unit

REQUIREMENTS = TEMPLATE / "requirements"
NAMES = [stack.name for stack in STACKS if "tfx" in stack.locked]


def asked(file: Path) -> list[Requirement]:
    return [Requirement(line) for line in file.read_text().splitlines() if line and not line.startswith("#")]


def test_there_is_a_lock_of_every_stack() -> None:
    assert {path.name for path in REQUIREMENTS.iterdir()} == {
        "dev.in",
        *(f"{name}.in" for name in NAMES),
        *(f"{name}.txt" for name in NAMES),
        *(f"dev-{name}.txt" for name in NAMES),
    }


@pytest.mark.parametrize("name", NAMES)
def test_lock_of_a_stack_is_our_own(name: str) -> None:
    own = (ROOT / "requirements" / f"{name}.txt").read_bytes()
    assert (REQUIREMENTS / f"{name}.txt").read_bytes() == own, "make lock"


@pytest.mark.parametrize("name", NAMES)
def test_lock_meets_what_the_template_asks_for(name: str) -> None:
    pinned = pins(REQUIREMENTS / f"{name}.txt")
    own, *others = asked(REQUIREMENTS / f"{name}.in")
    assert str(own) == f"tfx-savedmodel=={__version__}"
    assert "tfx-savedmodel" not in pinned
    assert [str(each) for each in others if not each.specifier.contains(pinned[each.name], prereleases=True)] == []
    assert {"tfx", "tensorflow", "apache-beam"} <= {each.name for each in others} & set(SUPPORTED)


@pytest.mark.parametrize("name", NAMES)
def test_tools_are_those_that_we_lint_and_test_with(name: str) -> None:
    tools, ours = pins(REQUIREMENTS / f"dev-{name}.txt"), pins(ROOT / "requirements" / f"{name}-dev.txt")
    assert {each.name for each in asked(REQUIREMENTS / "dev.in")} <= set(tools)
    assert {tool: version for tool, version in tools.items() if ours.get(tool, version) != version} == {}


@pytest.mark.parametrize("path", sorted(REQUIREMENTS.glob("*.txt")), ids=lambda path: path.name)
def test_everything_has_a_hash_and_no_place_is_named(path: Path) -> None:
    text = path.read_text()
    pinned = re.findall(r"^\S+==.*\n    --hash=sha256:", text, re.MULTILINE)
    assert len(pinned) == len(re.findall(r"^[a-zA-Z]", text, re.MULTILINE)) >= len(pins(path)) > 5
    assert not re.search(r"://|file:|/home|/root|/tmp", text)


def test_image_installs_with_the_uv_that_compiled_the_locks() -> None:
    ours = pins(ROOT / "requirements" / "uv.txt")["uv"]
    assert re.findall(r"pip install .*\buv(\S*)", (TEMPLATE / "Dockerfile").read_text()) == [f"=={ours}"]
