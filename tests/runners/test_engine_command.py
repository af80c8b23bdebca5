"""Starting and stopping engines: the jars' class path, the processes, and the command; without an engine."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from pipelines.engines import __main__ as command
from pipelines.engines import jars
from pipelines.engines.engine import Engine
from pipelines.engines.jars import EngineError
from pipelines.engines.processes import Processes, free_ports, is_running, stop_groups
from tests.conftest import ROOT

pytestmark = pytest.mark.unit

_SLEEP = ["sleep", "1000"]


class Idle(Engine):
    """An engine of two processes that do nothing, one of which has started another."""

    name: ClassVar[str] = "idle"
    last: ClassVar[Idle]

    def start(self) -> None:
        type(self).last = self
        self.pids: list[int] = []
        self.processes.start("one", _SLEEP, {})
        self.processes.start("two", ["sh", "-c", f"sleep 1000 & echo $! >{self.processes.folder}/child; wait"], {})
        child = self.processes.folder / "child"
        self.processes.wait("two", "a child", lambda: child.is_file() and child.read_text().endswith("\n"))
        self.pids = [*self.processes.pids.values(), int(child.read_text())]


@pytest.fixture(autouse=True)
def idle(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(command.ENGINES, "idle", Idle)
    yield


def test_a_missing_tool_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(EngineError, match="apt-get install maven"):
        jars.tool("mvn")


def test_the_class_path_names_every_jar(tmp_path: Path) -> None:
    named = [tmp_path / f"a-jar-with-a-long-name-{number}.jar" for number in range(40)]
    jars._write_class_path(tmp_path / "all.jar", named)
    with zipfile.ZipFile(tmp_path / "all.jar") as archive:
        text = archive.read("META-INF/MANIFEST.MF")
    assert max(map(len, text.split(b"\r\n"))) <= 72
    (line,) = [line for line in text.replace(b"\r\n ", b"").split(b"\r\n") if line.startswith(b"Class-Path: ")]
    assert line.decode().split()[1:] == [jar.as_uri() for jar in named]


def test_a_fetch_that_failed_is_no_class_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def tool(name: str) -> str:
        return str(tmp_path / "mvn")

    (tmp_path / "mvn").write_text("#!/bin/sh\necho no route to Maven Central; exit 1\n", encoding="utf-8")
    (tmp_path / "mvn").chmod(0o755)
    monkeypatch.setattr(jars, "tool", tool)
    for _ in range(2):
        with pytest.raises(EngineError, match="no route to Maven Central"):
            jars.class_path("flink", tmp_path)


def test_a_process_that_ends_early_says_why(tmp_path: Path) -> None:
    processes = Processes(tmp_path)
    processes.start("broken", ["sh", "-c", "echo no such jar; exit 7"], {})
    with pytest.raises(EngineError, match=r"(?s)broken ended with 7 before.*no such jar"):
        processes.wait_for_port("broken", free_ports(1)[0])


def test_processes_end_with_whoever_started_them(tmp_path: Path) -> None:
    script = f"""
import os, pathlib
from pipelines.engines.processes import Processes
processes = Processes(pathlib.Path({str(tmp_path)!r}))
processes.start("one", ["sh", "-c", "echo here; exec sleep 1000"], {{}})
processes.wait("one", "a word", lambda: (processes.folder / "one.log").read_text() == "here\\n")
print(processes.pids["one"], flush=True)
os._exit(1)
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    pid = int(done.stdout)
    subprocess.run(["tail", f"--pid={pid}", "-f", "/dev/null"], check=True, timeout=30)
    assert not is_running(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="looks at the processes of a group as Linux shows them")
def test_what_a_leader_started_has_time_to_end(tmp_path: Path) -> None:
    script = "(trap 'sleep 0.3; echo ended >child; exit' TERM; echo >child; while :; do sleep 0.01; done) & wait"
    leader = subprocess.Popen(["sh", "-c", script], cwd=tmp_path, start_new_session=True)
    try:
        while not (tmp_path / "child").is_file():
            assert leader.poll() is None
    finally:
        stop_groups([leader.pid])
    assert (tmp_path / "child").read_text() == "ended\n"
    leader.wait()


def test_run_adds_beams_arguments_and_stops_the_engine(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--folder", str(tmp_path), "run", "idle", "sh", "-c", 'echo "$@"; exit 3', "sh"]) == 3
    assert capfd.readouterr().out.split() == ["--", *Idle.last.beam_args]
    assert not any(map(is_running, Idle.last.pids))


def test_run_stops_the_engine_when_it_is_ended(tmp_path: Path) -> None:
    assert (
        command.main(["--folder", str(tmp_path), "run", "idle", "sh", "-c", "kill -TERM $PPID; exec sleep 1000"]) == 143
    )
    assert not any(map(is_running, Idle.last.pids))


def test_what_cannot_be_run_is_said(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--folder", str(tmp_path), "run", "idle", "no-such-command"]) == 1
    assert "no-such-command" in capfd.readouterr().err
    assert not any(map(is_running, Idle.last.pids))


def test_start_leaves_it_running_until_stop(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    place = ["--folder", str(tmp_path / "place")]
    assert command.main([*place, "start", "idle"]) == 0
    assert capfd.readouterr().out.split() == Idle.last.beam_args
    try:
        assert all(map(is_running, Idle.last.pids))
        assert command.main([*place, "start", "idle"]) == 1
        assert "runs already" in capfd.readouterr().err
    finally:
        assert command.main([*place, "stop", "idle"]) == 0
    assert not any(map(is_running, Idle.last.pids))
    assert command.main([*place, "stop", "idle"]) == 0
