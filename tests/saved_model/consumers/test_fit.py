"""Edits that make a graph fit an older TensorFlow, on protos made by hand: one test a rule."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format

from tests.saved_model.attribute_values import FLOAT, INT32, INT64, STRING, number, several, shape, strings, value
from tests.saved_model.consumers.fitted import SERVES_Y, Fitted, X, Y, handle
from tests.saved_model.graphs import node, save, tensor
from tfx_savedmodel.errors import TargetError, UsageError
from tfx_savedmodel.saved_model.consumers.fit import fit_to_consumer, left_out_notes
from tfx_savedmodel.saved_model.parse import parse_saved_model

pytestmark = pytest.mark.unit


def test_a_model_that_fits_is_not_edited(tmp_path: Path) -> None:
    save(tmp_path, [X, Y, node("idle", "NoOp")], signatures=SERVES_Y)
    before = (tmp_path / "saved_model.pb").read_bytes()
    assert fit_to_consumer(tmp_path, ("serve",), "tf-1.15") is None
    assert (tmp_path / "saved_model.pb").read_bytes() == before
    with pytest.raises(UsageError, match="no MetaGraph"):
        fit_to_consumer(tmp_path, ("train",), "tf-1.15")


@pytest.mark.parametrize("node_def", [node("v", "NoSuchOp"), node("v", "NoOp")], ids=["unfit", "fit"])
def test_a_model_in_text_becomes_a_binary_one(tmp_path: Path, node_def: Any) -> None:
    """TensorFlow's parser of text refuses the fields that it does not know."""
    save(tmp_path, [X, Y, node_def], signatures=SERVES_Y)
    text = text_format.MessageToString(parse_saved_model(tmp_path, "saved_model.pb"))
    (tmp_path / "saved_model.pb").unlink()
    (tmp_path / "saved_model.pbtxt").write_text(text, encoding="utf-8")
    fit = fit_to_consumer(tmp_path, ("serve",), "tf-1.15")
    assert fit is not None
    assert "saved_model.pbtxt is written as saved_model.pb:" in fit.notes()[-1]
    original = fit.write()
    assert [path.name for path in tmp_path.iterdir()] == ["saved_model.pb"]
    fit.undo(original)
    assert [path.read_text("utf-8") for path in tmp_path.iterdir()] == [text]
    fit.write()
    assert fit_to_consumer(tmp_path, ("serve",), "tf-1.15") is None


def test_names_and_defaults_are_stripped_in_graph_and_functions(tmp_path: Path) -> None:
    product = node("n", "MatMul", "a", "a", T=FLOAT, grad_a=value(b=False), _mine="kept")
    functions = {
        "f": {"arguments": ["a"], "nodes": [product, handle("w", debug_name="w")], "returns": {"r": "n:product:0"}}
    }
    read = node("r", "ReadVariableOp", "v", dtype=FLOAT)
    fitted = Fitted(tmp_path, "tf-2.4", handle(debug_name="v"), read, node("y", "f", "r"), functions=functions)
    assert set(fitted.nodes["v"].attr) == {"dtype", "shape"}
    assert set(fitted.body("f")["n"].attr) == {"T", "_mine"}
    assert fitted.done.stripped == {"VarHandleOp.debug_name": 2, "MatMul.grad_a": 1}
    assert (fitted.done.places, fitted.done.said, fitted.done.left_out) == ((), {}, {})
    assert "2 VarHandleOp.debug_name" in "\n".join(fitted.done.notes())


def test_an_attribute_that_had_no_default_then_is_written_out(tmp_path: Path) -> None:
    ragged = node(
        "y", "RaggedTensorToVariant", "x", "x", RAGGED_RANK=value(i=1), Tvalues=FLOAT, batched_input=value(b=True)
    )
    fitted = Fitted(tmp_path, "tf-2.0", ragged)
    assert fitted.nodes["y"].attr["Tsplits"].type == INT64
    assert fitted.done.said == {"RaggedTensorToVariant.Tsplits": 1}


