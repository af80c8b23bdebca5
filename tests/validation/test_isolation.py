"""Models that crash, hang or eat memory end in what was seen of them, and nothing of them stays behind."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.validation.faulty_models import LAST_WORDS, crash, gorge, hang, leave, save_faulty
from tfx_savedmodel.operations.validate import validate
from tfx_savedmodel.validation.loading.observe import LoaderHost
from tfx_savedmodel.validation.policy import Limits, Policy
from tfx_savedmodel.validation.result import CheckVerdict, Verdict

pytestmark = pytest.mark.tf

#: Ample for a good run on a busy machine, and what a hang costs.
LIMITS = Limits(seconds=20.0, run_seconds=5.0, memory_bytes=600 << 20)


@pytest.fixture(scope="module")
def host() -> Iterator[LoaderHost]:
    with LoaderHost() as running:
        yield running


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    signatures = {"a": None, "b_crashes": crash, "c": None, "d_gorges": gorge, "e": None, "f_hangs": hang, "g": None}
    return save_faulty(tmp_path_factory.mktemp("faulty") / "m", signatures)


def children(process: int) -> list[int]:
    """Return the processes that a process has started and that are still there, zombies too."""
    found = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii").split()
    return [int(one) for one in found]


def test_each_fault_is_its_own_signatures_and_the_others_are_run(faulty: Path, host: LoaderHost) -> None:
    seen = host.observe("native", faulty, ["serve"], LIMITS, runs=True)
    assert seen.outcome == "ok"
    by_signature: dict[str, list[Any]] = {}
    for run in seen.runs:
        by_signature.setdefault(run["signature"], []).append(run)
    for good in ("a", "c", "e", "g"):
        assert [run["batch"] for run in by_signature[good] if "inputs" in run] == [1, 3, 0], good
    (crashed,), (gorged,), (hung,) = (by_signature[key] for key in ("b_crashes", "d_gorges", "f_hangs"))
    assert "SIGABRT" in crashed["error"] and LAST_WORDS in crashed["error"]
    assert "memory: a run took" in gorged["error"] and str(LIMITS.memory_bytes) in gorged["error"]
    assert "timeout: a run was not done after 5 s" in hung["error"]
    assert {run["died"] for run in (crashed, gorged, hung)} == {True}
    assert seen.peak_bytes > LIMITS.memory_bytes
    assert children(host._process.pid) == []


@pytest.mark.parametrize(
    ("act", "outcome", "words"),
    [
        (crash, "crashed", LAST_WORDS),
        (leave, "crashed", ""),
        (gorge, "memory", "memory: the load took"),
        (hang, "timeout", "timeout: the load was not done after 4 s"),
    ],
)
def test_a_faulty_initialiser_is_the_loads_outcome(
    act: Callable[[Any], Any], outcome: str, words: str, host: LoaderHost, tmp_path: Path
) -> None:
    limits = Limits(seconds=4.0 if act is hang else 60.0, memory_bytes=LIMITS.memory_bytes)
    seen = host.observe("native", save_faulty(tmp_path / "m", {"a": None}, act), ["serve"], limits, runs=True)
    assert seen.outcome == outcome, seen.error
    assert words in seen.error
    assert seen.runs == ()
    assert children(host._process.pid) == []


def test_the_report_tells_of_a_crash_and_goes_on(
    host: LoaderHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = save_faulty(tmp_path / "m", {"serving_default": None, "worse": crash})
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    report = validate(model, host=host, select=["SM2"], policy=Policy(limits=LIMITS))
    results = {check.code: check for check in report.checks}
    assert {code: result.verdict for code, result in results.items()} == {
        **dict.fromkeys(("SM201", "SM202", "SM203", "SM205"), CheckVerdict.PASS),
        "SM204": CheckVerdict.FAIL,
        "SM206": CheckVerdict.SKIP,
    }
    (finding,) = results["SM204"].findings
    assert finding.where == {"signature": "worse", "batch": 1, "loaders": "native"}  # once is enough
    assert finding.message == "the signature 'worse' ends its process on a batch of 1"
    why = "not run: it ended the native loader's process"
    assert results["SM204"].measurements["not_run"] == {"worse, batch of 1": why}
    assert results["SM205"].measurements["compared"] == 4  # two batches with rows, two loaders held against the first
    assert sorted(results["SM206"].measurements["loads"]) == ["native", "tf1", "tf2"]
    assert report.verdict is Verdict.NOT_BLESSED
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_killed_host_is_started_again_once(tmp_path: Path) -> None:
    model = save_faulty(tmp_path / "m", {"a": None})
    with LoaderHost() as loaders:
        first = loaders._process.pid
        os.kill(first, signal.SIGKILL)
        assert loaders.observe("native", model, ["serve"], LIMITS).outcome == "ok"
        assert loaders._process.pid != first


def test_a_host_that_cannot_start_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LoaderHost, "module", "tfx_savedmodel.no_such_host")
    with LoaderHost() as loaders:
        seen = loaders.observe("native", tmp_path, ["serve"], LIMITS)
    assert seen.outcome == "unavailable"
    assert "No module named tfx_savedmodel.no_such_host" in seen.error
