"""Each exit code, from real processes: so many starts, side by side, are too much for the unit tier."""

from __future__ import annotations

import concurrent.futures
import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.cli.models import write_model
from tests.saved_model.graphs import node, save, tensor
from tfx_savedmodel.operations.inspect import inspect
from tfx_savedmodel.validation.registry import CHECKS

pytestmark = pytest.mark.tf

COMMAND = (sys.executable, "-m", "tfx_savedmodel.cli.main")
GRAPH = "SM101,SM102,SM103,SM104"
CRASH = """
from tfx_savedmodel.cli import inspect, main
def crash(model):
    raise RuntimeError("out of luck")
inspect.inspect = crash
main.main(["inspect", "anything"])
"""

FAST = """
import sys
from tfx_savedmodel.cli.main import run
code = run(sys.argv[1:])
slow = {"tensorflow.python", "numpy", "pydantic", "jinja2", "rich", "apache_beam", "tfx", "matplotlib"}
slow.add("tfx_savedmodel.operations.check_parameters")  # reads the source of every check
print("slow:", *sorted(slow & set(sys.modules)), file=sys.stderr)
sys.exit(code)
"""

VALIDATE = (*COMMAND, "validate")
FAST_VALIDATE = (sys.executable, "-c", FAST, "validate", "GOOD", "--format", "json")

#: Name -> (exit code, arguments); "GOOD", "NAMELESS", "OTHER" and "DIR/" stand for paths.
CASES: dict[str, tuple[int, tuple[str, ...]]] = {
    "fine": (0, (sys.executable, "-c", FAST, "inspect", "GOOD", "--format", "json")),
    "blessed": (0, (*FAST_VALIDATE, "--select", GRAPH)),
    "blessed by a preset": (0, (*FAST_VALIDATE, "--policy", "serving", "--select", GRAPH)),
    "blessed with a waiver": (0, (*VALIDATE, "NAMELESS", "--select", GRAPH, "--policy", "DIR/waives.json")),
    "not breaking": (0, (*COMMAND, "diff", "GOOD", "GOOD")),
    "as Markdown": (1, (*VALIDATE, "NAMELESS", "--select", GRAPH, "--format", "markdown")),
    "as JUnit": (1, (*VALIDATE, "NAMELESS", "--select", GRAPH, "--format", "junit")),
    "keeping a baseline": (0, (*VALIDATE, "GOOD", "--select", "SM106", "--baseline", "DIR/contract.json")),
    "not blessed": (1, (*VALIDATE, "NAMELESS", "--select", GRAPH, "--report", "DIR/report")),
    "breaking": (1, (*COMMAND, "diff", "GOOD", "OTHER")),
    "breaking a baseline": (1, (*VALIDATE, "OTHER", "--select", "SM101", "--select", "SM106", "--baseline", "GOOD")),
    "undecided": (2, (*VALIDATE, "GOOD", "--select", "SM105")),
    "not safe to load": (2, (*VALIDATE, "UNSAFE", "--select", "SM201")),
    "our own crash": (2, (sys.executable, "-c", CRASH)),
    "nothing checked": (3, (*VALIDATE, "GOOD", "--select", "SM103", "--ignore", "SM1")),
    "wrong usage": (4, (*VALIDATE, "GOOD", "--selct", "SM1")),
    "no such model": (4, (*COMMAND, "inspect", "DIR/nowhere")),
    "no such preset": (4, (*VALIDATE, "GOOD", "--policy", "servin")),
    "no such code": (4, (*VALIDATE, "GOOD", "--select", "SM130")),
    "a load under a policy that loads nothing": (4, (*VALIDATE, "GOOD", "--policy", "untrusted", "--select", "SM201")),
    "an empty policy": (4, (*VALIDATE, "GOOD", "--policy", "DIR/empty.json")),
    "a policy with mistakes": (4, (*VALIDATE, "GOOD", "--policy", "DIR/wrong.json")),
    "no plan": (4, (*VALIDATE, "GOOD", "--select", "SM105", "--plan", "DIR/waives.json")),
    "no such form": (4, (*VALIDATE, "GOOD", "--format", "yaml")),
    "no such schema": (4, (*VALIDATE, "GOOD", "--select", "SM1", "--schema", "DIR/nowhere")),
    "no such examples": (4, (*FAST_VALIDATE, "--examples", "DIR/nowhere*.gz")),
    "no Transform graph": (4, (*FAST_VALIDATE, "--examples", "DIR/*.json", "--transform-graph", "DIR/")),
    "no such baseline": (4, (*VALIDATE, "GOOD", "--select", "SM101", "--baseline", "DIR/nowhere")),
    "no contract": (4, (*VALIDATE, "GOOD", "--select", "SM101", "--baseline", "DIR/waives.json")),
}

POLICIES = {
    "waives.json": {"waive": [{"code": "SM103", "reason": "a client names another"}]},
    "wrong.json": {"preset": "servin", "severty": {}, "waive": [{"code": "SM1"}], "ignore": ["SM9"]},
}
STRINGS = {"inputs": {"x": tensor("x:0", "string")}, "outputs": {"y": tensor("y:0", "string")}}
UNSAFE = [node("x", "Placeholder", dtype=7), node("y", "ReadFile", "x")]

