"""SM106, SM108, SM112, SM113 and SM114: what a server or client is surprised by, each beside a twin that passes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.saved_model.graphs import node, save, tensor, view
from tfx_savedmodel.saved_model.devices import is_everywhere
from tfx_savedmodel.saved_model.op_libraries import library_of
from tfx_savedmodel.saved_model.parse import parse_saved_model
from tfx_savedmodel.saved_model.reader import read_saved_model
from tfx_savedmodel.validation.check import Skip
from tfx_savedmodel.validation.checks.ambiguous_names import AmbiguousNames
from tfx_savedmodel.validation.checks.breaking_change import BreakingChange
from tfx_savedmodel.validation.checks.custom_ops import CustomOps
from tfx_savedmodel.validation.checks.pinned_devices import PinnedDevices
from tfx_savedmodel.validation.checks.size_budget import SizeBudget
from tfx_savedmodel.validation.policy import Policy
from tfx_savedmodel.validation.result import CheckVerdict, Severity
from tfx_savedmodel.validation.runner import run_graph_checks

pytestmark = pytest.mark.unit

NODES = [node("x", "Placeholder", dtype=1), node("y", "Identity", "x", T=1)]


def signature(**tensors: Any) -> dict[str, Any]:
    return {"inputs": {"x": tensor("x:0")}, "outputs": {"y": tensor("y:0")}, **tensors}


def baseline(tmp_path: Path, **signatures: Any) -> dict[str, Any]:
    meta_graph = view(tmp_path, NODES, signatures=signatures).meta_graph()
    assert meta_graph is not None
    return {key: item.to_json() for key, item in meta_graph.signatures.items()}


def test_a_break_is_found_and_the_rest_is_counted(tmp_path: Path) -> None:
    old = baseline(tmp_path / "old", s=signature(outputs={"y": tensor("y:0", shape=(None, 3))}), gone=signature())
    outputs = {"y": tensor("y:0", shape=(None, None)), "z": tensor("y:0")}
    new = view(tmp_path / "new", NODES, signatures={"s": signature(outputs=outputs)})
    check = BreakingChange(baseline=old, baseline_name="v1")
    found = {str(finding.where): finding for finding in check.check(new)}
    assert set(found) == {"{'signature': 'gone'}", "{'signature': 's', 'output': 'y'}"}
    widened = found["{'signature': 's', 'output': 'y'}"]
    assert (widened.found, widened.wanted) == ("float32 [?, ?]", "float32 [?, 3]")
    assert "widened" in widened.message and "v1" in widened.message
    assert all(finding.next for finding in found.values())
    counts = check.measurements(new)["changes"]
    assert counts == {"added": 1, "removed, breaking": 1, "widened, breaking": 1}


def test_what_breaks_nobody_passes(tmp_path: Path) -> None:
    old = baseline(tmp_path / "old", s=signature(inputs={"x": tensor("x:0", shape=(None, 3))}))
    wider = signature(inputs={"x": tensor("x:0", shape=(None, None))})
    new = view(tmp_path / "new", NODES, signatures={"s": wider, "t": signature()})
    (result,) = run_graph_checks([BreakingChange(baseline=old)], new)
    assert result.verdict is CheckVerdict.PASS
    assert result.measurements["changes"] == {"added": 1, "widened": 1}


def test_without_a_baseline_nothing_can_be_said(tmp_path: Path) -> None:
    with pytest.raises(Skip, match="no baseline was given"):
        list(BreakingChange().check(view(tmp_path, NODES, signatures={"s": signature()})))


@pytest.mark.parametrize("key", ["predict", "serve", "eval", "train"])
def test_names_that_tools_take_before_the_default(tmp_path: Path, key: str) -> None:
    other = signature(outputs={"y": tensor("x:0")})
    both = {"serving_default": signature(), key: other}
    (finding,) = AmbiguousNames().check(view(tmp_path / "a", NODES, signatures=both))
    assert finding.where == {"signature": key}
    twin = {"serving_default": signature(), key: signature()}  # another name of the same
    assert list(AmbiguousNames().check(view(tmp_path / "b", NODES, signatures=twin))) == []
    assert list(AmbiguousNames().check(view(tmp_path / "c", NODES, signatures={key: signature()}))) == []


def test_keys_that_differ_in_signs_only(tmp_path: Path) -> None:
    keys = {"my-model": signature(), "My_Model": signature(), "mymodel": signature()}
    (finding,) = AmbiguousNames().check(view(tmp_path, NODES, signatures=keys))
    assert finding.found == "'My_Model', 'my-model'"


def test_a_name_that_loaders_keep_for_themselves(tmp_path: Path) -> None:
    own = {"inputs": {}, "outputs": {"__saved_model_init_op": tensor("y:0")}, "method_name": ""}
    assert list(AmbiguousNames().check(view(tmp_path / "a", NODES, signatures={"__saved_model_init_op": own}))) == []
    (finding,) = AmbiguousNames().check(view(tmp_path / "b", NODES, signatures={"__saved_model_init_op": signature()}))
    assert "loaders keep for themselves" in finding.message


@pytest.mark.parametrize(
    ("device", "everywhere"),
    [
        ("/device:CPU:0", True),
        ("/device:CPU:*", True),
        ("/cpu:0", True),
        ("/job:localhost/replica:0/task:0/device:CPU:0", True),
        ("/job:localhost", True),
        ("/device:CPU:1", False),
        ("/gpu:0", False),
        ("/device:GPU:0", False),
        ("/job:localhost/replica:0/task:0/device:GPU:0", False),
        ("/job:worker/task:1", False),
        ("/job:ps/replica:0/task:0/cpu:0", False),
        ("/device:TPU:0", False),
        ("nonsense", False),
    ],
)
def test_devices_that_every_machine_has(device: str, everywhere: bool) -> None:
    assert is_everywhere(device) is everywhere


def pinned(device: str) -> list[dict[str, Any]]:
    dead = node("dead", "Identity", "x", T=1) | {"device": "/device:GPU:7"}
    tied = [node("m", "Identity", "x", T=1), node("y", "Identity", "m", T=1)]
    return [*NODES[:1], *(item | {"device": device} for item in tied), dead]


def test_a_device_is_one_finding_with_what_runs_its_nodes(tmp_path: Path) -> None:
    model = {"signatures": {"s": signature(), "t": signature(outputs={"y": tensor("m:0")})}}
    (found,) = PinnedDevices().check(view(tmp_path / "gpu", pinned("/device:GPU:0"), **model))
    assert found.where == {"device": "/device:GPU:0", "reached_by": ["signature 's'", "signature 't'"]}
    assert found.message == "2 nodes that run are tied to /device:GPU:0"
    assert list(PinnedDevices().check(view(tmp_path / "cpu", pinned("/device:CPU:0"), **model))) == []
    assert list(PinnedDevices(allow=("GPU:0",)).check(view(tmp_path / "ok", pinned("/device:GPU:0"), **model))) == []


def test_of_thousands_of_signatures_on_a_device_the_first_are_named(tmp_path: Path) -> None:
    signatures = {f"s{number:04}": signature() for number in range(2000)}
    (found,) = PinnedDevices().check(view(tmp_path / "m", pinned("/device:GPU:0"), signatures=signatures))
    assert len(found.where["reached_by"]) == 51
    assert found.where["reached_by"][-1] == "and 1,950 more"


def test_a_device_in_a_function(tmp_path: Path) -> None:
    held = [node("b", "Identity", "a") | {"device": "/gpu:0"}]
    functions = {"body": {"arguments": ("a",), "nodes": held, "returns": {"out": "b:output:0"}}}
    nodes = [*NODES[:1], node("y", "PartitionedCall", "x", f="@body")]
    called = view(tmp_path / "a", nodes, signatures={"s": signature()}, functions=functions)
    (finding,) = PinnedDevices().check(called)
    assert finding.where == {"device": "/gpu:0", "reached_by": ["signature 's'"]}
    callable_ = view(tmp_path / "b", NODES, functions=functions, callable_functions={"body": ()})
    (finding,) = PinnedDevices().check(callable_)
    assert finding.where["reached_by"] == ["function 'body'"]
    assert list(PinnedDevices().check(view(tmp_path / "c", NODES, functions=functions))) == []


@pytest.mark.parametrize(
    ("op", "library"),
    [
        ("TFText>FastSentencepieceTokenize", "TensorFlow Text"),
        ("WordpieceTokenizeWithOffsets", "TensorFlow Text"),
        ("SimpleMLInferenceOpWithHandle", "TensorFlow Decision Forests"),
        ("Addons>Resampler", "TensorFlow Addons"),
        ("IO>DecodeAvro", "TensorFlow IO"),
        ("TFRA>CuckooHashTableFind", "TensorFlow Recommenders Addons"),
        ("DecodeProtoSparseV4", "struct2tensor"),
        ("TRTEngineOp", "TF-TRT"),
        ("HorovodAllreduce", "Horovod"),
        ("BucketizeWithInputBoundaries", "tf.contrib"),
        ("ZeroOut", None),
    ],
)
def test_an_op_and_the_library_that_brings_it(tmp_path: Path, op: str, library: str | None) -> None:
    nodes = [*NODES, node("odd", op, "x"), node("odd2", op, "x")]
    graph = view(tmp_path, nodes, signatures={"s": signature(outputs={"y": tensor("odd:0")})})
    (finding,) = CustomOps().check(graph)
    assert (finding.where["op"], finding.where["reached_by"]) == (op, ["signature 's'"])
    assert finding.found == "2 nodes with the op: 'odd', 'odd2'"
    assert "node" not in finding.where  # a waiver of one node would cover the other
    assert (library or "is not TensorFlow's") in finding.message
    known = library_of(op)
    assert (known.name if known else None) == library
    assert list(CustomOps(allow=(library or op,)).check(graph)) == []


def test_an_op_that_is_a_function_or_tensorflows_own_is_none(tmp_path: Path) -> None:
    body = {"arguments": ("a",), "nodes": [node("b", "Relu", "a")], "returns": {"out": "b:activations:0"}}
    nodes = [*NODES, node("z", "body", "x"), node("t", "BoostedTreesBucketize")]
    graph = view(tmp_path, nodes, functions={"body": body})
    assert list(CustomOps().check(graph)) == []


def test_an_op_that_nothing_reaches_counts_too(tmp_path: Path) -> None:
    body = {"arguments": ("a",), "nodes": [node("b", "Mine", "a")], "returns": {"out": "b:o:0"}}
    (finding,) = CustomOps().check(view(tmp_path, NODES, functions={"body": body}))
    assert (finding.where["function"], finding.where["reached_by"]) == ("body", [])


def sized(directory: Path) -> Path:
    body = {"arguments": ("a",), "nodes": [node("c", "Const", value=b"x" * 1000)], "returns": {"out": "c:output:0"}}
    save(directory, [*NODES, node("c", "Const", value=b"y" * 500)], functions={"body": body}, assets={"x:0": "words"})
    (directory / "variables").mkdir()
    (directory / "variables" / "variables.data-00000-of-00001").write_bytes(b"0" * 300)
    (directory / "variables" / "variables.index").write_bytes(b"0" * 77)
    return directory


def test_sizes_are_measured_without_a_budget(tmp_path: Path) -> None:
    graph = read_saved_model(sized(tmp_path))
    (result,) = run_graph_checks([SizeBudget()], graph)
    assert (result.verdict, result.reason) == (CheckVerdict.SKIP, "no budget is set")
    sizes = result.measurements
    assert (sizes["variables_bytes"], sizes["assets_bytes"]) == (300, 4)
    assert sizes["graph_bytes"] == (tmp_path / "saved_model.pb").stat().st_size
    assert 1500 <= sizes["constants_bytes"] < 1600


@pytest.mark.parametrize("part", ["graph_bytes", "constants_bytes", "variables_bytes", "assets_bytes"])
def test_a_part_above_its_budget(tmp_path: Path, part: str) -> None:
    graph = read_saved_model(sized(tmp_path))
    size = SizeBudget().measurements(graph)[part]
    assert list(SizeBudget(**{part: size}).check(graph)) == []
    (finding,) = SizeBudget(**{part: size - 1}).check(graph)
    assert (finding.where, finding.found) == ({"part": part}, f"{size} bytes")


def test_no_budget_reads_the_proto_as_it_is(tmp_path: Path) -> None:
    """The sum is protobuf's own, of the tensors as they lie in the file."""
    sized(tmp_path)
    proto = parse_saved_model(tmp_path, "saved_model.pb").meta_graphs[0].graph_def
    nodes = [*proto.node, *proto.library.function[0].node_def]
    wanted = sum(len(item.attr["value"].tensor.SerializeToString()) for item in nodes if item.op == "Const")
    assert SizeBudget().measurements(read_saved_model(tmp_path))["constants_bytes"] == wanted


@pytest.mark.parametrize("code", ["SM108", "SM111", "SM112", "SM113"])
def test_what_is_often_served_as_it_is_is_a_warning(code: str) -> None:
    assert Policy().severity_of(code) is Severity.WARNING
    assert Policy().severity_of("SM106") is Severity.ERROR
