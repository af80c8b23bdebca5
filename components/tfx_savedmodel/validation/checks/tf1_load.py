"""SM203 tf1-load."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from tfx_savedmodel.validation.check import LoadedModel, ModelCheck
from tfx_savedmodel.validation.checks.load_findings import load_findings, load_measurements
from tfx_savedmodel.validation.result import Finding


@dataclasses.dataclass(frozen=True)
class Tf1Load(ModelCheck):
    """`tf.compat.v1.saved_model.load` loads the model into a session.

    Why: Estimator-based tools, TFMA's older evaluators and many batch jobs load models so.
    Remedy: do what `next` says of the model's files, tags and ops, or leave this check out where no consumer
    loads the model in TF1's way.
    """

    code: ClassVar[str] = "SM203"
    name: ClassVar[str] = "tf1-load"
    loaders: ClassVar[tuple[str, ...]] = ("tf1",)

    def check(self, model: LoadedModel) -> Iterator[Finding]:
        yield from load_findings(model, "tf1", "tf.compat.v1.saved_model.load")

    def measurements(self, model: LoadedModel) -> Mapping[str, Any]:
        return load_measurements(model.observations["tf1"])
