"""SM101 to SM111 on graphs made by hand: each fault is found, its twin passes."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.saved_model.graphs import node, save, tensor, view
from tfx_savedmodel.saved_model.reader import read_saved_model
from tfx_savedmodel.saved_model.view import VariablesView
from tfx_savedmodel.validation.check import GraphCheck, Skip
from tfx_savedmodel.validation.checks.contract import Contract
from tfx_savedmodel.validation.checks.explanation_contract import ExplanationContract
from tfx_savedmodel.validation.checks.reference_variables import ReferenceVariables
from tfx_savedmodel.validation.checks.required_signatures import RequiredSignatures
from tfx_savedmodel.validation.checks.signature_definitions import SignatureDefinitions
from tfx_savedmodel.validation.checks.structure import Structure
from tfx_savedmodel.validation.checks.tags import Tags

pytestmark = pytest.mark.unit

NODES = [node("x", "Placeholder", dtype=1), node("y", "Identity", "x", T=1)]


def signature(method: str = "tensorflow/serving/predict", **tensors: Any) -> dict[str, Any]:
    both = {"inputs": {"x": tensor("x:0")}, "outputs": {"y": tensor("y:0")}, "method_name": method}
    return {**both, **tensors}


def messages(check: GraphCheck, directory: Path, nodes: Iterable[Any] = NODES, **model: Any) -> list[str]:
    return [finding.message for finding in check.check(view(directory, nodes, **model))]


def test_structure_missing_and_straying_assets(tmp_path: Path) -> None:
    model = save(tmp_path, NODES, assets={"x:0": "words.txt"})
    assert list(Structure().check(read_saved_model(model))) == []
    (model / "assets" / "words.txt").unlink()
    (finding,) = Structure().check(read_saved_model(model))
    assert finding.where == {"file": "assets/words.txt", "tensor": "x:0"}
    (model / "assets" / "words.txt").symlink_to("/etc/hostname")
    found = [finding.message for finding in Structure().check(read_saved_model(model))]
    assert "assets/words.txt is a link that leaves the directory" in found


def test_structure_asset_names_that_climb(tmp_path: Path) -> None:
    (tmp_path / "a" / "assets").mkdir(parents=True)
    model = save(tmp_path / "a", NODES, assets={"x:0": "../../secret"})
    (finding,) = Structure().check(read_saved_model(model))
    assert "outside of assets/" in finding.message


def test_structure_says_why_the_graph_is_unreadable(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"")
    (finding,) = Structure().check(read_saved_model(tmp_path))
    assert finding.message == "saved_model.pb is empty"


def test_tags_missing_and_double(tmp_path: Path) -> None:
    assert messages(Tags(), tmp_path / "a") == []
    assert messages(Tags(tags=("serve", "tpu")), tmp_path / "a") == ["no MetaGraph is tagged {serve, tpu}"]
    model = save(tmp_path / "b", NODES)
    twice = (model / "saved_model.pb").read_bytes()
    (model / "saved_model.pb").write_bytes(twice + twice)  # protobuf merges by appending
    assert [finding.message for finding in Tags().check(read_saved_model(model))] == ["2 MetaGraphs are tagged {serve}"]


def test_required_signatures(tmp_path: Path) -> None:
    found = messages(RequiredSignatures(required=("a", "b")), tmp_path, signatures={"a": signature()})
    assert found == ["the signature 'b' is missing"]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"inputs": {"x": tensor("z:0")}}, "no tensor 'z:0'"),
        ({"method": "my/method"}, "none that a server knows"),
        ({"method": ""}, "none that a server knows"),
        ({"method": "tensorflow/serving/classify"}, "without one input named 'inputs'"),
        (
            {"method": "tensorflow/serving/regress", "inputs": {"inputs": tensor("x:0")}},
            "refuses these outputs of a regress signature",
        ),
        (
            {
                "method": "tensorflow/serving/classify",
                "inputs": {"inputs": tensor("x:0")},
                "outputs": {"classes": tensor("y:0")},
            },
            "wants string in 'classes'",
        ),
    ],
)
def test_signature_definitions_faults(tmp_path: Path, changed: dict[str, Any], words: str) -> None:
    found = messages(SignatureDefinitions(), tmp_path, signatures={"s": signature(**changed)})
    assert any(words in message for message in found), found


def test_signature_definitions_dtype_and_shape_against_the_graph(tmp_path: Path) -> None:
    model = save(tmp_path, NODES, signatures={"s": signature(outputs={"y": tensor("y:0", "string", (None, 3))})})
    from tfx_savedmodel.saved_model.rewrite import edit

    def define(proto: Any) -> None:
        meta = proto.meta_graphs[0]
        op = meta.meta_info_def.stripped_op_list.op.add(name="Identity")
        op.output_arg.add(name="output", type_attr="T")
        shape = meta.graph_def.node[1].attr["_output_shapes"].list.shape.add()
        shape.dim.add(size=-1)
        shape.dim.add(size=4)

    edit(model, define)
    found = {finding.message: finding for finding in SignatureDefinitions().check(read_saved_model(model))}
    assert set(found) == {
        "the signature says string, the graph float32",
        "the signature's shape contradicts the graph's",
    }


def test_signature_definitions_good_ones_pass(tmp_path: Path) -> None:
    served = signature(
        "tensorflow/serving/regress", inputs={"inputs": tensor("x:0")}, outputs={"outputs": tensor("y:0")}
    )
    assert messages(SignatureDefinitions(), tmp_path, signatures={"s": signature(), "r": served}) == []


def test_contract_compares_with_what_the_model_carries(tmp_path: Path) -> None:
    model = save(tmp_path, NODES, signatures={"s": signature()})
    with pytest.raises(Skip, match="no plan"):
        list(Contract().check(read_saved_model(model)))
    planned = {"s": {"method_name": "m", "inputs": {"x": {"dtype": "int64"}}, "outputs": {"z": {}}}, "t": {}}
    (model / "assets.extra").mkdir()
    (model / "assets.extra" / "tfx_savedmodel.json").write_text(json.dumps({"signatures": planned}), encoding="utf-8")
    found = {finding.message for finding in Contract().check(read_saved_model(model))}
    assert found == {
        "another method name than planned",
        "another dtype than planned",
        "other outputs than planned",
        "the signature 't' is missing",
    }
    exact = {"s": {"inputs": {"x": {"dtype": "float32", "shape": [None]}}}}
    assert list(Contract(expected=exact).check(read_saved_model(model))) == []


def explained(directory: Path, **signatures: Any) -> list[str]:
    return messages(ExplanationContract(), directory, signatures=signatures)


def test_explanations_joined_well(tmp_path: Path) -> None:
    preprocess = signature(outputs={"x": tensor("y:0")})
    assert explained(tmp_path, serving_default=signature(), xai_preprocess=preprocess, xai_model=signature()) == []


def test_explanations_not_meant_are_skipped(tmp_path: Path) -> None:
    with pytest.raises(Skip):
        explained(tmp_path, serving_default=signature(), predict=signature())


@pytest.mark.parametrize("key", ["xai-model", "xai_modell", "XAI_Model"])
def test_explanations_near_misses(tmp_path: Path, key: str) -> None:
    found = explained(tmp_path, serving_default=signature(), **{key: signature()})
    assert f"the key {key!r} is not 'xai_model'" in found


def test_explanations_badly_joined(tmp_path: Path) -> None:
    gives = signature(outputs={"z": tensor("y:0")})
    assert "xai_preprocess does not give what xai_model takes" in explained(
        tmp_path / "names", xai_preprocess=gives, xai_model=signature()
    )
    gives = signature(outputs={"x": tensor("y:0", "float32", (None, 3))})
    takes = signature(inputs={"x": tensor("x:0", "float32", (None, 4))})
    assert explained(tmp_path / "shapes", xai_preprocess=gives, xai_model=takes) == [
        "xai_preprocess gives 'x' in another form than xai_model takes it"
    ]
    assert any(
        "no gradient" in message
        for message in explained(tmp_path / "dtype", xai_model=signature(inputs={"x": tensor("x:0", "int64")}))
    )


def test_explanation_metadata(tmp_path: Path) -> None:
    model = save(tmp_path, NODES, signatures={"xai_model": signature()}, callable_functions={})
    file = model / "explanation_metadata.json"

    def found() -> list[str]:
        return [finding.message for finding in ExplanationContract().check(read_saved_model(model))]

    metadata: dict[str, Any] = {
        "inputs": {"x": {"input_tensor_name": "x"}},
        "outputs": {"y": {"output_tensor_name": "y"}},
    }
    file.write_text(json.dumps(metadata), encoding="utf-8")
    assert found() == []
    metadata["inputs"]["x"]["input_tensor_name"] = "absent"
    metadata["outputs"]["z"] = {"output_tensor_name": "y"}
    file.write_text(json.dumps(metadata), encoding="utf-8")
    assert len(found()) == 2
    file.write_text("{", encoding="utf-8")
    assert "cannot be read as JSON" in found()[0]


@pytest.mark.parametrize(
    "signatures",
    [
        {"s": 3},
        {"s": {"inputs": [1]}},
        {"s": {"inputs": {"x": 3}}},
        {"s": {"inputs": {"x": {"shape": 3}}}},
        {"s": {"method_name": 1}},
        [1],
        None,
    ],
)
def test_a_contract_of_anybodys_making_is_a_finding(tmp_path: Path, signatures: Any) -> None:
    model = save(tmp_path, NODES, signatures={"s": signature()})
    (model / "assets.extra").mkdir()
    (model / "assets.extra" / "tfx_savedmodel.json").write_text(json.dumps({"signatures": signatures}))
    (finding,) = Contract().check(read_saved_model(model))
    assert "malformed" in finding.message


def test_explanation_metadata_of_anybodys_making_is_a_finding(tmp_path: Path) -> None:
    model = save(tmp_path, NODES, signatures={"xai_model": signature()}, callable_functions={})
    metadata = {"inputs": {"x": {"input_tensor_name": [1], "encoded_tensor_name": "e"}, "y": 3}, "outputs": [1]}
    (model / "explanation_metadata.json").write_text(json.dumps(metadata))
    assert len(list(ExplanationContract().check(read_saved_model(model)))) == 2


def test_variables_behind_a_link_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "variables.index").write_bytes(b"somebody else's")
    model = save(tmp_path / "m", NODES)
    (model / "variables").symlink_to(tmp_path / "outside", target_is_directory=True)
    graph = read_saved_model(model)
    assert graph.variables.problem == "variables/ is a link"
    assert "variables: variables/ is a link" in [finding.message for finding in Structure().check(graph)]
    (model / "variables").unlink()
    (model / "variables").mkdir()
    (model / "variables" / "variables.index").symlink_to(tmp_path / "outside" / "variables.index")
    assert "leaves the directory" in (read_saved_model(model).variables.problem or "")


def test_an_index_may_not_claim_shards_without_end(tmp_path: Path) -> None:
    graph = read_saved_model(save(tmp_path, NODES))
    claimed = VariablesView(shards=2**31 - 1, files={"variables.data-00000-of-00001": 1})
    (finding,) = Structure().check(dataclasses.replace(graph, read_variables=lambda: claimed))
    assert finding.message == "the index names 2147483647 shards and 1 are there"


def test_reference_variables(tmp_path: Path) -> None:
    resource = node("v", "VarHandleOp", dtype=1)
    assert messages(ReferenceVariables(), tmp_path / "resource", [*NODES, resource]) == []
    references = [node(f"w{number}", "VariableV2", dtype=1) for number in range(6)]
    old = node("b", "Variable", dtype=1)
    (finding,) = ReferenceVariables().check(view(tmp_path / "references", [*NODES, resource, old, *references]))
    assert finding.message.startswith("7 of the variables are references")
    assert (finding.found, finding.where) == ("b, w0, w1, w2, w3 and 2 more", {"tags": ["serve"]})
