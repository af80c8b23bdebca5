"""Checks of others, named in a policy by the dotted path of their class."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.models import write_model
from tfx_savedmodel.cli.main import run
from tfx_savedmodel.errors import PolicyError
from tfx_savedmodel.operations.checks import checks
from tfx_savedmodel.operations.selection import select
from tfx_savedmodel.operations.validate import Report, Verdict, validate
from tfx_savedmodel.validation.policy import Policy

pytestmark = pytest.mark.unit

MODULE = "acme_checks_for_tests"
SOURCE = '''
from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import ClassVar

from tfx_savedmodel.saved_model.view import GraphView
from tfx_savedmodel.validation.check import ExampleCheck, GraphCheck, LoadedModel, ModelCheck
from tfx_savedmodel.validation.result import Finding


@dataclasses.dataclass(frozen=True)
class House(GraphCheck):
    """Every signature's key begins as those of the house do.

    Why: dashboards group by it.
    Remedy: rename it in the plan.
    """

    code: ClassVar[str] = "ACME101"
    name: ClassVar[str] = "house-names"
    prefix: str = "serv"
    """What a key has to begin with."""

    def check(self, graph: GraphView) -> Iterator[Finding]:
        for key in graph.meta_graphs[0].signatures:
            if not key.startswith(self.prefix):
                yield Finding("another beginning", {"signature": key}, key, self.prefix)


@dataclasses.dataclass(frozen=True)
class Broken(GraphCheck):
    """This check breaks."""

    code: ClassVar[str] = "ACME102"
    name: ClassVar[str] = "breaks"

    def check(self, graph: GraphView) -> Iterator[Finding]:
        raise RuntimeError("out of luck")


@dataclasses.dataclass(frozen=True)
class Ours(GraphCheck):
    """A code of ours."""

    code: ClassVar[str] = "SM150"
    name: ClassVar[str] = "ours"


@dataclasses.dataclass(frozen=True)
class Costs(ModelCheck):
    """A code that says another cost."""

    code: ClassVar[str] = "ACME103"
    name: ClassVar[str] = "costs"


@dataclasses.dataclass(frozen=True)
class Loads(ModelCheck):
    """A loader that nobody has."""

    code: ClassVar[str] = "ACME201"
    name: ClassVar[str] = "loads"
    loaders: ClassVar[tuple[str, ...]] = ("tf3",)
    runs: ClassVar[str] = "some"


class Plain(House):
    """No dataclass of its own, and no code."""

    name: ClassVar[str] = "Plain Names"


@dataclasses.dataclass(frozen=True)
class Silent(GraphCheck):
    code: ClassVar[str] = "ACME104"
    name: ClassVar[str] = "silent"


@dataclasses.dataclass(frozen=True)
class Needy(GraphCheck):
    """It must be told something."""

    code: ClassVar[str] = "ACME105"
    name: ClassVar[str] = "needy"
    told: int

    def __post_init__(self) -> None:
        if self.told < 0:
            raise ValueError("a negative number of tellings")

    def check(self, graph: GraphView) -> Iterator[Finding]:
        return iter(())


class NoCheck:
    pass
'''


@pytest.fixture(autouse=True, scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Somebody's installed module with checks."""
    folder = tmp_path_factory.mktemp("acme")
    (folder / f"{MODULE}.py").write_text(SOURCE, encoding="utf-8")
    (folder / "acme_that_breaks.py").write_text("1 / 0\n", encoding="utf-8")
    sys.path.insert(0, str(folder))
    yield
    sys.path.remove(str(folder))
    sys.modules.pop(MODULE, None)


def bringing(*names: str, **fields: object) -> Policy:
    return Policy(select=("ACME", "SM101"), checks=tuple(f"{MODULE}.{name}" for name in names), **fields)  # type: ignore[arg-type]


def verdicts(report: Report) -> dict[str, str]:
    return {check.code: check.verdict.value for check in report.checks}


def test_a_check_of_theirs_is_made_like_ours(tmp_path: Path) -> None:
    model = write_model(tmp_path)
    report = validate(model, policy=bringing("House"))
    assert verdicts(report) == {"SM101": "PASS", "ACME101": "PASS"}
    assert report.verdict is Verdict.BLESSED
    other = validate(model, policy=bringing("House", parameters={"ACME101": {"prefix": "predict"}}))
    assert other.checks[1].findings[0].where == {"signature": "serving_default"}
    assert other.verdict is Verdict.NOT_BLESSED


