"""Kills at random moments of an export: a whole model or none, nothing else in sight, and a rerun succeeds."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import random
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.operations.models import save_module
from tfx_savedmodel.operations.validate import Verdict, validate
from tfx_savedmodel.saved_model import leftovers

pytestmark = pytest.mark.tf

SERVER = Path(__file__).with_name("command_server.py")
NAME = "exported"
REWRITE_KILLS, TRACE_KILLS = 20, 10
#: A plan that edits saved_model.pb, and one that traces.
REWRITE = ("--keep", "all", "--signature", "again=alias:look_up", "--copy")
OLDER = ("--keep", "all", "--copy")
TRACE = ("--signature", "serving_default=model")


class Server:
    """Runs the command line in processes of their own, and kills them."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.is_ready = False

    def run(
        self, *arguments: str, kill_after: float | None = None, since: Callable[[], bool] = lambda: True
    ) -> tuple[int, float]:
        """Return the exit code (-9 where it was killed) and the seconds of a run, from when `since` holds."""
        assert self.process.stdin is not None
        if not self.is_ready:
            self._expect("ready", 120.0)
            self.is_ready = True
        self.process.stdin.write(json.dumps(list(arguments)) + "\n")
        self.process.stdin.flush()
        pid = self._expect("started", 60.0)
        while not since() and not self._has_answer(0.0005):
            pass
        started = time.monotonic()
        if kill_after is not None and not self._has_answer(kill_after):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
        return self._expect("ended", 60.0), time.monotonic() - started

    def _expect(self, word: str, seconds: float) -> int:
        assert self._has_answer(seconds), f"no {word!r} after {seconds} s"
        assert self.process.stdout is not None
        said, _, number = self.process.stdout.readline().partition(" ")
        assert said.strip() == word
        return int(number or 0)

    def _has_answer(self, seconds: float) -> bool:
        return bool(select.select([self.process.stdout], [], [], seconds)[0])


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    command = [sys.executable, str(SERVER), "tensorflow", "tfx_savedmodel.operations.export"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "components"), "TF_CPP_MIN_LOG_LEVEL": "3"}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True
    ) as process:
        yield Server(process)


@pytest.fixture(scope="module")
def source(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with 8 MB in many files beside its graph, so that copying takes a while.

    It is made while the server imports TensorFlow.
    """
    directory = save_module(tmp_path_factory.mktemp("source") / "model")
    noise = random.Random(1)
    (directory / "assets.extra").mkdir()
    for number in range(400):
        (directory / "assets.extra" / f"{number:04d}").write_bytes(noise.randbytes(20_000))
    return directory


def contents(directory: Path) -> dict[str, str]:
    """Return the digest of each file, by its path."""
    files = [child for child in directory.rglob("*") if child.is_file()]
    return {str(file.relative_to(directory)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


class Moments:
    """Random moments to kill at: half of them in the whole of a run, half in its work on the destination.

    The work begins with the first hidden entry beside the destination; only that tells it on a busy machine.
    """

    def __init__(self, server: Server, folder: Path, arguments: tuple[str, ...]) -> None:
        self.server, self.folder, self.arguments = server, folder, arguments
        self.whole = min(server.run(*arguments)[1] for _ in range(2))
        self.work = min(server.run(*arguments, since=self.has_begun())[1] for _ in range(2))

    def has_begun(self) -> Callable[[], bool]:
        before = set(hidden(self.folder))
        return lambda: not before.issuperset(hidden(self.folder))

    def kills(self, count: int) -> Iterator[Callable[[], int]]:
        """Yield functions that run the command, kill it, and return its exit code."""
        chance = random.Random(20261121)
        fractions = [(number + chance.random()) / count for number in range(count)]
        chance.shuffle(fractions)
        for number, fraction in enumerate(fractions):
            if number < count // 2:
                yield functools.partial(self._kill, fraction * self.whole, lambda: True)
            else:
                yield functools.partial(self._kill, fraction * self.work, None)

    def _kill(self, after: float, since: Callable[[], bool] | None) -> int:
        return self.server.run(*self.arguments, kill_after=after, since=since or self.has_begun())[0]


def hidden(folder: Path) -> list[str]:
    return [child.name for child in folder.iterdir() if child.name.startswith(".")]


def visible(folder: Path) -> list[str]:
    return sorted(child.name for child in folder.iterdir() if not child.name.startswith("."))


def export(source: Path, destination: Path, plan: tuple[str, ...], *flags: str) -> tuple[str, ...]:
    return ("export", str(source), str(destination), *plan, *flags)


def test_kills_of_an_edit(server: Server, source: Path, tmp_path: Path) -> None:
    assert server.run(*export(source, tmp_path / "older", OLDER))[0] == 0
    assert server.run(*export(source, tmp_path / "newer", REWRITE))[0] == 0
    older, newer = contents(tmp_path / "older"), contents(tmp_path / "newer")
    assert older != newer
    target = tmp_path / "killed" / NAME
    target.parent.mkdir()
    in_the_middle = 0
    moments = Moments(server, target.parent, export(source, target, REWRITE, "--overwrite"))
    for number, kill in enumerate(moments.kills(REWRITE_KILLS)):
        replacing = number % 2 == 1
        if not replacing:
            leftovers.remove(target)
        elif not target.exists() or contents(target) != older:
            assert server.run(*export(source, target, OLDER, "--overwrite"))[0] == 0
        assert kill() in (0, -signal.SIGKILL)
        in_the_middle += bool(hidden(target.parent))
        assert visible(target.parent) in ([], [NAME])
        if target.exists():
            assert contents(target) in ([older, newer] if replacing else [newer])
        else:
            assert not replacing or not can_exchange(tmp_path)
    assert in_the_middle >= REWRITE_KILLS // 4, "the kills missed the work"
    command = [sys.executable, "-m", "tfx_savedmodel.cli.main", *export(source, target, REWRITE, "--overwrite")]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    assert contents(target) == newer
    assert [child.name for child in target.parent.iterdir()] == [NAME]


def test_kills_of_a_trace(server: Server, source: Path, tmp_path: Path) -> None:
    assert server.run(*export(source, tmp_path / "whole", TRACE))[0] == 0
    files = sorted(contents(tmp_path / "whole"))
    target = tmp_path / "killed" / NAME
    target.parent.mkdir()
    in_the_middle = 0
    moments = Moments(server, target.parent, export(source, target, TRACE, "--overwrite"))
    for kill in moments.kills(TRACE_KILLS):
        leftovers.remove(target)
        assert kill() in (0, -signal.SIGKILL)
        in_the_middle += bool(hidden(target.parent))
        assert visible(target.parent) in ([], [NAME])
        if target.exists():
            assert sorted(contents(target)) == files
            assert validate(target, select=["SM1"], ignore=["SM105", "SM107"]).verdict is Verdict.BLESSED
    assert in_the_middle >= TRACE_KILLS // 4, "the kills missed the work"
    assert server.run(*moments.arguments)[0] == 0
    assert sorted(contents(target)) == files
    assert [child.name for child in target.parent.iterdir()] == [NAME]


def can_exchange(folder: Path) -> bool:
    for name in ("one", "other"):
        (folder / name).mkdir(exist_ok=True)
    return leftovers.exchange(folder / "one", folder / "other")
