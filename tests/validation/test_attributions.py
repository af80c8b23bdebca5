"""SM306 over functions whose gradients are known, and what its metadata may say."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from tests.beam.views import graph_view
from tests.validation.runs import Array, FakeRun, findings, total
from tfx_savedmodel.saved_model.view import GraphView, SignatureView, TensorSpec
from tfx_savedmodel.validation.check import Gradients, RunFailed, Skip
from tfx_savedmodel.validation.checks.attributions import Attributions
from tfx_savedmodel.validation.explained import explained

pytestmark = pytest.mark.unit

Specs = Mapping[str, tuple[str, tuple[int | None, ...]]]
#: (value [n], gradients by input)
Function = Callable[[Mapping[str, Array]], tuple[Array, Mapping[str, Array | None]]]


def _specs(specs: Specs) -> dict[str, TensorSpec]:
    return {name: TensorSpec(f"graph/{name}:0", dtype, shape) for name, (dtype, shape) in specs.items()}


def _graph(inputs: Specs, outputs: Specs, key: str = "xai_model", **fields: Any) -> GraphView:
    signature = SignatureView(key, "", _specs(inputs), _specs(outputs))
    return dataclasses.replace(graph_view({key: signature}), **fields)


def _tf1(graph: GraphView) -> GraphView:
    return dataclasses.replace(graph, meta_graphs=(dataclasses.replace(graph.meta_graphs[0], is_tf2=False),))


X: Specs = {"x": ("float32", (None, 2))}
Y: Specs = {"y": ("float32", (None, 1))}


class GradientRun(FakeRun):
    """A batch that `function` answers, with its gradients."""

    def __init__(self, inputs: Mapping[str, Any], function: Function, graph: GraphView | None = None) -> None:
        arrays = {name: np.asarray(value) for name, value in inputs.items()}
        super().__init__({"xai_model": {}}, size=len(next(iter(arrays.values()))))
        self.arrays = arrays
        self.function = function
        self.graph = graph or _graph(X, Y)
        self.asked: list[tuple[str, ...]] = []

    def inputs(self, signature: str) -> Mapping[str, Array]:
        return self.arrays

    def gradients(
        self, signature: str, output: str, inputs: Mapping[str, Array], by: Sequence[str], targets: Any = None
    ) -> Gradients:
        self.asked.append(tuple(by))
        values, slopes = self.function(inputs)
        chosen = np.zeros(len(values), np.int64) if targets is None else targets
        return Gradients(values, chosen, {name: inputs.get(name, np.ones((len(values), 1))) for name in by}, slopes)


ROWS = np.array([[1.0, 2.0], [3.0, -1.0], [0.5, 0.5]], np.float32)


def _cubes(inputs: Mapping[str, Array]) -> tuple[Array, Mapping[str, Array | None]]:
    x = inputs["x"].astype(np.float64)
    return (x**3).sum(axis=1), {"x": 3 * x**2}


def test_gradients_that_add_up_pass() -> None:
    run = GradientRun({"x": ROWS}, _cubes)
    check = Attributions()
    assert findings(check, run) == []
    measured = check.measurements(total(check, run, run))
    assert measured["gradients"]["x"] == {"examples": 6, "missing": 0, "not_finite": 0, "zero": 0}
    assert measured["completeness"]["examples"] == 6
    assert measured["completeness"]["largest_gap"] < 0.01


def test_a_step_does_not_add_up() -> None:
    def step(inputs: Mapping[str, Array]) -> Any:
        x = inputs["x"].astype(np.float64)
        return (x[:, 0] > 0.75) * 10.0 + x[:, 1], {"x": np.stack([x[:, 0] * 0, x[:, 1] * 0 + 1], axis=1)}

    (finding,) = findings(Attributions(), GradientRun({"x": ROWS}, step))
    assert finding.message == "integrated gradients do not add up for 2 of 3 examples"
    assert finding.where == {"signature": "xai_model", "output": "y", "file": "a", "record": 0, "example": "x=0"}
    assert finding.found == "attributions that sum to 2" and finding.wanted.startswith("12 = f(x) - f(baseline)")


def test_a_steep_function_is_integrated_in_finer_steps() -> None:
    def steep(inputs: Mapping[str, Array]) -> Any:
        x = inputs["x"].astype(np.float64)
        inner = 1 / (1 + np.exp(-400 * (x[:, 0] - 0.31)))
        return inner, {"x": np.stack([400 * inner * (1 - inner), x[:, 1] * 0], axis=1)}

    assert findings(Attributions(steps=32), GradientRun({"x": ROWS}, steep)) == []


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_gradient_that_is_not_finite_is_shown(bad: float) -> None:
    def root(inputs: Mapping[str, Array]) -> Any:
        values, slopes = _cubes(inputs)
        x = inputs["x"]
        return values, {"x": np.where((x[:, :1] == 3) & (x[:, 1:] == -1), bad, slopes["x"])}

    (finding,) = findings(Attributions(), GradientRun({"x": ROWS}, root))
    assert finding.message == "its gradient is not finite for 1 of 3 examples"
    assert finding.where["record"] == 1 and finding.where["input"] == "x"


def test_an_input_that_nothing_leads_from_is_named_and_the_other_adds_up() -> None:
    graph = _graph({**X, "z": ("float32", (None, 1))}, Y)

    def without(inputs: Mapping[str, Array]) -> Any:
        values, slopes = _cubes(inputs)
        return values, {**slopes, "z": None}

    run = GradientRun({"x": ROWS, "z": ROWS[:, :1]}, without, graph)
    (finding,) = findings(Attributions(), run)
    assert finding.where["input"] == "z" and finding.found == "no gradient"
    assert Attributions().measurements(total(Attributions(), run))["completeness"]["incomplete"] == 0


def test_a_gradient_that_is_always_zero_is_said_but_is_no_fault() -> None:
    def flat(inputs: Mapping[str, Array]) -> Any:
        return np.full(len(inputs["x"]), 7.0), {"x": np.zeros(inputs["x"].shape)}

    run = GradientRun({"x": ROWS}, flat)
    assert findings(Attributions(), run) == []
    assert Attributions().measurements(total(Attributions(), run))["always_zero"] == ["x"]


def test_what_cannot_be_differentiated_is_a_finding() -> None:
    def refuse(inputs: Mapping[str, Array]) -> Any:
        raise RunFailed("no gradient defined for op Foo")

    (finding,) = findings(Attributions(), GradientRun({"x": ROWS}, refuse))
    assert finding.found == "no gradient defined for op Foo"


def _metadata(**item: Any) -> dict[str, Any]:
    return {"inputs": {"x": {"input_tensor_name": "x", **item}}, "outputs": {"y": {"output_tensor_name": "y"}}}


def test_the_first_baseline_of_the_metadata_is_where_the_path_begins() -> None:
    starts: list[Array] = []

    def watch(inputs: Mapping[str, Array]) -> Any:
        starts.append(inputs["x"])
        return _cubes(inputs)

    graph = _graph(X, Y, explanation=_metadata(input_baselines=[[5.0, 6.0], [0.0, 0.0]]))
    Attributions().measure(GradientRun({"x": ROWS}, watch, graph))  # type: ignore[arg-type]
    assert starts[1].tolist() == [[5.0, 6.0]] * 3
    graph = _graph(X, Y, explanation=_metadata(input_baselines=[[5.0, 6.0, 7.0]]))
    with pytest.raises(Skip, match="baseline of 'x'"):
        Attributions().measure(GradientRun({"x": ROWS}, _cubes, graph))


def test_a_string_is_attributed_by_its_encoded_tensor_in_a_tf1_graph() -> None:
    metadata = {
        "inputs": {"word": {"input_tensor_name": "graph/word:0", "encoded_tensor_name": "embedding:0"}},
        "outputs": {"any": {"output_tensor_name": "graph/y:0"}},
    }
    graph = _graph({"word": ("string", (None,))}, {**Y, "other": ("float32", (None, 1))}, explanation=metadata)
    what = explained(_tf1(graph))
    assert (what.output, [(item.name, item.by) for item in what.inputs]) == ("y", [("word", "embedding:0")])
    with pytest.raises(Skip, match="within a function of a TF2 graph"):
        explained(graph)

    def embedded(inputs: Mapping[str, Array]) -> Any:
        at = inputs.get("embedding:0", np.ones((len(inputs["word"]), 1))).astype(np.float64)
        return (at**2).sum(axis=1), {"embedding:0": 2 * at}

    run = GradientRun({"word": np.array([b"a", b"b"], object)}, embedded, _tf1(graph))
    assert findings(Attributions(), run) == []
    assert set(run.asked) == {("embedding:0",)}


def test_without_the_key_and_without_metadata_nothing_is_explained() -> None:
    with pytest.raises(Skip, match="no signature 'xai_model'"):
        explained(_graph(X, Y, "serving_default"))
    with_metadata = _graph(X, Y, "serving_default", explanation=_metadata())
    assert explained(with_metadata).signature == "serving_default"
    with pytest.raises(Skip, match="no input"):
        explained(_graph({"x": ("int64", (None, 1))}, Y))


def test_which_output_is_explained_has_to_be_told() -> None:
    graph = _graph(X, {"a": ("float32", (None, 1)), "b": ("float32", (None, 1)), "c": ("int64", (None, 1))})
    with pytest.raises(Skip, match=r"a, b"):
        explained(graph)
    assert explained(graph, "b").output == "b"
    with pytest.raises(Skip, match="no output 'd'"):
        explained(graph, "d")


def test_a_signature_that_cannot_be_fed_is_a_skip() -> None:
    run = GradientRun({"x": ROWS}, _cubes)
    run.signatures, run.refused = (), {"xai_model": "no feature 'x'"}
    with pytest.raises(Skip, match="no feature 'x'"):
        Attributions().measure(run)
