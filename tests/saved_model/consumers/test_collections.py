"""TF1's collections of a graph that is made to fit: importers must find every node that they name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.saved_model.attribute_values import FLOAT, several, value
from tests.saved_model.consumers.fitted import Fitted, Y, handle
from tests.saved_model.graphs import node
from tfx_savedmodel.errors import UnreadableModelError
from tfx_savedmodel.saved_model import protos

pytestmark = pytest.mark.unit


def variable(name: str, **fields: Any) -> bytes:
    """Return a VariableDef whose nodes are named as TF1 names them."""
    made = protos.variable_pb2().VariableDef(
        variable_name=f"{name}:0",
        initializer_name=f"{name}/Assign",
        snapshot_name=f"{name}/Read:0",
        initial_value_name=f"{name}/value:0",
        is_resource=True,
        **fields,
    )
    data: bytes = made.SerializeToString()
    return data


def nodes_of(name: str, value_op: str) -> list[Any]:
    """Return a variable, its initial value by this op, its assignment and its snapshot."""
    return [
        handle(name),
        node(f"{name}/value", value_op),
        node(f"{name}/Assign", "AssignVariableOp", name, f"{name}/value", f"^{name}/value", dtype=FLOAT),
        node(f"{name}/Read", "ReadVariableOp", name, dtype=FLOAT),
    ]


def collected(fitted: Fitted, key: str) -> dict[str, Any]:
    kind = protos.variable_pb2().VariableDef
    held = fitted.meta_graph.collection_def
    items = [kind.FromString(data) for data in held[key].bytes_list.value] if key in held else []
    return {item.variable_name: item for item in items}


def adding(**collections: Any) -> Any:
    def change(meta_graph: Any) -> None:
        for key, items in collections.items():
            held = meta_graph.collection_def[key]
            (held.bytes_list if isinstance(items[0], bytes) else held.node_list).value.extend(items)

    return change


def serving(*variables: str) -> Any:
    return node("y", "AddN", *(f"{name}/Read" for name in variables), N=value(i=len(variables)), T=FLOAT)


def test_a_variable_stays_without_what_its_initialiser_computed(tmp_path: Path) -> None:
    nodes = [*nodes_of("v", "NoSuchOp"), *nodes_of("idle", "NoSuchOp"), serving("v")]
    change = adding(variables=[variable("v"), variable("idle")], trainable_variables=[variable("v", trainable=True)])
    fitted = Fitted(tmp_path, "tf-1.15", *nodes, change=change)
    assert set(fitted.nodes) == {"x", "y", "v", "v/Read", "v/Assign", "v/Assign/no_value"}
    placeholder = fitted.nodes["v/Assign/no_value"]
    assert (placeholder.op, placeholder.attr["dtype"].type) == ("Placeholder", FLOAT)
    assert placeholder.attr["shape"].shape.dim[0].size == 2
    assert list(fitted.nodes["v/Assign"].input) == ["v", "v/Assign/no_value"]
    for key in ("variables", "trainable_variables"):
        (item,) = collected(fitted, key).values()
        assert (item.variable_name, item.initial_value_name) == ("v:0", "v/Assign/no_value:0")
        assert item.trainable is (key == "trainable_variables")
    assert fitted.done.cut == 1


def test_an_initialiser_that_the_initialiser_of_all_runs_stays_whole(tmp_path: Path) -> None:
    nodes = [*nodes_of("v", "Placeholder"), serving("v"), node("init", "NoOp", "^v/Assign"), node("idle", "NoSuchOp")]
    nodes[1] = node("v/value", "Placeholder", dtype=FLOAT)
    fitted = Fitted(tmp_path, "tf-1.15", *nodes, init_op="init", change=adding(variables=[variable("v")]))
    assert list(fitted.nodes["v/Assign"].input) == ["v", "v/value", "^v/value"]
    assert collected(fitted, "variables")["v:0"].initial_value_name == "v/value:0"
    assert fitted.done.cut == 0


def test_local_variables_keep_what_fits(tmp_path: Path) -> None:
    """TF2's loader runs their initialisers where a model has none of its own."""
    nodes = [*nodes_of("fits", "Placeholder"), *nodes_of("not", "NoSuchOp"), serving("fits", "not")]
    nodes[1] = node("fits/value", "Placeholder", dtype=FLOAT)
    change = adding(local_variables=[variable("fits"), variable("not")], table_initializer=["table", "gone"])
    nodes += [node("table", "NoOp"), node("gone", "NoSuchOp")]
    fitted = Fitted(tmp_path, "tf-1.15", *nodes, change=change)
    assert {item.initial_value_name for item in collected(fitted, "local_variables").values()} == {
        "fits/value:0",
        "not/Assign/no_value:0",
    }
    assert list(fitted.meta_graph.collection_def["table_initializer"].node_list.value) == ["table"]


