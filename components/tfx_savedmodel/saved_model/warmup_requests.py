"""The warm-up requests that a SavedModel carries: what each asks for, read without TensorFlow.

A TFRecord file of PredictionLog protos (tensorflow_serving/apis/prediction_log.proto); TensorFlow Serving
replays every one when it loads the model, and refuses the model where one fails. What it asks of a
signature is in its predict_util.cc, classifier.cc, regressor.cc, multi_inference.cc and saved_model_warmup.cc.
"""

from __future__ import annotations

import collections
import dataclasses
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path

from tfx_savedmodel.saved_model.wire import fields

FILE = "assets.extra/tf_serving_warmup_requests"

DEFAULT = "serving_default"

#: PredictionLog's fields for the logs of each API.
_CLASSIFY, _REGRESS, _MULTI, _SESSION, _PREDICT, _STREAMED = 2, 3, 4, 5, 6, 7

_METHODS = {
    _CLASSIFY: "tensorflow/serving/classify",
    _REGRESS: "tensorflow/serving/regress",
    _PREDICT: "tensorflow/serving/predict",
}
#: The outputs that Classify and Regress read, with the dtype of each, and the one input that they feed.
_READ = {_CLASSIFY: {"classes": "string", "scores": "float32"}, _REGRESS: {"outputs": "float32"}}
_FED = "inputs"
_VERBS = {_CLASSIFY: "Classify", _REGRESS: "Regress", _PREDICT: "Predict"}

_GONE = "the export does not have their signatures"
_SESSION_RUN = "TensorFlow Serving refuses a model with session-run requests"
_APART = "the signatures of a multi-inference no longer share one input tensor"


@dataclasses.dataclass(frozen=True)
class Served:
    """An exported signature that takes what the source's of its key takes.

    `inputs` maps each name to what tells its tensor in the graph from others, `outputs` each to its dtype.
    `has_defaults` says that values may stand in the model for inputs that a request leaves out.
    """

    method_name: str
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    has_defaults: bool = False


def filter_requests(source: Path, target: Path, served: Mapping[str, Served]) -> dict[str, int] | None:
    """Copy the requests that TensorFlow Serving can run on these signatures, by key.

    No file is written where no request is left.

    Returns:
      How many others there were, by the reason; None if the file cannot be read.
    """
    try:
        records = list(_records(source.read_bytes()))
    except ValueError:
        return None
    dropped: collections.Counter[str] = collections.Counter()
    kept = []
    for framed, data in records:
        reason = next(_reasons(data, served), None)
        if reason is None:
            kept.append(framed)
        else:
            dropped[reason] += 1
    if kept:
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(b"".join(kept))
    return dict(dropped)


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


def _reasons(record: bytes, served: Mapping[str, Served]) -> Iterator[str]:
    """Yield why a PredictionLog fails; a log of no known API is passed over, as the server does."""
    for field, log in fields(record):
        if not isinstance(log, bytes):
            continue
        if field == _SESSION:
            yield _SESSION_RUN
        if field not in (_CLASSIFY, _REGRESS, _MULTI, _PREDICT, _STREAMED):
            continue
        for request in list(_messages(log, 1)) or [b""]:
            if field == _MULTI:
                yield from _multi_inference(request, served)
            elif field in (_PREDICT, _STREAMED):
                yield from _predict(request, served)
            else:
                yield from _examples(field, _key(request), served)


def _predict(request: bytes, served: Mapping[str, Served]) -> Iterator[str]:
    key = _key(request)
    signature = served.get(key)
    if signature is None:
        yield _GONE
        return
    if signature.method_name not in _METHODS.values():
        yield _other_method(key, signature, _PREDICT)
    given = {name for entry in _messages(request, 2) for name in _texts(entry, 1)}
    wanted = set(signature.inputs)
    if not given <= wanted or (given < wanted and not signature.has_defaults):
        yield f"they do not give just the inputs of {key!r}"
    lacking = sorted(set(_texts(request, 3)) - set(signature.outputs))
    if lacking:
        yield f"their output_filter names {', '.join(map(repr, lacking))}, which {key!r} does not have"


def _examples(api: int, key: str, served: Mapping[str, Served]) -> Iterator[str]:
    """Classify and Regress put examples to one input and know their outputs by name."""
    signature = served.get(key)
    if signature is None:
        yield _GONE
        return
    if signature.method_name != _METHODS[api]:
        yield _other_method(key, signature, api)
        return
    read = {name: dtype for name, dtype in signature.outputs.items() if name in _READ[api]}
    others = len(signature.outputs) > len(_READ[api])
    if list(signature.inputs) != [_FED] or not read or others or not read.items() <= _READ[api].items():
        yield f"{key!r} does not have the inputs and outputs that TensorFlow Serving's {_VERBS[api]} wants"


def _multi_inference(request: bytes, served: Mapping[str, Served]) -> Iterator[str]:
    apis = {method: api for api, method in _METHODS.items() if api in _READ}
    tensors: set[str] = set()
    for task in _messages(request, 1):
        key, method = _key(task), next(_texts(task, 2), "")
        if method not in apis:
            yield f"TensorFlow Serving's MultiInference does not take the method name {method!r}"
            continue
        yield from _examples(apis[method], key, served)
        if key in served:
            tensors.update(served[key].inputs.values())
    if len(tensors) > 1:
        yield _APART


def _other_method(key: str, signature: Served, api: int) -> str:
    return f"{key!r} has the method name {signature.method_name!r}, which TensorFlow Serving's {_VERBS[api]} refuses"


def _key(holder: bytes) -> str:
    """Return the signature that a request or a task names: its model_spec's signature_name."""
    names = [name for spec in _messages(holder, 1) for name in _texts(spec, 3)]
    return names[-1] if names and names[-1] else DEFAULT


def _texts(data: bytes, number: int) -> Iterator[str]:
    return (value.decode("utf-8", "replace") for value in _messages(data, number))


def _messages(data: bytes, number: int) -> Iterator[bytes]:
    return (value for field, value in fields(data) if field == number and isinstance(value, bytes))