def test_copy_on_read_is_undone_by_nothing_and_waited_for(tmp_path: Path) -> None:
    functions = {
        "f": {
            "arguments": ["a"],
            "nodes": [
                node("own", "VarHandleOp", dtype=FLOAT, shape=shape(2)),
                node("d", "DisableCopyOnRead", "own:resource:0", "^e", device="d"),
                node("e", "DisableCopyOnRead", "a"),
                node("n", "Identity", "a", "^d", "^e", T=FLOAT),
            ],
            "returns": {"r": "n:output:0"},
        }
    }
    fitted = Fitted(
        tmp_path,
        "tf-2.7",
        handle(),
        node("before", "NoOp"),
        node("d", "DisableCopyOnRead", "v", "^before"),
        node("y", "f", "x", "^d"),
        functions=functions,
    )
    body = fitted.body("f")
    assert {name: (item.op, list(item.input)) for name, item in {**body, "graph": fitted.nodes["d"]}.items()} == {
        "own": ("VarHandleOp", []),
        "d": ("NoOp", ["^own", "^e"]),
        "e": ("NoOp", []),
        "n": ("Identity", ["a", "^d", "^e"]),
        "graph": ("NoOp", ["^v", "^before"]),
    }
    assert dict(body["d"].attr) == {}
    assert fitted.done.replaced == {"DisableCopyOnRead": 3}
    assert set(fitted.done.places) == {(None, "d"), ("f", "d"), ("f", "e")}


def parse_example(serialized: str, sparse: str, dense: str, default: str) -> Any:
    return node(
        "p",
        "ParseExampleV2",
        serialized,
        "none",
        sparse,
        dense,
        "none",
        default,
        "^x",
        Tdense=several(type=[FLOAT]),
        num_sparse=value(i=2),
        sparse_types=several(type=[STRING, INT64]),
        ragged_value_types=several(),
        ragged_split_types=several(),
        dense_shapes=several(),
        _output_shapes="kept",
    )


def test_examples_are_parsed_with_a_name_at_a_time(tmp_path: Path) -> None:
    keys = [
        node("none", "Const", dtype=STRING, value=strings()),
        node("sparse", "Const", dtype=STRING, value=strings(b"a", b"b")),
        node("dense", "Placeholder", dtype=STRING),
        node("p/sparse_key_0", "NoOp"),
    ]
    nodes = [
        *keys,
        parse_example("x", "sparse", "dense", "x"),
        node("y", "Identity", "p:6", "^p/sparse_key_0", T=FLOAT),
    ]
    fitted = Fitted(tmp_path, "tf-1.15", *nodes)
    parser = fitted.nodes["p"]
    inputs = ["x", "none", "p/sparse_key_0_", "p/sparse_key_1", "p/dense_keys", "x", "^x"]
    assert (parser.op, list(parser.input)) == ("ParseExample", inputs)
    assert [fitted.nodes[name].attr["value"].tensor.string_val[0] for name in inputs[2:4]] == [b"a", b"b"]
    assert (fitted.nodes["p/dense_keys"].op, fitted.nodes["p/dense_keys"].attr["num"].i) == ("Unpack", 1)
    assert (parser.attr["Nsparse"].i, parser.attr["Ndense"].i) == (2, 1)
    assert set(parser.attr) == {"Nsparse", "Ndense", "sparse_types", "Tdense", "dense_shapes", "_output_shapes"}


def test_in_functions_tensors_have_names(tmp_path: Path) -> None:
    body = [
        node("none", "Const", dtype=STRING, value=strings()),
        node("dense", "Const", dtype=STRING, value=strings(b"d")),
        parse_example("a", "a", "dense:output:0", "a"),
        node("c", "DenseBincount", "a", "a", "p:dense_values:0", Tidx=INT64, T=FLOAT, binary_output=value(b=False)),
        node("n", "Identity", "c:output:0", T=FLOAT),
    ]
    functions = {"f": {"arguments": ["a"], "nodes": body, "returns": {"r": "n:output:0", "s": "c:output:0"}}}
    fitted = Fitted(tmp_path, "tf-1.15", node("y", "f", "x"), functions=functions)
    made = fitted.body("f")
    assert list(made["p"].input)[2:6] == [
        "p/sparse_keys:output:0",
        "p/sparse_keys:output:1",
        "p/dense_key_0:output:0",
        "a",
    ]
    assert (made["c"].op, list(made["c"].input)) == ("Bincount", ["c/input:y:0", "c/size:y:0", "p:dense_values:0"])
    assert (made["c/size"].op, made["c/size"].attr["SrcT"].type, made["c/size"].attr["DstT"].type) == ("Cast", INT64, 3)
    assert list(made["c/size"].input) == ["c/size_between:z:0"]
    assert list(made["c/input_at_most"].input) == ["a", "c/size_between:z:0"]
    assert list(made["n"].input) == ["c:bins:0"]
    assert dict(fitted.functions["f"].ret) == {"r": "n:output:0", "s": "c:bins:0"}


