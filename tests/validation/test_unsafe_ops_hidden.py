"""SM120 against whoever hides an op or a file name on purpose: ways that a loader goes and a reader may miss."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.saved_model.graphs import node, save, tensor
from tfx_savedmodel.saved_model import protos
from tfx_savedmodel.saved_model.parse import parse_saved_model
from tfx_savedmodel.saved_model.reader import read_saved_model
from tfx_savedmodel.validation.checks.structure import Structure
from tfx_savedmodel.validation.checks.unsafe_ops import UnsafeOps
from tfx_savedmodel.validation.result import Finding

pytestmark = pytest.mark.unit

INPUT = node("x", "Placeholder", dtype=7)
WRITE = {
    "arguments": ("a",),
    "nodes": [node("path", "Const", value=["/etc/cron.d/x"]), node("write", "WriteFile", "path:output:0", "a")],
    "returns": {"out": "a"},
}
FINE = {"arguments": ("a",), "nodes": [node("same", "Identity", "a")], "returns": {"out": "same:output:0"}}


def judge(
    directory: Path, nodes: list[Any], change: Callable[[Any], object] | None = None, **model: Any
) -> list[Finding]:
    """Return the findings on a model from the string x to y, whose MetaGraph proto was changed by hand."""
    signature = {"inputs": {"x": tensor("x:0", "string")}, "outputs": {"y": tensor("y:0", "string")}}
    save(directory, [INPUT, *nodes], signatures={"serving_default": signature}, **model)
    if change is not None:
        proto = parse_saved_model(directory, "saved_model.pb")
        change(proto.meta_graphs[0])
        (directory / "saved_model.pb").write_bytes(proto.SerializeToString())
    return list(UnsafeOps().check(read_saved_model(directory)))


CALL = [node("y", "PartitionedCall", "x", f="@fine")]


def test_a_gradient_function(tmp_path: Path) -> None:
    def define(meta_graph: Any) -> None:
        meta_graph.graph_def.library.gradient.add(function_name="fine", gradient_func="evil")

    functions = {"fine": FINE, "evil": WRITE}
    (finding,) = judge(tmp_path / "a", [node("y", "SymbolicGradient", "x", f="@fine")], define, functions=functions)
    assert finding.where["function"] == "evil"
    assert judge(tmp_path / "b", CALL, define, functions=functions) == []  # what is not differentiated


def test_a_gradient_that_is_registered_for_python(tmp_path: Path) -> None:
    def register(meta_graph: Any) -> None:
        library = meta_graph.graph_def.library
        library.registered_gradients.add(gradient_func="evil", registered_op_type="Identity")

    (finding,) = judge(tmp_path, CALL, register, functions={"fine": FINE, "evil": WRITE}, callable_functions={})
    assert finding.where["reached_by"] == ["function 'evil', which no signature reaches"]


def test_another_implementation_of_the_function_that_is_called(tmp_path: Path) -> None:
    def implement(*names: str) -> Callable[[Any], None]:
        def change(meta_graph: Any) -> None:
            for function in meta_graph.graph_def.library.function:
                if function.signature.name in names:
                    function.attr["api_implements"].s = b"lstm"

        return change

    functions = {"fine": FINE, "evil": WRITE}
    (finding,) = judge(tmp_path / "both", CALL, implement("fine", "evil"), functions=functions)
    assert finding.where["reached_by"] == ["signature 'serving_default'"]
    assert judge(tmp_path / "one", CALL, implement("evil"), functions=functions) == []


@pytest.mark.parametrize("kind", ["function", "bare"])
def test_a_function_that_an_object_names_without_listing_it(tmp_path: Path, kind: str) -> None:
    def name(meta_graph: Any) -> None:
        item = meta_graph.object_graph_def.nodes.add()
        if kind == "function":
            item.function.concrete_functions.append("evil")
        else:
            item.bare_concrete_function.concrete_function_name = "evil"

    (finding,) = judge(tmp_path, CALL, name, functions={"fine": FINE, "evil": WRITE}, callable_functions={})
    assert finding.where["reached_by"] == ["function 'evil', which no signature reaches"]


@pytest.mark.parametrize(
    ("op", "attribute"), [("PrintV2", "output_stream"), ("FixedUnigramCandidateSampler", "vocab_file")]
)
def test_an_attribute_that_the_caller_fills_in(tmp_path: Path, op: str, attribute: str) -> None:
    value = protos.attr_value_pb2().AttrValue(placeholder="stream")
    body = {"arguments": ("a",), "nodes": [node("p", op, "a", **{attribute: value})], "returns": {"out": "a"}}
    assert len(judge(tmp_path, CALL, functions={"fine": body})) == 1


def asset(*nodes: Any) -> dict[str, Any]:
    """A model whose initialiser reads a file, of whose name the first part is an asset."""
    return {
        "nodes": [node("y", "Identity", "x"), node("file", "Const", value=["words"]), *nodes],
        "assets": {"file:0": "words"},
        "init_op": "read",
    }


def parts(*texts: str, separator: str = "") -> dict[str, Any]:
    constants = [node(f"part{number}", "Const", value=[text]) for number, text in enumerate(texts)]
    names = [item["name"] for item in constants]
    joined = node("name", "StringJoin", "file", *names, separator=separator)
    return asset(*constants, joined, node("read", "ReadFile", "name"))


@pytest.mark.parametrize(
    ("model", "count"),
    [
        (parts("_1"), 0),
        (parts("a", "b", separator="-"), 0),
        (parts("/../../../etc/passwd"), 1),
        (parts("/.", "./.", "./etc/passwd"), 1),  # no part has two dots
        (parts("etc", "passwd", separator="/../"), 1),
        (asset(node("name", "StringJoin", "file", "x"), node("read", "ReadFile", "name")), 1),
        (asset(node("name", "RegexReplace", "file", "x", "x"), node("read", "ReadFile", "name")), 1),
        (asset(node("name", "Identity", "file"), node("read", "ReadFile", "name")), 0),
    ],
)
def test_names_that_are_put_together(tmp_path: Path, model: dict[str, Any], count: int) -> None:
    assert len(judge(tmp_path, **model)) == count


def test_a_function_with_a_harmless_ops_name(tmp_path: Path) -> None:
    swap = {
        "arguments": ("a",),
        "nodes": [node("other", "Const", value=["/secret"])],
        "returns": {"out": "other:output:0"},
    }
    model = asset(node("name", "Identity", "file"), node("read", "ReadFile", "name"))
    (finding,) = judge(tmp_path, **model, functions={"Identity": swap})
    assert finding.found == "constant /secret"


@pytest.mark.parametrize(
    "change",
    [
        node("change", "ResourceStridedSliceAssign", "v", "b", "b", "b", "evil", T=7),
        node("change", "ResourceScatterNdUpdate", "v", "b", "evil", T=7),
    ],
    ids=lambda item: str(item["op"]),
)
def test_a_variable_that_is_changed_in_part(tmp_path: Path, change: Any) -> None:
    nodes = [
        node("y", "ReadFile", "value"),
        node("file", "Const", value=["words"]),
        node("v", "VarHandleOp", shared_name="v", dtype=7),
        node("set", "AssignVariableOp", "v", "file", dtype=7),
        node("value", "ReadVariableOp", "v", dtype=7),
        node("evil", "Const", value=["/secret"]),
        node("b", "Const", value=["0"]),
    ]
    model = {"assets": {"file:0": "words"}, "init_op": "set"}
    assert judge(tmp_path / "a", nodes, **model) == []
    assert len(judge(tmp_path / "b", [*nodes, change], **model)) == 1


@pytest.mark.parametrize(
    "op",
    [
        "ListSnapshotChunksDataset",
        "DeserializeIterator",
        "XlaCustomCallV2",
        "RemoteFusedGraphExecute",
        "MergeV2Checkpoints",
        "RemoteCall",
        "SqlDataset",
        "IO>FileRead",
        "IO>KafkaReadableInit",
        "TFRA>CuckooHashTableSaveToFileSystem",
    ],
)
def test_ops_that_are_easily_forgotten(tmp_path: Path, op: str) -> None:
    assert len(judge(tmp_path, [node("y", op, "x")])) == 1


@pytest.mark.parametrize(
    "op", ["IO>DecodeAvro", "TFRA>CuckooHashTableFind", "TensorSummaryV2", "IteratorFromStringHandle"]
)
def test_ops_that_only_compute(tmp_path: Path, op: str) -> None:
    assert judge(tmp_path, [node("y", op, "x")]) == []


def test_a_table_that_is_filled_from_the_callers_file(tmp_path: Path) -> None:
    nodes = [node("t", "HashTableV2"), node("y", "InitializeTableFromTextFileV2", "t", "x")]
    (finding,) = judge(tmp_path, nodes)
    assert finding.found == "caller x"


def test_saving_and_restoring_under_the_callers_name(tmp_path: Path) -> None:
    for op in ("SaveV2", "RestoreV2"):
        (finding,) = judge(tmp_path / op, [node("y", op, "x", "x", "x", "x")], saver=("x:0", "y:0", "y"))
        assert "signature 'serving_default'" in finding.where["reached_by"]


def test_two_of_one_name_are_a_fault_of_the_graph(tmp_path: Path) -> None:
    def repeat(meta_graph: Any) -> None:
        meta_graph.graph_def.library.function.add().signature.name = "fine"
        meta_graph.graph_def.node.add(name="y", op="NoOp")

    judge(tmp_path, CALL, repeat, functions={"fine": FINE})
    found = {finding.message for finding in Structure().check(read_saved_model(tmp_path))}
    assert found == {"the graph has 2 times the function 'fine'", "the graph has 2 times the node 'y'"}
