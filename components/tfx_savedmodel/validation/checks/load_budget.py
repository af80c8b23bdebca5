"""SM206 load-budget."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from tfx_savedmodel.validation.check import LoadedModel, LoadObservation, ModelCheck, Skip
from tfx_savedmodel.validation.checks.load_findings import refuse_unavailable
from tfx_savedmodel.validation.result import Finding


@dataclasses.dataclass(frozen=True)
class LoadBudget(ModelCheck):
    """Each loader loads the model within a budget of time and memory.

    `seconds` is for the load and its initialisers, without TensorFlow's own start; `peak_bytes` for the memory
    that the loader's process takes beyond TensorFlow's own, the runs of SM204 and SM205 included where they
    are made. Without a budget the figures are measured all the same. A loader that does not load the model
    has none: SM201, SM202 and SM203 say why.

    Why: a server that starts slowly is restarted before it is ready, and one that takes more memory than its
    container has is killed.
    Remedy: prune what serving does not reach, keep large constants and vocabularies out of the graph, or give
    the server more.
    """

    code: ClassVar[str] = "SM206"
    name: ClassVar[str] = "load-budget"
    loaders: ClassVar[tuple[str, ...]] = ("native", "tf1", "tf2")

    seconds: float | None = None
    """Most that a load may take, without TensorFlow's own start."""
    peak_bytes: int | None = None
    """Most memory beyond TensorFlow's own."""

    def check(self, model: LoadedModel) -> Iterator[Finding]:
        if self.seconds is None and self.peak_bytes is None:
            raise Skip("no budget is set")
        loaded = _loaded(model)
        if not loaded:
            refuse_unavailable(model, self.loaders)
            raise Skip("no loader loads the model")
        for loader, observation in loaded.items():
            if self.seconds is not None and observation.seconds > self.seconds:
                yield _above(loader, "seconds", "longer", f"{observation.seconds:.3g} s", f"{self.seconds:g} s")
            if self.peak_bytes is not None and observation.peak_bytes > self.peak_bytes:
                found, most = f"{observation.peak_bytes} bytes", f"{self.peak_bytes} bytes"
                yield _above(loader, "peak_bytes", "more memory", found, most)

    def measurements(self, model: LoadedModel) -> Mapping[str, Any]:
        loads = {
            loader: {"seconds": round(observation.seconds, 3), "peak_bytes": observation.peak_bytes}
            for loader, observation in _loaded(model).items()
        }
        return {"loads": loads}


def _above(loader: str, figure: str, more: str, found: str, most: str) -> Finding:
    return Finding(
        f"the {loader} loader takes {more} than the budget",
        {"loader": loader, "figure": figure},
        found=found,
        wanted=f"at most {most}",
        next="load less at the start, or raise the budget of SM206",
    )


def _loaded(model: LoadedModel) -> dict[str, LoadObservation]:
    return {key: observation for key, observation in model.observations.items() if observation.outcome == "ok"}
