"""Exports that only name signatures again: nothing is loaded, and every loader sees the result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.operations.models import save_module
from tests.saved_model.graphs import node, save, tensor
from tfx_savedmodel.errors import PlanError, UnreadableModelError, UnsupportedModelError
from tfx_savedmodel.operations.export import export
from tfx_savedmodel.operations.inspect import inspect
from tfx_savedmodel.saved_model.native import load_natively
from tfx_savedmodel.saved_model.session import ServingSession

SIGNATURE = {"inputs": {"x": tensor("x:0", "string")}, "outputs": {"y": tensor("y:0", "string")}}
NODES = [node("x", "Placeholder", dtype=7), node("y", "NoSuchOp", "x", T=7)]


def signatures(model: Path) -> dict[str, Any]:
    found: dict[str, Any] = inspect(model)["meta_graphs"][0]["signatures"]
    return found


@pytest.mark.unit
def test_a_model_that_nothing_can_load_is_renamed(tmp_path: Path) -> None:
    source = save(tmp_path / "m", NODES, signatures={"a": SIGNATURE, "b": SIGNATURE, "c": SIGNATURE})
    plan = {
        "keep": "all",
        "drop": ["b"],
        "signatures": {
            "serving_default": {"kind": "alias", "of": "a"},
            "classify": {"kind": "alias", "of": "serving_default", "method_name": "tensorflow/serving/classify"},
        },
    }
    result = export(source, tmp_path / "out", plan=plan)
    assert result.builder == "rewrite"
    found = signatures(tmp_path / "out")
    assert sorted(found) == ["a", "c", "classify", "serving_default"]
    assert found["serving_default"] == found["a"]
    assert found["classify"]["method_name"] == "tensorflow/serving/classify"


@pytest.mark.unit
def test_files_are_carried_and_weights_linked(tmp_path: Path) -> None:
    source = save(tmp_path / "m", NODES, signatures={"a": SIGNATURE}, assets={"x:0": "words.txt"})
    for name in ("debug/info.pb", "assets.extra/warm", "keras_metadata.pb", "fingerprint.pb"):
        (source / name).parent.mkdir(exist_ok=True)
        (source / name).write_bytes(b"")
    export(source, tmp_path / "linked", plan={"b": {"kind": "alias", "of": "a"}})
    export(source, tmp_path / "copied", plan={"b": {"kind": "alias", "of": "a"}}, copy=True)

    def files(model: Path) -> set[str]:
        return {path.relative_to(model).as_posix() for path in model.rglob("*") if path.is_file()}

    # The fingerprint is of the graph that was; TensorFlow takes a model without one.
    assert files(tmp_path / "linked") == files(source) - {"fingerprint.pb"} | {"assets.extra/tfx_savedmodel.json"}
    assert files(source) >= {"fingerprint.pb"}
    assert sorted(signatures(source)) == ["a"]
    asset = Path("assets") / "words.txt"
    assert (tmp_path / "linked" / asset).samefile(source / asset)
    assert not (tmp_path / "copied" / asset).samefile(source / asset)


@pytest.mark.unit
def test_the_text_form_stays_text(tmp_path: Path) -> None:
    from google.protobuf import text_format

    from tfx_savedmodel.saved_model import protos

    source = save(tmp_path / "m", NODES, signatures={"a": SIGNATURE})
    proto = protos.saved_model_pb2().SavedModel.FromString((source / "saved_model.pb").read_bytes())
    (source / "saved_model.pbtxt").write_text(text_format.MessageToString(proto), encoding="utf-8")
    (source / "saved_model.pb").unlink()
    export(source, tmp_path / "out", plan={"b": {"kind": "alias", "of": "a"}})
    assert inspect(tmp_path / "out")["format"] == "pbtxt"
    assert sorted(signatures(tmp_path / "out")) == ["b"]


@pytest.mark.unit
def test_what_cannot_be_renamed(tmp_path: Path) -> None:
    source = save(tmp_path / "m", NODES, signatures={"a": SIGNATURE})
    alias = {"b": {"kind": "alias", "of": "a"}}
    with pytest.raises(UnreadableModelError, match="no MetaGraph with the plan's tags"):
        export(source, tmp_path / "out", plan={"signatures": alias, "source": {"tags": ["train"]}})
    with pytest.raises(PlanError, match="also kept"):
        export(source, tmp_path / "out", plan={"signatures": {"a": {"kind": "alias", "of": "a"}}, "keep": ["a"]})
    (source / "dangling").symlink_to(source / "nowhere")
    with pytest.raises(UnreadableModelError, match="a link to nothing"):
        export(source, tmp_path / "out", plan=alias)
    (source / "dangling").unlink()
    (source / "assets").mkdir()
    (source / "linked").symlink_to(source / "assets", target_is_directory=True)
    with pytest.raises(UnsupportedModelError, match="symbolic link"):
        export(source, tmp_path / "out", plan=alias)
    (source / "secret").symlink_to("/etc/hostname")
    with pytest.raises(UnreadableModelError, match="leaves the directory"):
        export(source, tmp_path / "out", plan=alias)
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


@pytest.mark.tf
def test_every_loader_sees_the_names_and_gives_the_same_numbers(tmp_path: Path) -> None:
    import tensorflow as tf

    source = save_module(tmp_path / "m")
    plan = {"serving_default": {"kind": "alias", "of": "look_up"}}
    assert export(source, tmp_path / "out", plan=plan).builder == "rewrite"
    words = np.array([[b"green"], [b"blue"]], dtype=object)
    with ServingSession(source) as before, ServingSession(tmp_path / "out") as after:
        assert sorted(after.signatures) == ["serving_default"]
        wanted = before.run("look_up", {"word": words})
        found = after.run("serving_default", {"word": words})
    np.testing.assert_array_equal(found["scaled"], wanted["scaled"])
    loaded = tf.saved_model.load(str(tmp_path / "out"))
    assert list(loaded.signatures) == ["serving_default"]
    again = loaded.signatures["serving_default"](word=tf.constant([["green"], ["blue"]]))
    np.testing.assert_array_equal(again["scaled"], wanted["scaled"])
    assert float(loaded.double(tf.constant(3.0))) == 6.0
    load_natively(tmp_path / "out", ["serve"])
