"""SM120 on graphs made by hand: what hides is found, what every model has is not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.saved_model.graphs import node, save, tensor, view
from tfx_savedmodel.saved_model import protos
from tfx_savedmodel.saved_model.parse import parse_saved_model
from tfx_savedmodel.saved_model.reader import read_saved_model
from tfx_savedmodel.validation.checks.unsafe_ops import UnsafeOps
from tfx_savedmodel.validation.result import Finding

pytestmark = pytest.mark.unit

INPUT = node("x", "Placeholder", dtype=7)


def judge(directory: Path, nodes: list[Any], *, output: str = "y", **model: Any) -> list[Finding]:
    """Return the findings on a model with one signature from the string x to `output`."""
    signature = {
        "inputs": {"x": tensor("x:0", "string", (None,))},
        "outputs": {"y": tensor(f"{output}:0", "string", (None,))},
    }
    graph = view(directory, [INPUT, *nodes], signatures={"serving_default": signature}, **model)
    return list(UnsafeOps().check(graph))


def function(*nodes: Mapping[str, Any], arguments: tuple[str, ...] = ("a",)) -> dict[str, Any]:
    return {"arguments": arguments, "nodes": nodes, "returns": {"out": f"{nodes[-1]['name']}:out:0"}}


WRITE = node("write", "WriteFile", "path:output:0", "a")
PATH = node("path", "Const", value=["/etc/cron.d/x"])
BODY = function(PATH, WRITE, node("last", "Identity", "a", "^write"))


@pytest.mark.parametrize("op", ["ReadFile", "TFRecordDatasetV2", "MatchingFiles"])
def test_a_file_that_the_caller_names(tmp_path: Path, op: str) -> None:
    (finding,) = judge(tmp_path, [node("y", op, "x")])
    assert finding.where["reached_by"] == ["signature 'serving_default'"]
    assert finding.found == "caller x"
    assert finding.wanted == "no such op, or one of the model's own assets"


@pytest.mark.parametrize(
    ("op", "attrs"),
    [
        ("While", {"cond": "@test", "body": "@body"}),
        ("If", {"then_branch": "@body", "else_branch": "@test"}),
        ("MapDataset", {"f": "@body"}),
        ("PartitionedCall", {"f": "@outer"}),
        ("body", {}),
    ],
)
def test_follows_functions_wherever_they_are_held(tmp_path: Path, op: str, attrs: dict[str, str]) -> None:
    functions = {
        "body": BODY,
        "test": function(node("t", "Identity", "a")),
        "outer": function(node("call", "StatefulPartitionedCall", "a", f="@body")),
    }
    (finding,) = judge(tmp_path, [node("y", op, "x", **attrs)], functions=functions)
    assert finding.where["op"] == "WriteFile"
    assert finding.where["function"] == "body"
    assert finding.found == "constant /etc/cron.d/x"


def test_a_function_that_no_signature_reaches(tmp_path: Path) -> None:
    nodes = [node("y", "Identity", "x")]
    (finding,) = judge(tmp_path / "tf2", nodes, functions={"body": BODY}, callable_functions={"body": ()})
    assert finding.where["reached_by"] == ["function 'body', which no signature reaches"]
    # Nobody can call it in a TF1 MetaGraph: it has no object graph.
    assert judge(tmp_path / "tf1", nodes, functions={"body": BODY}) == []


def test_what_runs_at_loading(tmp_path: Path) -> None:
    nodes = [node("y", "Identity", "x"), PATH, node("start", "WriteFile", "path", "path")]
    (finding,) = judge(tmp_path, nodes, init_op="start")
    assert finding.where["reached_by"] == ["init"]


@pytest.mark.parametrize("collection", ["table_initializer", "local_variables"])
def test_what_tf2s_loader_runs_where_no_init_op_is_named(tmp_path: Path, collection: str) -> None:
    nodes = [node("y", "Identity", "x"), PATH, node("fill", "WriteFile", "path", "path"), node("start", "NoOp")]
    assert judge(tmp_path, nodes) == []
    proto = parse_saved_model(tmp_path, "saved_model.pb")
    collections = proto.meta_graphs[0].collection_def
    if collection == "local_variables":
        local = protos.variable_pb2().VariableDef(variable_name="v:0", initializer_name="fill")
        collections[collection].bytes_list.value.append(local.SerializeToString())
    else:
        collections[collection].node_list.value.append("fill")
    (tmp_path / "saved_model.pb").write_bytes(proto.SerializeToString())
    (finding,) = UnsafeOps().check(read_saved_model(tmp_path))
    assert (finding.where["node"], finding.where["reached_by"]) == ("fill", ["init"])
    collections["saved_model_main_op"].node_list.value.append("start")
    (tmp_path / "saved_model.pb").write_bytes(proto.SerializeToString())
    assert list(UnsafeOps().check(read_saved_model(tmp_path))) == []


def test_a_local_variable_that_does_not_parse_is_a_fault(tmp_path: Path) -> None:
    save(tmp_path, [node("y", "NoOp")])
    proto = parse_saved_model(tmp_path, "saved_model.pb")
    proto.meta_graphs[0].collection_def["local_variables"].bytes_list.value.append(b"\xff\xff")
    (tmp_path / "saved_model.pb").write_bytes(proto.SerializeToString())
    assert "local_variables does not parse" in str(read_saved_model(tmp_path).fault)


@pytest.mark.parametrize("op", ["PyFunc", "EagerPyFunc", "RpcCall", "DebugIdentityV2"])
def test_code_and_network(tmp_path: Path, op: str) -> None:
    (finding,) = judge(tmp_path, [node("y", op, "x")])
    assert op in finding.message
    assert finding.wanted == "no such op"


def test_a_graph_without_signatures_is_for_whoever_opens_it(tmp_path: Path) -> None:
    graph = view(tmp_path, [node("evil", "WriteFile", "a", "b")])
    assert len(list(UnsafeOps().check(graph))) == 1


def test_dead_nodes_beside_signatures_are_left_alone(tmp_path: Path) -> None:
    dead = [node("y", "Identity", "x"), PATH, node("old", "MatchingFiles", "path")]
    assert judge(tmp_path, dead) == []


def test_the_models_own_asset_may_be_read(tmp_path: Path) -> None:
    nodes = [
        node("y", "Identity", "x"),
        node("table", "HashTableV2"),
        node("file", "Const", value=["vocabulary"]),
        node("start", "StatefulPartitionedCall", "file", "table", f="@initializer"),
    ]
    body = function(node("fill", "InitializeTableFromTextFileV2", "t", "f"), arguments=("f", "t"))
    model = {"functions": {"initializer": body}, "init_op": "start"}
    assert judge(tmp_path / "own", nodes, assets={"file:0": "vocabulary"}, **model) == []
    (finding,) = judge(tmp_path / "foreign", nodes, **model)
    assert finding.found == "constant vocabulary"


def test_an_asset_captured_by_a_function_that_python_calls(tmp_path: Path) -> None:
    body = function(node("fill", "ReadFile", "f"), arguments=("f",))
    nodes = [node("y", "Identity", "x"), node("file", "Const", value=[""])]
    model = {"functions": {"initializer": body}, "assets": {"file:0": "words"}}
    assert judge(tmp_path / "a", nodes, callable_functions={"initializer": [0]}, **model) == []
    (finding,) = judge(tmp_path / "b", nodes, callable_functions={"initializer": []}, **model)
    assert finding.found == "caller argument 0 of initializer"


@pytest.mark.parametrize(("stream", "count"), [("stderr", 0), ("log(info)", 0), ("file:///tmp/x", 1)])
def test_printing_is_writing_only_to_a_file(tmp_path: Path, stream: str, count: int) -> None:
    assert len(judge(tmp_path, [node("y", "PrintV2", "x", output_stream=stream)])) == count


@pytest.mark.parametrize(("file", "count"), [("", 0), ("/tmp/cache", 1)])
def test_a_cache_in_memory_writes_nothing(tmp_path: Path, file: str, count: int) -> None:
    nodes = [node("name", "Const", value=[file]), node("y", "CacheDatasetV2", "x", "name", "x")]
    assert len(judge(tmp_path, nodes)) == count


def test_an_allowed_op_passes(tmp_path: Path) -> None:
    graph = view(tmp_path, [node("evil", "PyFunc")])
    assert list(UnsafeOps(allow=("PyFunc",)).check(graph)) == []


SAVER_NODES = [
    node("y", "Identity", "x"),
    node("file", "Placeholder", dtype=7),
    node("suffix", "Const", value=["_temp/part"]),
    node("prefix", "StringJoin", "file", "suffix"),
    node("save", "SaveV2", "prefix", "y"),
    node("saved", "Identity", "file", "^save"),
    node("read", "RestoreV2", "file"),
    node("restore", "NoOp", "^read"),
]
SAVER = ("file:0", "saved:0", "restore")


def test_saving_and_restoring_is_in_every_model(tmp_path: Path) -> None:
    assert judge(tmp_path, SAVER_NODES, saver=SAVER) == []


def test_a_saver_that_writes_where_nobody_asked(tmp_path: Path) -> None:
    constant = [item if item["name"] != "save" else node("save", "SaveV2", "suffix", "y") for item in SAVER_NODES]
    (finding,) = judge(tmp_path / "constant", constant, saver=SAVER)
    assert finding.found == "constant _temp/part"
    climbing = [node("suffix", "Const", value=["/../../x"]) if n["name"] == "suffix" else n for n in SAVER_NODES]
    (finding,) = judge(tmp_path / "climbing", climbing, saver=SAVER)
    assert finding.found == "constant /../../x, saver"


def test_a_restore_that_writes(tmp_path: Path) -> None:
    planted = [node("restore", "NoOp", "^read", "^save") if n["name"] == "restore" else n for n in SAVER_NODES]
    (finding,) = judge(tmp_path, planted, saver=SAVER)
    assert finding.where["reached_by"] == ["restore", "save"]


def test_a_loop_that_changes_the_name(tmp_path: Path) -> None:
    body = {
        "arguments": ("name",),
        "nodes": [node("read", "ReadFile", "name"), node("secret", "Const", value=["/secret"])],
        "returns": {"out": "secret:output:0"},
    }
    nodes = [node("file", "Const", value=["words"]), node("y", "While", "file", body="@body", cond="@body")]
    (finding,) = judge(tmp_path, nodes, functions={"body": body}, assets={"file:0": "words"}, init_op="y")
    assert "constant /secret" in finding.found


def test_an_asset_is_one_only_while_initialising(tmp_path: Path) -> None:
    # A request is answered with what the graph holds: loaders feed assets to the init op alone.
    nodes = [node("file", "Const", value=["/secret/words"]), node("y", "ReadFile", "file")]
    (finding,) = judge(tmp_path, nodes, assets={"file:0": "words"})
    assert finding.found == "constant /secret/words"


def test_a_variable_that_holds_an_asset(tmp_path: Path) -> None:
    nodes = [
        node("file", "Const", value=["words"]),
        node("v", "VarHandleOp", shared_name="v", dtype=7),
        node("set", "AssignVariableOp", "v", "file", dtype=7),
        node("value", "ReadVariableOp", "v", dtype=7),
        node("y", "ReadFile", "value"),
    ]
    model = {"assets": {"file:0": "words"}, "init_op": "set"}
    assert judge(tmp_path / "own", nodes, **model) == []
    alias = [
        node("w", "VarHandleOp", shared_name="v", dtype=7),
        node("evil", "Const", value=["/secret"]),
        node("reset", "AssignVariableOp", "w", "evil", dtype=7),
    ]
    (finding,) = judge(tmp_path / "alias", [*nodes, *alias], **model)
    assert finding.found == "asset words, constant /secret"
    inside = function(node("reset", "AssignVariableOp", "a", "b", dtype=7))
    (finding,) = judge(tmp_path / "inside", nodes, functions={"hidden": inside}, **model)
    assert finding.found == "computed by a variable"


def test_a_function_held_by_a_functions_attribute(tmp_path: Path) -> None:
    outer = function(node("call", "PartitionedCall", "a"))
    nodes = [node("y", "PartitionedCall", "x", f="@outer[body]")]
    (finding,) = judge(tmp_path, nodes, functions={"outer": outer, "body": BODY})
    assert finding.where["function"] == "body"


def test_a_constant_that_hides_its_text(tmp_path: Path) -> None:
    nodes = [node("name", "Const", value=b"\x06/cache"), node("y", "CacheDatasetV2", "x", "name", "x")]
    (finding,) = judge(tmp_path, nodes)
    assert "does not show its text" in finding.found


def test_a_graph_within_a_constant(tmp_path: Path) -> None:
    assert len(judge(tmp_path, [node("y", "DatasetFromGraph", "x")])) == 1


@pytest.mark.parametrize("kind", ["coo_sparse", "composite_tensor"])
def test_an_output_of_several_tensors(tmp_path: Path, kind: str) -> None:
    signature = {"inputs": {"x": tensor("x:0", "string")}, "outputs": {"y": tensor("x:0", "string")}}
    nodes = [INPUT, node("read", "ReadFile", "x"), node("fine", "Identity", "x")]
    save(tmp_path, nodes, signatures={"serving_default": signature})
    proto = parse_saved_model(tmp_path, "saved_model.pb")
    output = proto.meta_graphs[0].signature_def["serving_default"].outputs["y"]
    if kind == "coo_sparse":
        output.coo_sparse.values_tensor_name = "read:0"
        output.coo_sparse.indices_tensor_name = output.coo_sparse.dense_shape_tensor_name = "fine:0"
    else:
        output.composite_tensor.components.add().name = "fine:0"
        output.composite_tensor.components.add().name = "read:0"
    (tmp_path / "saved_model.pb").write_bytes(proto.SerializeToString())
    (finding,) = UnsafeOps().check(read_saved_model(tmp_path))
    assert (finding.where["node"], finding.where["reached_by"]) == ("read", ["signature 'serving_default'"])
