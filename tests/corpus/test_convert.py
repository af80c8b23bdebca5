"""Third-party models made Estimators: what Keras loads as a Keras model converts with parity, the rest says why not.

`make test` converts a fixed sample, `make test-full` the whole corpus, and says at its end how many of each.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from tests.conftest import corpus_index
from tests.operations.forked_conversions import forking
from tfx_savedmodel.errors import TfxSavedModelError
from tfx_savedmodel.operations.convert import convert

pytestmark = pytest.mark.tf

RECORDED_ON = "2.15."
AT_LEAST = 13
#: Keras restores it without its class, and none of its traces is a forward pass of the whole.
WITHOUT_A_FORWARD_PASS = {"java__python_model"}
ENTRIES = corpus_index()

#: A functional model, one whose class is missing, a SavedModel that is none of Keras, and one of a newer Keras.
SAMPLE = frozenset(
    {"pypi_mmsplice__Donor.h5", "java__python_model", "tfjs__times_two_int", "keras__pr_fixed_model.keras"}
)


def name(entry: dict[str, Any]) -> str:
    return str(entry["name"])


def path_of(corpus: Path, entry: dict[str, Any]) -> Path:
    folder = corpus / entry["dir"]
    is_file = not entry["format"].startswith("SavedModel") and folder.is_dir() and entry.get("main_file")
    return folder / entry["main_file"] if is_file else folder


def is_keras(entry: dict[str, Any]) -> bool:
    """Tell whether Keras 2.15 was seen to load it as a Keras model."""
    recorded = (entry["loads_tf_2_15"] or {}).get("tf.keras.models.load_model") or {}
    return bool(recorded.get("ok")) and str(recorded.get("type")).startswith("keras.")


def is_keras_uncompiled(entry: dict[str, Any]) -> bool:
    """Tell whether Keras 2.15 was seen to load it as a Keras model without what it was compiled with."""
    recorded = (entry["loads_tf_2_15"] or {}).get("tf.keras.models.load_model (compile=False)") or {}
    return bool(recorded.get("ok")) and recorded.get("type") != "_UserObject"


@dataclasses.dataclass
class Tally:
    """What became of each model: the way and the difference, or the error's first line."""

    converted: dict[str, str] = dataclasses.field(default_factory=dict)
    refused: dict[str, str] = dataclasses.field(default_factory=dict)


@pytest.fixture(scope="module")
def tally() -> Iterator[Tally]:
    with forking():
        yield Tally()


@pytest.mark.parametrize(
    "entry",
    [pytest.param(entry, marks=() if name(entry) in SAMPLE else pytest.mark.full) for entry in ENTRIES],
    ids=name,
)
def test_a_keras_model_converts_with_parity_and_any_other_says_why_not(
    corpus: Path, tmp_path: Path, tally: Tally, entry: dict[str, Any]
) -> None:
    try:
        result = convert(path_of(corpus, entry), tmp_path / "out", receiver="raw")
    except TfxSavedModelError as error:
        tally.refused[name(entry)] = f"{type(error).__name__}: {error.message}"
        assert error.where and error.found and (error.wanted or error.next_step), error
        assert not (tmp_path / "out").exists()
        if tf.__version__.startswith(RECORDED_ON) and is_keras(entry):
            assert name(entry) in WITHOUT_A_FORWARD_PASS, error
        return
    assert result.parity["examples"] >= 1
    assert result.parity["max_relative_difference"] <= 1e-6
    tally.converted[name(entry)] = f"{result.way}, {result.parity['max_relative_difference']:.2g}"
    assert is_keras(entry) or is_keras_uncompiled(entry) or not tf.__version__.startswith(RECORDED_ON)


def report(tally: Tally) -> list[str]:
    """Return the lines that say what was converted and what was not."""
    count = len(tally.converted) + len(tally.refused)
    lines = [f"conversion: {len(tally.converted)} of {count} models converted with parity, the others say why not"]
    lines += [f"  {model}: {how}" for model, how in sorted(tally.converted.items())]
    reasons = sorted(set(tally.refused.values()))
    return lines + [f"  {list(tally.refused.values()).count(reason)} x {reason}" for reason in reasons]


def test_how_many_were_converted(corpus: Path, tally: Tally, capsys: pytest.CaptureFixture[str]) -> None:
    """Last in the file: tells what the tests above found."""
    with capsys.disabled(), contextlib.suppress(BlockingIOError):
        print("", *report(tally), sep="\n")
    seen = {*tally.converted, *tally.refused}
    if seen == {name(entry) for entry in ENTRIES} and tf.__version__.startswith(RECORDED_ON):
        assert len(tally.converted) >= AT_LEAST, "\n".join(report(tally))
