"""PredictionLogs written by hand: no package of TensorFlow Serving is needed to have one."""

from __future__ import annotations

import struct

#: PredictionLog's fields.
CLASSIFY, REGRESS, MULTI, SESSION, PREDICT, STREAMED = 2, 3, 4, 5, 6, 7
METHOD = "tensorflow/serving/"


def field(number: int, value: bytes | str) -> bytes:
    """Return a field of a serialized proto; all here are shorter than 128 bytes."""
    data = value.encode() if isinstance(value, str) else value
    assert len(data) < 128
    return bytes([number << 3 | 2, len(data)]) + data


def spec(key: str | None) -> bytes:
    return b"" if key is None else field(1, field(1, "model") + field(3, key))


def log(api: int, *requests: bytes) -> bytes:
    return field(api, b"".join(field(1, request) for request in requests))


def predict(key: str | None, *inputs: str, outputs: tuple[str, ...] = ()) -> bytes:
    given = b"".join(field(2, field(1, name) + field(2, b"")) for name in inputs)
    return spec(key) + given + b"".join(field(3, name) for name in outputs)


def multi(**methods: str) -> bytes:
    return b"".join(field(1, spec(key) + field(2, METHOD + method)) for key, method in methods.items())


def framed(record: bytes) -> bytes:
    """Return a record of a TFRecord file; its checksums are none."""
    return struct.pack("<Q", len(record)) + b"crc_" + record + b"crc_"
