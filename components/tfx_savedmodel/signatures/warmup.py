"""Warm-up requests: what TensorFlow Serving runs while it loads a model, made of examples.

The file is a TFRecord of PredictionLogs, at most 1000. A request that fails makes the server refuse
the model, so none is written that its signature may not take: a note says of which and why. The name
in a request's model_spec is not looked at, its signature_name is.
Source: saved_model_warmup.md and saved_model_warmup_util.cc of TensorFlow Serving.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tfx_savedmodel.errors import ExamplesError, Problem, UnsupportedStackError
from tfx_savedmodel.signatures.feeding import Feed, Feeder, feed_of
from tfx_savedmodel.signatures.ingredients import Ingredients
from tfx_savedmodel.signatures.kinds import CLASSIFY, PREDICT, REGRESS
from tfx_savedmodel.signatures.options import Warmup
from tfx_savedmodel.signatures.resolved import ResolvedPlan, ResolvedSignature

#: The server refuses a model with more.
MOST_REQUESTS = 1000

#: The input that Classify and Regress feed (kClassifyInputs, kRegressInputs).
_INPUTS = "inputs"


@dataclasses.dataclass(frozen=True)
class WarmupResult:
    """What was written: requests by signature key, and notes on what was not and why."""

    written: Mapping[str, int]
    notes: tuple[str, ...]


def warmup_problems(resolved: ResolvedPlan) -> list[Problem]:
    """Return a problem where the plan asks for more requests than the server reads."""
    warmup, count = resolved.plan.warmup, len(resolved.signatures)
    if warmup is None or warmup.requests * count <= MOST_REQUESTS:
        return []
    return [
        Problem(
            "warmup.requests",
            "more requests than TensorFlow Serving reads",
            found=f"{warmup.requests} for each of {count} signatures",
            wanted=f"{MOST_REQUESTS} in all at most",
            next_step=f"ask for {MOST_REQUESTS // count}" if count <= MOST_REQUESTS else "export fewer signatures",
        )
    ]


def write_warmup(
    file: Path,
    resolved: ResolvedPlan,
    examples: Sequence[bytes],
    *,
    ingredients: Callable[[], Ingredients],
    takes_examples: Callable[[str], bool],
) -> WarmupResult:
    """Write requests for every signature, one example each, in place of the file that is there.

    Args:
      file: where to; folders are made, and nothing is left where no signature can be fed.
      resolved: the plan; `plan.warmup` says how many requests a signature gets.
      examples: serialized tf.Examples; the first ones are taken.
      ingredients: the model and the features; asked for only where a signature takes more than examples.
      takes_examples: whether the signature of the source with this key parses serialized examples.

    Raises:
      ExamplesError: there is no example, or they do not fit the model.
      UnsupportedStackError: TensorFlow Serving's protos are not installed.
    """
    wanted = (resolved.plan.warmup or Warmup()).requests
    if not examples:
        raise ExamplesError("no example to make warm-up requests of", where="examples", found="0 examples")
    taken = list(examples[:wanted])
    notes: list[str] = []
    if len(taken) < wanted:
        notes.append(f"warm-up: {len(taken)} requests a signature, not {wanted}: there are no more examples")
    new_log = _new_log()
    feeder = Feeder(ingredients, taken)
    logs: dict[str, list[bytes]] = {}
    for key, signature in sorted(resolved.signatures.items()):
        feed = _served(signature) or feed_of(resolved, key, ingredients, takes_examples)
        reason = feed if isinstance(feed, str) else _asked(signature, feed)
        if isinstance(feed, str) or reason is not None:
            notes.append(f"warm-up: no request for {key!r}: {reason}")
            continue
        logs[key] = [_request(new_log(), signature, row) for row in feeder.tensors(feed) if row is not None]
        if len(logs[key]) < len(taken):
            left_out = len(taken) - len(logs[key])
            notes.append(f"warm-up: {left_out} examples cannot be put to {key!r}: they lack a value that it must have")
    _write(file, [log for each in logs.values() for log in each])
    return WarmupResult({key: len(each) for key, each in logs.items()}, tuple(notes))


def _served(signature: ResolvedSignature) -> str | None:
    if signature.method_name in (PREDICT, CLASSIFY, REGRESS):
        return None
    return f"TensorFlow Serving does not run its method name {signature.method_name!r}"


def _asked(signature: ResolvedSignature, feed: Feed) -> str | None:
    """Say why Classify and Regress cannot be asked: they feed serialized examples to `inputs`, and nothing else."""
    if signature.method_name == PREDICT or (feed.way == "examples" and list(signature.inputs) == [_INPUTS]):
        return None
    verb = signature.method_name.rpartition("/")[2].capitalize()
    return f"TensorFlow Serving's {verb} sends serialized examples to one input {_INPUTS!r}"


def _request(log: Any, signature: ResolvedSignature, tensors: Mapping[str, Any]) -> bytes:
    """Fill in an empty PredictionLog with a request of a batch of one, and return it serialized."""
    import tensorflow as tf

    if signature.method_name == PREDICT:
        request = log.predict_log.request
        for name, value in tensors.items():
            request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    else:
        request = (log.classify_log if signature.method_name == CLASSIFY else log.regress_log).request
        _add_example(request, tensors[_INPUTS][0])
    request.model_spec.signature_name = signature.key
    serialized: bytes = log.SerializeToString(deterministic=True)
    return serialized


def _write(file: Path, logs: Sequence[bytes]) -> None:
    import tensorflow as tf

    # Requests that the source came with may name signatures which are gone; and it may be a hard link to those.
    file.unlink(missing_ok=True)
    if not logs:
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(file)) as writer:
        for log in logs:
            writer.write(log)


def _add_example(request: Any, serialized: bytes) -> None:
    from google.protobuf.message import DecodeError

    try:
        request.input.example_list.examples.add().ParseFromString(serialized)
    except DecodeError as error:
        found = f"{len(serialized)} bytes that are none"
        raise ExamplesError(
            "not a tf.Example", where="examples", found=found, wanted="serialized tf.Examples"
        ) from error


def _new_log() -> Callable[[], Any]:
    try:
        from tensorflow_serving.apis import prediction_log_pb2
    except ImportError as error:
        raise UnsupportedStackError(
            "the protos of TensorFlow Serving are not installed",
            found="no package tensorflow_serving",
            wanted="it, to write warm-up requests",
            next_step="install tensorflow-serving-api (TFX brings it), or take warmup out of the plan",
        ) from error
    new: Callable[[], Any] = prediction_log_pb2.PredictionLog
    return new
