"""Batches made by hand, for tests of example checks."""

from __future__ import annotations

import functools
import itertools
import pickle
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tests.beam.views import graph_view
from tfx_savedmodel.saved_model.view import NodeView, SignatureView, TensorSpec
from tfx_savedmodel.validation.check import ExampleCheck, Gradients, RunFailed
from tfx_savedmodel.validation.result import Finding

Outputs = Mapping[str, Any]
Array = np.ndarray[Any, Any]


class FakeRun:
    """A batch whose outputs are given: an exception in their place is raised."""

    def __init__(
        self,
        given: Mapping[str, Outputs | RunFailed],
        *,
        size: int = 2,
        first: int = 0,
        declared: Mapping[str, Mapping[str, TensorSpec]] | None = None,
        refused: Mapping[str, str] | None = None,
        reference: FakeRun | None = None,
        renamed: Mapping[str, str] | None = None,
    ) -> None:
        self.given = given
        self.size = size
        self.first = first
        self.signatures: Sequence[str] = tuple(given)
        self.refused = refused or {}
        self.reference = reference
        self.renamed_outputs = renamed or {}
        self.ordinal = 0
        self.called: list[tuple[str, Mapping[str, Any]]] = []
        inputs = {"x": TensorSpec("x:0", "float32", (None, 1))}
        views = {key: SignatureView(key, "", inputs, (declared or {}).get(key, {})) for key in [*given, *self.refused]}
        self.graph = graph_view(views)

    def inputs(self, signature: str) -> Outputs:
        return {}

    def outputs(self, signature: str) -> Outputs:
        given = self.given[signature]
        if isinstance(given, RunFailed):
            raise given
        return given

    def call(self, signature: str, inputs: Mapping[str, Any]) -> Outputs:
        self.called.append((signature, inputs))
        return self.outputs(signature)

    def position(self, row: int) -> Mapping[str, Any]:
        return {"file": "a", "record": self.first + row}

    def example(self, row: int) -> Mapping[str, str]:
        return {"x": str(self.first + row)}

    def rerun(self, signature: str, rows: Array | None = None) -> Outputs:
        raise NotImplementedError

    def seconds(self, signature: str, rows: Array | None = None) -> float | None:
        raise NotImplementedError

    def gradients(self, *_: Any) -> Gradients:
        raise NotImplementedError


class ModelRun(FakeRun):
    """A batch `x` that runs through functions of it, which may keep count; `times` are seconds by request."""

    def __init__(
        self,
        x: Any,
        functions: Mapping[str, Callable[[Any], Outputs]],
        *,
        first: int = 0,
        ordinal: int = 0,
        times: Sequence[float] = (),
        nodes: Mapping[str, NodeView] | None = None,
        declared: Mapping[str, Mapping[str, TensorSpec]] | None = None,
    ) -> None:
        self.x = np.asarray(x)
        self.functions = functions
        self.times = iter(times)
        self.reruns = 0
        given = {key: run_or_fail(function, self.x) for key, function in functions.items()}
        super().__init__(given, size=len(self.x), first=first, declared=declared)
        self.ordinal = ordinal
        if nodes:
            meta_graph = self.graph.meta_graph()
            assert meta_graph is not None
            self.graph = graph_view(meta_graph.signatures, nodes)

    def rerun(self, signature: str, rows: Array | None = None) -> Outputs:
        self.reruns += 1
        return self.functions[signature](self.x if rows is None else self.x[rows])

    def seconds(self, signature: str, rows: Array | None = None) -> float | None:
        assert rows is not None and rows.max() < self.size
        return next(self.times)


def run_or_fail(function: Callable[[Any], Outputs], x: Array) -> Outputs | RunFailed:
    try:
        return function(x)
    except RunFailed as failure:
        return failure


def total(check: ExampleCheck, *runs: FakeRun) -> Any:
    """Return the total of the runs, having seen that the order of merging does not matter."""
    partials = [pickle.loads(pickle.dumps(check.measure(run))) for run in runs]
    totals = [functools.reduce(check.merge, order) for order in itertools.permutations(partials)]
    assert all(each == totals[0] for each in totals)
    return totals[0]


def findings(check: ExampleCheck, *runs: FakeRun) -> list[Finding]:
    return list(check.judge(total(check, *runs)))


def column(*values: Any, dtype: str = "float32") -> Array:
    return np.array([[value] for value in values], dtype=dtype)
