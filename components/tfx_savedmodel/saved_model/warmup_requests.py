"""The warm-up requests that a SavedModel carries: which signature each is for, read without TensorFlow.

A TFRecord file of PredictionLog protos (tensorflow_serving/apis/prediction_log.proto); TensorFlow Serving
replays every one when it loads the model, and refuses the model where one fails.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator
from pathlib import Path

from tfx_savedmodel.saved_model.wire import fields

FILE = "assets.extra/tf_serving_warmup_requests"

DEFAULT = "serving_default"

#: PredictionLog's fields for classify, regress, multi-inference, predict and session-run logs.
_LOGS = (2, 3, 4, 5, 6)


def filter_requests(source: Path, target: Path, signatures: Collection[str]) -> int | None:
    """Copy the requests for these signatures; return how many others there were, or None if it cannot be read.

    No file is written where no request is left.
    """
    try:
        records = list(_records(source.read_bytes()))
    except ValueError:
        return None
    kept = [framed for framed, data in records if _signatures(data) <= set(signatures)]
    if kept:
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(b"".join(kept))
    return len(records) - len(kept)


def _records(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield (record with its frame, record): a frame is length, its checksum, the data and their checksum."""
    at = 0
    while at < len(data):
        if at + 12 > len(data):
            raise ValueError("cut off")
        (size,) = struct.unpack_from("<Q", data, at)
        end = at + 12 + size + 4
        if end > len(data):
            raise ValueError("cut off")
        yield data[at:end], data[at + 12 : end - 4]
        at = end


def _signatures(record: bytes) -> set[str]:
    """Return the signatures that a PredictionLog asks for: a log's request's model_spec's signature_name."""
    found: set[str] = set()
    for field, log in fields(record):
        if field not in _LOGS or not isinstance(log, bytes):
            continue
        for request in _messages(log, 1):
            # A multi-inference request has tasks, each with a model_spec of its own.
            holders = list(_messages(request, 1)) if field == 4 else [request]
            found |= {_signature(spec) for holder in holders for spec in _messages(holder, 1)}
            if not any(True for holder in holders for _ in _messages(holder, 1)):
                found.add(DEFAULT)
    return found


def _signature(spec: bytes) -> str:
    names = [value.decode("utf-8", "replace") for value in _messages(spec, 3)]
    return names[-1] if names and names[-1] else DEFAULT


def _messages(data: bytes, number: int) -> Iterator[bytes]:
    return (value for field, value in fields(data) if field == number and isinstance(value, bytes))
