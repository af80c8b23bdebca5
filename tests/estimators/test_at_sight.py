"""What a conversion refuses before TensorFlow is imported or a process started."""

from __future__ import annotations

import io
import json
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tfx_savedmodel import versions
from tfx_savedmodel.errors import TfxSavedModelError, UnreadableModelError, UnsafeModelError, UnsupportedModelError
from tfx_savedmodel.estimators.keras_model import refuse_at_sight
from tfx_savedmodel.operations import convert as operation
from tfx_savedmodel.saved_model.keras_files import KERAS_ZIP, KerasFile
from tfx_savedmodel.sources.keras_load import refuse_other_keras

pytestmark = pytest.mark.unit

_DENSE = {"module": "keras.layers", "class_name": "Dense", "config": {"name": "d", "units": 1}, "registered_name": None}
_LAMBDA = {"module": "keras.layers", "class_name": "Lambda", "config": {"name": "twice", "function": ["4wEA", None]}}
_OWN = {"module": "mine", "class_name": "Attention", "config": {"name": "a"}, "registered_name": "Mine>Attention"}


@pytest.fixture(autouse=True)
def keras_2_unimported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "installed", lambda distribution: "2.15.0")
    monkeypatch.setitem(sys.modules, "tensorflow", None)  # whoever imports it fails


def keras_zip(folder: Path, *layers: dict[str, Any], version: str = "2.15.0", weights: bool = True) -> Path:
    path = folder / "model.keras"
    config = {"module": "keras", "class_name": "Sequential", "config": {"name": "s", "layers": list(layers)}}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("metadata.json", json.dumps({"keras_version": version}))
        if weights:
            data = io.BytesIO()
            np.savez(data, kernel=np.zeros(1))
            archive.writestr("model.weights.npz", data.getvalue())
    return path


def saved_model(folder: Path, node: dict[str, Any]) -> Path:
    """Write Keras metadata of one node: its path (field 3) and its configuration (field 5)."""
    text = json.dumps(node).encode()
    body = b"\x1a\x04root" + b"\x2a" + varint(len(text)) + text
    (folder / "keras_metadata.pb").write_bytes(b"\x0a" + varint(len(body)) + body)
    return folder


def varint(number: int) -> bytes:
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + varint(rest) if rest else bytes([low])


def refused(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **options: Any) -> TfxSavedModelError:
    def starts(*args: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(operation, "convert_in_process", starts)
    with pytest.raises(TfxSavedModelError) as caught:
        operation.convert(path, tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()
    assert "source." not in caught.value.next_step  # a conversion has no plan
    return caught.value


def test_a_model_of_keras_3_under_keras_2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    error = refused(keras_zip(tmp_path, _DENSE, version="3.15.1"), tmp_path, monkeypatch)
    assert isinstance(error, UnsupportedModelError)
    assert "newer Keras" in str(error)
    assert "TensorFlow 2.16" in error.next_step


def test_a_lambda_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    error = refused(keras_zip(tmp_path, _DENSE, _LAMBDA), tmp_path, monkeypatch)
    assert isinstance(error, UnsafeModelError)
    assert "Lambda 'twice'" in error.found
    assert "--allow Lambda" in error.next_step


def test_a_class_that_is_not_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    error = refused(keras_zip(tmp_path, _DENSE, _OWN), tmp_path, monkeypatch)
    assert isinstance(error, UnsafeModelError)
    assert "--allow 'Mine>Attention'" in error.next_step
    assert "--module" in error.next_step


def test_a_file_without_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    error = refused(keras_zip(tmp_path, _DENSE, weights=False), tmp_path, monkeypatch)
    assert isinstance(error, UnreadableModelError)


def test_a_lambda_in_a_saved_model(tmp_path: Path) -> None:
    model = saved_model(tmp_path, {"class_name": "Sequential", "config": {"layers": [_LAMBDA]}})
    with pytest.raises(UnsafeModelError, match="Lambda 'twice'"):
        refuse_at_sight(model, ())
    refuse_at_sight(model, ("Lambda",))


def test_what_is_allowed_and_what_is_of_keras_pass(tmp_path: Path) -> None:
    refuse_at_sight(keras_zip(tmp_path, _DENSE, _LAMBDA, _OWN), ("Lambda", "Mine>Attention"))
    refuse_at_sight(saved_model(tmp_path, {"class_name": "Sequential", "config": {"layers": [_DENSE, _OWN]}}), ())


def test_an_export_is_told_of_its_plan(tmp_path: Path) -> None:
    file = KerasFile(tmp_path / "model.keras", KERAS_ZIP, keras_version="3.15.1", config={})
    with pytest.raises(UnsupportedModelError) as caught:
        refuse_other_keras(file)
    assert caught.value.next_step.startswith("export it in an environment with TensorFlow 2.16")
    assert "source.model_fn" in caught.value.next_step
