"""Pickles on pipes, each behind its length: how processes of one run talk."""

from __future__ import annotations

import os
import pickle
import struct
from typing import Any, BinaryIO

_LENGTH = struct.Struct("<Q")
_CHUNK_BYTES = 1 << 16


def send(stream: BinaryIO, value: Any) -> None:
    """Write one value and flush.

    Raises:
      OSError: nobody reads any more.
    """
    send_bytes(stream, pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL))


def send_bytes(stream: BinaryIO, data: bytes) -> None:
    """Write one value that is pickled already, and flush."""
    stream.write(_LENGTH.pack(len(data)) + data)
    stream.flush()


def receive(stream: BinaryIO) -> Any:
    """Return the next value.

    Raises:
      EOFError: there is none, or only a part of one.
    """
    data = receive_bytes(stream)
    if data is None:
        raise EOFError("the other process has ended")
    return pickle.loads(data)


def receive_bytes(stream: BinaryIO) -> bytes | None:
    """Return the next value still pickled, or None where the stream ends before its last byte."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    size = _LENGTH.unpack(head)[0]
    data = stream.read(size)
    return data if len(data) == size else None


class Inbox:
    """Takes what is there of a value without waiting for the rest of it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._data = bytearray()

    def take(self) -> bool:
        """Read what is there; False where the other side has closed."""
        chunk = os.read(self._descriptor, _CHUNK_BYTES)
        self._data += chunk
        return bool(chunk)

    def whole(self) -> bytes | None:
        """Return the value still pickled and forget it, or None where it is not whole yet."""
        if len(self._data) < _LENGTH.size:
            return None
        end = _LENGTH.size + _LENGTH.unpack_from(self._data)[0]
        if len(self._data) < end:
            return None
        value = bytes(self._data[_LENGTH.size : end])
        del self._data[:end]
        return value
