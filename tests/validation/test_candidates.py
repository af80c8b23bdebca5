"""The inputs that signatures are tried with: made from the declaration, the parsing spec, tables and decoding ops."""

from __future__ import annotations

import dataclasses
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.saved_model.graphs import FLOAT, INT64, STRING, node, save, tensor, view
from tfx_savedmodel.saved_model import protos
from tfx_savedmodel.saved_model.reachability import Reach
from tfx_savedmodel.saved_model.view import TensorSpec
from tfx_savedmodel.validation.check import Skip
from tfx_savedmodel.validation.loading import runs
from tfx_savedmodel.validation.loading.candidates import Candidate, Candidates, declared_input
from tfx_savedmodel.validation.loading.runs import run_all

pytestmark = pytest.mark.unit

KEY = "serving_default"


def candidates(
    folder: Path, nodes: list[Any], inputs: Mapping[str, Any], output: str = "y:0", **more: Any
) -> Candidates:
    signature = {"inputs": inputs, "outputs": {"y": tensor(output)}}
    graph = view(folder / "m", nodes, signatures={KEY: signature}, **more)
    (meta_graph,) = graph.meta_graphs
    return Candidates(Reach(meta_graph), meta_graph.signatures[KEY], folder / "m" / "assets")


def attribute(**fields: Any) -> Any:
    """Return an AttrValue with a list of dtypes, shapes or strings, or a number."""
    value = protos.attr_value_pb2().AttrValue()
    if "number" in fields:
        value.i = fields["number"]
    value.list.type.extend(fields["types"]) if "types" in fields else None
    for sizes in fields.get("shapes", ()):
        shape = value.list.shape.add()
        for size in sizes:
            shape.dim.add(size=size)
    return value


def by_label(tried: list[Candidate]) -> dict[str, dict[str, Any]]:
    return {one.label: one.inputs for one in tried}


def test_a_digest_is_of_every_byte() -> None:
    one, other = np.array([[1.0, 2.0]], np.float32), np.array([[1.0, 2.5]], np.float32)
    texts = np.array([b"ab", b"c"], object)
    given: list[dict[str, Any]] = [
        {"x": one},
        {"x": other},
        {"y": one},
        {"x": one.astype(np.float64)},
        {"x": one.reshape(2, 1)},
        {"x": one, "z": one},
        {"x": texts},
        {"x": np.array([b"a", b"bc"], object)},
        {"x": (one, other)},
        {"x": (other, one)},
    ]
    assert len({Candidate("the same", inputs).digest() for inputs in given}) == len(given)
    assert Candidate("a", {"x": one, "y": texts}).digest() == Candidate("b", {"y": texts.copy(), "x": one + 0}).digest()


@pytest.mark.parametrize("value", [np.zeros((0, 3), np.float32), np.float32(2), np.arange(8).reshape(2, 4).T])
def test_a_digest_is_of_any_shape_and_layout(value: Any) -> None:
    same = {"x": np.asarray(value).copy("C")}
    assert Candidate("a", {"x": value}).digest() == Candidate("a", same).digest()


