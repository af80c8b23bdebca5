"""Asks the host for observations: which loaders are needed, one load each."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, ClassVar

from tfx_savedmodel.saved_model.temporary import temporary_folder
from tfx_savedmodel.validation.check import Answer, LoadObservation, ModelCheck
from tfx_savedmodel.validation.policy import Limits

#: In this order: the cheapest first.
LOADERS = ("native", "tf1", "tf2")
#: Of a file of answers; what a load keeps is bounded by itself.
_MOST_ANSWER_BYTES = 256 << 20
_LAST_WORDS = 500


class LoaderHost:
    """A running host process; one serves any number of models, one after the other.

    A host that ended is started again, once for a question.
    """

    module: ClassVar[str] = "tfx_savedmodel.validation.loading.host"

    def __init__(self) -> None:
        self._words: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the host
        self._process = self._start()

    def environment(self) -> dict[str, str]:
        """Return the environment of the host."""
        return {
            **os.environ,
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "CUDA_VISIBLE_DEVICES": "-1",
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", "")]),
        }

    def observe(
        self,
        loader: str,
        model: Path,
        tags: Iterable[str],
        limits: Limits,
        *,
        runs: bool = False,
        keep_answers: bool = False,
        avoid: Mapping[str, str] | None = None,
    ) -> LoadObservation:
        """Return what one loader did with a model; with `runs` its signatures are run as well.

        With `keep_answers` what they answer is in the observation. The signatures of `avoid` are not run, for the
        reason given there.
        """
        request = {
            "loader": loader,
            "model": str(model),
            "tags": list(tags),
            "seconds": limits.seconds,
            "run_seconds": limits.run_seconds,
            "memory_bytes": limits.memory_bytes,
            "runs": runs,
            "avoid": dict(avoid or {}),
        }
        if not (runs and keep_answers):
            return self._observation(loader, request)
        with temporary_folder() as folder:
            return _with_answers(self._observation(loader, {**request, "answers": folder}), Path(folder))

    def close(self) -> None:
        """End the host."""
        self._end()
        self._words.close()

    def __enter__(self) -> LoaderHost:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is not None and not issubclass(kind, Exception):
            self._process.kill()  # whoever is asked to end waits for no load
        self.close()

    def _start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", self.module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._words,
            env=self.environment(),
            text=True,
        )

    def _end(self) -> None:
        process = self._process
        if process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):  # it ended before it was asked all
                process.stdin.close()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()

    def _observation(self, loader: str, request: Mapping[str, Any]) -> LoadObservation:
        answer = self._ask(request)
        if answer is None:
            self._end()
            self._process = self._start()
            answer = self._ask(request)
        if answer is None:
            said = f"the loaders' host process ended twice (exit code {self._process.wait()}): {self._last_words()}"
            return LoadObservation(loader, "unavailable", said)
        return LoadObservation(**{**answer, "runs": tuple(answer["runs"])})

    def _ask(self, request: Mapping[str, Any]) -> dict[str, Any] | None:
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            print(json.dumps(request), file=self._process.stdin, flush=True)
            line = self._process.stdout.readline()
        except BrokenPipeError:
            return None
        # A host that is killed may leave its last line torn.
        answer: dict[str, Any] | None = json.loads(line) if line.endswith("\n") else None
        return answer

    def _last_words(self) -> str:
        self._words.seek(0)
        return self._words.read().decode("utf-8", "replace").strip()[-_LAST_WORDS:] or "it said nothing"


def _with_answers(observation: LoadObservation, folder: Path) -> LoadObservation:
    """Read what a load left in a folder; what cannot be read is said with its run."""
    from tfx_savedmodel.validation.loading.answers import read_answers

    runs, answers = [], {}
    for run in observation.runs:
        file = folder / Path(str(run.get("answer", ""))).name
        if "answer" in run:
            try:
                kept = read_answers(file, _MOST_ANSWER_BYTES)
                key = (str(run["signature"]), int(run["batch"]))
                answers[key] = Answer(
                    str(run["inputs"]), str(run["digest"]), kept.get("first", {}), kept.get("again", {})
                )
            except ValueError as error:
                run = {**run, "unkept": str(error)}
        runs.append({name: value for name, value in run.items() if name not in ("answer", "digest")})
    return dataclasses.replace(observation, runs=tuple(runs), answers=answers)


def observe_model(
    host: LoaderHost,
    model: Path,
    tags: tuple[str, ...],
    checks: Iterable[ModelCheck],
    limits: Limits,
    progress: Callable[[str], None],
) -> dict[str, LoadObservation]:
    """Return the observations that checks need, by loader: one load each serves them all.

    A loader that is wanted for no more than running the signatures is left out where another has run them.
    """
    needs = _Needs.of(checks)
    found: dict[str, LoadObservation] = {}
    has_run = False
    deadly: dict[str, str] = {}
    for loader in LOADERS:
        runs = loader in needs.runs or (loader in needs.first and not has_run)
        if not (runs or loader in needs.loads):
            continue
        progress(f"loading with the {loader} loader")
        seen = host.observe(loader, model, tags, limits, runs=runs, keep_answers=loader in needs.runs, avoid=deadly)
        ended = f"not run: it ended the {loader} loader's process"  # once is enough, and a hang takes its time
        deadly.update({str(run["signature"]): ended for run in seen.runs if run.get("died")})
        found[loader] = seen
        has_run = has_run or (runs and seen.outcome == "ok")
    return found


@dataclasses.dataclass(frozen=True)
class _Needs:
    """Loaders whose load is judged; those whose runs are; those of which the first that loads is to run."""

    loads: frozenset[str]
    runs: frozenset[str]
    first: frozenset[str]

    @classmethod
    def of(cls, checks: Iterable[ModelCheck]) -> _Needs:
        by_runs: dict[str, set[str]] = {"": set(), "first": set(), "all": set()}
        for check in checks:
            by_runs[check.runs].update(check.loaders)
        return cls(frozenset(by_runs[""]), frozenset(by_runs["all"]), frozenset(by_runs["first"]))
