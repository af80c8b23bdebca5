"""What the SavedModelValidator executor makes of a report; the validation itself is a fake here."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from tfx_savedmodel.errors import ExamplesError, NotBlessedError, UndecidedError, UsageError
from tfx_savedmodel.validation.result import CheckResult, CheckVerdict, Finding, Report, Verdict

pytestmark = pytest.mark.tfx

EXEC_PROPERTIES = {
    "policy": json.dumps({"required": ["SM3"]}),
    "splits": '["eval"]',
    "fail_on_not_blessed": 0,
    "on_undecided": "fail",
}
PASSED = CheckResult("SM101", "structure", CheckVerdict.PASS)
FAILED = CheckResult("SM103", "required-signatures", CheckVerdict.FAIL, findings=(Finding("'xai_model' is missing"),))
BROKEN = CheckResult("SM201", "native-load", CheckVerdict.ERROR, reason="no library here")
OPEN = CheckResult("SM301", "runs-on-examples", CheckVerdict.SKIP, reason="no examples")
NOT_ASKED = CheckResult("SM107", "explanation-contract", CheckVerdict.SKIP, reason="no explanations")


class Do:
    """Runs the executor on artifacts under a folder, with a validation that gives `report`."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from tfx.types import standard_artifacts

        from tfx_savedmodel.saved_model_validator import executor
        from tfx_savedmodel.saved_model_validator.artifacts import ValidationReport

        self.executor = executor
        self.monkeypatch = monkeypatch
        self.model, self.report = standard_artifacts.Model(), ValidationReport()
        self.blessing = standard_artifacts.InfraBlessing()
        for name in ("model", "report", "blessing"):
            getattr(self, name).uri = str(folder / name)
            (folder / name).mkdir()
        self.inputs: dict[str, list[Any]] = {"model": [self.model]}
        self.arguments: dict[str, Any] = {}

    def __call__(self, verdict: Verdict, *checks: CheckResult, **exec_properties: Any) -> None:
        report = Report(verdict, {"uri": self.model.uri, "meta_graphs": []}, "mine", checks)
        open_ends = (BROKEN.code, OPEN.code)
        report = dataclasses.replace(report, undecided_by=open_ends if verdict is Verdict.UNDECIDED else ())

        def validate(model: str, **arguments: Any) -> Report:
            self.arguments = {"model": model, **arguments}
            return report

        self.monkeypatch.setattr(self.executor, "validate", validate)
        outputs = {"report": [self.report], "blessing": [self.blessing]}
        self.executor.Executor().Do(self.inputs, outputs, EXEC_PROPERTIES | exec_properties)


@pytest.fixture
def do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Do:
    return Do(tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("verdict", "file", "blessed"),
    [
        (Verdict.BLESSED, "INFRA_BLESSED", 1),
        (Verdict.NOT_BLESSED, "INFRA_NOT_BLESSED", 0),
        (Verdict.NOTHING_CHECKED, "INFRA_NOT_BLESSED", 0),
    ],
)
def test_only_blessed_blesses(do: Do, verdict: Verdict, file: str, blessed: int) -> None:
    do(verdict, PASSED, FAILED)
    assert [path.name for path in Path(do.blessing.uri).iterdir()] == [file]
    assert do.blessing.get_int_custom_property("blessed") == blessed
    assert json.loads((Path(do.report.uri) / "report.json").read_text())["verdict"] == verdict.value
    assert do.report.get_string_custom_property("verdict") == verdict.value
    assert do.report.get_int_custom_property("checks_pass") == 1
    assert do.report.get_int_custom_property("checks_fail") == 1
    assert do.report.get_int_custom_property("checks_error") == 0


