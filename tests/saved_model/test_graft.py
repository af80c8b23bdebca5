"""A small graph merged into another: names, functions, tables, assets and initialisers of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tfx_savedmodel.saved_model import protos
from tfx_savedmodel.saved_model.graft import Graft, bind, free_prefix, merge
from tfx_savedmodel.saved_model.init_op import add_initialisers, initialisers, set_init_op
from tfx_savedmodel.saved_model.meta_graph import INIT_SIGNATURE
from tfx_savedmodel.saved_model.pruning import prune_to

pytestmark = pytest.mark.unit

INIT = {"main": "saved_model_main_op", "legacy": "legacy_init_op"}


def meta_graph(*nodes: tuple[str, str, list[str]]) -> Any:
    found = protos.meta_graph_pb2().MetaGraphDef()
    for name, op, inputs in nodes:
        found.graph_def.node.add(name=name, op=op, input=inputs)
    return found


def function(found: Any, name: str, *calls: str) -> None:
    body = found.graph_def.library.function.add()
    body.signature.name = name
    for number, called in enumerate(calls):
        node = body.node_def.add(name=f"call_{number}", op="PartitionedCall")
        node.attr["f"].func.name = called


def names(found: Any) -> list[str]:
    return [node.name for node in found.graph_def.node]


def test_the_prefix_is_free() -> None:
    assert free_prefix(meta_graph(("x", "Placeholder", [])).graph_def) == "tfx_savedmodel"
    taken = meta_graph(("tfx_savedmodel/x", "Const", []), ("tfx_savedmodel_1", "Const", []))
    assert free_prefix(taken.graph_def) == "tfx_savedmodel_2"


def test_nodes_functions_tables_and_versions(tmp_path: Path) -> None:
    old, new = meta_graph(("x", "Placeholder", [])), meta_graph(("t", "HashTableV2", []), ("y", "f", ["t:0", "^t"]))
    function(old, "f")
    function(new, "f", "g")
    function(new, "g", "f")
    new.graph_def.node[0].attr["shared_name"].s = b"table"
    new.graph_def.node[1].attr["_class"].list.s.append(b"loc:@t")
    old.graph_def.versions.producer, old.graph_def.versions.min_consumer = 21, 0
    new.graph_def.versions.producer, new.graph_def.versions.min_consumer = 1000, 12
    for found, attributes in ((old, 1), (new, 2)):
        op = found.meta_info_def.stripped_op_list.op.add(name="HashTableV2")
        for number in range(attributes):
            op.attr.add(name=f"a{number}")
    merge(old, Graft(new), "p", tmp_path)
    table, call = old.graph_def.node[1:]
    assert (table.name, table.attr["shared_name"].s) == ("p/t", b"p/table")
    assert (call.name, call.op, list(call.input)) == ("p/y", "f_1", ["p/t:0", "^p/t"])
    assert list(call.attr["_class"].list.s) == [b"loc:@p/t"]
    bodies = {body.signature.name: body for body in old.graph_def.library.function}
    assert bodies.keys() == {"f", "f_1", "g"} and not bodies["f"].node_def
    assert bodies["f_1"].node_def[0].attr["f"].func.name == "g"
    assert bodies["g"].node_def[0].attr["f"].func.name == "f_1"
    assert (old.graph_def.versions.producer, old.graph_def.versions.min_consumer) == (21, 12)
    assert [len(op.attr) for op in old.meta_info_def.stripped_op_list.op] == [2]


@pytest.mark.parametrize("in_collection", [True, False])
def test_assets_keep_their_own_names(tmp_path: Path, in_collection: bool) -> None:
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "words").write_text("old", encoding="utf-8")
    (tmp_path / "given").mkdir()
    for file, text in (("words", "new"), ("more", "more")):
        (tmp_path / "given" / file).write_text(text, encoding="utf-8")
    old, new = meta_graph(("path", "Const", [])), meta_graph(("a", "Const", []), ("b", "Const", []))
    for node in new.graph_def.node:
        node.attr["value"].tensor.string_val.append(b"/home/somebody/words")
    asset = protos.meta_graph_pb2().AssetFileDef(filename="words")
    asset.tensor_info.name = "path:0"
    if in_collection:
        old.collection_def["saved_model_assets"].any_list.value.add().Pack(asset)
    else:
        old.asset_file_def.add().CopyFrom(asset)
    files = {"a:0": tmp_path / "given" / "words", "b:0": tmp_path / "given" / "more"}
    merge(old, Graft(new, (), files), "p", tmp_path)
    found = {item.tensor_info.name: item.filename for item in old.asset_file_def}
    assert found == {"path:0": "words", "p/a:0": "words_1", "p/b:0": "more"}
    packed = [protos.meta_graph_pb2().AssetFileDef() for _ in range(3)]
    for item, value in zip(packed, old.collection_def["saved_model_assets"].any_list.value, strict=True):
        value.Unpack(item)
    assert packed == list(old.asset_file_def)
    assert old.graph_def.node[1].attr["value"].tensor.string_val == [b"words_1"]
    texts = {file.name: file.read_text(encoding="utf-8") for file in (tmp_path / "assets").iterdir()}
    assert texts == {"words": "old", "words_1": "new", "more": "more"}


@pytest.mark.parametrize("place", ["main", "legacy", "signature", "nowhere"])
def test_initialisers_join_the_one_that_counts(place: str) -> None:
    found = meta_graph(("fill", "NoOp", []), ("count/Assign", "Assign", []), ("t", "T", []), ("mine", "M", []))
    found.collection_def["table_initializer"].node_list.value.append("t")
    local = protos.variable_pb2().VariableDef(variable_name="count:0", initializer_name="count/Assign")
    found.collection_def["local_variables"].bytes_list.value.append(local.SerializeToString())
    if place == "signature":
        found.signature_def[INIT_SIGNATURE].outputs[INIT_SIGNATURE].name = "fill"
        found.collection_def[INIT["main"]].node_list.value.append("t")
    elif place != "nowhere":
        found.collection_def[INIT[place]].node_list.value.append("fill")
    add_initialisers(found, ["mine"], "p/init")
    init = found.graph_def.node[-1]
    before = ["^t", "^count/Assign"] if place == "nowhere" else ["^fill"]
    assert (init.name, init.op, list(init.input)) == ("p/init", "NoOp", [*before, "^mine"])
    assert list(initialisers(found)) == ["p/init"]
    assert list(found.collection_def["table_initializer"].node_list.value) == ["t", "mine"]
    assert (INIT["legacy"] in found.collection_def) == (place == "legacy")
    set_init_op(found, "fill")
    assert list(initialisers(found)) == ["fill"] == list(found.collection_def[INIT["main"]].node_list.value)
    assert INIT_SIGNATURE not in found.signature_def and INIT["legacy"] not in found.collection_def


@pytest.mark.parametrize("place", ["main", "legacy", "nowhere"])
def test_the_plans_op_runs_after_what_ran_before(place: str) -> None:
    found = meta_graph(("fill", "NoOp", []), ("mine", "M", ["x"]), ("x", "X", []))
    found.collection_def[INIT.get(place, "table_initializer")].node_list.value.append("fill")
    set_init_op(found, "mine")
    assert list(initialisers(found)) == ["mine"] and list(found.graph_def.node[1].input) == ["x", "^fill"]
    # An op that the initialiser itself runs cannot wait for it.
    set_init_op(found, "x")
    assert list(initialisers(found)) == ["x"] and list(found.graph_def.node[2].input) == []


def test_placeholders_are_bound_and_what_nothing_reaches_goes() -> None:
    found = meta_graph(("x", "P", []), ("y", "Y", ["x", "z:1", "^x"]), ("z", "Z", []), ("far", "call", []))
    function(found, "call", "deeper")
    function(found, "deeper")
    function(found, "unused", "deeper")
    bind(found.graph_def, {"x": "z:2"})
    assert names(found) == ["y", "z", "far"] and list(found.graph_def.node[0].input) == ["z:2", "z:1", "^z"]
    prune_to(found, ["far"])
    assert names(found) == ["far"]
    assert [body.signature.name for body in found.graph_def.library.function] == ["call", "deeper"]
