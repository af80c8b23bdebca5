"""A repository made with the built wheel, far from the checkout: its tests, its pipeline, its job for Kubeflow."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.packaged import stack
from tests.templates.changes import remove_signature, taken_back
from tests.templates.conftest import call, make, make_repository, uv
from tests.templates.repositories import pins

pytestmark = pytest.mark.tfx


def test_nothing_leads_back_to_the_checkout(installed: Path, made: Path) -> None:
    code = "import tfx_savedmodel.starting.template as module; print(module.__file__, module.find_template())"
    said = call(installed / "bin" / "python", "-c", code, cwd=made)
    assert [Path(path).is_relative_to(installed) for path in said.stdout.split()] == [True, True], said.stdout


def test_its_own_tests_and_lint_pass(made: Path) -> None:
    done = make(made, "lint", "test")
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout
    assert "failed" not in done.stdout


def test_pipeline_pushes_a_blessed_model(made: Path, ran: str) -> None:
    assert "Verdict  BLESSED" in ran.splitlines(), ran
    assert "\n    epoch  1 of 40: loss " in ran
    pushed = Path(next(line.split()[1] for line in ran.splitlines() if line.startswith("Pushed ")))
    assert pushed.parent == made / "build" / "serving" / "houses"
    assert (pushed / "saved_model.pb").is_file()
    report = next(line.split()[1] for line in ran.splitlines() if line.startswith("Report "))
    assert Path(report).is_file()
    (meta_graph,) = json.loads((made / "contract.json").read_text())["meta_graphs"]
    assert set(meta_graph["signatures"]) == set(json.loads((made / "signatures.json").read_text())["signatures"])


def test_same_model_keeps_the_contract(made: Path, ran: str) -> None:
    done = make(made, "check-contract")
    assert (done.returncode, "No change that a client could see" in done.stdout) == (0, True), done.stdout


def test_promise_that_is_taken_back_is_neither_pushed_nor_merged(made: Path, ran: str) -> None:
    pushed = list((made / "build" / "serving" / "houses").iterdir())
    with taken_back(made, "signatures.json", "policy.json"):
        remove_signature(made)
        done = make(made, "run")
        assert done.returncode != 0
        assert "SM106 breaking-change" in done.stdout
        assert "serve_raw" in done.stdout
        assert list((made / "build" / "serving" / "houses").iterdir()) == pushed
        done = make(made, "check-contract")
        assert done.returncode != 0
        assert "Breaking: 1" in done.stdout
        assert "serve_raw" in done.stdout


@pytest.mark.full
def test_lock_is_compiled_again_and_says_the_same(installed: Path) -> None:
    made = installed.parent
    files = [made / "requirements" / f"{name}.txt" for name in (stack(), f"dev-{stack()}")]
    kept = [path.read_text() for path in files]
    before = [pins(path) for path in files]
    try:
        done = make(made, "lock", f"UV={uv()}")
        assert done.returncode == 0, done.stdout
        assert [pins(path) for path in files] == before
        assert all("--hash=sha256:" in path.read_text() for path in files)
    finally:
        for path, text in zip(files, kept, strict=True):
            path.write_text(text)
        (installed / f".installed-{stack()}").touch()


@pytest.mark.full
def test_template_without_data_passes_all_its_tests(installed: Path, tmp_path: Path) -> None:
    made = make_repository(installed, tmp_path, "penguins")
    done = make(made, "lint", "test-all")
    assert done.returncode == 0, done.stdout
    assert "failed" not in done.stdout


@pytest.fixture(scope="module")
def job(made: Path) -> Path:
    """The job for Kubeflow, as `make compile` writes it."""
    shutil.rmtree(made / "build" / "kubeflow", ignore_errors=True)
    done = make(made, "compile")
    assert done.returncode == 0, done.stdout
    return made / "build" / "job.json"


@pytest.mark.full
def test_job_for_kubeflow_says_what_steps_may_take(job: Path) -> None:
    spec = json.loads(job.read_text())["pipelineSpec"]
    executors = spec["deploymentSpec"]["executors"]
    assert executors["Trainer_executor"]["container"]["resources"] == {"cpuLimit": 2.0, "memoryLimit": 8.0}
    defaults = {
        name: parameter["defaultValue"] for name, parameter in spec["root"]["inputDefinitions"]["parameters"].items()
    }
    assert defaults["data_path"] == "/pipeline/data"
    assert json.loads(defaults["push_destination"])["filesystem"]["baseDirectory"].endswith("/kubeflow/serving/houses")


@pytest.mark.full
def test_heavy_steps_of_the_job_run_where_its_beam_arguments_say(made: Path) -> None:
    output = made / "build" / "on-dataflow.json"
    command = (made / ".venv" / "bin" / "python", "-m", "runners.kubeflow_v2", "--output", output)
    dataflow = ("--runner=DataflowRunner", "--project=project", "--temp_location=gs://bucket/tmp")
    done = call(*command, "--image", "registry.example/houses:1", "--", *dataflow, cwd=made)
    assert done.returncode == 0, done.stdout
    executors = json.loads(output.read_text())["pipelineSpec"]["deploymentSpec"]["executors"]
    runners = {}
    for name, executor in executors.items():
        arguments = executor["container"]["args"]
        # The last one counts.
        runners[name.removesuffix("_executor")] = [word for word in arguments if word.startswith("--runner=")][-1]
        assert set(dataflow) <= set(arguments) or runners[name.removesuffix("_executor")] == "--runner=FnApiRunner"
    heavy = {name for name, runner in runners.items() if runner == dataflow[0]}
    assert heavy == {"CsvExampleGen", "StatisticsGen", "Transform", "SavedModelValidator"}
    assert len(runners) == 10


@pytest.mark.full
def test_every_step_of_the_job_runs(installed: Path, made: Path, job: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipelines.kubeflow import load_job, run_job
    from pipelines.kubeflow.commands import LocalCommands

    # As in the image: the steps find the repository, and the wheel's package, not the checkout's.
    monkeypatch.setenv("PYTHONPATH", str(made))
    elsewhere = made / "build" / "pushed-elsewhere"
    run = run_job(
        load_job(job),
        root=made / "build" / "kubeflow",
        parameters={
            "data_path": str(made / "data"),
            "push_destination": json.dumps({"filesystem": {"base_directory": str(elsewhere)}}),
        },
        commands=LocalCommands(installed / "bin" / "python"),
    )
    assert run.failed == [], "\n".join(step.log_end() for step in run.failed)
    assert run.output("SavedModelValidator", "blessing").metadata["blessed"] == 1.0
    pushed = run.output("Pusher", "pushed_model").metadata
    assert pushed["pushed"] == 1.0
    assert Path(pushed["pushed_destination"]).parent == elsewhere
    assert (Path(pushed["pushed_destination"]) / "saved_model.pb").is_file()
