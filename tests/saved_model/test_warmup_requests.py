"""Warm-up requests that the server could not run are told from the others."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.saved_model.warmup_logs import (
    CLASSIFY,
    METHOD,
    MULTI,
    PREDICT,
    REGRESS,
    SESSION,
    STREAMED,
    field,
    framed,
    log,
    multi,
    predict,
    spec,
)
from tfx_savedmodel.saved_model.warmup_requests import Served, filter_requests

pytestmark = pytest.mark.unit

GONE = "the export does not have their signatures"
SERVED = {
    "serving_default": Served(f"{METHOD}predict", {"a": "a:0", "b": "b:0"}, {"p": "float32", "q": "int64"}),
    "classes": Served(f"{METHOD}classify", {"inputs": "x:0"}, {"classes": "string", "scores": "float32"}),
    "value": Served(f"{METHOD}regress", {"inputs": "x:0"}, {"outputs": "float32"}),
    "elsewhere": Served(f"{METHOD}regress", {"inputs": "y:0"}, {"outputs": "float32"}),
    "renamed": Served(f"{METHOD}classify", {"inputs": "x:0"}, {"probabilities": "float32"}),
    "trained": Served("supervised/training", {"a": "a:0"}, {"loss": "float32"}),
    "defaults": Served(f"{METHOD}predict", {"a": "a:0", "b": "b:0"}, {"p": "float32"}, has_defaults=True),
}


def filtered(folder: Path, *records: bytes, served: Mapping[str, Served] = SERVED) -> tuple[dict[str, int] | None, int]:
    """Return the counts by reason, and how many were kept; checksums are not looked at."""
    frames = [framed(record) for record in records]
    (folder / "source").write_bytes(b"".join(frames))
    target = folder / "extra" / "target"
    target.unlink(missing_ok=True)
    dropped = filter_requests(folder / "source", target, served)
    kept = target.read_bytes() if target.exists() else b""
    assert all(frame in kept for frame in frames) or dropped
    return dropped, sum(frame in kept for frame in frames)


@pytest.mark.parametrize(
    "record",
    [
        log(PREDICT, predict(None, "a", "b")),
        log(PREDICT, predict("", "a", "b", outputs=("p",))),
        log(PREDICT, predict("classes", "inputs", outputs=("scores",))),
        log(PREDICT, predict("value", "inputs")),
        log(PREDICT, predict("defaults", "a")),
        log(STREAMED, predict(None, "a", "b"), predict(None, "a", "b")),
        log(CLASSIFY, spec("classes")),
        log(REGRESS, spec("value")),
        log(MULTI, multi(classes="classify", value="regress")),
        field(15, b"an API of a later server"),
    ],
)
def test_what_the_server_runs_is_kept(tmp_path: Path, record: bytes) -> None:
    assert filtered(tmp_path, record) == ({}, 1)


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (log(PREDICT, predict("absent", "a")), GONE),
        (log(CLASSIFY, spec("absent")), GONE),
        (log(MULTI, multi(absent="classify")), GONE),
        (log(CLASSIFY, spec(None)), "which TensorFlow Serving's Classify refuses"),
        (log(CLASSIFY, b""), "which TensorFlow Serving's Classify refuses"),
        (log(CLASSIFY, spec("value")), "has the method name 'tensorflow/serving/regress'"),
        (log(REGRESS, spec("classes")), "which TensorFlow Serving's Regress refuses"),
        (log(CLASSIFY, spec("renamed")), "does not have the inputs and outputs"),
        (log(PREDICT, predict("trained", "a")), "which TensorFlow Serving's Predict refuses"),
        (log(PREDICT, predict(None, "a")), "do not give just the inputs of 'serving_default'"),
        (log(PREDICT, predict("defaults", "a", "c")), "do not give just the inputs of 'defaults'"),
        (log(PREDICT, predict(None, "a", "b", outputs=("p", "old"))), "output_filter names 'old'"),
        (log(STREAMED, predict(None, "a", "b"), predict(None, "a", "b", outputs=("r",))), "names 'r'"),
        (log(MULTI, multi(classes="regress")), "which TensorFlow Serving's Regress refuses"),
        (log(MULTI, multi(serving_default="predict")), "does not take the method name 'tensorflow/serving/predict'"),
        (log(MULTI, multi(classes="classify", elsewhere="regress")), "no longer share one input tensor"),
        (log(SESSION, field(3, "y:0")), "refuses a model with session-run requests"),
    ],
)
def test_what_the_server_would_fail_at_is_left_out(tmp_path: Path, record: bytes, reason: str) -> None:
    dropped, kept = filtered(tmp_path, record)
    assert kept == 0
    assert dropped is not None
    (said,) = dropped
    assert reason in said
    assert not (tmp_path / "extra" / "target").exists()


@pytest.mark.parametrize(
    "outputs",
    [
        {"classes": "int64"},
        {"scores": "float64"},
        {"a": "float32", "b": "float32", "scores": "float32"},
        {"a": "string"},
    ],
)
def test_classify_knows_its_outputs(tmp_path: Path, outputs: dict[str, str]) -> None:
    served = {"c": Served(f"{METHOD}classify", {"inputs": "x:0"}, outputs)}
    dropped, kept = filtered(tmp_path, log(CLASSIFY, spec("c")), served=served)
    assert (kept, list(dropped or {})) == (
        0,
        ["'c' does not have the inputs and outputs that TensorFlow Serving's Classify wants"],
    )
    other = {"c": Served(f"{METHOD}classify", {"examples": "x:0"}, {"scores": "float32"})}
    assert filtered(tmp_path, log(CLASSIFY, spec("c")), served=other)[1] == 0


def test_reasons_are_counted_and_the_rest_is_kept(tmp_path: Path) -> None:
    good = log(PREDICT, predict(None, "a", "b"))
    gone = log(PREDICT, predict("absent", "a"))
    dropped, kept = filtered(tmp_path, gone, good, log(SESSION, b""), gone)
    assert kept == 1
    assert dropped == {GONE: 2, "TensorFlow Serving refuses a model with session-run requests": 1}


@pytest.mark.parametrize("data", [b"warm", struct.pack("<Q", 99) + b"crc_" + b"x"])
def test_a_file_that_is_none_of_requests(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "source").write_bytes(data)
    assert filter_requests(tmp_path / "source", tmp_path / "target", SERVED) is None
    assert not (tmp_path / "target").exists()
