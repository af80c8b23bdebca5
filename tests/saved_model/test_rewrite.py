"""Signatures chosen, renamed and cut down in the proto, on models made by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.saved_model.graphs import node, save, tensor
from tfx_savedmodel.errors import UnsupportedModelError, UsageError
from tfx_savedmodel.saved_model import protos
from tfx_savedmodel.saved_model.parse import parse_saved_model
from tfx_savedmodel.saved_model.reader import read_saved_model
from tfx_savedmodel.saved_model.rewrite import Chosen, choose_signatures, edit
from tfx_savedmodel.saved_model.view import SignatureView

pytestmark = pytest.mark.unit

PREDICT = "tensorflow/serving/predict"
SIGNATURE = {
    "inputs": {"a": tensor("x:0"), "b": tensor("z:0", "int64")},
    "outputs": {"p": tensor("y:0"), "q": tensor("y:1", "string")},
}
NODES = [node("x", "Placeholder", dtype=1), node("z", "Placeholder", dtype=9), node("y", "NoSuchOp", "x", "z")]


def make(directory: Path, **kwargs: Any) -> Path:
    return save(directory, NODES, signatures={"s": SIGNATURE, "t": SIGNATURE}, **kwargs)


def signatures(model: Path) -> dict[str, SignatureView]:
    (meta_graph,) = read_saved_model(model).meta_graphs
    return dict(meta_graph.signatures)


def tensors(view: SignatureView) -> dict[str, str]:
    return {name: spec.tensor for name, spec in [*view.inputs.items(), *view.outputs.items()]}


def in_text(model: Path) -> Path:
    from google.protobuf import text_format

    proto = protos.saved_model_pb2().SavedModel.FromString((model / "saved_model.pb").read_bytes())
    (model / "saved_model.pbtxt").write_text(text_format.MessageToString(proto), encoding="utf-8")
    (model / "saved_model.pb").unlink()
    return model


@pytest.mark.parametrize("text", [False, True], ids=["pb", "pbtxt"])
def test_names_lead_to_the_same_tensors(tmp_path: Path, text: bool) -> None:
    model = in_text(make(tmp_path / "m")) if text else make(tmp_path / "m")
    chosen = {
        "swapped": Chosen("s", PREDICT, inputs={"b": "a", "a": "b"}, outputs={"q": "p", "p": "q"}),
        "half": Chosen("s", PREDICT, outputs={"only": "q"}),
        "twice": Chosen("t", PREDICT, outputs={"one": "p", "other": "p"}),
        "same": Chosen("s", "tensorflow/serving/classify"),
    }
    choose_signatures(model, ["serve"], chosen, new_tags=["serve", "gpu"])
    (meta_graph,) = read_saved_model(model, ["gpu", "serve"]).meta_graphs
    assert set(meta_graph.tags) == {"serve", "gpu"}
    found = dict(meta_graph.signatures)
    assert {key: tensors(view) for key, view in found.items()} == {
        "swapped": {"b": "x:0", "a": "z:0", "q": "y:0", "p": "y:1"},
        "half": {"a": "x:0", "b": "z:0", "only": "y:1"},
        "twice": {"a": "x:0", "b": "z:0", "one": "y:0", "other": "y:0"},
        "same": {"a": "x:0", "b": "z:0", "p": "y:0", "q": "y:1"},
    }
    assert found["swapped"].inputs["a"].dtype == "int64"
    assert found["same"].method_name == "tensorflow/serving/classify"
    assert (model / "saved_model.pbtxt").exists() is text


def test_default_values_go_with_their_input(tmp_path: Path) -> None:
    model = make(tmp_path / "m")

    def default(proto: Any) -> None:
        proto.meta_graphs[0].signature_def["s"].defaults["a"].float_val.append(7.0)

    edit(model, default)
    choose_signatures(model, ["serve"], {"s": Chosen("s", PREDICT, inputs={"first": "a", "second": "b"})})
    defaults = parse_saved_model(model, "saved_model.pb").meta_graphs[0].signature_def["s"].defaults
    assert {name: list(value.float_val) for name, value in defaults.items()} == {"first": [7.0]}


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        (Chosen("u", PREDICT), "no such signature"),
        (Chosen("s", PREDICT, inputs={"a": "a", "c": "nothing"}), "no such input"),
        (Chosen("s", PREDICT, inputs={"c": "a"}), "an input is not named"),
        (Chosen("s", PREDICT, inputs={"c": "a", "d": "a", "e": "b"}), "an input has two names"),
        (Chosen("s", PREDICT, outputs={"p": "nothing"}), "no such output"),
        (Chosen("s", PREDICT, outputs={}), "no output is left"),
    ],
)
def test_names_that_cannot_be(tmp_path: Path, chosen: Chosen, words: str) -> None:
    model = make(tmp_path / "m")
    before = (model / "saved_model.pb").read_bytes()
    with pytest.raises(UsageError, match=words) as caught:
        choose_signatures(model, ["serve"], {"k": chosen})
    assert caught.value.where and caught.value.wanted
    assert (model / "saved_model.pb").read_bytes() == before
    assert sorted(path.name for path in model.iterdir()) == ["saved_model.pb"]


def test_the_loaders_own_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="belongs to the loaders"):
        choose_signatures(make(tmp_path / "m"), ["serve"], {"__saved_model_init_op": Chosen("s", PREDICT)})


def test_tags_stay_those_of_one_meta_graph(tmp_path: Path) -> None:
    model = make(tmp_path / "m")

    def second(proto: Any) -> None:
        proto.meta_graphs.add().CopyFrom(proto.meta_graphs[0])
        proto.meta_graphs[1].meta_info_def.tags.append("gpu")

    edit(model, second)
    chosen = {"k": Chosen("s", PREDICT)}
    with pytest.raises(UsageError, match="another MetaGraph has the new tags"):
        choose_signatures(model, ["serve"], chosen, new_tags=["gpu", "serve"])
    with pytest.raises(UsageError, match="no MetaGraph with these tags"):
        choose_signatures(model, ["train"], chosen)
    choose_signatures(model, ["gpu", "serve"], chosen, new_tags=["tpu", "tpu"])
    found = parse_saved_model(model, "saved_model.pb").meta_graphs
    assert [(list(item.meta_info_def.tags), sorted(item.signature_def)) for item in found] == [
        (["serve"], ["s", "t"]),
        (["tpu"], ["k"]),
    ]


def test_tags_may_be_replaced_by_themselves(tmp_path: Path) -> None:
    model = make(tmp_path / "m")
    choose_signatures(model, ["serve"], {"s": Chosen("s", PREDICT)}, new_tags=["serve"])
    assert sorted(signatures(model)) == ["s"]


def test_an_object_graph_without_the_signatures_is_refused(tmp_path: Path) -> None:
    model = make(tmp_path / "m", callable_functions={"f": ()})
    with pytest.raises(UnsupportedModelError, match="does not have the MetaGraph's signatures"):
        choose_signatures(model, ["serve"], {"k": Chosen("s", PREDICT)})


def with_a_signature_object(proto: Any) -> None:
    """Give the object graph a signature "s" whose function is not in the library."""
    objects = proto.meta_graphs[0].object_graph_def
    objects.nodes[0].children.add(local_name="signatures", node_id=1)
    objects.nodes.add().children.add(local_name="s", node_id=2)
    objects.nodes.add().bare_concrete_function.concrete_function_name = "f"


def test_a_function_that_cannot_have_other_names_keeps_its_own(tmp_path: Path) -> None:
    model = make(tmp_path / "m", callable_functions={"f": ()})
    edit(model, with_a_signature_object)
    with pytest.raises(UnsupportedModelError, match="function is not in the model"):
        choose_signatures(model, ["serve"], {"k": Chosen("s", PREDICT, outputs={"p": "p"})})
    choose_signatures(model, ["serve"], {"k": Chosen("s", PREDICT)})
    assert sorted(signatures(model)) == ["k"]
