"""What the backend of Kubeflow jobs understands of a compiled job, and what it refuses."""

from __future__ import annotations

import copy
import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipelines.engines.processes import is_running
from pipelines.kubeflow import load_job, read_job, run_job
from pipelines.kubeflow.__main__ import main
from pipelines.kubeflow.commands import LocalCommands
from pipelines.kubeflow.inputs import job_values, parse_value
from pipelines.kubeflow.placeholders import fill_in
from tests.conftest import ROOT
from tests.pipelines.kubeflow_jobs import job, resolver, step
from tfx_savedmodel.errors import UsageError

pytestmark = pytest.mark.unit

BLESSING = {"uri": "/models/7", "metadata": {"blessed": 1.0, "verdict": "BLESSED", "parts": {"train": 0.0}}}
INPUT = {
    "inputs": {
        "artifacts": {"blessing": {"artifacts": [BLESSING]}, "empty": {"artifacts": []}},
        "parameterValues": {
            "steps": 150.0,
            "rate": 0.5,
            "small": 1e-7,
            "large": 1e20,
            "name": "it",
            "on": True,
            "list": [1.0, "a"],
        },
    },
    "outputs": {
        "artifacts": {"model": {"artifacts": [{"uri": "/out/model", "metadata": {}}]}},
        "parameters": {"count": {"outputFile": "/out/count"}},
        "outputFile": "/out/executor_output.json",
    },
}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("--steps={{$.inputs.parameters['steps']}}", "--steps=150"),
        ("{{$.inputs.parameters['rate']}}/{{$.inputs.parameters['name']}}", "0.5/it"),
        ("{{$.inputs.parameters['on']}}", "true"),
        ("{{$.inputs.parameters['list']}}", '[1, "a"]'),
        ("{{$.inputs.parameters['small']}}", "0.0000001"),
        ("{{$.inputs.parameters['large']}}", "100000000000000000000"),
        ("{{$.inputs.artifacts['blessing'].uri}}", "/models/7"),
        ("{{$.inputs.artifacts['blessing'].metadata['verdict']}}", "BLESSED"),
        ("{{$.outputs.artifacts['model'].uri}}", "/out/model"),
        ("{{$.outputs.parameters['count'].output_file}}", "/out/count"),
        ("no placeholder: {{ $ }} {}", "no placeholder: {{ $ }} {}"),
    ],
)
def test_placeholders(text: str, wanted: str) -> None:
    assert fill_in(text, INPUT, "task a") == wanted


def test_the_whole_input_is_a_placeholder() -> None:
    text = fill_in("{{$}}", INPUT, "task a")
    assert json.loads(text) == INPUT
    # Whole numbers are written as such.
    assert '"steps": 150,' in text and '"list": [1, "a"]' in text


def test_a_placeholder_without_a_value_is_refused() -> None:
    with pytest.raises(UsageError, match="pipeline_job_name") as raised:
        fill_in("{{$.pipeline_job_name}}", INPUT, "task a")
    assert "inputs.parameters['steps']" in raised.value.wanted


def test_tasks_come_in_an_order_in_which_they_can_run() -> None:
    tasks = {"a": step("x", after={"given": "c"}), "b": step("x"), "c": step("x", after=["b"])}
    read = read_job(job(tasks))
    assert list(read.tasks) == ["b", "c", "a"]
    assert read.tasks["a"].artifacts == {"given": ("c", "thing")}


def broken(where: tuple[str, ...], value: Any) -> dict[str, Any]:
    document = copy.deepcopy(job({"a": step("x"), "b": step("x", after=["a"])}))
    place: Any = document["pipelineSpec"]
    for key in where[:-1]:
        place = place[key]
    place[where[-1]] = value
    return document


TASK_A = ("root", "dag", "tasks", "a")


