"""What a trace takes over of its source, and what explainers make of the metadata that stays."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.operations.models import save_module
from tests.saved_model.warmup_logs import CLASSIFY, METHOD, MULTI, PREDICT, framed, log, multi, predict, spec
from tfx_savedmodel.errors import UnsupportedModelError
from tfx_savedmodel.operations.export import ExportResult, export
from tfx_savedmodel.saved_model.parse import parse_saved_model
from tfx_savedmodel.saved_model.reader import read_saved_model
from tfx_savedmodel.saved_model.rewrite import edit
from tfx_savedmodel.saved_model.warmup_requests import FILE as WARMUP

pytestmark = pytest.mark.tf

TRACED = {"double": {"kind": "function", "path": "double"}}
METADATA = {"inputs": {"w": {"input_tensor_name": "word"}}, "outputs": {"i": {"output_tensor_name": "index"}}}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_module(tmp_path_factory.mktemp("made") / "m")


@pytest.fixture
def source(made: Path, tmp_path: Path) -> Path:
    """A module with the signature `look_up`, of its own for each test."""
    return Path(shutil.copytree(made, tmp_path / "m"))


def trace(source: Path, target: Path, **plan: Any) -> ExportResult:
    result = export(source, target, plan={"keep": "all", "signatures": TRACED, **plan})
    assert result.builder == "trace"
    return result


def checksum_holds(model: Path) -> bool:
    """Tell whether the fingerprint is of the graph that lies beside it."""
    from tensorflow.python.saved_model import fingerprinting_utils

    return bool(
        fingerprinting_utils.singleprint_from_fingerprint_proto(str(model))
        == fingerprinting_utils.singleprint_from_saved_model_proto(str(model))
    )


def test_the_fingerprint_is_of_the_graph_as_it_was_edited(source: Path, tmp_path: Path) -> None:
    import tensorflow as tf

    result = trace(source, tmp_path / "out", tags=["serve", "cpu"])  # an edit writes them
    assert not result.notes
    assert checksum_holds(tmp_path / "out")
    found = tf.saved_model.experimental.read_fingerprint(str(tmp_path / "out"))
    before = tf.saved_model.experimental.read_fingerprint(str(source))
    assert found.saved_model_checksum != before.saved_model_checksum


def test_a_fingerprint_that_tensorflow_cannot_make_is_said(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tensorflow.python.saved_model import fingerprinting_utils

    def fail(directory: str) -> None:
        if Path(directory, "assets.extra").exists():  # after the save, which calls this too
            raise ValueError("not this graph")
        made(directory)

    made = fingerprinting_utils.write_fingerprint
    (source / "assets.extra").mkdir()
    monkeypatch.setattr(fingerprinting_utils, "write_fingerprint", fail)
    result = trace(source, tmp_path / "out", tags=["serve", "cpu"])
    (note,) = result.notes
    assert note.startswith("fingerprint.pb is left out: ")
    assert not (tmp_path / "out/fingerprint.pb").exists()


def test_only_this_packages_own_file_is_left_out(source: Path, tmp_path: Path) -> None:
    for name in ("assets.extra/tfx_savedmodel.json", "assets.extra/old/tfx_savedmodel.json", "old/fingerprint.pb"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text("{}", encoding="utf-8")
    (source / "saved_model.cpb").touch()
    trace(source, tmp_path / "out")
    assert (tmp_path / "out/assets.extra/old/tfx_savedmodel.json").read_text(encoding="utf-8") == "{}"
    assert (tmp_path / "out/assets.extra/tfx_savedmodel.json").read_text(encoding="utf-8") != "{}"
    assert (tmp_path / "out/old/fingerprint.pb").exists()
    assert not (tmp_path / "out/saved_model.cpb").exists()


def test_requests_are_judged_by_what_is_traced(source: Path, tmp_path: Path) -> None:
    kept = log(PREDICT, predict("look_up", "word", outputs=("index",)))
    incomplete, asked = log(PREDICT, predict("look_up")), log(CLASSIFY, spec("look_up"))
    (source / WARMUP).parent.mkdir()
    (source / WARMUP).write_bytes(b"".join(map(framed, (asked, kept, incomplete))))
    result = trace(source, tmp_path / "out")
    assert (tmp_path / "out" / WARMUP).read_bytes() == framed(kept)
    assert sorted(result.notes) == [
        "1 warm-up requests are left out: 'look_up' has the method name 'tensorflow/serving/predict', "
        "which TensorFlow Serving's Classify refuses",
        "1 warm-up requests are left out: they do not give just the inputs of 'look_up'",
    ]


def test_traced_signatures_share_no_input(tmp_path: Path) -> None:
    """A multi-inference feeds one tensor; TF2's save gives each signature one of its own."""
    import tensorflow as tf

    class Scorer(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "inputs")])
        def score(self, inputs: Any) -> Any:
            return {"scores": tf.ones([tf.size(inputs), 2])}

        @tf.function(input_signature=[tf.TensorSpec([], tf.float32)])
        def double(self, value: Any) -> Any:
            return value * 2.0

    module = Scorer()
    tf.saved_model.save(module, str(tmp_path / "m"), signatures={"one": module.score, "other": module.score})
    kept, apart = log(MULTI, multi(one="classify")), log(MULTI, multi(one="classify", other="classify"))
    (tmp_path / "m" / WARMUP).parent.mkdir()
    (tmp_path / "m" / WARMUP).write_bytes(framed(kept) + framed(apart))
    scored = {key: {"kind": "alias", "of": key, "method_name": f"{METHOD}classify"} for key in ("one", "other")}
    result = export(tmp_path / "m", tmp_path / "out", plan={**TRACED, **scored})
    assert result.builder == "trace"
    assert (tmp_path / "out" / WARMUP).read_bytes() == framed(kept)
    assert any("no longer share one input tensor" in note for note in result.notes)


