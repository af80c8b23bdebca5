"""The command line in process: what it accepts, refuses and passes on."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.models import write_model
from tests.report import samples
from tfx_savedmodel.cli.main import VERBS, run
from tfx_savedmodel.errors import ExamplesError, UnsupportedStackError
from tfx_savedmodel.operations import validate as operation
from tfx_savedmodel.validation.policy import Policy
from tfx_savedmodel.validation.registry import CHECKS

pytestmark = pytest.mark.unit


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What `validate` passes on to the operation, which answers with a hand-made report."""
    seen: dict[str, Any] = {}

    def validate(model: str, **arguments: Any) -> object:
        seen.update(arguments, model=model)
        arguments["progress"]("loading\x1b[2J the model")
        print("a library's chatter")
        return samples.failing()

    monkeypatch.setattr(operation, "validate", validate)
    return seen


def test_every_option_reaches_the_operation(asked: dict[str, Any], tmp_path: Path) -> None:
    plan, policy = tmp_path / "plan.json", tmp_path / "policy.json"
    plan.write_text('{"version": 1}')
    policy.write_text('{"name": "ours"}')
    arguments = ["validate", "M", "--plan", str(plan), "--policy", str(policy), "--examples", "a*", "--examples", "b*"]
    arguments += [
        "--schema",
        "S",
        "--transform-graph",
        "T",
        "--reference",
        "R",
        "--baseline",
        "contract.json",
        "--target",
        "tf-2.7",
        "--select",
        "SM1,sm201",
        "--split",
        "test",
        "--sample",
        "0.5",
        "--sample-seed",
        "7",
        "--examples-format",
        "parquet",
        "--data-view",
        "V",
        "--batch-size",
        "64",
    ]
    arguments += ["--select", "SM3", "--ignore", "SM105", "--", "--runner=FlinkRunner", "--parallelism=2"]

    assert run(arguments) == 1
    del asked["progress"]
    assert asked == {
        "model": "M",
        "plan": plan,
        "policy": Policy(name="ours"),
        "baseline": "contract.json",
        "examples": ("a*", "b*"),
        "schema": "S",
        "transform_graph": "T",
        "reference": "R",
        "target": "tf-2.7",
        "select": ("SM1", "SM201", "SM3"),
        "ignore": ("SM105",),
        "beam_args": ("--runner=FlinkRunner", "--parallelism=2"),
        "splits": ("test",),
        "sample": "0.5",
        "sample_seed": 7,
        "batch_size": 64,
        "examples_format": "parquet",
        "data_view": "V",
    }


def test_a_second_model_is_not_taken_for_a_beam_argument(asked: dict[str, Any]) -> None:
    assert run(["validate", "M", "N"]) == 4
    assert asked == {}


def test_json_is_alone_and_progress_harmless(asked: dict[str, Any], capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", "M", "--format", "json"]) == 1
    out, err = capfd.readouterr()

    assert json.loads(out)["verdict"] == "NOT_BLESSED"
    assert "chatter" in err
    assert "loading\\x1b[2J the model" in err


@pytest.mark.parametrize("codes", ["SM9", "", "SM1,,SM2", "structured", "S M"])
@pytest.mark.parametrize("option", ["--select", "--ignore"])
def test_codes_that_match_nothing_are_refused(
    asked: dict[str, Any], capsys: pytest.CaptureFixture[str], option: str, codes: str
) -> None:
    assert run(["validate", "M", option, codes]) == 4
    assert option in capsys.readouterr().err
    assert asked == {}


def test_files_that_are_not_there_are_refused_before_the_work(asked: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    assert run(["validate", "M", "--plan", str(tmp_path / "plan.json")]) == 4
    assert run(["validate", "M", "--policy", str(tmp_path / "policy.json")]) == 4
    assert run(["validate", "M", "--report", str(tmp_path / "file" / "below")]) == 4
    assert asked == {}


def test_an_unknown_preset_names_those_there_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", str(write_model(tmp_path)), "--policy", "lenient"]) == 4
    assert "default" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ExamplesError("no examples", where="a*", next_step="check the glob"), 4),
        (UnsupportedStackError("no TensorFlow here"), 2),
        (ValueError("a bug"), 2),
        (KeyboardInterrupt(), 2),
    ],
)
def test_errors_have_their_codes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: BaseException, code: int
) -> None:
    def validate(model: str, **arguments: Any) -> object:
        raise error

    monkeypatch.setattr(operation, "validate", validate)

    assert run(["validate", "M"]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert str(error).splitlines()[-1:] == [] or str(error).splitlines()[-1].strip() in err
    assert "Traceback" not in err


def test_debug_shows_the_traceback(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def validate(model: str, **arguments: Any) -> object:
        raise ValueError("a bug")

    monkeypatch.setattr(operation, "validate", validate)
    monkeypatch.setenv("TFX_SAVEDMODEL_DEBUG", "1")

    assert run(["validate", "M"]) == 2
    assert "Traceback" in capsys.readouterr().err


def test_checks_lists_the_catalogue(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["checks"]) == 0
    lines = capsys.readouterr().out.splitlines()

    assert [line.split()[:2] for line in lines[1:]] == [[check.code, check.name] for check in CHECKS]


@pytest.mark.parametrize("name", ["SM103", "sm103", "required-signatures"])
def test_checks_shows_a_page(capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert run(["checks", name]) == 0
    text = capsys.readouterr().out

    assert text.startswith("SM103 required-signatures\n")
    for part in ("Why", "Remedy", "Parameters", '["serving_default"]'):
        assert part in text


def test_checks_shows_a_class_by_its_path_and_reads_the_policy_beside_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = "tfx_savedmodel.validation.checks.tags.Tags"
    assert run(["checks", path]) == 0
    assert "SM102" in capsys.readouterr().out
    assert run(["checks", path, "--policy", str(tmp_path / "none.json")]) == 4


def test_checks_of_an_unknown_code_lists_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["checks", "SM999"]) == 4
    err = capsys.readouterr().err

    assert all(check.code in err for check in CHECKS)


def test_a_graph_that_is_none_is_shown_as_far_as_it_goes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")

    assert run(["inspect", str(tmp_path)]) == 4
    out, err = capsys.readouterr()
    assert "43 B" in out
    assert "the graph cannot be read" in err


def test_no_verb_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 4
    assert "inspect" in capsys.readouterr().err
    assert run(["valdate"]) == 4


def test_help_names_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    out = capsys.readouterr().out

    assert all(verb in out for verb in VERBS)
    assert all(run([verb, "--help"]) == 0 for verb in VERBS)
    assert "[-- BEAM ARGS]" in capsys.readouterr().out


def test_a_reader_that_goes_away_changes_nothing(tmp_path: Path) -> None:
    model = write_model(tmp_path)
    command = [sys.executable, "-m", "tfx_savedmodel.cli.main", "inspect", str(model), "--format", "json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(timeout=60) == 0
        assert process.stderr is not None
        assert process.stderr.read() == b""
