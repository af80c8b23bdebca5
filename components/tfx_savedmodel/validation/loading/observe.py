"""Asks the host for observations: which loaders are needed, one load each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from tfx_savedmodel.validation.check import LoadObservation
from tfx_savedmodel.validation.policy import Limits

#: In this order: the cheapest first.
LOADERS = ("native", "tf1", "tf2")


class LoaderHost:
    """A running host process; one serves any number of models, one after the other."""

    def __init__(self) -> None:
        environment = {
            **os.environ,
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "CUDA_VISIBLE_DEVICES": "-1",
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", "")]),
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tfx_savedmodel.validation.loading.host"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            text=True,
        )

    def observe(
        self, loader: str, model: Path, tags: Iterable[str], limits: Limits, *, runs: bool = False
    ) -> LoadObservation:
        """Return what one loader did with a model; with `runs` its signatures are run as well."""
        request = {
            "loader": loader,
            "model": str(model),
            "tags": list(tags),
            "seconds": limits.seconds,
            "memory_bytes": limits.memory_bytes,
            "runs": runs,
        }
        answer = self._ask(request)
        if answer is None:
            return LoadObservation(loader, "unavailable", "the loader's host process ended")
        return LoadObservation(**{**answer, "runs": tuple(answer["runs"])})

    def close(self) -> None:
        """End the host."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def __enter__(self) -> LoaderHost:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

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


def observe_model(
    host: LoaderHost,
    model: Path,
    tags: tuple[str, ...],
    loaders: Iterable[str],
    limits: Limits,
    *,
    runs: bool,
    progress: Callable[[str], None],
) -> dict[str, LoadObservation]:
    """Return the observations by loader; the first Python loader that loads also runs signatures."""
    wanted = [loader for loader in LOADERS if loader in set(loaders)]
    found: dict[str, LoadObservation] = {}
    pending = runs
    for loader in wanted:
        progress(f"loading with the {loader} loader")
        found[loader] = host.observe(loader, model, tags, limits, runs=pending and loader != "native")
        if loader != "native" and found[loader].outcome == "ok":
            pending = False
    return found
