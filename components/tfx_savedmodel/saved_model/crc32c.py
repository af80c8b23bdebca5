"""CRC-32C, with which TensorFlow guards the tensors of a checkpoint and the blocks of its index.

`google_crc32c` where it is installed (TFX brings it; some GB/s); else numpy, which works on many pieces side by side
(some hundred MB/s), and plain Python for a few bytes, which is not worth numpy's import.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence
from typing import Any

_POLYNOMIAL = 0x82F63B78  # reflected
_ALL = 0xFFFFFFFF

#: Bytes: of one lane (no power of two, whose lanes would share lines of the cache), and up to where plain Python is
#: faster.
_LANE = 1048
_FEW = 64 << 10


def crc32c(data: bytes, previous: int = 0) -> int:
    """Return the checksum of `data` that comes after what had the checksum `previous`."""
    if len(data) >= _LANE:
        fast = _installed()
        if fast is not None:
            return fast(previous, data)
    state = previous ^ _ALL
    lanes = len(data) // _LANE if len(data) > _FEW or ("numpy" in sys.modules and len(data) > 8 * _LANE) else 0
    if lanes:
        state = _by_lanes(memoryview(data)[: lanes * _LANE], state)
    table = _table()
    for byte in data[lanes * _LANE :]:
        state = table[(state ^ byte) & 0xFF] ^ (state >> 8)
    return state ^ _ALL


def masked(crc: int) -> int:
    """Return a checksum as TensorFlow stores it beside the data that it guards."""
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & _ALL


@functools.cache
def _installed() -> Callable[[int, bytes], int] | None:
    try:
        import google_crc32c
    except ImportError:
        return None
    extend: Callable[[int, bytes], int] = google_crc32c.extend
    return extend if google_crc32c.implementation == "c" else None


@functools.cache
def _table() -> tuple[int, ...]:
    """Return what one byte makes of the state 0."""
    found = []
    for byte in range(256):
        state = byte
        for _ in range(8):
            state = (state >> 1) ^ (_POLYNOMIAL if state & 1 else 0)
        found.append(state)
    return tuple(found)


def _by_lanes(data: memoryview, state: int) -> int:
    """Return the state after whole lanes: each from 0, two bytes a step, all at once; then put together."""
    import numpy as np

    of_two = _table_of_two()
    words = np.frombuffer(data, "<u8").reshape(-1, _LANE // 8)
    states, index, found = (np.zeros(len(words), kind) for kind in (np.uint32, np.intp, np.uint32))
    low = states.view("<u2")[::2]
    columns = (word.view("<u2")[part::4] for word in np.ascontiguousarray(words.T) for part in range(4))
    for column in columns:
        np.bitwise_xor(low, column, out=index, casting="unsafe")
        np.take(of_two, index, out=found, mode="clip")
        np.right_shift(states, 16, out=states)
        np.bitwise_xor(states, found, out=states)
    # A lane of zeros in front adds nothing.
    states = np.concatenate([np.zeros(-len(states) % (1 << (len(states) - 1).bit_length()), np.uint32), states])
    length = _LANE
    while len(states) > 1:
        states = _shifted(states[0::2], length) ^ states[1::2]
        length *= 2
    return int(_shifted(np.array([state], np.uint32), len(data))[0] ^ states[0])


@functools.cache
def _table_of_two() -> Any:
    import numpy as np

    one = np.array(_table(), np.uint32)
    words = np.arange(1 << 16, dtype=np.uint32)
    first = one[words & 0xFF]
    return one[(first ^ (words >> 8)) & 0xFF] ^ (first >> 8)


def _shifted(states: Any, count: int) -> Any:
    """Return the states after `count` bytes of zeros, which is linear: the sum of what becomes of each bit."""
    import numpy as np

    found = np.zeros_like(states)
    images = _zeros(count)
    for byte in range(4):
        sums = np.zeros(1, np.uint32)
        for image in images[8 * byte : 8 * byte + 8]:
            sums = np.concatenate([sums, sums ^ np.uint32(image)])
        found ^= sums[(states >> np.uint32(8 * byte)) & np.uint32(0xFF)]
    return found


@functools.lru_cache(maxsize=256)
def _zeros(count: int) -> tuple[int, ...]:
    """Return what becomes of each bit of a state in `count` bytes of zeros."""
    if count == 0:
        return tuple(1 << bit for bit in range(32))
    if count == 1:
        table = _table()
        return tuple(table[(1 << bit) & 0xFF] ^ ((1 << bit) >> 8) for bit in range(32))
    half = _zeros(count // 2)
    whole = tuple(_image(half, value) for value in half)
    return whole if count % 2 == 0 else tuple(_image(_zeros(1), value) for value in whole)


def _image(images: Sequence[int], state: int) -> int:
    found, bit = 0, 0
    while state >> bit:
        if state >> bit & 1:
            found ^= images[bit]
        bit += 1
    return found
