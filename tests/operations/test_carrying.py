"""What a rewrite takes over of its source, on models made by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.saved_model.graphs import node, save, tensor
from tests.saved_model.warmup_logs import CLASSIFY, METHOD, MULTI, PREDICT, SESSION, framed, log, multi, predict, spec
from tfx_savedmodel.operations.export import export
from tfx_savedmodel.operations.inspect import inspect
from tfx_savedmodel.saved_model.warmup_requests import FILE as WARMUP

pytestmark = pytest.mark.unit

NODES = [node("x", "Placeholder", dtype=7), node("y", "NoSuchOp", "x"), node("z", "NoSuchOp", "x")]
SCORED = {
    "method_name": f"{METHOD}classify",
    "inputs": {"inputs": tensor("x:0", "string")},
    "outputs": {"scores": tensor("y:0", shape=(None, 3)), "classes": tensor("z:0", "string", (None, 3))},
}
SOURCE = {"serving_default": SCORED, "value": {**SCORED, "method_name": f"{METHOD}predict"}}
METADATA = {"inputs": {"x": {"input_tensor_name": "x:0"}}, "outputs": {"y": {"output_tensor_name": "y:0"}}}


def make(directory: Path, *requests: bytes, metadata: dict[str, Any] | None = None) -> Path:
    model = save(directory, NODES, signatures=SOURCE)
    if requests:
        (model / WARMUP).parent.mkdir()
        (model / WARMUP).write_bytes(b"".join(map(framed, requests)))
    if metadata is not None:
        (model / "explanation_metadata.json").write_text(json.dumps(metadata), encoding="utf-8")
    return model


def exported(source: Path, plan: dict[str, Any]) -> tuple[Path, list[str]]:
    """Return the export and the notes on it."""
    target = source.with_name("out")
    result = export(source, target, plan=plan)
    assert result.builder == "rewrite"
    return target, list(result.notes)


def alias(**given: Any) -> dict[str, Any]:
    return {"signatures": {"serving_default": {"kind": "alias", "of": "serving_default", **given}}}


def test_a_classify_request_goes_with_the_method_name(tmp_path: Path) -> None:
    asked = log(CLASSIFY, spec(None))
    predicts = log(PREDICT, predict(None, "inputs", outputs=("scores",)))
    target, notes = exported(make(tmp_path / "m", asked, predicts), alias(method_name=f"{METHOD}predict"))
    assert (target / WARMUP).read_bytes() == framed(predicts)
    (note,) = notes
    assert note.startswith("1 warm-up requests are left out: 'serving_default' has the method name")


def test_a_request_goes_with_the_output_that_it_filters_for(tmp_path: Path) -> None:
    old = log(PREDICT, predict(None, "inputs", outputs=("classes",)))
    kept = log(PREDICT, predict(None, "inputs", outputs=("scores",)))
    plan = alias(outputs={"names": "classes", "scores": "scores"}, method_name=f"{METHOD}predict")
    target, notes = exported(make(tmp_path / "m", old, kept), plan)
    assert (target / WARMUP).read_bytes() == framed(kept)
    assert [note for note in notes if "output_filter names 'classes'" in note] == notes != []


def test_requests_stay_where_the_server_runs_them_as_before(tmp_path: Path) -> None:
    requests = [
        log(CLASSIFY, spec("serving_default")),
        log(PREDICT, predict("value", "inputs", outputs=("classes",))),
        log(PREDICT, predict("value")),  # the model may hold a default value
        log(MULTI, multi(serving_default="classify", again="classify")),
    ]
    source = make(tmp_path / "m", *requests)
    target, notes = exported(source, {"keep": "all", "signatures": {"more": {"kind": "alias", "of": "value"}}})
    assert (target / WARMUP).read_bytes() == b"".join(map(framed, requests[:3]))
    assert notes == ["1 warm-up requests are left out: the export does not have their signatures"]
    assert not (target / WARMUP).samefile(source / WARMUP)


def test_session_run_requests_are_no_warm_up(tmp_path: Path) -> None:
    target, notes = exported(make(tmp_path / "m", log(SESSION, b"")), {"keep": "all"})
    assert not (target / WARMUP).exists()
    assert notes == ["1 warm-up requests are left out: TensorFlow Serving refuses a model with session-run requests"]


def test_metadata_of_a_tf1_model_names_tensors_and_stays(tmp_path: Path) -> None:
    source = make(tmp_path / "m", metadata=METADATA)
    again = {"xai_model": {"kind": "alias", "of": "value"}}
    target, notes = exported(source, {"keep": "all", "signatures": again})
    assert json.loads((target / "explanation_metadata.json").read_text(encoding="utf-8")) == METADATA
    assert notes == []


def test_metadata_that_explainers_no_longer_use_is_said(tmp_path: Path) -> None:
    source = make(tmp_path / "m", metadata=METADATA)
    target, notes = exported(source, {"keep": "all", "signatures": {"again": {"kind": "alias", "of": "value"}}})
    assert (target / "explanation_metadata.json").exists()
    (note,) = notes
    assert "is carried, but" in note and "'xai_model', which the export does not have" in note


def test_a_fingerprint_of_another_graph_is_left_out_and_said(tmp_path: Path) -> None:
    source = make(tmp_path / "m")
    (source / "fingerprint.pb").write_bytes(b"old")
    target, notes = exported(source, {"keep": "all"})
    assert not (target / "fingerprint.pb").exists()
    assert (source / "fingerprint.pb").read_bytes() == b"old"
    (note,) = notes
    assert note.startswith("fingerprint.pb is left out: ")


@pytest.mark.parametrize("name", ["saved_model.pbtxt", "saved_model.cpb"])
def test_a_graph_that_loaders_pass_over_is_left_out_and_said(tmp_path: Path, name: str) -> None:
    source = make(tmp_path / "m")
    (source / name).write_text("stale", encoding="utf-8")
    target, notes = exported(source, {"keep": "all"})
    assert not (target / name).exists()
    assert notes == [f"{name} is left out: saved_model.pb comes before it, and was edited"]


def test_only_this_packages_own_file_is_left_out(tmp_path: Path) -> None:
    source = make(tmp_path / "m")
    for name in ("assets.extra/tfx_savedmodel.json", "assets.extra/old/tfx_savedmodel.json"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text("{}", encoding="utf-8")
    target, _ = exported(source, {"keep": "all"})
    assert (target / "assets.extra/old/tfx_savedmodel.json").read_text(encoding="utf-8") == "{}"
    assert (target / "assets.extra/tfx_savedmodel.json").read_text(encoding="utf-8") != "{}"


def test_an_alias_of_itself_may_have_fewer_outputs(tmp_path: Path) -> None:
    plan = alias(outputs={"scores": "scores"})
    target, _ = exported(make(tmp_path / "m"), plan)
    (meta_graph,) = inspect(target)["meta_graphs"]
    assert list(meta_graph["signatures"]["serving_default"]["outputs"]) == ["scores"]
