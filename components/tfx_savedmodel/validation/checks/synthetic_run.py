"""SM204 synthetic-run."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from tfx_savedmodel.validation.check import LoadedModel, ModelCheck, Skip
from tfx_savedmodel.validation.result import Finding


@dataclasses.dataclass(frozen=True)
class SyntheticRun(ModelCheck):
    """Every signature runs on inputs made from its declaration.

    Batches of one, of several and of none: zeros, empty strings, or serialized examples built
    from the graph's own parsing spec. A signature for which no sensible input can be made is left
    out, and the measurements say why.

    Why: loading is not running; an op without a kernel or an uninitialised table fails at the
    first request.
    Remedy: read the error; run the signature on one of your examples to see whether it is the
    input or the graph.
    """

    code: ClassVar[str] = "SM204"
    name: ClassVar[str] = "synthetic-run"
    loaders: ClassVar[tuple[str, ...]] = ("tf1", "tf2")

    def check(self, model: LoadedModel) -> Iterator[Finding]:
        runs = _runs(model)
        if not any("skipped" not in run for run in runs):
            reasons = sorted({str(run["skipped"]) for run in runs})
            raise Skip("; ".join(reasons) or "neither loader of Python loads the model, or it has no signatures")
        for run in runs:
            if "error" in run:
                yield Finding(
                    f"the signature {run['signature']!r} fails on a batch of {run['batch']}",
                    {"signature": run["signature"], "batch": run["batch"]},
                    found=str(run["error"])[:1500],
                    wanted="an answer",
                    next="run the signature on an example of yours; mend the graph where that fails too",
                )

    def measurements(self, model: LoadedModel) -> Mapping[str, Any]:
        runs = _runs(model)
        not_run = {f"{run['signature']}, batch of {run['batch']}": run["skipped"] for run in runs if "skipped" in run}
        return {"runs": sum("skipped" not in run for run in runs), "not_run": not_run}


def _runs(model: LoadedModel) -> list[Mapping[str, Any]]:
    return [run for observation in model.observations.values() for run in observation.runs]
