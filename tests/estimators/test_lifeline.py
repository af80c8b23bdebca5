"""A conversion's process ends with whoever asked for it, and takes away what it was writing."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tfx_savedmodel.errors import ConversionError
from tfx_savedmodel.estimators.process import Request, convert_in_process

pytestmark = pytest.mark.tf  # it needs none of it, but seconds

#: Seconds after which something that should have ended is taken to go on for ever.
LONGEST = 60.0

WORKER = """
import os, pathlib, sys, time
from tfx_savedmodel.estimators.lifeline import run_on_lifeline
told = os.open({fifo!r}, os.O_WRONLY)  # open in the watcher and in the work, until both have ended
folders = [pathlib.Path({folder!r}), pathlib.Path(sys.argv[1]).parent]
def work():
    for folder in folders:
        (folder / "half").write_text("written")
    os.write(told, b"%d\\n" % os.getpid())
    {work}
sys.exit(run_on_lifeline(work, int(sys.argv[2]), folders))
"""
CALLER = """
from tfx_savedmodel.estimators.process import Request, convert_in_process
convert_in_process(Request("model", "export", "model_dir", "both", None, None, [], 1e-6), "a_worker")
"""
FOR_EVER = "while True: pass"


class Scene:
    """A worker's module, the pipe that it tells its process through, and a folder that it writes into."""

    def __init__(self, folder: Path, work: str) -> None:
        self.folder, self.temporary = folder / "export", folder / "tmp"
        self.folder.mkdir()
        self.temporary.mkdir()
        fifo = folder / "told"
        os.mkfifo(fifo)
        self.told = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        source = WORKER.format(fifo=str(fifo), folder=str(self.folder), work=work)
        (folder / "a_worker.py").write_text(source, encoding="utf-8")
        paths = os.pathsep.join([str(ROOT / "components"), str(folder)])
        self.environment = {**os.environ, "PYTHONPATH": paths, "TMPDIR": str(self.temporary)}

    def begun(self) -> int:
        """Return the work's process id once it writes."""
        return int(self._read())

    def has_ended(self) -> bool:
        """Wait until neither the work nor its watcher lives."""
        return self._read() == b""

    def _read(self) -> bytes:
        while True:
            assert select.select([self.told], [], [], LONGEST)[0], "it goes on for ever"
            with contextlib.suppress(BlockingIOError):
                return os.read(self.told, 100)


@pytest.fixture
def scene(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Scene]:
    made = Scene(tmp_path, getattr(request, "param", FOR_EVER))
    yield made
    os.close(made.told)


@contextlib.contextmanager
def calling(scene: Scene) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", CALLER]
    with subprocess.Popen(command, env=scene.environment, stderr=subprocess.DEVNULL, start_new_session=True) as process:
        try:
            yield process
        finally:
            process.kill()


#: Where all are killed at once nobody is left who could remove anything.
ENDS = [(False, signal.SIGKILL)] + [
    (whole_group, number) for whole_group in (False, True) for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
]


@pytest.mark.parametrize(("whole_group", "number"), ENDS)
def test_a_caller_that_ends_leaves_nothing_behind(scene: Scene, whole_group: bool, number: signal.Signals) -> None:
    with calling(scene) as caller:
        scene.begun()
        (os.killpg if whole_group else os.kill)(caller.pid, number)
        assert caller.wait(LONGEST) != 0
        assert scene.has_ended()
    assert not scene.folder.exists()
    assert list(scene.temporary.iterdir()) == []


def test_whoever_ends_the_watcher_ends_the_work(scene: Scene) -> None:
    with calling(scene) as caller:
        work = scene.begun()
        watcher = int(Path(f"/proc/{work}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[1])
        assert watcher != caller.pid
        os.kill(watcher, signal.SIGKILL)
        assert scene.has_ended()


@pytest.mark.parametrize(
    ("scene", "said"),
    [
        ("os.kill(os.getpid(), 11)", "signal 11"),
        ("os.kill(os.getppid(), 15); time.sleep(600)", "signal 15"),
        ("return 7", "exit code 7"),
        ("raise OSError('the disk is full')", "the disk is full"),
    ],
    indirect=["scene"],
)
def test_how_the_work_ended_is_told(scene: Scene, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", scene.environment["PYTHONPATH"])
    request = Request("model", "export", "model_dir", "both", None, None, [], 1e-6)
    with pytest.raises(ConversionError, match=said):
        convert_in_process(request, "a_worker")
    assert (scene.folder / "half").exists()  # the caller lives, and may try again