def test_logs_of_tensorflow_serving_are_read(source: Path, tmp_path: Path) -> None:
    import tensorflow as tf

    prediction_log_pb2 = pytest.importorskip(
        "tensorflow_serving.apis.prediction_log_pb2", reason="needs tensorflow-serving-api, which comes with TFX"
    )
    logs = [prediction_log_pb2.PredictionLog() for _ in range(3)]
    for entry, name in zip(logs, ("scaled", "index", "scaled"), strict=True):
        request = entry.predict_log.request
        request.model_spec.signature_name = "look_up"
        request.inputs["word"].CopyFrom(tf.make_tensor_proto([["red"]]))
        request.output_filter.append(name)
    (source / WARMUP).parent.mkdir()
    with tf.io.TFRecordWriter(str(source / WARMUP)) as writer:
        for entry in logs:
            writer.write(entry.SerializeToString())
    plan = {"look_up": {"kind": "alias", "of": "look_up", "outputs": {"scaled": "scaled"}}}
    result = export(source, tmp_path / "out", plan=plan)
    assert (result.builder, len(list(tf.data.TFRecordDataset(str(tmp_path / "out" / WARMUP))))) == ("rewrite", 2)
    assert any(note.startswith("1 warm-up requests are left out: their output_filter") for note in result.notes)


@pytest.mark.parametrize(
    ("signatures", "said"),
    [
        ({"serving_default": {}}, None),
        ({"serving_default": {}, "xai_model": {}}, None),
        ({"serving_default": {}, "again": {}}, "'xai_model', which the export does not have"),
        ({"serving_default": {}, "xai_model": {"outputs": {"i": "index"}}}, "'xai_model', which they take"),
        ({"serving_default": {"outputs": {"i": "index"}}}, "is left out: no exported signature"),
    ],
)
def test_metadata_of_what_explainers_take(
    source: Path, tmp_path: Path, signatures: dict[str, dict[str, Any]], said: str | None
) -> None:
    (source / "fingerprint.pb").unlink(missing_ok=True)
    (source / "explanation_metadata.json").write_text(json.dumps(METADATA), encoding="utf-8")
    plan = {key: {"kind": "alias", "of": "look_up", **given} for key, given in signatures.items()}
    result = export(source, tmp_path / "out", plan=plan)
    assert (tmp_path / "out/explanation_metadata.json").exists() == (said is None or "left out" not in said)
    assert [said in note for note in result.notes] == [True] if said else result.notes == ()


def test_a_function_alias_that_the_plan_takes_over_is_said(source: Path, tmp_path: Path) -> None:
    one = trace(source, tmp_path / "one", function_aliases={"fast": "double"})
    assert not one.notes
    look_up = {"words": {"kind": "function", "path": "look_up"}}
    two = trace(tmp_path / "one", tmp_path / "two", signatures=look_up, function_aliases={"fast": "words"})
    (note,) = [note for note in two.notes if "'fast'" in note]
    assert "is the plan's" in note
    assert (
        "fast"
        in parse_saved_model(tmp_path / "two", "saved_model.pb").meta_graphs[0].meta_info_def.function_aliases.values()
    )
    again = trace(tmp_path / "one", tmp_path / "again", keep=[], function_aliases={"fast": "double"})
    assert not [note for note in again.notes if "'fast'" in note]


def test_several_meta_graphs_are_carried_by_an_edit_and_refused_a_trace(source: Path, tmp_path: Path) -> None:
    """TF2's loader takes such a model for TF1's: what it gives, saved again, would be another model."""

    def add_another(proto: Any) -> None:
        other = proto.meta_graphs.add()
        other.CopyFrom(proto.meta_graphs[0])
        other.meta_info_def.tags[:] = ["serve", "gpu"]

    edit(source, add_another)
    with pytest.raises(UnsupportedModelError, match="several MetaGraphs") as caught:
        trace(source, tmp_path / "out")
    assert caught.value.found == "serve; serve, gpu" and not (tmp_path / "out").exists()
    alias = {"another": {"kind": "alias", "of": "look_up"}}
    assert export(source, tmp_path / "edited", plan={"keep": "all", "signatures": alias}).builder == "rewrite"
    tags = [set(item.tags) for item in read_saved_model(tmp_path / "edited").meta_graphs]
    assert tags == [{"serve"}, {"serve", "gpu"}]