def test_theirs_are_selected_with_all_and_left_out_with_ours(tmp_path: Path) -> None:
    policy = Policy(checks=(f"{MODULE}.House",))
    assert policy.selects("ACME101")
    assert not policy.narrowed(["SM1"], []).selects("ACME101")
    assert policy.narrowed(["ACME101"], []).requires("ACME101")


def test_a_broken_one_leaves_the_verdict_open(tmp_path: Path) -> None:
    report = validate(write_model(tmp_path), policy=bringing("Broken"))
    assert report.checks[1].reason == "RuntimeError: out of luck"
    assert report.verdict is Verdict.UNDECIDED


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("no_such_module.House", "No module named 'no_such_module'"),
        ("acme_that_breaks.House", "ZeroDivisionError"),
        (f"{MODULE}.Hose", "did you mean House?"),
        (f"{MODULE}.NoCheck", "NoCheck is no check"),
        (f"{MODULE}.GraphCheck", "GraphCheck is no check"),
        (f"{MODULE}.SOMETHING", "has no SOMETHING"),
        (f"{MODULE}.Ours", "letters of your own"),
        (f"{MODULE}.Costs", "2 as its first digit"),
        (f"{MODULE}.Loads", "a loader that does not exist"),
        (f"{MODULE}.Loads", "no such way to run signatures"),
        (f"{MODULE}.Plain", "no dataclass of its own"),
        (f"{MODULE}.Plain", "words in small letters"),
        (f"{MODULE}.Silent", "no docstring"),
        (f"{MODULE}.Needy", "the check needs this parameter"),
        ("House", "package.module.Class"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_path(path: str, words: str) -> None:
    with pytest.raises(PolicyError) as caught:
        select(Policy(checks=(path,)), {})
    assert words in str(caught.value)
    assert path in str(caught.value) or "parameters.ACME105.told" in str(caught.value)


def test_two_with_the_same_code_are_refused() -> None:
    with pytest.raises(PolicyError, match="the code or name is taken"):
        select(bringing("House", "House"), {})


def test_a_value_that_the_check_itself_refuses() -> None:
    with pytest.raises(PolicyError, match="a negative number of tellings"):
        select(bringing("Needy", parameters={"ACME105": {"told": -1}}), {})
    assert select(bringing("Needy", parameters={"ACME105": {"told": 1}}), {}).codes == {"SM101", "ACME105"}


def test_what_an_unusable_check_would_have_brought_is_not_called_a_mistake() -> None:
    """One wrong path is one mistake: its code in `required` is not a second one."""
    policy = Policy(checks=("no_such_module.House",), required=("ACME1", "SM9"), severity={})
    with pytest.raises(PolicyError) as caught:
        select(policy, {})
    assert [problem.where for problem in caught.value.problems] == ["checks[0]", "required[1]"]


def test_their_page_is_like_ours(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = checks(bringing("House"))[-1]
    assert (page.code, page.why, page.remedy) == ("ACME101", "dashboards group by it.", "rename it in the plan.")
    assert page.parameters[0].about == "What a key has to begin with."
    file = tmp_path / "policy.json"
    file.write_text(f'{{"checks": ["{MODULE}.House"]}}', encoding="utf-8")
    assert run(["checks", "ACME101", "--policy", str(file)]) == 0
    assert "What a key has to begin with." in capsys.readouterr().out
    assert run(["checks", f"{MODULE}.House"]) == 0
    assert capsys.readouterr().out.startswith("ACME101 house-names\n")
    assert run(["checks", f"{MODULE}.Hose"]) == 4
    assert "did you mean House?" in capsys.readouterr().err
    # Without the policy nobody knows the code: the error says how to have it known.
    assert run(["checks", "ACME101"]) == 4
    assert "--policy FILE" in capsys.readouterr().err
    assert run(["checks", "SM999"]) == 4
    assert "--policy FILE" not in capsys.readouterr().err


def test_the_command_line_selects_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "policy.json"
    file.write_text(f'{{"checks": ["{MODULE}.House"]}}', encoding="utf-8")
    model = str(write_model(tmp_path / "model"))
    assert run(["validate", model, "--policy", str(file), "--select", "ACME1,SM101"]) == 0
    assert "ACME101" in capsys.readouterr().out
    assert run(["validate", model, "--select", "ACME1"]) == 4
    assert run(["validate", model, "--policy", str(file), "--select", "ACME1", "--report", str(tmp_path / "r")]) == 0
    assert "dashboards group by it." in (tmp_path / "r" / "report.html").read_text(encoding="utf-8")
