"""What the load checks share: a loader's observation as findings and measurements."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tfx_savedmodel.validation.check import LoadedModel, LoadObservation
from tfx_savedmodel.validation.checks.load_advice import advice
from tfx_savedmodel.validation.result import Finding

_SAYS = {
    "refused": "refuses the model",
    "crashed": "crashes on the model",
    "timeout": "does not finish loading the model within the time limit",
    "memory": "takes more memory than the limit for the model",
}


class Unavailable(Exception):
    """This machine cannot tell: no fault of the model."""


def refuse_unavailable(model: LoadedModel, loaders: Iterable[str]) -> None:
    """Raise Unavailable where one of the loaders could not be asked: nothing is known then.

    Raises:
      Unavailable: with that loader's words.
    """
    for loader in loaders:
        observation = model.observations.get(loader)
        if observation is not None and observation.outcome == "unavailable":
            raise Unavailable(f"{loader}: {observation.error}")


def nothing_run(model: LoadedModel) -> str:
    """Say why no signature was run."""
    meta_graph = model.graph.meta_graph()
    return "the model has no signatures" if meta_graph and not meta_graph.signatures else "no loader loads the model"


def load_findings(model: LoadedModel, loader: str, called: str) -> Iterator[Finding]:
    """Yield a finding unless the loader, which people know as `called`, loaded the model; its words are in `found`.

    Raises:
      Unavailable: the loader could not be asked.
    """
    observation = model.observations[loader]
    if observation.outcome == "unavailable":
        raise Unavailable(observation.error)
    if observation.outcome != "ok":
        lines = [line for line in observation.error.splitlines() if line.strip()]
        yield Finding(
            f"{called} {_SAYS[observation.outcome]}",
            {"loader": observation.loader, "outcome": observation.outcome},
            found="\n".join(lines)[:1500],
            wanted="a model that loads",
            next=advice(model, observation),
        )


def load_measurements(observation: LoadObservation) -> Mapping[str, Any]:
    """Return the load time in seconds and the process's peak memory in bytes."""
    if observation.outcome != "ok":
        return {}
    return {"load_seconds": round(observation.seconds, 3), "peak_bytes": observation.peak_bytes}