def test_an_initialiser_of_another_kind_does_nothing_any_more(tmp_path: Path) -> None:
    nodes = [*nodes_of("v", "NoSuchOp"), serving("v")]
    nodes[2] = node("v/Assign", "NoOp", "^v/value")
    fitted = Fitted(tmp_path, "tf-1.15", *nodes, change=adding(variables=[variable("v")]))
    assert (fitted.nodes["v/Assign"].op, list(fitted.nodes["v/Assign"].input)) == ("NoOp", [])
    assert collected(fitted, "variables")["v:0"].initial_value_name == ""


def test_loops_stay_whole_or_are_named_no_more(tmp_path: Path) -> None:
    def context(name: str) -> bytes:
        made = protos.control_flow_pb2().WhileContextDef(
            context_name=f"{name}/while_context", pivot_name=f"{name}/pivot:0"
        )
        made.loop_exit_names.append(f"{name}/exit:0")
        made.values_def.values.append(f"{name}/exit")
        made.values_def.external_values["x"] = "x:0"
        data: bytes = made.SerializeToString()
        return data

    nodes = [
        node("a/pivot", "LoopCond", "x"),
        node("a/exit", "Exit", "x", T=FLOAT),
        node("b/pivot", "LoopCond", "x"),
        node("b/exit", "NoSuchOp", "x"),
        node("c/pivot", "LoopCond", "x"),
        node("c/exit", "Exit", "x", T=FLOAT),
        node("y", "Identity", "x", "^a/pivot", "^b/pivot", T=FLOAT),
    ]
    change = adding(while_context=[context("a"), context("b"), context("c")], of_ours=[b"\xff\xffanything"])
    fitted = Fitted(tmp_path, "tf-1.15", *nodes, change=change)
    assert set(fitted.nodes) == {"x", "y", "a/pivot", "a/exit", "b/pivot"}
    collections = fitted.meta_graph.collection_def
    assert list(collections["while_context"].bytes_list.value) == [
        protos.control_flow_pb2().WhileContextDef.FromString(context("a")).SerializeToString(deterministic=True)
    ]
    assert list(collections["of_ours"].bytes_list.value) == [b"\xff\xffanything"]


def test_savers_that_restore_nothing_go(tmp_path: Path) -> None:
    saver = (
        protos.saver_pb2()
        .SaverDef(filename_tensor_name="x:0", save_tensor_name="idle:0", restore_op_name="y")
        .SerializeToString()
    )
    fitted = Fitted(tmp_path, "tf-1.15", Y, node("idle", "NoSuchOp"), change=adding(savers=[saver]))
    assert "savers" not in fitted.meta_graph.collection_def


@pytest.mark.parametrize("key", ["variables", "local_variables", "while_context", "savers"])
def test_an_entry_that_is_no_proto_is_named(tmp_path: Path, key: str) -> None:
    with pytest.raises(UnreadableModelError, match="cannot be read") as caught:
        Fitted(tmp_path, "tf-1.15", Y, node("idle", "NoSuchOp"), change=adding(**{key: [b"\xff\xff\xff"]}))
    assert "entry" in str(caught.value) and key in str(caught.value)


def test_a_place_beside_what_no_node_is_called_is_forgotten(tmp_path: Path) -> None:
    beside = node("y", "Identity", "x", T=FLOAT, _class=several(s=[b"loc:@\xff\xfe", b"loc:@x"]))
    fitted = Fitted(tmp_path, "tf-1.15", beside, node("idle", "NoSuchOp"))
    assert list(fitted.nodes["y"].attr["_class"].list.s) == [b"loc:@x"]