_AT_ONCE = 4

Outcome = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """Every case's process, ended."""
    directory = tmp_path_factory.mktemp("cli")
    paths = {
        "GOOD": str(write_model(directory / "good")),
        "NAMELESS": str(write_model(directory / "nameless", signature="serve")),
        "OTHER": str(write_model(directory / "other", output="probabilities")),
        "UNSAFE": str(save(directory / "unsafe", UNSAFE, signatures={"serving_default": STRINGS})),
    }
    contract = json.dumps(inspect(paths["GOOD"]))
    (directory / "contract.json").write_text(contract, encoding="utf-8")
    for name, policy in POLICIES.items():
        (directory / name).write_text(json.dumps(policy), encoding="utf-8")
    (directory / "empty.json").touch()
    environment = {name: value for name, value in os.environ.items() if name != "TFX_SAVEDMODEL_DEBUG"}

    def end(arguments: tuple[str, ...]) -> Outcome:
        filled = [paths.get(argument, argument.replace("DIR/", f"{directory}/")) for argument in arguments]
        return subprocess.run(filled, capture_output=True, text=True, env=environment, check=False, timeout=300)

    with concurrent.futures.ThreadPoolExecutor(_AT_ONCE) as pool:
        return dict(zip(CASES, pool.map(end, [arguments for _, arguments in CASES.values()]), strict=True))


@pytest.mark.parametrize("name", CASES)
def test_exit_code(outcomes: dict[str, Outcome], name: str) -> None:
    outcome = outcomes[name]

    assert outcome.returncode == CASES[name][0], outcome.stdout + outcome.stderr
    assert "Traceback" not in outcome.stdout + outcome.stderr


def test_what_is_wrong_is_said_on_standard_error_alone(outcomes: dict[str, Outcome]) -> None:
    refused = [name for name, (code, _) in CASES.items() if code == 4]
    for name in ("our own crash", *refused):
        assert outcomes[name].stdout == "", name
        assert outcomes[name].stderr, name
    assert "did you mean serving?" in outcomes["no such preset"].stderr
    assert "did you mean SM103 required-signatures" in outcomes["no such code"].stderr
    wrong = outcomes["a policy with mistakes"].stderr
    assert all(
        place in wrong for place in ("wrong.json", "preset", "severty", "waive[0].code", "waive[0].reason", "ignore[0]")
    )
    assert "the policy is empty\n  where: " in outcomes["an empty policy"].stderr
    assert "the policy untrusted loads nothing" in outcomes["a load under a policy that loads nothing"].stderr
    assert "waives.json" in outcomes["no plan"].stderr
    assert "RuntimeError: out of luck" in outcomes["our own crash"].stderr
    assert "--debug" in outcomes["our own crash"].stderr
    assert "nowhere" in outcomes["no such model"].stderr


def test_json_stands_alone_on_standard_output(outcomes: dict[str, Outcome]) -> None:
    facts = json.loads(outcomes["fine"].stdout)
    report = json.loads(outcomes["blessed"].stdout)

    assert facts["meta_graphs"][0]["signatures"]["serving_default"]["inputs"] == {
        "features": {"dtype": "float32", "shape": [None, 4]}
    }
    assert report["verdict"] == "BLESSED"
    assert [check["code"] for check in report["checks"]] == GRAPH.split(",")


def test_every_form_stands_alone_on_standard_output(outcomes: dict[str, Outcome]) -> None:
    suites = ET.fromstring(outcomes["as JUnit"].stdout)
    assert (suites.tag, suites.get("failures"), suites.get("tests")) == ("testsuites", "1", "4")
    markdown = outcomes["as Markdown"].stdout
    assert markdown.startswith("### ")
    assert "SM103" in markdown


def test_the_fast_path_imports_nothing_slow(outcomes: dict[str, Outcome]) -> None:
    for name in ("fine", "blessed", "blessed by a preset", "no such examples", "no Transform graph"):
        assert outcomes[name].stderr.splitlines()[-1] == "slow:"


def test_the_text_says_what_failed_and_why(outcomes: dict[str, Outcome]) -> None:
    text = outcomes["not blessed"].stdout

    assert "Not blessed: 3 passed, 1 failed" in text
    assert "SM103 required-signatures failed." in text
    assert "serving_default" in text


def test_the_report_is_written_and_named(outcomes: dict[str, Outcome]) -> None:
    lines = outcomes["not blessed"].stderr.splitlines()
    written = [Path(line.removeprefix("written: ")) for line in lines if line.startswith("written: ")]

    assert [path.name for path in written] == ["report.json", "report.html"]
    assert json.loads(written[0].read_text(encoding="utf-8"))["verdict"] == "NOT_BLESSED"
    assert CHECKS[2].page()["why"].split("`")[0] in written[1].read_text(encoding="utf-8")