def test_what_has_no_other_words_is_an_error(tmp_path: Path) -> None:
    ragged = parse_example("x", "x", "x", "x")
    ragged["attrs"]["ragged_value_types"] = several(type=[FLOAT])
    binary = node("y", "DenseBincount", "x", "x", "p:6", Tidx=INT64, T=FLOAT, binary_output=value(b=True))
    save(tmp_path, [X, node("none", "Const", dtype=STRING, value=strings()), ragged, binary], signatures=SERVES_Y)
    with pytest.raises(TargetError) as caught:
        fit_to_consumer(tmp_path, ("serve",), "tf-1.15")
    text = str(caught.value)
    assert "DenseBincount, ParseExampleV2" in text.splitlines()[0]
    assert "node 'p', reached by signature 'serve'; tf-2.1 or newer would do" in text
    assert "node 'y', reached by signature 'serve'; tf-2.3 or newer would do" in text
    assert caught.value.next_step.startswith("the target tf-2.3 would do")


def test_segment_ids_of_64_bits_are_cast(tmp_path: Path) -> None:
    total = node("y", "SparseSegmentSum", "x", "x", "x", T=FLOAT, Tidx=INT32, Tsegmentids=INT64)
    fitted = Fitted(tmp_path / "a", "tf-1.15", total)
    assert list(fitted.nodes["y"].input) == ["x", "x", "y/segment_ids"]
    assert set(fitted.nodes["y"].attr) == {"T", "Tidx"}
    total["attrs"]["Tsegmentids"] = INT32
    fitted = Fitted(tmp_path / "b", "tf-1.15", total)
    assert (list(fitted.nodes["y"].input), fitted.done.replaced) == (["x"] * 3, {})


def norm(*inputs: str, **attributes: Any) -> Any:
    kinds = {"T": FLOAT, "U": FLOAT, "data_format": value(s=b"NCHW"), "exponential_avg_factor": value(f=1.0)}
    return node("y", "FusedBatchNormV3", *inputs, **{**kinds, **attributes})


def test_batches_of_channels_first_are_normalised_as_channels_last(tmp_path: Path) -> None:
    """1.15 and 2.0 have no kernel for the CPU, whatever they register; from 2.1 on the model fits as it is."""
    made = norm("x", "x", "x", "x", "x")
    fitted = Fitted(tmp_path / "a", "tf-1.15", made)
    last = fitted.nodes["y"]
    assert (last.op, list(last.input), set(last.attr)) == ("Transpose", ["y/nhwc", "y/to_nchw"], {"T", "Tperm"})
    inner = fitted.nodes["y/nhwc"]
    assert (inner.op, list(inner.input)) == ("FusedBatchNormV3", ["y/turned", "x", "x", "x", "x"])
    assert inner.attr["data_format"].s == b"NHWC" and "exponential_avg_factor" not in inner.attr
    axes = [list(fitted.nodes[f"y/to_{order}"].attr["value"].tensor.int_val) for order in ("nhwc", "nchw")]
    assert axes == [[0, 2, 3, 1], [0, 3, 1, 2]]
    assert fitted.done.replaced == {"FusedBatchNormV3": 1}
    save(tmp_path / "b", [X, made], signatures=SERVES_Y)
    assert fit_to_consumer(tmp_path / "b", ("serve",), "tf-2.2") is None
    # Somebody reads the mean too, which is of the inner node: the op cannot be said otherwise.
    serves_z = {"serve": {"inputs": {"x": tensor("x:0")}, "outputs": {"z": tensor("z:0")}}}
    with pytest.raises(TargetError, match="no kernel for the CPU with data_format 'NCHW'") as caught:
        Fitted(tmp_path / "c", "tf-2.0", made, node("z", "AddV2", "y", "y:1", T=FLOAT), signatures=serves_z)
    assert "tf-2.1" in caught.value.next_step


