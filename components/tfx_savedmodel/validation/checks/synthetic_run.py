"""SM204 synthetic-run."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from tfx_savedmodel.validation.check import LoadedModel, ModelCheck, Skip
from tfx_savedmodel.validation.checks.load_findings import nothing_run, refuse_unavailable
from tfx_savedmodel.validation.result import Finding

_BRIEF = 300


@dataclasses.dataclass(frozen=True)
class SyntheticRun(ModelCheck):
    """Every signature runs on inputs made from its declaration.

    Batches of one, of several and of none: varied numbers, words of the graph's own vocabularies, serialized
    examples built from its parsing spec; where it refuses those, zeros and empty strings, then what its decoding
    ops take. A signature that refuses only what had to be guessed (strings, sizes) is left out, and the
    measurements say why. That an empty batch is refused is a measurement, because servers send none; with
    `empty_batch` it is a finding, for batch jobs that do. An empty batch that ends the process always is one:
    any client can send it.

    Why: loading is not running; an op without a kernel or an uninitialised table fails at the
    first request.
    Remedy: read the error; run the signature on one of your examples to see whether it is the
    input or the graph.
    """

    code: ClassVar[str] = "SM204"
    name: ClassVar[str] = "synthetic-run"
    loaders: ClassVar[tuple[str, ...]] = ("native", "tf1", "tf2")
    runs: ClassVar[str] = "first"

    empty_batch: bool = False
    """Whether refusing a batch of none is a finding."""

    def check(self, model: LoadedModel) -> Iterator[Finding]:
        runs = _runs(model)
        failed = [run for run in runs if "error" in run and self._counts(run)]
        if not failed and not any("inputs" in run and run["batch"] for run in runs):
            refuse_unavailable(model, self.loaders)
            reasons = sorted({str(run.get("skipped") or run.get("error")) for run in runs if "inputs" not in run})
            raise Skip("; ".join(reasons)[:1500] or nothing_run(model))
        places = dict.fromkeys((str(run["signature"]), int(run["batch"])) for run in failed)
        for signature, batch in places:
            these = [run for run in failed if (run["signature"], run["batch"]) == (signature, batch)]
            loaders = [str(run["loader"]) for run in these]
            died = any(run.get("died") for run in these)
            yield Finding(
                f"the signature {signature!r} {'ends its process' if died else 'fails'} on a batch of {batch}",
                {"signature": signature, "batch": batch, "loaders": ", ".join(loaders)},
                found=str(these[0]["error"])[:1500],
                wanted="an answer",
                next="run the signature on an example of yours; mend the graph where that fails too",
            )

    def measurements(self, model: LoadedModel) -> Mapping[str, Any]:
        runs = _runs(model)
        answered = {(run["signature"], run["batch"]) for run in runs if "inputs" in run}
        failed = {(run["signature"], run["batch"]) for run in runs if "error" in run}
        return {
            "runs": len(answered | failed),
            "loaders": sorted({str(run["loader"]) for run in runs}),
            "inputs": {_place(run): run["inputs"] for run in runs if "inputs" in run},
            "not_run": {_place(run): str(run["skipped"])[:_BRIEF] for run in runs if "skipped" in run},
            "empty_batch_refused": {
                str(run["signature"]): str(run["error"])[:_BRIEF]
                for run in runs
                if "error" in run and not self._counts(run)
            },
        }

    def _counts(self, run: Mapping[str, Any]) -> bool:
        return bool(run["batch"] or run.get("died") or self.empty_batch)


def _place(run: Mapping[str, Any]) -> str:
    return f"{run['signature']}, batch of {run['batch']}"


def _runs(model: LoadedModel) -> list[Mapping[str, Any]]:
    return [{**run, "loader": key} for key, observation in model.observations.items() for run in observation.runs]
