"""A part of a graph once more: what is cloned, what is shared, and what stands in for the inputs."""

from __future__ import annotations

from typing import Any

import pytest

from tfx_savedmodel.saved_model import protos
from tfx_savedmodel.saved_model.clone import clone

pytestmark = pytest.mark.unit


def graph(*nodes: tuple[str, str, list[str]]) -> Any:
    found = protos.meta_graph_pb2().MetaGraphDef().graph_def
    for name, op, inputs in nodes:
        found.node.add(name=name, op=op, input=inputs)
    return found


def added(found: Any, prefix: str = "p") -> dict[str, list[str]]:
    return {node.name: list(node.input) for node in found.node if node.name.startswith(f"{prefix}/")}


def test_only_what_depends_on_the_inputs_is_cloned() -> None:
    found = graph(
        ("x", "Placeholder", []),
        ("w", "VariableV2", []),
        ("read", "Identity", ["w"]),
        ("product", "MatMul", ["x", "read"]),
        ("y", "Softmax", ["product"]),
        ("other", "Softmax", ["y"]),
    )
    before = [node.SerializeToString() for node in found.node]
    assert clone(found, {"x:0": "given:1"}, ["y:0", "read:0", "x:0"], "p") == {
        "y:0": "p/y:0",
        "read:0": "read:0",
        "x:0": "given:1",
    }
    assert added(found) == {"p/product": ["given:1", "read"], "p/y": ["p/product"]}
    assert [node.SerializeToString() for node in found.node][: len(before)] == before


def test_control_inputs_of_what_is_fed_wait_for_what_stands_there() -> None:
    found = graph(
        ("x", "Placeholder", []),
        ("check", "Assert", ["x"]),
        ("constant", "Const", ["^x"]),
        ("free", "Const", []),
        ("y", "Add", ["constant", "free", "^check", "^free", "^x"]),
    )
    clone(found, {"x": "given"}, ["y:0"], "p")
    assert added(found) == {
        "p/check": ["given"],
        "p/constant": ["^given"],
        "p/y": ["p/constant", "free", "^p/check", "^free", "^given"],
    }


def test_a_loop_is_cloned_whole_under_a_frame_of_its_own() -> None:
    found = graph(
        ("x", "Placeholder", []),
        ("limit", "Const", []),
        ("enter_x", "Enter", ["x"]),
        ("enter_limit", "Enter", ["limit"]),
        ("merge", "Merge", ["enter_x", "next"]),
        ("less", "Less", ["merge", "enter_limit"]),
        ("condition", "LoopCond", ["less"]),
        ("switch", "Switch", ["merge", "condition"]),
        ("body", "Identity", ["switch:1"]),
        ("next", "NextIteration", ["body"]),
        ("exit", "Exit", ["switch"]),
    )
    for node in found.node:
        if node.op == "Enter":
            node.attr["frame_name"].s = b"while"
    clone(found, {"x:0": "given:0"}, ["exit:0"], "p")
    assert set(added(found)) == {f"p/{node.name}" for node in found.node[2:11]}
    assert added(found)["p/enter_limit"] == ["limit"] and added(found)["p/merge"] == ["p/enter_x", "p/next"]
    frames = {node.name: node.attr["frame_name"].s for node in found.node if node.op == "Enter"}
    assert frames == {"enter_x": b"while", "enter_limit": b"while"} | dict.fromkeys(
        ["p/enter_x", "p/enter_limit"], b"p/while"
    )


def test_state_of_one_run_is_not_shared() -> None:
    found = graph(
        ("x", "Placeholder", []),
        ("size", "Const", []),
        ("array", "TensorArrayV3", ["size"]),
        ("first", "TensorArrayWriteV3", ["array", "size", "size", "array:1"]),
        ("write", "TensorArrayWriteV3", ["array", "size", "x", "first"]),
        ("y", "TensorArrayGatherV3", ["array", "size", "write"]),
    )
    clone(found, {"x:0": "given:0"}, ["y:0"], "p")
    assert set(added(found)) == {"p/array", "p/first", "p/write", "p/y"}
    assert added(found)["p/first"] == ["p/array", "size", "size", "p/array:1"]


def test_colocation_follows_and_one_output_of_several_is_fed() -> None:
    found = graph(
        ("parse", "ParseExample", ["examples"]),
        ("examples", "Placeholder", []),
        ("y", "Add", ["parse:1", "parse:1"]),
        ("z", "Neg", ["y"]),
    )
    found.node[3].attr["_class"].list.s.extend([b"loc:@y", b"loc:@parse"])
    assert clone(found, {"parse:1": "given:0"}, ["z:0"], "p") == {"z:0": "p/z:0"}
    assert added(found) == {"p/y": ["given", "given"], "p/z": ["p/y"]}
    assert list(found.node[-1].attr["_class"].list.s) == [b"loc:@p/y", b"loc:@parse"]
