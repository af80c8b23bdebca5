"""The variables index: what TensorFlow wrote is what is read, and broken bytes are said."""

from __future__ import annotations

from pathlib import Path

import pytest

from tfx_savedmodel.saved_model.bundle import read_bundle
from tfx_savedmodel.saved_model.snappy import decompress


@pytest.mark.unit
def test_snappy_literals_and_overlapping_copies() -> None:
    # "abc" literal, then a copy of 9 bytes from 3 before: the ranges overlap.
    assert decompress(bytes([12, (3 - 1) << 2, *b"abc", ((9 - 4) << 2) | 1, 3])) == b"abc" * 4
    long = bytes(range(100))
    assert decompress(bytes([100, 60 << 2, 99]) + long) == long
    with pytest.raises(ValueError, match="before the start"):
        decompress(bytes([4, 1, 3]))
    with pytest.raises(ValueError, match="declared"):
        decompress(bytes([5, (3 - 1) << 2, *b"abc"]))


@pytest.mark.unit
def test_no_variables_at_all(tmp_path: Path) -> None:
    found = read_bundle(tmp_path / "variables" / "variables")
    assert (found.entries, found.problem) == ((), None)


@pytest.mark.tf
def test_reads_what_tensorflow_wrote_and_says_what_is_broken(tmp_path: Path) -> None:
    import tensorflow as tf

    names = [f"layer_{index}" for index in range(300)]  # enough for several blocks of the table
    values = [tf.fill([index % 7 + 1, 2], float(index)) for index in range(300)]
    tf.raw_ops.SaveV2(prefix=str(tmp_path / "v"), tensor_names=names, shape_and_slices=[""] * 300, tensors=values)
    found = read_bundle(tmp_path / "v")
    assert found.problem is None
    assert {entry.key: entry.shape for entry in found.entries} == {
        name: tuple(value.shape) for name, value in zip(names, values, strict=True)
    }
    assert {entry.dtype for entry in found.entries} == {"float32"}
    assert max(entry.offset + entry.size for entry in found.entries) == found.files["v.data-00000-of-00001"]

    index = tmp_path / "v.index"
    whole = index.read_bytes()
    for broken in (whole[:-1], whole[:40], whole[: len(whole) // 2], b"\0" * 200):
        index.write_bytes(broken)
        assert "cannot be read" in (read_bundle(tmp_path / "v").problem or "")
    index.unlink()
    assert read_bundle(tmp_path / "v").problem == "no index"
