"""The backend of Kubeflow jobs, on small jobs made by hand: what flows, what is skipped, what fails."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from typing import Any

import pytest

from pipelines.kubeflow import JobRun, State, run_job
from tests.pipelines.kubeflow_jobs import (
    Functions,
    constant,
    fails,
    importer,
    job,
    resolver,
    says,
    step,
    write_output,
)
from tfx_savedmodel.errors import UsageError

pytestmark = pytest.mark.unit

LATEST = 'schema_title="tests.Thing" AND state=LIVE'
IF_GOOD = {"condition": "(inputs.artifacts['given'].artifacts[0].metadata['good'] == 1.0)"}


def states(run: JobRun) -> dict[str, str]:
    return {name: result.state.value for name, result in run.steps.items()}


def test_what_a_step_writes_arrives_downstream(tmp_path: Path) -> None:
    seen: dict[str, Any] = {}
    tasks = {
        "a": step("make", output_parameters={"words": "STRING", "count": "NUMBER_INTEGER"}),
        "b": step(
            "read",
            after={"given": "a"},
            parameters={
                "count": (
                    "NUMBER_INTEGER",
                    {"taskOutputParameter": {"producerTask": "a", "outputParameterKey": "count"}},
                ),
                "words": ("STRING", {"taskOutputParameter": {"producerTask": "a", "outputParameterKey": "words"}}),
            },
        ),
    }

    def make(executor_input: dict[str, Any]) -> None:
        said = {"note": "hello", "number": 3, "big": 2**60 + 1, "nested": {"train": 1}}
        write_output(executor_input, {"artifacts": {"thing": {"artifacts": [{"metadata": said}]}}})
        Path(executor_input["outputs"]["parameters"]["words"]["outputFile"]).write_text("from a file")
        Path(executor_input["outputs"]["parameters"]["count"]["outputFile"]).write_text("7\n")

    run = run_job(job(tasks), root=tmp_path, commands=Functions(make=make, read=seen.update))
    assert states(run) == {"a": "SUCCEEDED", "b": "SUCCEEDED"}
    assert seen["inputs"]["parameterValues"] == {"count": 7, "words": "from a file"}
    (given,) = seen["inputs"]["artifacts"]["given"]["artifacts"]
    made = run.output("a", "thing")
    assert (given["uri"], given["name"], given["type"]) == (made.uri, made.name, made.type)
    # Numbers are floats, as in protobuf's Struct: what a float cannot hold is changed.
    assert given["metadata"] == {"note": "hello", "number": 3.0, "big": float(2**60), "nested": {"train": 1.0}}
    assert isinstance(made.metadata["number"], float)


def test_outputs_lie_under_the_root_and_differ_between_runs(tmp_path: Path) -> None:
    tasks = {"a": step("make", is_cached=False)}
    first, second = (run_job(job(tasks), root=tmp_path, commands=Functions(make=says(n=1))) for _ in range(2))
    uris = [Path(run.output("a", "thing").uri) for run in (first, second)]
    assert all(uri.is_relative_to(run.folder) for uri, run in zip(uris, (first, second), strict=True))
    assert first.folder.parent == second.folder.parent == tmp_path / "small"
    assert uris[0] != uris[1] and uris[0].name == "thing"


def test_a_failure_stops_what_depends_on_it_and_nothing_else(tmp_path: Path) -> None:
    tasks = {
        "bad": step("fails"),
        "child": step("make", after={"given": "bad"}),
        "grandchild": step("make", after=["child"]),
        "other": step("make"),
        "last": step("finish", after=["bad", "other"], trigger={"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}),
    }
    told: list[str] = []
    commands = Functions(fails=fails, make=says(n=1), finish=says(n=2))
    run = run_job(job(tasks), root=tmp_path, commands=commands, tell=lambda result: told.append(result.name))
    assert states(run) == {
        "bad": "FAILED",
        "other": "SUCCEEDED",
        "child": "UNSCHEDULABLE",
        "grandchild": "UNSCHEDULABLE",
        "last": "SUCCEEDED",
    }
    assert sorted(commands.ran) == ["fails", "finish", "make"] and sorted(told) == sorted(tasks)
    (bad,) = run.failed
    assert (bad.reason, bad.log_end()) == ("exit code 3", "fails says no")
    assert run.steps["child"].reason == "bad is FAILED"
    with pytest.raises(LookupError, match="UNSCHEDULABLE"):
        run.output("child", "thing")


@pytest.mark.parametrize(("good", "wanted"), [(1, State.SUCCEEDED), (0, State.NOT_TRIGGERED)])
def test_a_condition_decides(tmp_path: Path, good: int, wanted: State) -> None:
    tasks = {
        "judge": step("judge"),
        "push": step("make", after={"given": "judge"}, trigger=IF_GOOD),
        "tell": step("make", after=["push"]),
    }
    run = run_job(job(tasks), root=tmp_path, commands=Functions(judge=says(good=good), make=says(n=1)))
    assert run.steps["push"].state is wanted
    assert run.steps["tell"].state is (State.SUCCEEDED if good else State.UNSCHEDULABLE)
    assert run.failed == []


def test_a_condition_on_what_is_not_there_fails_its_step(tmp_path: Path) -> None:
    tasks = {"judge": step("judge"), "push": step("make", after={"given": "judge"}, trigger=IF_GOOD)}
    run = run_job(job(tasks), root=tmp_path, commands=Functions(judge=says(bad=1), make=says(n=1)))
    assert [result.name for result in run.failed] == ["push"]
    assert "'good'" in run.steps["push"].reason


def test_the_cache_serves_the_same_step_with_the_same_inputs(tmp_path: Path) -> None:
    def tasks(text: str, *, is_cached: bool = True) -> dict[str, Any]:
        middle = step("read", after={"given": "a"}, parameters={"text": ("STRING", constant(text))})
        return {"a": step("make", is_cached=is_cached), "b": middle, "c": step("make", after={"given": "b"})}

    commands = Functions(make=says(n=1), read=says({"x": 1}, n=2))
    first = run_job(job(tasks("one")), root=tmp_path, commands=commands)
    again = run_job(job(tasks("one")), root=tmp_path, commands=commands)
    changed = run_job(job(tasks("two")), root=tmp_path, commands=commands)
    elsewhere = run_job(job(tasks("one")), root=tmp_path / "elsewhere", commands=commands)
    uncached = run_job(job(tasks("one", is_cached=False)), root=tmp_path, commands=commands)
    assert [first.cached, again.cached, changed.cached] == [set(), {"a", "b", "c"}, {"a"}]
    assert elsewhere.cached == set()
    # What a runs anew is another artifact, so that b and c have other inputs.
    assert uncached.cached == set()
    assert again.output("c", "thing") == first.output("c", "thing")
    assert list(again.folder.rglob("*_*")) == []


def test_what_was_removed_is_made_again(tmp_path: Path) -> None:
    def make(executor_input: dict[str, Any]) -> None:
        Path(executor_input["outputs"]["artifacts"]["thing"]["artifacts"][0]["uri"]).mkdir()

    runs = [run_job(job({"a": step("make")}), root=tmp_path, commands=Functions(make=make)) for _ in range(2)]
    assert [run.cached for run in runs] == [set(), {"a"}]
    Path(runs[0].output("a", "thing").uri).rmdir()
    assert run_job(job({"a": step("make")}), root=tmp_path, commands=Functions(make=make)).cached == set()


def test_a_failure_is_not_cached(tmp_path: Path) -> None:
    tasks = {"a": step("make")}
    assert run_job(job(tasks), root=tmp_path, commands=Functions(make=fails)).failed
    assert states(run_job(job(tasks), root=tmp_path, commands=Functions(make=says(n=1)))) == {"a": "SUCCEEDED"}


def test_the_hook_runs_before_the_cache_and_changes_what_the_step_is_given(tmp_path: Path) -> None:
    seen: dict[str, Any] = {}
    tasks = {"a": step("make", hook="look", parameters={"pattern": ("STRING", constant("{SPAN}/*"))})}

    def run(span: int) -> tuple[JobRun, list[str]]:
        def make(executor_input: dict[str, Any]) -> None:
            seen.update(executor_input, found=Path(executor_input["outputs"]["outputFile"]).is_file())
            write_output(executor_input, {})

        look = says({"pattern": f"{span}/*", "span": span}, span=span)
        commands = Functions(look=look, make=make)
        return run_job(job(tasks), root=tmp_path, commands=commands), commands.ran

    first, ran = run(1)
    assert ran == ["look", "make"]
    assert seen["inputs"]["parameterValues"] == {"pattern": "1/*", "span": 1}
    assert seen["found"], "TFX's executor reads what its hook wrote"
    assert first.output("a", "thing").metadata == {"span": 1.0}
    again, ran = run(1)
    assert (states(again), ran) == ({"a": "SKIPPED"}, ["look"])
    other, ran = run(2)
    assert (states(other), ran) == ({"a": "SUCCEEDED"}, ["look", "make"])


def test_a_hook_that_fails_fails_the_step(tmp_path: Path) -> None:
    run = run_job(job({"a": step("make", hook="look")}), root=tmp_path, commands=Functions(look=fails))
    assert run.steps["a"].reason == "the hook before the cache: exit code 3"


def test_an_importer_gives_the_artifact_that_is_known(tmp_path: Path) -> None:
    def imported(metadata: dict[str, Any], **how: Any) -> Any:
        tasks = {"a": importer("somewhere", metadata, **how), "b": step("make", after={"given": "a"})}
        run = run_job(job(tasks), root=tmp_path, commands=Functions(make=says(n=1)))
        return run.output("a", "thing"), run.cached

    first, _ = imported({"n": 1})
    assert (first.uri, first.metadata, first.type_name) == ("somewhere", {"n": 1.0}, "tests.Thing")
    assert imported({"n": 1}) == (first, {"b"})
    assert imported({"n": 2})[0] != first
    assert imported({"n": 1}, reimport=True) != (first, {"b"})


def test_a_resolver_gives_the_latest_artifact_of_an_earlier_run_and_none_before(tmp_path: Path) -> None:
    seen: list[Any] = []
    tasks = {
        "last": resolver(LATEST),
        "a": step("read", after={"given": "last"}, is_cached=False),
    }

    def read(executor_input: dict[str, Any]) -> None:
        seen.append(executor_input["inputs"]["artifacts"]["given"]["artifacts"])

    runs = [run_job(job(tasks), root=tmp_path, commands=Functions(read=read)) for _ in range(3)]
    assert seen[0] == []
    assert [item["uri"] for (item,) in seen[1:]] == [run.output("a", "thing").uri for run in runs[:2]]
    assert states(runs[0]) == {"last": "SUCCEEDED", "a": "SUCCEEDED"}


def test_the_latest_blessed_model_is_found_in_two_steps(tmp_path: Path) -> None:
    name = "{{$.inputs.artifacts['input'].metadata['current_model_id']}}"
    blessings = resolver(f"{LATEST} AND metadata.blessed.number_value=1")
    models = resolver(f'{LATEST} AND name="{name}"', after={"input": "blessings"})
    finding = {"blessings": blessings, "models": models}

    def judge(executor_input: dict[str, Any]) -> None:
        (model,) = executor_input["inputs"]["artifacts"]["given"]["artifacts"]
        blessed = executor_input["inputs"]["parameterValues"]["blessed"]
        says(current_model_id=model["name"], blessed=blessed)(executor_input)

    commands = Functions(make=says(n=1), judge=judge)
    nothing = run_job(job(finding), root=tmp_path, commands=commands)
    assert {name: len(result.artifacts["thing"]) for name, result in nothing.steps.items()} == {
        "blessings": 0,
        "models": 0,
    }
    good, bad = (
        run_job(
            job(
                {
                    "model": step("make", is_cached=False),
                    "blessing": step(
                        "judge", after={"given": "model"}, parameters={"blessed": ("NUMBER_INTEGER", constant(blessed))}
                    ),
                }
            ),
            root=tmp_path,
            commands=commands,
        )
        for blessed in (1, 0)
    )
    found = run_job(job(finding), root=tmp_path, commands=commands)
    assert found.output("models", "thing") == good.output("model", "thing") != bad.output("model", "thing")


def test_steps_run_side_by_side(tmp_path: Path) -> None:
    meeting = threading.Barrier(2, timeout=20)

    def meet(_: dict[str, Any]) -> None:
        meeting.wait()

    run = run_job(job({"a": step("meet"), "b": step("meet")}), root=tmp_path, commands=Functions(meet=meet))
    assert states(run) == {"a": "SUCCEEDED", "b": "SUCCEEDED"}


def test_an_interruption_stops_the_commands(tmp_path: Path) -> None:
    commands = Functions(make=says(n=1))

    def interrupt(_: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_job(job({"a": step("make")}), root=tmp_path, commands=commands, tell=interrupt)
    assert commands.was_stopped


def test_a_root_elsewhere_is_refused(tmp_path: Path) -> None:
    document = {**job({"a": step("make")}), "runtimeConfig": {"gcsOutputDirectory": "gs://bucket/root"}}
    with pytest.raises(UsageError, match="gs://bucket/root"):
        run_job(document, commands=Functions())
    assert states(run_job(document, root=tmp_path, commands=Functions(make=says(n=1)))) == {"a": "SUCCEEDED"}


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("{", ""),
        ("[]", ""),
        ('{"artifacts": {"thing": [{"uri": "a"}]}}', "artifacts.thing"),
        ('{"artifacts": {"thing": {"artifacts": [{"metadata": 3}]}}}', "artifacts.thing.artifacts.0.metadata"),
        ('{"parameterValues": "words"}', "parameterValues"),
    ],
)
def test_a_step_that_writes_nonsense_fails_by_itself(text: str, where: str, tmp_path: Path) -> None:
    def write(executor_input: dict[str, Any]) -> None:
        Path(executor_input["outputs"]["outputFile"]).write_text(text)

    tasks = {"a": step("write"), "b": step("read", after={"given": "a"}), "c": step("other")}
    run = run_job(job(tasks), root=tmp_path, commands=Functions(write=write, read=says(), other=says()))
    assert states(run) == {"a": "FAILED", "b": "UNSCHEDULABLE", "c": "SUCCEEDED"}
    assert "a step wrote no ExecutorOutput" in run.steps["a"].reason
    assert f"executor_output.json{f', {where}' if where else ''}\n" in run.steps["a"].reason


def test_a_step_whose_folder_cannot_be_made_fails_by_itself(tmp_path: Path) -> None:
    def block(executor_input: dict[str, Any]) -> None:
        logs = Path(executor_input["outputs"]["outputFile"]).parents[1] / "logs"
        shutil.rmtree(logs)
        logs.write_text("in its way")

    tasks = {"a": step("block"), "b": step("other", after=["a"])}
    run = run_job(job(tasks), root=tmp_path, commands=Functions(block=block, other=says()))
    assert states(run)["b"] == "FAILED" and "logs" in run.steps["b"].reason


def test_a_root_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="the pipeline root cannot be made"):
        run_job(job({"a": step("other")}), root=tmp_path / "file" / "root", commands=Functions(other=says()))
