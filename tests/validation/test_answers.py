"""Answers cross from one process to another whole, or are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tfx_savedmodel.saved_model.dtypes import numpy_dtype
from tfx_savedmodel.validation.loading.answers import read_answers, size_of, write_answers

pytestmark = pytest.mark.unit

MOST = 1 << 20


def test_arrays_come_out_as_they_went_in(tmp_path: Path) -> None:
    words = np.empty((2, 2), dtype=object)
    words[:] = [[b"", b"\0a\0"], [b"b" * 100, "ä".encode()]]
    outputs = {
        "scores": np.array([[0.1, np.nan], [np.inf, -0.0]], dtype=np.float32),
        "half": np.array([1.5], dtype=numpy_dtype("bfloat16")),
        "small": np.array([1, 2], dtype=np.int8).view(numpy_dtype("qint8")),
        "words": words,
        "none": np.zeros((0, 3), dtype=np.int64),
        "scalar": np.array(7),
        "file": np.array(True),  # also the name of numpy.savez's own argument
    }
    write_answers(tmp_path / "a.npz", {"first": outputs, "again": {"scalar": np.array(8)}})
    found = read_answers(tmp_path / "a.npz", MOST)
    assert sorted(found["first"]) == sorted(outputs)
    for name, array in outputs.items():
        assert (found["first"][name].dtype, found["first"][name].shape) == (array.dtype, array.shape)
        same = found["first"][name].tolist() == array.tolist() if name == "words" else True
        assert same and (name == "words" or found["first"][name].tobytes() == array.tobytes())
    assert found["again"]["scalar"].tolist() == 8


def test_sizes_count_strings_and_numbers() -> None:
    words = np.array([b"abc", b""], dtype=object)
    assert size_of({"x": np.zeros(4, dtype=np.float32), "words": words}) == 16 + 3 + 2 * 8


def test_what_is_torn_or_too_large_is_refused(tmp_path: Path) -> None:
    write_answers(tmp_path / "a.npz", {"first": {"x": np.zeros(1000)}})
    with pytest.raises(ValueError, match="at most 500 are read"):
        read_answers(tmp_path / "a.npz", 500)
    (tmp_path / "torn.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:-40])
    with pytest.raises(ValueError, match="cannot be read"):
        read_answers(tmp_path / "torn.npz", MOST)
    np.savez(tmp_path / "pickled.npz", head=np.array([{"a": 1}], dtype=object))
    with pytest.raises(ValueError):
        read_answers(tmp_path / "pickled.npz", MOST)
    with pytest.raises(ValueError, match="cannot be read"):
        read_answers(tmp_path / "absent.npz", MOST)