@pytest.mark.parametrize(
    ("where", "value", "said"),
    [
        (("schemaVersion",), "2.0.0", "use_pipeline_spec_2_1=True"),
        ((*TASK_A, "dependentTasks"), ["b"], "wait for each other"),
        ((*TASK_A, "dependentTasks"), ["z"], "not in the job"),
        ((*TASK_A, "parameterIterator"), {}, "parameterIterator"),
        ((*TASK_A, "triggerPolicy"), {"strategy": "SOMETIMES"}, "SOMETIMES"),
        ((*TASK_A, "inputs"), {"artifacts": {"given": {"componentInputArtifact": "x"}}}, "componentInputArtifact"),
        (("components", "a"), {"dag": {}}, "pipeline within the pipeline"),
        (("deploymentSpec", "executors", "a_run"), {"customJob": {}}, "customJob"),
    ],
)
def test_a_job_that_is_not_understood_is_refused(where: tuple[str, ...], value: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read_job(broken(where, value))


def test_a_filter_that_is_not_understood_fails_its_step(tmp_path: Path) -> None:
    tasks = {"last": resolver('schema_title="tests.Thing" AND create_time > 3')}
    (failed,) = run_job(job(tasks), root=tmp_path).failed
    assert "create_time > 3" in failed.reason


def test_parameters_are_given_or_the_jobs_own_or_defaults() -> None:
    kinds = {"a": "STRING", "b": "NUMBER_INTEGER", "c": "STRING"}
    specs = {name: {"parameterType": kind, "defaultValue": "default"} for name, kind in kinds.items()}
    specs["d"] = {"parameterType": "BOOLEAN", "isOptional": True}
    document = {**job({}, specs), "runtimeConfig": {"parameterValues": {"a": "own", "b": 2}}}
    assert job_values(read_job(document), {"a": "given"}) == {"a": "given", "b": 2.0, "c": "default"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "no value"),
        ({"n": 1, "m": 2}, "no such parameter"),
        ({"n": "1"}, "another type"),
        ({"n": True}, "another type"),
        ({"n": 1.5}, "another type"),
        # Kubeflow's server makes no text of anything either.
        ({"n": 1, "text": 1}, "another type"),
        ({"n": 1, "text": {"num_steps": 5}}, "JSON form"),
    ],
)
def test_parameters_that_do_not_fit_are_refused(given: dict[str, Any], said: str) -> None:
    document = job(
        {}, {"n": {"parameterType": "NUMBER_INTEGER"}, "text": {"parameterType": "STRING", "isOptional": True}}
    )
    with pytest.raises(UsageError, match=said):
        job_values(read_job(document), given)


def test_a_written_value_is_read_by_its_type() -> None:
    assert parse_value("1", "STRING", "x") == "1"
    assert parse_value("1", "NUMBER_INTEGER", "x") == 1.0
    assert parse_value('{"a": [1]}', "STRUCT", "x") == {"a": [1.0]}
    with pytest.raises(UsageError, match="NUMBER_DOUBLE"):
        parse_value("one", "NUMBER_DOUBLE", "x")


PROGRAM = """
import json, os, sys
given = json.loads(sys.argv[1])
assert os.listdir() == [], os.listdir()
print("the word is", given["inputs"]["parameterValues"]["word"], os.environ["SAID"])
(thing,) = given["outputs"]["artifacts"]["thing"]["artifacts"]
os.mkdir(thing["uri"])
sys.exit(given["inputs"]["parameterValues"]["word"] == "bad")
"""


def real_job() -> dict[str, Any]:
    """A job whose one step is a real process."""
    tasks = {"a": step("python", parameters={"word": ("STRING", {"componentInputParameter": "word"})})}
    container = tasks["a"]["executor"]["container"]
    container.update(command=["python", "-c"], args=[PROGRAM, "{{$}}"], env=[{"name": "SAID", "value": "loud"}])
    return job(tasks, {"word": {"parameterType": "STRING", "defaultValue": "good"}})


@pytest.mark.parametrize("name", ["job.json", "job.yaml"])
def test_the_command_line_runs_a_job(tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str]) -> None:
    import yaml

    document = real_job()
    text = yaml.safe_dump(document["pipelineSpec"]) if name.endswith("yaml") else json.dumps(document)
    (tmp_path / name).write_text(text)
    assert main(["run", str(tmp_path / name), "--root", str(tmp_path / "root")]) == 0
    shown = capfd.readouterr().out
    assert "done" in shown
    (log,) = (tmp_path / "root").rglob("a.log")
    assert log.read_text() == "the word is good loud\n"
    (thing,) = (tmp_path / "root").rglob("thing")
    (run,) = (tmp_path / "root" / "small").iterdir()
    assert f"a.thing  tests.Thing  {thing.relative_to(run)}\n" in shown and f"Run     {run}\n" in shown


