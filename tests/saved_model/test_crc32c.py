"""CRC-32C against its published values, whichever way it is computed."""

from __future__ import annotations

import numpy as np
import pytest

from tfx_savedmodel.saved_model import crc32c as module
from tfx_savedmodel.saved_model.crc32c import crc32c, masked

pytestmark = pytest.mark.unit

#: RFC 3720, B.4, and the usual check value.
PUBLISHED = [
    (b"123456789", 0xE3069283),
    (bytes(32), 0x8A9136AA),
    (b"\xff" * 32, 0x62A8AB43),
    (bytes(range(32)), 0x46DD794E),
    (b"", 0),
]


@pytest.fixture(params=["installed", "our own"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "our own":
        monkeypatch.setattr(module, "_installed", lambda: None)
    return str(request.param)


@pytest.mark.parametrize(("data", "wanted"), PUBLISHED)
def test_published_values(way: str, data: bytes, wanted: int) -> None:
    assert crc32c(data) == wanted


@pytest.mark.parametrize("size", [1047, 1048, 1049, 70_000, 200_003])
def test_many_bytes_at_once_are_as_one_after_another(way: str, size: int) -> None:
    data = np.random.default_rng(size).bytes(size)
    one_by_one = 0
    for start in range(0, size, 500):  # too few for anything but plain Python
        one_by_one = crc32c(data[start : start + 500], one_by_one)
    assert crc32c(data) == one_by_one
    assert crc32c(data[777:], crc32c(data[:777])) == one_by_one


def test_masking_is_tensorflows() -> None:
    # tensorflow/core/lib/hash/crc32c_test.cc: masking is no fixed point, and not its own inverse.
    crc = crc32c(b"foo")
    assert masked(crc) != crc
    assert masked(masked(crc)) != crc
    assert masked(0) == 0xA282EAD8