def test_undecided_fails_and_names_each_cause(do: Do, tmp_path: Path) -> None:
    with pytest.raises(UndecidedError) as caught:
        do(Verdict.UNDECIDED, PASSED, BROKEN, OPEN, NOT_ASKED, report_dir=str(tmp_path / "kept"))
    assert "SM201 native-load: ERROR, no library here" in caught.value.found
    assert "SM301 runs-on-examples: SKIP, no examples" in caught.value.found
    assert "SM107" not in caught.value.found
    assert not list(Path(do.blessing.uri).iterdir())
    assert (tmp_path / "kept" / "report.html").is_file()


def test_undecided_may_count_as_not_blessed(do: Do) -> None:
    do(Verdict.UNDECIDED, BROKEN, on_undecided="not_blessed")
    assert do.blessing.get_int_custom_property("blessed") == 0


def test_not_blessed_may_fail(do: Do) -> None:
    with pytest.raises(NotBlessedError) as caught:
        do(Verdict.NOT_BLESSED, FAILED, fail_on_not_blessed=1)
    assert "SM103 required-signatures: 'xai_model' is missing" in caught.value.found


def test_upstream_blessings_and_paths_are_handed_on(do: Do, tmp_path: Path) -> None:
    from tfx.types import artifact_utils, standard_artifacts

    infra, model = standard_artifacts.InfraBlessing(), standard_artifacts.ModelBlessing()
    infra.uri, model.uri = "/infra", "/model"
    infra.set_int_custom_property("blessed", 1)
    model.set_int_custom_property("blessed", 0)
    examples = standard_artifacts.Examples()
    examples.uri = str(tmp_path / "examples")
    examples.split_names = artifact_utils.encode_split_names(["train", "eval"])
    do.inputs |= {"infra_blessing": [infra], "model_blessing": [model], "examples": [examples]}
    do(Verdict.NOT_BLESSED, PASSED)
    assert [(item.uri, item.type_name, item.blessed) for item in do.arguments["upstream"]] == [
        ("/infra", "InfraBlessing", True),
        ("/model", "ModelBlessing", False),
    ]
    assert do.arguments["model"] == f"{do.model.uri}/Format-Serving"
    assert do.arguments["examples"] == [f"{examples.uri}/Split-eval/*"]
    with pytest.raises(ExamplesError) as caught:
        do(Verdict.BLESSED, PASSED, splits='["test"]')
    assert caught.value.found == "train, eval"


def test_the_baseline_is_a_model_a_pushed_one_or_a_contract(do: Do, tmp_path: Path) -> None:
    from tfx.types import standard_artifacts

    do(Verdict.BLESSED, PASSED)
    assert do.arguments["baseline"] is None
    model, pushed = standard_artifacts.Model(), standard_artifacts.PushedModel()
    for artifact, folder in ((model, tmp_path / "before" / "Format-Serving"), (pushed, tmp_path / "pushed")):
        folder.mkdir(parents=True)
        artifact.uri = str(tmp_path / folder.relative_to(tmp_path).parts[0])
    pushed.set_int_custom_property("pushed", 1)
    do.inputs["baseline_model"] = [model]
    do(Verdict.BLESSED, PASSED)
    assert do.arguments["baseline"] == str(tmp_path / "before" / "Format-Serving")
    do.inputs = {"model": [do.model], "baseline_model": [], "pushed_baseline": [pushed]}
    do(Verdict.BLESSED, PASSED)
    assert do.arguments["baseline"] == str(tmp_path / "pushed")
    do.inputs["pushed_baseline"] = []
    do(Verdict.BLESSED, PASSED, contract='{"schema_version": 1}')
    assert do.arguments["baseline"] == {"schema_version": 1}


def test_a_pusher_that_pushed_nothing_gives_no_baseline(do: Do, tmp_path: Path) -> None:
    from tfx.types import standard_artifacts

    pushed = standard_artifacts.PushedModel()
    pushed.uri = str(tmp_path)
    pushed.set_int_custom_property("pushed", 0)
    do.inputs["pushed_baseline"] = [pushed]
    with pytest.raises(UsageError, match="not pushed") as caught:
        do(Verdict.BLESSED, PASSED)
    assert "Cond" in caught.value.next_step