def test_a_digest_is_made_of_answers_that_are_kept_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    digest = Candidate.digest
    monkeypatch.setattr(Candidate, "digest", lambda self: made.append(self.label) or digest(self))
    signature = {"inputs": {"x": ("x:0", "float32", (None, 2))}, "outputs": {"y": tensor("y:0")}}
    model = save(tmp_path / "m", X, signatures={KEY: signature})
    request = {"model": str(model), "tags": ["serve"], "seconds": 60.0}
    told: list[Mapping[str, Any]] = []

    def run(_: Any, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        assert not made  # not before it is answered
        return {"y": inputs["x"]}

    run_all(request, run, told.append)
    assert made == [] and [item["run"]["inputs"] for item in told if item["event"] == "ran"]
    (tmp_path / "answers").mkdir()
    monkeypatch.setattr(runs, "BATCHES", (0,))
    told.clear()
    run_all({**request, "answers": str(tmp_path / "answers")}, run, told.append)
    assert len(made) == 1 and {"answer", "digest"} <= told[-1]["run"].keys()


X = [node("x", "Placeholder", dtype=FLOAT), node("y", "Identity", "x", T=FLOAT)]


@pytest.mark.parametrize("batch", [1, 3, 0])
def test_numbers_are_varied_then_zeros_then_ones(tmp_path: Path, batch: int) -> None:
    tried = by_label(list(candidates(tmp_path, X, {"x": tensor("x:0", shape=(None, 2))}).of(batch)))
    assert list(tried) == ["varied values", "neutral values", "ones"]
    assert {inputs["x"].shape for inputs in tried.values()} == {(batch, 2)}
    assert {inputs["x"].dtype for inputs in tried.values()} == {np.dtype("float32")}
    assert not tried["neutral values"]["x"].any()
    assert batch == 0 or len(np.unique(tried["varied values"]["x"])) > 1


def test_varied_integers_are_small_and_inputs_differ(tmp_path: Path) -> None:
    nodes = [node("a", "Placeholder", dtype=INT64), node("b", "Placeholder", dtype=INT64), node("y", "AddV2", "a", "b")]
    made = candidates(
        tmp_path, nodes, {"a": tensor("a:0", "int64", (None, 50)), "b": tensor("b:0", "int64", (None, 50))}
    )
    first = next(iter(made.of(3))).inputs
    assert set(np.unique(first["a"])) == {0, 1}
    assert (first["a"] != first["b"]).any()
    assert made.guess == ""


def test_a_fixed_batch_is_run_as_it_is_only(tmp_path: Path) -> None:
    made = candidates(tmp_path, X, {"x": tensor("x:0", shape=(4, 2))})
    assert next(iter(made.of(1))).inputs["x"].shape == (4, 2)
    with pytest.raises(Skip, match="no open batch dimension"):
        next(iter(made.of(3)))


def test_what_is_too_large_to_be_made_is_not_made(tmp_path: Path) -> None:
    made = candidates(tmp_path, X, {"x": tensor("x:0", shape=(None, 1 << 14, 1 << 14))})
    with pytest.raises(Skip, match=f"its inputs have {1 << 28} elements"):
        next(iter(made.of(1)))
    assert next(iter(made.of(0))).inputs["x"].shape == (0, 1 << 14, 1 << 14)


def test_an_output_that_is_no_tensor_for_clients_is_not_asked_for(tmp_path: Path) -> None:
    made = candidates(tmp_path, X, {"x": tensor("x:0")})
    signature = dataclasses.replace(made._signature, outputs={"handle": TensorSpec("y:0", "resource", ())})
    made._signature = signature
    with pytest.raises(Skip, match="the output 'handle' is a resource"):
        next(iter(made.of(1)))


def test_an_unknown_rank_is_tried_and_is_a_guess(tmp_path: Path) -> None:
    made = candidates(tmp_path, X, {"x": tensor("x:0", shape=None)})
    assert [one.inputs["x"].ndim for one in made.of(1) if one.label.startswith("varied")] == [1, 0, 2, 3, 4]
    assert [one.inputs["x"].shape[0] for one in made.of(3)] == [3] * 9  # a scalar is no batch
    assert made.guess == "made-up numbers of dimensions"


def test_open_sizes_are_tried_and_are_a_guess(tmp_path: Path) -> None:
    made = candidates(tmp_path, X, {"x": tensor("x:0", shape=(None, None, None, 3))})
    assert [one.inputs["x"].shape for one in made.of(1) if one.label.startswith("neutral")] == [
        (1, 1, 1, 3),
        (1, 8, 8, 3),
        (1, 64, 64, 3),
    ]
    assert made.guess == "made-up sizes"


def test_what_a_signature_of_old_leaves_open_is_read_in_the_graph(tmp_path: Path) -> None:
    shape = protos.attr_value_pb2().AttrValue()
    shape.shape.dim.add(size=-1)
    shape.shape.dim.add(size=2)
    nodes = [node("x", "Placeholder", dtype=FLOAT, shape=shape), node("y", "Identity", "x", T=FLOAT)]
    graph = view(tmp_path / "m", nodes).meta_graphs[0]
    found = declared_input(graph, TensorSpec("x:0", "unknown", None))
    assert found.shape == (None, 2)


def test_a_sparse_input_has_a_value_in_each_row(tmp_path: Path) -> None:
    made = candidates(tmp_path, X, {"x": tensor("x:0", shape=(None, 5))})
    spec = TensorSpec("", "string", (None, 5), "sparse", ("v:0", "i:0", "s:0"))
    made._declared["x"] = spec
    values, indices, shape = next(iter(made.of(3))).inputs["x"]
    assert (values.shape, values.dtype) == ((3,), np.dtype(object))
    assert indices.tolist() == [[0, 0], [1, 0], [2, 0]]
    assert shape.tolist() == [3, 1] or shape.tolist() == [3, 5]
    assert made.guess == "made-up sparse tensors"


PARSED = [
    node("serialized", "Placeholder", dtype=STRING),
    node("names", "Const", value=[]),
    node("sparse_keys", "Const", value=["city"]),
    node("dense_keys", "Const", value=["age", "size"]),
    node("ragged_keys", "Const", value=[]),
    node(
        *("parse", "ParseExampleV2", "serialized", "names", "sparse_keys", "dense_keys", "ragged_keys"),
        Tdense=attribute(types=[INT64, FLOAT]),
        dense_shapes=attribute(shapes=[[1], [2]]),
        sparse_types=attribute(types=[STRING]),
        num_sparse=attribute(number=1),
    ),
    node("y", "LookupTableFindV2", "table", "parse:1", "default"),
    node("table", "HashTableV2"),
    node("default", "Const"),
    node("words", "Const", value=["Ulm", "Bonn", "Kiel", "Trier"]),
    node("fill", "InitializeTableV2", "table", "words", "default"),
]


def test_examples_have_the_features_that_are_parsed_and_words_of_their_tables(tmp_path: Path) -> None:
    made = candidates(tmp_path, PARSED, {"examples": tensor("serialized:0", "string")}, init_op="fill")
    tried = by_label(list(made.of(2)))
    examples = tried["varied values"]["examples"]
    assert examples.shape == (2,)
    features = protos.example_pb2().Example.FromString(examples[0]).features.feature
    assert list(features["city"].bytes_list.value) == [b"Ulm"]
    assert len(features["age"].int64_list.value) == 1
    assert len(features["size"].float_list.value) == 2
    neutral = protos.example_pb2().Example.FromString(tried["neutral values"]["examples"][0]).features.feature
    assert list(neutral["city"].bytes_list.value) == [b""]
    assert made.guess == "made-up strings"


def test_each_output_of_a_node_has_the_words_of_its_own_table(tmp_path: Path) -> None:
    nodes = [
        node("row", "Placeholder", dtype=STRING),
        node("csv", "DecodeCSV", "row", OUT_TYPE=attribute(types=[STRING, STRING])),
        node("default", "Const"),
        node("cities", "Const", value=["Ulm"]),
        node("colours", "Const", value=["red"]),
        node("of_cities", "HashTableV2"),
        node("of_colours", "HashTableV2"),
        node("fill", "InitializeTableV2", "of_cities", "cities", "default"),
        node("fill_too", "InitializeTableV2", "of_colours", "colours", "default", "^fill"),
        node("found", "LookupTableFindV2", "of_cities", "csv", "default"),
        node("found_too", "LookupTableFindV2", "of_colours", "csv:1", "default"),
        node("y", "AddV2", "found", "found_too"),
    ]
    inputs = {"city": tensor("csv:0", "string"), "colour": tensor("csv:1", "string")}
    first = next(iter(candidates(tmp_path, nodes, inputs, init_op="fill_too").of(1))).inputs
    assert (first["city"].tolist(), first["colour"].tolist()) == ([b"Ulm"], [b"red"])


def test_words_come_from_an_asset_too(tmp_path: Path) -> None:
    nodes = [
        node("word", "Placeholder", dtype=STRING),
        node("table", "HashTableV2"),
        node("default", "Const"),
        node("file", "Const"),
        node("fill", "InitializeTableFromTextFileV2", "table", "file", key_index=attribute(number=-2)),
        node("y", "LookupTableFindV2", "table", "word", "default"),
    ]
    inputs = {"word": tensor("word:0", "string")}
    made = candidates(tmp_path, nodes, inputs, init_op="fill", assets={"file:0": "words.txt"})
    assert next(iter(made.of(3))).inputs["word"].tolist() == [b"a", b"b", b"a"]  # the file has two lines


def test_decoding_ops_are_given_what_they_take(tmp_path: Path) -> None:
    nodes = [
        node("text", "Placeholder", dtype=STRING),
        node("row", "DecodeCSV", "text", OUT_TYPE=attribute(types=[FLOAT, STRING, INT64]), field_delim=";"),
        node("picture", "DecodePng", "text"),
        node("y", "Pack", "row", "picture"),
    ]
    tried = by_label(list(candidates(tmp_path, nodes, {"text": tensor("text:0", "string")}).of(1)))
    assert tried["strings for DecodeCSV"]["text"].tolist() == [b"0;a;0"]
    (png,) = tried["strings for DecodePng"]["text"]
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", png[16:24]) == (8, 8)
    length = struct.unpack(">I", png[33:37])[0]
    assert len(zlib.decompress(png[41 : 41 + length])) == 8 * (1 + 3 * 8)


@pytest.mark.parametrize("op", ["ReadFile", "WriteFile", "MatchingFiles"])
def test_a_made_up_string_is_not_put_where_a_file_is_named(tmp_path: Path, op: str) -> None:
    nodes = [node("text", "Placeholder", dtype=STRING), node("y", op, "text")]
    with pytest.raises(Skip, match=f"might name a file for {op}"):
        next(iter(candidates(tmp_path, nodes, {"text": tensor("text:0", "string")}).of(1)))


def test_a_signature_without_inputs_is_run_once(tmp_path: Path) -> None:
    made = candidates(tmp_path, [node("y", "Const")], {})
    assert [one.inputs for one in made.of(1)] == [{}]
    with pytest.raises(Skip, match="no inputs, hence no batch"):
        next(iter(made.of(3)))
