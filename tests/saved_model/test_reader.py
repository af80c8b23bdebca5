"""Reading SavedModels as plain data, good ones and broken ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.saved_model.graphs import node, save, tensor, view
from tfx_savedmodel.errors import UnreadableModelError
from tfx_savedmodel.saved_model import protos
from tfx_savedmodel.saved_model.facts import model_facts
from tfx_savedmodel.saved_model.keras_metadata import output_names
from tfx_savedmodel.saved_model.reader import read_saved_model

pytestmark = pytest.mark.unit

SIGNATURE = {"inputs": {"x": tensor("x:0", "float32", (None, 4))}, "outputs": {"y": tensor("y:0")}}
NODES = [node("x", "Placeholder", dtype=1), node("y", "Identity", "x", T=1)]


def test_reads_signatures_nodes_and_sizes(tmp_path: Path) -> None:
    graph = view(tmp_path / "m", NODES, signatures={"serving_default": SIGNATURE})
    signature = graph.meta_graphs[0].signatures["serving_default"]
    assert str(signature.inputs["x"]) == "float32 [?, 4]"
    assert signature.method_name == "tensorflow/serving/predict"
    assert graph.meta_graphs[0].nodes["y"].inputs == ("x",)
    facts = model_facts(graph)
    assert facts["meta_graphs"][0]["ops"] == {"Identity": 1, "Placeholder": 1}
    assert facts["sizes"]["graph"] == (tmp_path / "m" / "saved_model.pb").stat().st_size


def test_text_form_reads_alike(tmp_path: Path) -> None:
    from google.protobuf import text_format

    binary = view(tmp_path / "binary", NODES, signatures={"serving_default": SIGNATURE})
    proto = protos.saved_model_pb2().SavedModel.FromString((binary.path / "saved_model.pb").read_bytes())
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "saved_model.pbtxt").write_text(text_format.MessageToString(proto), encoding="utf-8")
    text = read_saved_model(tmp_path / "text")
    assert text.format == "pbtxt"
    assert text.meta_graphs[0].signatures == binary.meta_graphs[0].signatures


def test_the_loaders_own_signatures_are_no_signatures(tmp_path: Path) -> None:
    own = {"outputs": {"init": tensor("start:0", "string", None)}}
    graph = view(tmp_path, [node("start", "NoOp")], signatures={"__saved_model_init_op": own})
    assert graph.meta_graphs[0].signatures == {}
    assert graph.meta_graphs[0].init_ops == ("start",)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "Git LFS pointer"),
        (b"\xff\xff\xff\xff", "do not parse"),
        (b"\x08\x01", "holds no MetaGraph"),
    ],
)
def test_a_graph_that_cannot_be_read_is_a_fault(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "saved_model.pb").write_bytes(content)
    graph = read_saved_model(tmp_path)
    assert graph.fault is not None
    assert words in graph.fault
    assert graph.meta_graphs == ()


def test_nothing_is_read_through_a_link_that_leaves(tmp_path: Path) -> None:
    outside = save(tmp_path / "outside", NODES)
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "saved_model.pb").symlink_to(outside / "saved_model.pb")
    graph = read_saved_model(inside)
    assert graph.fault is not None
    assert "leaves the directory" in graph.fault
    assert list(graph.links) == ["saved_model.pb"]


def test_fingerprint_follows_graph_weights_and_assets(tmp_path: Path) -> None:
    def fingerprint(directory: Path) -> str | None:
        return read_saved_model(directory).fingerprint

    model = save(tmp_path / "a", NODES)
    first = fingerprint(model)
    assert first == fingerprint(save(tmp_path / "b", NODES))
    assert first != fingerprint(save(tmp_path / "c", NODES[:1]))
    (model / "variables").mkdir()
    (model / "variables" / "variables.index").write_bytes(b"other weights")
    assert first != fingerprint(model)


def test_no_directory_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UnreadableModelError, match="no such directory"):
        read_saved_model(tmp_path / "absent")


def test_a_garbled_asset_entry_is_a_fault(tmp_path: Path) -> None:
    proto = protos.saved_model_pb2().SavedModel(saved_model_schema_version=1)
    packed = proto.meta_graphs.add().collection_def["saved_model_assets"].any_list.value.add()
    packed.type_url, packed.value = "type.googleapis.com/tensorflow.AssetFileDef", b"\xff\xff"
    (tmp_path / "saved_model.pb").write_bytes(proto.SerializeToString())
    assert "saved_model_assets does not parse" in (read_saved_model(tmp_path).fault or "")


@pytest.mark.parametrize("metadata", ["[" * 100_000, '{"config": []}', "3"])
def test_odd_keras_metadata_says_nothing(tmp_path: Path, metadata: str) -> None:
    text = metadata.encode()
    size = bytes([len(text) & 0x7F | 0x80, len(text) >> 7 & 0x7F | 0x80, len(text) >> 14])
    node = b"\x1a\x04root\x2a" + size + text  # fields 3, the path, and 5, the metadata
    size = bytes([len(node) & 0x7F | 0x80, len(node) >> 7 & 0x7F | 0x80, len(node) >> 14])
    (tmp_path / "keras_metadata.pb").write_bytes(b"\x0a" + size + node)
    assert output_names(tmp_path) == []


def test_a_link_to_itself_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").symlink_to(tmp_path / "saved_model.pb")
    assert "cannot be read" in (read_saved_model(tmp_path).fault or "")


def test_text_nested_without_end_is_a_fault(tmp_path: Path) -> None:
    deep = "meta_graphs { object_graph_def { nodes { function { function_spec { input_signature { "
    deep += "list_value { values { " * 5000
    (tmp_path / "saved_model.pbtxt").write_text(deep, encoding="utf-8")
    assert "no SavedModel in text form" in (read_saved_model(tmp_path).fault or "")
