"""Builds the models of `CASES` and exports them, each once."""

from __future__ import annotations

import dataclasses
import functools
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.conftest import ROOT
from tests.consumers.cases import CASES, KERAS_3, Case
from tests.consumers.consumer import Arrays
from tests.consumers.models import KERAS, OTHERS
from tests.operations.models import is_keras_2
from tfx_savedmodel.errors import TfxSavedModelError
from tfx_savedmodel.operations.convert import convert
from tfx_savedmodel.operations.export import export
from tfx_savedmodel.saved_model.session import ServingSession

OLDEST = "tf-1.15"
ALWAYS_DIRECTLY = ("keras2-dense", "keras3-dense")


@dataclasses.dataclass(frozen=True)
class Exported:
    """An export: where, and by which builder; or the error that refused it."""

    path: Path
    builder: str = ""
    error: TfxSavedModelError | None = None


class Workshop:
    """Models and exports in a folder; what was made is kept by the case's name and target.

    For the oldest consumer a model is exported as its plan says and fitted at once. To trace and convert for
    each of the others too would take long: for them, an export that was made for no consumer is fitted.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for name in ("sources", "exports"):
            (folder / name).mkdir()
        self.source = functools.cache(self._source)
        self.exported = functools.cache(self._exported)
        self.expected = functools.cache(self._expected)

    def _source(self, model: str) -> Path:
        path = self._folder / "sources" / model
        if model in OTHERS:
            return OTHERS[model](path)
        if model.startswith("keras3-") and is_keras_2():
            return self._of_keras_3 / model.removeprefix("keras3-")
        return KERAS[model.partition("-")[2]](path)

    def _exported(self, name: str, target: str | None) -> Exported:
        """Export a case, for an old consumer or for today's."""
        case, path = CASES[name], self._folder / "exports" / f"{name}-{target}"
        try:
            if target not in (None, OLDEST) and name not in ALWAYS_DIRECTLY:
                return Exported(path, self._again(name, path, target))
            result = (_convert if case.plan is None else self._export)(case, self.source(case.model), path, target)
        except TfxSavedModelError as error:
            return Exported(path, error=error)
        return Exported(path, result)

    def _expected(self, name: str) -> tuple[dict[str, Arrays], dict[str, Arrays]]:
        """Return what this TensorFlow says of an export for no consumer, and of the source where it has the same."""
        case, untouched = CASES[name], self.exported(name, None)
        assert untouched.error is None, untouched.error
        source = self.source(case.model)
        # A Keras file has no signatures; what is converted of it was compared with the Keras model.
        own = dict(case.own) if source.is_dir() else {}
        answers = answers_here(source, {of: case.requests[key] for key, of in own.items()}) if own else {}
        return answers_here(untouched.path, case.requests), {key: answers[of] for key, of in own.items()}

    def _again(self, name: str, path: Path, target: str | None) -> str:
        untouched = self.exported(name, None)
        assert untouched.error is None, untouched.error
        return export(untouched.path, path, plan={"keep": "all", "signatures": {}, "target": target}).builder

    def _export(self, case: Case, source: Path, path: Path, target: str | None) -> str:
        assert case.plan is not None
        plan = dict(case.plan) if target is None else {**case.plan, "target": target}
        return export(
            source, path, plan=plan, transform_graph=self._transform_graph if case.transform else None
        ).builder

    @functools.cached_property
    def _transform_graph(self) -> Path:
        from tests.transform_graphs import analyze

        return analyze(self._folder / "transform", as_tf1=False)

    @functools.cached_property
    def _of_keras_3(self) -> Path:
        """The folder of what Keras 3 wrote: in a process of its own, all at once."""
        folder = self._folder / "sources" / "keras3"
        folder.mkdir()
        variables = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "components"), str(ROOT)])}
        command = [str(KERAS_3), "-m", "tests.consumers.models", str(folder), *KERAS]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=variables)
        assert done.returncode == 0, done.stderr[-2000:]
        return folder


def _convert(case: Case, source: Path, path: Path, target: str | None) -> str:
    more: dict[str, Any] = {} if target is None else {"target": target}
    return convert(source, path, **more).way


def answers_here(model: Path, requests: Mapping[str, Arrays], tags: tuple[str, ...] = ("serve",)) -> dict[str, Arrays]:
    """Return what this TensorFlow answers."""
    with ServingSession(model, tags) as session:
        return {key: session.run(key, inputs) for key, inputs in requests.items()}