@pytest.mark.parametrize("given", ["elsewhere", "elsewhere/", "TMP/elsewhere", "TMP/elsewhere/"])
def test_another_root_than_the_compiled_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.chdir(tmp_path)
    document = {**real_job(), "runtimeConfig": {"gcsOutputDirectory": str(tmp_path / "compiled")}}
    run = run_job(document, root=given.replace("TMP", str(tmp_path)))
    assert run.failed == [], run.steps["a"].log_end()
    # Steps work in folders of their own: what they are given is whole.
    assert Path(run.output("a", "thing").uri).is_relative_to(tmp_path / "elsewhere" / "small" / run.run_id)
    assert Path(run.output("a", "thing").uri).is_dir() and not (tmp_path / "compiled").exists()
    assert run_job(document).folder.parent == tmp_path / "compiled" / "small"


def test_the_command_line_shows_the_end_of_a_log(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "job.json").write_text(json.dumps(real_job()))
    given = ["--root", str(tmp_path), "-p", "word=bad"]
    assert main(["run", str(tmp_path / "job.json"), *given]) == 1
    shown = capfd.readouterr().out
    assert "exit code 1" in shown and "| the word is bad loud" in shown and "Failed  a" in shown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "absent.json"], "absent.json"),
        (["run", "JOB", "-p", "word"], "NAME=VALUE"),
        (["run", "JOB", "-p", "no=1"], "no such parameter"),
        (["run", "JOB"], "pipeline root"),
        (["run", "JOB", "--root", "gs://bucket/root"], "gs://bucket/root"),
        (["run", "TYPED", "-p", "n=one"], "NUMBER_INTEGER"),
        (["run", "TYPED", "-p", "n=1.5"], "NUMBER_INTEGER"),
        (["run", "JOB", "--parallel", "0"], "parallel"),
        (["walk"], "walk"),
    ],
)
def test_wrong_usage_is_said(
    tmp_path: Path, arguments: list[str], said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    files = {"JOB": tmp_path / "job.json", "TYPED": tmp_path / "typed.json"}
    files["JOB"].write_text(json.dumps(real_job()))
    files["TYPED"].write_text(json.dumps(job({}, {"n": {"parameterType": "NUMBER_INTEGER"}})))
    assert main([str(files.get(word, word)) for word in arguments]) == 4
    assert said in capfd.readouterr().err


BROKEN = json.dumps({"root": {}, "schemaVersion": "2.1.0"})


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=str)
def test_a_signal_ends_the_steps_too(tmp_path: Path, number: signal.Signals) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    tasks = {"a": step("python")}
    program = f"import os, signal; open({str(fifo)!r}, 'w').write(str(os.getpid())); signal.pause()"
    tasks["a"]["executor"]["container"].update(command=["python", "-c", program], args=[])
    (tmp_path / "job.json").write_text(json.dumps(job(tasks)))
    command = [sys.executable, "-m", "pipelines.kubeflow", "run", str(tmp_path / "job.json"), "--root", str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        pid = int(fifo.read_text())
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (128 + number, "interrupted\n")
    assert not is_running(pid)


def test_text_that_is_no_job_is_refused(tmp_path: Path) -> None:
    for name, text in (
        ("a.json", "{"),
        ("b.yaml", "a: b: c"),
        ("c.json", '{"a": 1}'),
        ("d.yaml", ""),
        ("e.json", BROKEN),
    ):
        (tmp_path / name).write_text(text)
        with pytest.raises(UsageError, match=r"no (compiled )?job|broken"):
            load_job(tmp_path / name)


def test_a_program_that_is_not_there_ends_with_127(tmp_path: Path) -> None:
    ended = LocalCommands().run("image", ["no-such-program"], {}, tmp_path / "log")
    assert ended.code == 127 and "no-such-program" in (tmp_path / "log").read_text()


def test_another_environment_can_be_named(tmp_path: Path) -> None:
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.write_text("#!/bin/sh\necho another python, $PYTHONPATH, $WORD\n")
    python.chmod(0o755)
    commands = LocalCommands(python, {"PYTHONPATH": "", "WORD": "said"})
    assert commands.run("image", ["python"], {}, tmp_path / "log").code == 0
    assert (tmp_path / "log").read_text() == "another python, , said\n"


def test_a_commands_memory_is_measured(tmp_path: Path) -> None:
    used = LocalCommands().run("image", ["python", "-c", "x = bytearray(200_000_000)"], {}, tmp_path / "log").peak_bytes
    # Linux counts what the process was before it became the command: a copy of this one.
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    assert used is not None and 200e6 < used < max(400e6, 1.1 * own)
