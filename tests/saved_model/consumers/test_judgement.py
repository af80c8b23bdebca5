"""What an older TensorFlow lacks of a model, told by its tables of ops: one test a rule."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.saved_model.attribute_values import FLOAT, INT32, INT64, RESOURCE, STRING, UINT32, several, shape, value
from tests.saved_model.graphs import node, save, tensor
from tfx_savedmodel.errors import UsageError
from tfx_savedmodel.saved_model.consumers.judgement import Lack, check_consumer, consumer_names, lacks
from tfx_savedmodel.saved_model.consumers.nodes import Fault
from tfx_savedmodel.saved_model.parse import parse_saved_model
from tfx_savedmodel.saved_model.reader import read_saved_model
from tfx_savedmodel.saved_model.view import MetaGraphView

pytestmark = pytest.mark.unit

X = node("x", "Placeholder", dtype=FLOAT)
SERVES_Y = {"serve": {"inputs": {"x": tensor("x:0")}, "outputs": {"y": tensor("y:0")}}}


def meta_graph(directory: Path, nodes: Iterable[Any], *, producer: int = 1286, **model: Any) -> MetaGraphView:
    """Save nodes and read them, as a graph of this producer; the signature `serve` asks for `y`."""
    save(directory, nodes, **{"signatures": SERVES_Y, **model})
    proto = parse_saved_model(directory, "saved_model.pb")
    proto.meta_graphs[0].graph_def.versions.producer = producer
    (directory / "saved_model.pb").write_bytes(proto.SerializeToString())
    found = read_saved_model(directory).meta_graph()
    assert found is not None
    return found


def lacking(directory: Path, consumer: str, *nodes: Any, **model: Any) -> list[Lack]:
    return list(lacks(meta_graph(directory, [X, *nodes], **model), consumer))


def kinds(found: Iterable[Lack]) -> list[tuple[str, str]]:
    return [(lack.node, lack.fault.kind) for lack in found]


def handle(**attributes: Any) -> Any:
    return node("v", "VarHandleOp", dtype=FLOAT, shape=shape(2), **attributes)


def test_a_graph_of_old_ops_lacks_nothing_anywhere(tmp_path: Path) -> None:
    found = meta_graph(tmp_path, [X, node("y", "Identity", "x", T=FLOAT)])
    assert {consumer: list(lacks(found, consumer)) for consumer in consumer_names()} == {
        consumer: [] for consumer in consumer_names()
    }


def test_an_unknown_op_is_named_with_its_node_its_signature_and_who_knows_it(tmp_path: Path) -> None:
    (lack,) = lacking(
        tmp_path, "tf-2.4", node("y", "StatelessRandomGetKeyCounter", "x", Tseed=INT32), node("z", "NoOp")
    )
    assert (lack.op, lack.node, lack.function) == ("StatelessRandomGetKeyCounter", "y", None)
    assert lack.reached_by == ("signature 'serve'",)
    assert (lack.versions[0], lack.versions[-1]) == ("2.5", consumer_names()[-1].removeprefix("tf-"))
    assert "'y'" in str(lack) and "tf-2.5 or newer would do" in str(lack)


def test_an_op_that_nobody_knows_has_no_version_that_would_do(tmp_path: Path) -> None:
    (lack,) = lacking(tmp_path, "tf-2.15", node("y", "OurOwnOp", "x"))
    assert (lack.versions, lack.would_do) == ((), "no version of TensorFlow")


@pytest.mark.parametrize(
    ("able", "text"),
    [
        (("1.15", "2.0"), "tf-1.15 to tf-2.0"),
        (("2.7", *(f"2.{minor}" for minor in range(15, 22))), "tf-2.7, tf-2.15 or newer"),
        (("2.21",), "tf-2.21"),
    ],
)
def test_versions_that_would_do(able: tuple[str, ...], text: str) -> None:
    assert Lack("Op", "node", None, Fault("op", "none"), (), able).would_do == text


def test_functions_of_the_library_are_ops_too(tmp_path: Path) -> None:
    functions = {"f": {"arguments": ["a"], "nodes": [node("n", "DisableCopyOnRead", "a")]}}
    found = lacking(tmp_path, "tf-2.7", node("y", "f", "x"), functions=functions)
    assert [(lack.op, lack.function, lack.reached_by) for lack in found] == [
        ("DisableCopyOnRead", "f", ("signature 'serve'",))
    ]


@pytest.mark.parametrize(
    ("consumer", "grad", "faults"),
    [
        # The C++ loader of 1.15.5 and 2.4.4 refuses an attribute that it does not know, whatever it says.
        ("tf-1.15", False, [("y", "attribute")]),
        ("tf-2.4", False, [("y", "attribute")]),
        # Later ones ignore it: that changes what is meant where it says something.
        ("tf-2.5", False, []),
        ("tf-2.15", False, []),
        ("tf-2.15", True, [("y", "attribute")]),
        ("tf-2.16", True, []),
    ],
)
def test_unknown_attributes(tmp_path: Path, consumer: str, grad: bool, faults: list[Any]) -> None:
    product = node("y", "MatMul", "x", "x", T=FLOAT, grad_a=value(b=grad))
    found = lacking(tmp_path, consumer, product)
    assert kinds(found) == faults
    assert [lack.fault.attribute for lack in found] == ["grad_a"] * len(faults)


def test_a_name_for_people_is_refused_up_to_2_4_and_ignored_after(tmp_path: Path) -> None:
    for place, (consumer, faults) in enumerate({"tf-2.4": [("v", "attribute")], "tf-2.7": [], "tf-2.15": []}.items()):
        found = lacking(tmp_path / str(place), consumer, handle(debug_name="dense/kernel"))
        assert kinds(found) == faults, consumer


def test_a_default_that_no_table_knows_is_the_models_own(tmp_path: Path) -> None:
    """TensorFlow's importer goes by the op list of the model's producer, too."""
    save(tmp_path, [X, node("y", "Identity", "x", T=FLOAT, of_tomorrow=value(i=3))], signatures=SERVES_Y)
    proto = parse_saved_model(tmp_path, "saved_model.pb")
    for own, faults in ((None, [("y", "attribute")]), (4, [("y", "attribute")]), (3, [])):
        if own is not None:
            ops = proto.meta_graphs[0].meta_info_def.stripped_op_list
            ops.Clear()
            ops.op.add(name="Identity").attr.add(name="of_tomorrow", type="int").default_value.i = own
        (tmp_path / "saved_model.pb").write_bytes(proto.SerializeToString())
        found = read_saved_model(tmp_path).meta_graph()
        assert found is not None
        assert kinds(lacks(found, "tf-2.15")) == faults, own


def test_private_attributes_are_nobodys_business(tmp_path: Path) -> None:
    assert lacking(tmp_path, "tf-1.15", node("y", "Identity", "x", T=FLOAT, _of_ours="x")) == []


def test_values_that_are_not_allowed(tmp_path: Path) -> None:
    # AddV2 of uint32 is allowed since 2.4; a kernel has to be there, too.
    found = lacking(tmp_path / "a", "tf-1.15", node("y", "AddV2", "x", "x", T=UINT32))
    assert kinds(found) == [("y", "value")] and "uint32" in found[0].fault.text
    found = lacking(tmp_path / "b", "tf-1.15", node("y", "Pack", T=FLOAT, N=value(i=0), axis=value(i=0)))
    assert kinds(found) == [("y", "value")] and "less than 1" in found[0].fault.text
    assert lacking(tmp_path / "c", "tf-1.15", node("y", "Pack", "x", T=FLOAT, N=value(i=1), axis=value(i=0))) == []
    padding = node("y", "Pad", "x", "x", T=FLOAT, Tpaddings=STRING)
    assert kinds(lacking(tmp_path / "d", "tf-2.15", padding)) == [("y", "value")]


def test_an_attribute_that_had_no_default_then(tmp_path: Path) -> None:
    variant = node(
        "y", "RaggedTensorToVariant", "x", "x", RAGGED_RANK=value(i=1), Tvalues=FLOAT, batched_input=value(b=True)
    )
    assert kinds(lacking(tmp_path / "a", "tf-2.0", variant)) == [("y", "missing")]
    assert lacking(tmp_path / "b", "tf-2.1", variant) == []


def test_an_op_that_was_defined_anew(tmp_path: Path) -> None:
    attributes = {"T": FLOAT, "merge_op": "Add", "final_op": "Id", "Nordering_token": value(i=0)}
    reduce = node("y", "CollectiveReduceV2", *["x"] * 4, **attributes)
    assert lacking(tmp_path / "a", "tf-2.5", reduce) == []
    with_token = node("y", "CollectiveReduceV2", *["x"] * 5, **attributes)
    assert kinds(lacking(tmp_path / "b", "tf-2.5", with_token)) == [("y", "inputs")]
    assert lacking(tmp_path / "c", "tf-2.5", node("y", "CollectiveReduceV2", *["x"] * 4, "^x", **attributes)) == []


def test_deprecation_goes_by_the_graphs_producer(tmp_path: Path) -> None:
    top = node("y", "TopK", "x", k=value(i=1), T=FLOAT)
    assert lacking(tmp_path / "a", "tf-1.15", top, producer=6) == []
    (lack,) = lacking(tmp_path / "b", "tf-1.15", top, producer=7)
    assert (lack.fault.kind, lack.versions) == ("deprecated", ())


def bucketize(name: str) -> Any:
    return node(name, "BoostedTreesBucketize", "x", "x", num_features=value(i=1))


def test_kernels_are_wanted_of_what_runs(tmp_path: Path) -> None:
    assert lacking(tmp_path / "a", "tf-2.7", bucketize("y")) == []
    (lack,) = lacking(tmp_path / "b", "tf-2.15", bucketize("y"))
    assert (lack.fault.kind, lack.would_do) == ("kernel", "tf-1.15 to tf-2.8")
    assert lacking(tmp_path / "c", "tf-2.15", bucketize("z")) == []


def test_kernels_are_looked_up_by_type(tmp_path: Path) -> None:
    # TopKV2 of an int64 k has had a kernel since 2.13.
    top = node("y", "TopKV2", "x", "x", T=FLOAT, Tk=INT64, index_type=INT32)
    assert lacking(tmp_path / "a", "tf-2.15", top) == []
    assert kinds(lacking(tmp_path / "b", "tf-2.12", top)) == [("y", "attribute")]


def test_an_op_that_never_had_a_kernel_needs_none(tmp_path: Path) -> None:
    # AccumulateNV2 is rewritten before it runs.
    total = node("y", "AccumulateNV2", "x", N=value(i=1), T=FLOAT, shape=shape(1))
    assert lacking(tmp_path, "tf-2.15", total) == []


def test_what_reaches_a_node_is_told(tmp_path: Path) -> None:
    later = {"nodes": [node("n", "DisableCopyOnRead", "a")], "arguments": ["a"]}
    found = lacking(
        tmp_path,
        "tf-2.7",
        node("y", "Identity", "x", T=FLOAT),
        node("init", "NoOp", "^table"),
        node("table", "AnonymousMutableHashTable", key_dtype=STRING, value_dtype=INT64),
        node("idle", "DisableCopyOnRead", "v"),
        handle(),
        functions={"called": later, "kept": later},
        callable_functions={"called": []},
        init_op="init",
    )
    assert {(lack.function, lack.node): lack.reached_by for lack in found} == {
        (None, "table"): ("init",),
        (None, "idle"): ("whoever imports the graph",),
        ("called", "n"): ("function 'called' of the object graph",),
        ("kept", "n"): ("TF2's loader",),
    }


@pytest.mark.parametrize(
    ("said", "meant"),
    [("tf2.7", "tf-2.7"), ("2.7", "tf-2.7"), ("tf-2.7.4", "tf-2.7"), ("TF-1.15", "tf-1.15"), (2.7, "tf-2.7")],
)
def test_a_consumer_that_is_nearly_named(said: object, meant: str) -> None:
    assert check_consumer(meant) == meant
    with pytest.raises(UsageError) as caught:
        check_consumer(said, "target")
    assert caught.value.next_step == f"did you mean {meant!r}?"
    assert "tf-1.15, tf-2.0" in caught.value.wanted


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("tf-1.14", "tf-1.15"),
        ("tf-1.5", "tf-1.15"),
        ("tf-1.99", "tf-1.15"),
        ("tf-2.25", "tf-2.21"),
        ("tf-2.210", "tf-2.21"),
        ("3", "tf-2.21"),
    ],
)
def test_a_version_that_is_not_known_is_taken_for_the_nearest(said: str, meant: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_consumer(said, "target")
    assert caught.value.next_step.startswith(f"did you mean {meant!r}?")
    assert caught.value.next_step.endswith(f"{consumer_names()[0]} to {consumer_names()[-1]}")


def test_no_version_at_all_is_told_the_range() -> None:
    with pytest.raises(UsageError) as caught:
        check_consumer("latest", "target")
    assert caught.value.next_step == f"name a version of TensorFlow, tf-1.15 to {consumer_names()[-1]}"


def test_ten_thousand_nodes_in_a_chain_are_judged(tmp_path: Path) -> None:
    chain = [node(f"n{number}", "AddV2", "x", f"n{number - 1}" if number else "x", T=FLOAT) for number in range(10_000)]
    found = meta_graph(tmp_path, [X, *chain, handle(), node("y", "ReadVariableOp", "v", dtype=FLOAT)])
    assert len(found.nodes) == 10_003
    assert list(lacks(found, "tf-1.15")) == []


def test_constants_and_lists_of_types_are_no_trouble(tmp_path: Path) -> None:
    call = node("y", "PartitionedCall", "x", Tin=several(type=[FLOAT]), Tout=several(type=[FLOAT, RESOURCE]), f="@g")
    functions = {"g": {"arguments": ["a"], "nodes": [node("n", "Const", dtype=STRING, value=[b"x".decode()])]}}
    assert lacking(tmp_path, "tf-1.15", call, functions=functions) == []
