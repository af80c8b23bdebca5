"""SM201 native-load."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from tfx_savedmodel.validation.check import LoadedModel, ModelCheck
from tfx_savedmodel.validation.checks.load_findings import load_findings, load_measurements
from tfx_savedmodel.validation.result import Finding


@dataclasses.dataclass(frozen=True)
class NativeLoad(ModelCheck):
    """TensorFlow's C++ loader loads and initialises the model.

    Why: it is the loader of TensorFlow Serving; what it refuses never starts to serve. It runs in
    a process of its own under a time and memory limit, so a crash is a finding.
    Remedy: do what `next` says: it looks at the files, tags and ops of the model for what the loader cannot take.
    """

    code: ClassVar[str] = "SM201"
    name: ClassVar[str] = "native-load"
    loaders: ClassVar[tuple[str, ...]] = ("native",)

    def check(self, model: LoadedModel) -> Iterator[Finding]:
        yield from load_findings(model, "native", "the C++ loader")

    def measurements(self, model: LoadedModel) -> Mapping[str, Any]:
        return load_measurements(model.observations["native"])
