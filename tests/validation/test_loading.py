"""Loading in processes of its own: crashes, hangs and memory are seen and survived."""

from __future__ import annotations

import faulthandler
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.saved_model.graphs import node, save
from tfx_savedmodel.validation.loading import host
from tfx_savedmodel.validation.loading.observe import LoaderHost
from tfx_savedmodel.validation.policy import Limits

Tell = Callable[[Mapping[str, Any]], None]


def observe(monkeypatch: pytest.MonkeyPatch, load: Callable[[Any, Tell], None], **limits: Any) -> dict[str, Any]:
    monkeypatch.setattr(host, "load", load)
    return host.observe({"loader": "tf1", "seconds": 20.0, "memory_bytes": 1 << 40, **limits})


@pytest.mark.unit
def test_a_crash_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(request: Any, tell: Tell) -> None:
        faulthandler.disable()  # pytest's own would print this process's stack
        os.write(2, b"last words\n")
        os.kill(os.getpid(), signal.SIGSEGV)

    seen = observe(monkeypatch, load)
    assert seen["outcome"] == "crashed"
    assert "SIGSEGV" in seen["error"]
    assert "last words" in seen["error"]


@pytest.mark.unit
def test_a_hang_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = observe(monkeypatch, lambda request, tell: time.sleep(60), seconds=0.3)
    assert seen["outcome"] == "timeout"
    assert seen["seconds"] < 10


@pytest.mark.unit
def test_memory_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(request: Any, tell: Tell) -> None:
        hoard = []
        while True:
            hoard.append(b"x" * (16 << 20))
            time.sleep(0.001)

    seen = observe(monkeypatch, load, memory_bytes=200 << 20)
    assert seen["outcome"] == "memory"
    assert seen["peak_bytes"] > 200 << 20


@pytest.mark.unit
def test_a_crash_in_a_run_is_that_runs_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(request: Any, tell: Tell) -> None:
        tell({"event": "loaded", "seconds": 0.5, "signatures": {}})
        tell({"event": "running", "run": {"signature": "a", "batch": 1}})
        tell({"event": "ran", "run": {"signature": "a", "batch": 1}})
        tell({"event": "running", "run": {"signature": "a", "batch": 0}})
        faulthandler.disable()  # pytest's own would print this process's stack
        os.abort()

    seen = observe(monkeypatch, load)
    assert seen["outcome"] == "ok"
    good, bad = seen["runs"]
    assert "error" not in good
    assert bad["batch"] == 0
    assert "SIGABRT" in bad["error"]


@pytest.mark.unit
def test_a_torn_last_line_is_no_event(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(request: Any, tell: Tell) -> None:
        tell({"event": "refused", "outcome": "refused", "error": "no"})
        os.kill(os.getpid(), signal.SIGKILL)

    assert observe(monkeypatch, load)["error"] == "no"


@pytest.mark.tf
@pytest.mark.skipif(sys.platform != "linux", reason="Linux kills a process with its parent, others do not")
def test_a_load_does_not_outlive_its_host() -> None:
    code = (
        "import os, time\n"
        "from tfx_savedmodel.validation.loading import host\n"
        "out = os.dup(1)\n"
        "def load(request, tell):\n"
        "    os.write(out, b'%d\\n' % os.getpid()); time.sleep(60)\n"
        "host.load = load\n"
        "host.observe({'loader': 'tf1', 'seconds': 60.0, 'memory_bytes': 1 << 40})\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "components")}
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=environment, text=True) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        process.kill()
    deadline = time.monotonic() + 5
    while Path(f"/proc/{child}").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not Path(f"/proc/{child}").exists()


@pytest.mark.tf
def test_the_native_loader_needs_no_python_tensorflow(tmp_path: Path) -> None:
    good = save(tmp_path / "good", [node("x", "NoOp")])
    bad = save(tmp_path / "bad", [node("x", "NoSuchOp")])
    with LoaderHost() as loaders:
        fine = loaders.observe("native", good, ["serve"], Limits())
        refused = loaders.observe("native", bad, ["serve"], Limits())
        wrong = loaders.observe("native", good, ["train"], Limits())
    assert fine.outcome == "ok", fine.error
    assert refused.outcome == "refused"
    assert "NoSuchOp" in refused.error
    assert wrong.outcome == "refused"