def test_what_nothing_runs_is_pruned_and_named_no_more(tmp_path: Path) -> None:
    def change(meta_graph: Any) -> None:
        meta_graph.signature_def["__saved_model_train_op"].outputs["op"].name = "train:0"
        for key, names in {"train_op": ["train"], "summaries": ["idle:0", "y:0"]}.items():
            meta_graph.collection_def[key].node_list.value.extend(names)
        kept = next(item for item in meta_graph.graph_def.node if item.name == "y")
        kept.attr["_class"].list.s.extend([b"loc:@idle", b"loc:@x"])
        node_of_both = next(item for item in meta_graph.graph_def.node if item.name == "init")
        node_of_both.attr["_class"].list.s.append(b"loc:@idle")
        meta_graph.meta_info_def.function_aliases["g"] = "alias"

    dead = {"nodes": [node("n", "NoSuchOp")]}
    fitted = Fitted(
        tmp_path,
        "tf-1.15",
        Y,
        node("init", "NoOp"),
        node("idle", "NoSuchOp", "^calls"),
        node("calls", "StatefulPartitionedCall", f="@g", Tin=several(), Tout=several()),
        node("train", "NoOp", "^idle"),
        node("asset", "Const", dtype=STRING, value=strings(b"words")),
        functions={"g": dead, "h": dead},
        init_op="init",
        assets={"asset:0": "words.txt"},
        change=change,
    )
    assert set(fitted.nodes) == {"x", "y", "init", "asset"}
    assert (fitted.functions, fitted.done.functions) == ({}, 2)
    assert fitted.done.pruned == {"NoSuchOp": 1, "StatefulPartitionedCall": 1, "NoOp": 1}
    assert list(fitted.nodes["y"].attr["_class"].list.s) == [b"loc:@x"]
    assert "_class" not in fitted.nodes["init"].attr
    collections = fitted.meta_graph.collection_def
    assert {key: list(held.node_list.value) for key, held in collections.items()} == {
        "saved_model_main_op": ["init"],
        "summaries": ["y:0"],
    }
    assert set(fitted.meta_graph.signature_def) == {"serve"}
    assert not fitted.meta_graph.meta_info_def.function_aliases


def test_nodes_that_somebody_asks_for_stay_where_they_fit(tmp_path: Path) -> None:
    nodes = [
        Y,
        node("idle", "NoSuchOp"),
        node("explained", "Identity", "x", T=FLOAT),
        node("not", "Identity", "idle", T=FLOAT),
    ]
    fitted = Fitted(tmp_path, "tf-1.15", *nodes, also=["explained", "not", "absent"])
    assert set(fitted.nodes) == {"x", "y", "explained"}


def test_the_op_list_becomes_the_consumers(tmp_path: Path) -> None:
    def change(meta_graph: Any) -> None:
        ops = meta_graph.meta_info_def.stripped_op_list.op
        ops.add(name="VarHandleOp").attr.add(name="debug_name", type="string")
        ops.add(name="Identity").attr.add(name="T", type="type")
        ops.add(name="NoSuchOp")

    nodes = [handle(debug_name="v"), node("r", "ReadVariableOp", "v", dtype=FLOAT), node("y", "Identity", "r", T=FLOAT)]
    fitted = Fitted(tmp_path, "tf-2.4", *nodes, node("idle", "NoSuchOp"), change=change)
    ops = {op.name: op for op in fitted.meta_graph.meta_info_def.stripped_op_list.op}
    assert set(ops) == {"VarHandleOp", "Identity", "Placeholder", "ReadVariableOp"}
    assert {item.name for item in ops["VarHandleOp"].attr} == {
        "container",
        "shared_name",
        "dtype",
        "shape",
        "allowed_devices",
    }
    assert (ops["VarHandleOp"].output_arg[0].type, ops["VarHandleOp"].is_stateful) == (20, True)


def test_other_meta_graphs_stay_as_they_are(tmp_path: Path) -> None:
    save(tmp_path, [X, Y, node("idle", "NoSuchOp")], signatures=SERVES_Y)
    proto = parse_saved_model(tmp_path, "saved_model.pb")
    other = proto.meta_graphs.add()
    other.CopyFrom(proto.meta_graphs[0])
    other.meta_info_def.tags[:] = ["train"]
    (tmp_path / "saved_model.pb").write_bytes(proto.SerializeToString())
    fit = fit_to_consumer(tmp_path, ("serve",), "tf-1.15")
    assert fit is not None
    fit.write()
    after = parse_saved_model(tmp_path, "saved_model.pb").meta_graphs
    assert after[1] == other
    assert len(after[0].graph_def.node) == 2


def test_constants_of_objects_stay(tmp_path: Path) -> None:
    def change(meta_graph: Any) -> None:
        meta_graph.object_graph_def.nodes.add().constant.operation = "constant"

    nodes = [Y, node("constant", "Const", dtype=INT64, value=number(3)), node("idle", "NoSuchOp")]
    fitted = Fitted(tmp_path, "tf-1.15", *nodes, callable_functions={}, change=change)
    assert set(fitted.nodes) == {"x", "y", "constant"}


def test_functions_that_are_left_out_are_counted_by_reason() -> None:
    left_out = {f"__inference_gradient_func_{number}": "no op A" for number in range(11, 16)}
    assert list(left_out_notes({"alone": "no op B", **left_out})) == [
        "5 functions are left out, '__inference_gradient_func_11', '__inference_gradient_func_12', "
        "'__inference_gradient_func_13' and 2 more: no op A",
        "the function 'alone' is left out: no op B",
    ]
    assert list(left_out_notes({"a": "no op", "b": "no op"})) == ["2 functions are left out, 'a', 'b': no op"]
