"""Each exit code, from real processes: eight starts, side by side, are too much for the unit tier."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.models import write_model
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
print("slow:", *sorted(slow & set(sys.modules)), file=sys.stderr)
sys.exit(code)
"""

#: Name -> (exit code, arguments); "GOOD", "NAMELESS" and "DIR" stand for paths.
CASES: dict[str, tuple[int, tuple[str, ...]]] = {
    "fine": (0, (sys.executable, "-c", FAST, "inspect", "GOOD", "--format", "json")),
    "blessed": (0, (sys.executable, "-c", FAST, "validate", "GOOD", "--select", GRAPH, "--format", "json")),
    "not blessed": (1, (*COMMAND, "validate", "NAMELESS", "--select", GRAPH, "--report", "DIR/report")),
    "undecided": (2, (*COMMAND, "validate", "GOOD", "--select", "SM105")),
    "our own crash": (2, (sys.executable, "-c", CRASH)),
    "nothing checked": (3, (*COMMAND, "validate", "GOOD", "--select", "SM103", "--ignore", "SM1")),
    "wrong usage": (4, (*COMMAND, "validate", "GOOD", "--selct", "SM1")),
    "no such model": (4, (*COMMAND, "inspect", "DIR/nowhere")),
}

Outcome = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Outcome]]:
    """Every case's process, ended."""
    directory = tmp_path_factory.mktemp("cli")
    paths = {
        "GOOD": str(write_model(directory / "good")),
        "NAMELESS": str(write_model(directory / "nameless", signature="serve")),
    }
    environment = {name: value for name, value in os.environ.items() if name != "TFX_SAVEDMODEL_DEBUG"}
    started: dict[str, subprocess.Popen[str]] = {}
    for name, (_, arguments) in CASES.items():
        filled = [paths.get(argument, argument.replace("DIR/", f"{directory}/")) for argument in arguments]
        started[name] = subprocess.Popen(
            filled, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
    ended = {}
    for name, process in started.items():
        out, err = process.communicate(timeout=60)
        ended[name] = subprocess.CompletedProcess(process.args, process.returncode, out, err)
    yield ended


@pytest.mark.parametrize("name", CASES)
def test_exit_code(outcomes: dict[str, Outcome], name: str) -> None:
    outcome = outcomes[name]

    assert outcome.returncode == CASES[name][0], outcome.stdout + outcome.stderr
    assert "Traceback" not in outcome.stdout + outcome.stderr


def test_what_is_wrong_is_said_on_standard_error_alone(outcomes: dict[str, Outcome]) -> None:
    for name in ("our own crash", "wrong usage", "no such model"):
        assert outcomes[name].stdout == ""
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


def test_the_fast_path_imports_nothing_slow(outcomes: dict[str, Outcome]) -> None:
    for name in ("fine", "blessed"):
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
