"""SM104's rules of TensorFlow Serving and SM107's of explainers: what they refuse, beside what they take."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.saved_model.graphs import node, save, tensor
from tfx_savedmodel.saved_model.parse import parse_saved_model
from tfx_savedmodel.saved_model.reader import read_saved_model
from tfx_savedmodel.validation.check import Skip
from tfx_savedmodel.validation.checks.explanation_contract import ExplanationContract
from tfx_savedmodel.validation.checks.signature_definitions import SignatureDefinitions

pytestmark = pytest.mark.unit

NODES = [
    node("x", "Placeholder", dtype=1),
    node("ids", "Placeholder", dtype=9),
    node("e", "Placeholder", dtype=7),
    node("embedded", "Identity", "x", T=1),
    node("words", "Identity", "e", T=7),
]
CLASSIFY, REGRESS = "tensorflow/serving/classify", "tensorflow/serving/regress"
EXAMPLES = {"inputs": tensor("e:0", "string")}
FLOATS = tensor("embedded:0", shape=None)
STRINGS = tensor("words:0", "string", None)


def definitions(directory: Path, method: str, outputs: dict[str, Any], inputs: Any = EXAMPLES) -> list[str]:
    save(directory, NODES, signatures={"s": {"inputs": inputs, "outputs": outputs, "method_name": method}})
    return [finding.message for finding in SignatureDefinitions().check(read_saved_model(directory))]


@pytest.mark.parametrize(
    ("method", "outputs"),
    [
        (CLASSIFY, {"scores": FLOATS}),
        (CLASSIFY, {"scores": tensor("embedded:0", shape=(None, 3)), "classes": STRINGS}),
        (CLASSIFY, {"scores": FLOATS, "something": FLOATS}),  # PreProcessClassification counts, and looks for one
        (REGRESS, {"outputs": tensor("embedded:0", shape=(None,))}),
        (REGRESS, {"outputs": tensor("embedded:0", shape=(None, 1))}),
    ],
)
def test_what_the_server_takes(tmp_path: Path, method: str, outputs: dict[str, Any]) -> None:
    assert definitions(tmp_path, method, outputs) == []


@pytest.mark.parametrize(
    ("method", "outputs", "said"),
    [
        (CLASSIFY, {"something": FLOATS}, "refuses these outputs"),
        (CLASSIFY, {"scores": FLOATS, "classes": STRINGS, "more": FLOATS}, "refuses these outputs"),
        (CLASSIFY, {"scores": STRINGS}, "wants float32 in 'scores'"),
        (CLASSIFY, {"classes": FLOATS}, "wants string in 'classes'"),
        (CLASSIFY, {"scores": tensor("embedded:0", shape=(None,))}, "of this shape"),
        (REGRESS, {"outputs": FLOATS, "more": FLOATS}, "refuses these outputs"),
        (REGRESS, {"outputs": tensor("embedded:0", shape=(None, 2))}, "of this shape"),
        (REGRESS, {"scores": FLOATS}, "refuses these outputs"),
    ],
)
def test_what_the_server_refuses(tmp_path: Path, method: str, outputs: dict[str, Any], said: str) -> None:
    (message,) = definitions(tmp_path, method, outputs)
    assert said in message


@pytest.mark.parametrize("inputs", [{"examples": tensor("e:0", "string")}, {**EXAMPLES, "x": tensor("x:0")}, {}])
def test_the_server_wants_one_input(tmp_path: Path, inputs: dict[str, Any]) -> None:
    (message,) = definitions(tmp_path, CLASSIFY, {"scores": FLOATS}, inputs)
    assert "one input named 'inputs'" in message


def test_the_parts_of_a_sparse_tensor_are_in_the_graph(tmp_path: Path) -> None:
    assert definitions(tmp_path, "tensorflow/serving/predict", {"y": FLOATS}) == []
    proto = parse_saved_model(tmp_path, "saved_model.pb")
    sparse = proto.meta_graphs[0].signature_def["s"].outputs["y"].coo_sparse
    sparse.values_tensor_name, sparse.indices_tensor_name, sparse.dense_shape_tensor_name = "x:0", "lost:0", "x:0"
    (tmp_path / "saved_model.pb").write_bytes(proto.SerializeToString())
    (finding,) = SignatureDefinitions().check(read_saved_model(tmp_path))
    assert finding.where == {"signature": "s", "output": "y", "tensor": "lost:0"}


def test_dtypes_are_compared_without_the_models_own_op_list(tmp_path: Path) -> None:
    (message,) = definitions(tmp_path, "tensorflow/serving/predict", {"y": tensor("embedded:0", "int64", None)})
    assert message == "the signature says int64, the graph float32"
    (message,) = definitions(tmp_path, "tensorflow/serving/predict", {"y": tensor("embedded:1", shape=None)})
    assert message == "the graph has no tensor 'embedded:1'"


def xai(
    directory: Path, metadata: Any = None, *, tf2: bool = True, required: bool = False, **signatures: Any
) -> list[str]:
    save(directory, NODES, signatures=signatures, callable_functions={} if tf2 else None)
    if metadata is not None:
        (directory / "explanation_metadata.json").write_text(json.dumps(metadata), encoding="utf-8")
    check = ExplanationContract(required=required)
    return [finding.message for finding in check.check(read_saved_model(directory))]


def takes(name: str, spec: Any, output: Any = FLOATS) -> dict[str, Any]:
    return {"inputs": {name: spec}, "outputs": {"y": output}}


IDS = takes("ids", tensor("ids:0", "int64"))
X = takes("x", tensor("x:0"))


def about(name: str, **more: Any) -> dict[str, Any]:
    return {"inputs": {name: {"input_tensor_name": name, **more}}, "outputs": {"y": {"output_tensor_name": "y"}}}


def test_an_integer_passes_where_an_encoded_float_is_named(tmp_path: Path) -> None:
    assert xai(tmp_path / "float", about("ids", encoded_tensor_name="embedded:0"), xai_model=IDS) == []
    for number, name in enumerate(["words:0", "nowhere:0", None]):
        metadata = about("ids", **({"encoded_tensor_name": name} if name else {}))
        (message,) = xai(tmp_path / str(number), metadata, xai_model=IDS)
        assert message == "the input 'ids' has no gradient: it is int64"


def test_only_what_the_metadata_names_gets_an_attribution(tmp_path: Path) -> None:
    both = {"inputs": {**X["inputs"], **IDS["inputs"]}, "outputs": {"y": FLOATS}}
    assert xai(tmp_path / "named", about("x"), xai_model=both) == []
    assert len(xai(tmp_path / "all", xai_model=both)) == 1


def test_the_explained_output_is_a_float(tmp_path: Path) -> None:
    (message,) = xai(tmp_path, xai_model=takes("x", tensor("x:0"), STRINGS))
    assert "no output to be explained has a gradient" in message


def test_the_only_signature_is_the_explained_one(tmp_path: Path) -> None:
    assert xai(tmp_path / "a", about("x"), serving_default=X) == []
    examples = takes("examples", tensor("e:0", "string"))
    assert xai(tmp_path / "b", required=True, serving_default=X) == []
    assert "has no gradient" in xai(tmp_path / "c", required=True, serving_default=examples)[0]
    with pytest.raises(Skip):
        xai(tmp_path / "d", serving_default=examples)


@pytest.mark.parametrize("key", ["x_model", "max_model", "model", "xception_model", "explain"])
def test_other_names_are_no_near_misses(tmp_path: Path, key: str) -> None:
    with pytest.raises(Skip):
        xai(tmp_path, serving_default=X, **{key: X})


def test_any_key_of_that_beginning_means_explanations(tmp_path: Path) -> None:
    assert xai(tmp_path, serving_default=X, xai_other=X) == ["more than one signature and no 'xai_model'"]


@pytest.mark.parametrize(
    ("baselines", "count"),
    [(([[0.0]], [[1.0]]), 0), (([[0.0]], [[1.0], [2.0]]), 1), (([[0.0]] * 11, [[0.0]] * 11), 1)],
    ids=["alike", "not as many", "too many"],
)
def test_baselines(tmp_path: Path, baselines: Any, count: int) -> None:
    two = {"inputs": {"a": tensor("x:0"), "b": tensor("x:0")}, "outputs": {"y": FLOATS}}
    inputs = {
        name: {"input_tensor_name": name, "input_baselines": each} for name, each in zip("ab", baselines, strict=True)
    }
    assert len(xai(tmp_path, {"inputs": inputs, "outputs": {"y": {"output_tensor_name": "y"}}}, xai_model=two)) == count


def test_metadata_of_tf1_names_tensors(tmp_path: Path) -> None:
    metadata = {"inputs": {"x": {"input_tensor_name": "x:0"}}, "outputs": {"y": {"output_tensor_name": "embedded:0"}}}
    assert xai(tmp_path / "a", metadata, tf2=False, serving_default=X) == []
    metadata["outputs"]["y"]["output_tensor_name"] = "lost:0"
    (message,) = xai(tmp_path / "b", metadata, tf2=False, serving_default=X)
    assert "'lost:0', which is no tensor of the graph" in message
