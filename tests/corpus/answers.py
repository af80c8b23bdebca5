"""The loaders' host, but its forked processes also tell a hash of what each signature answers.

Run as `python -m tests.corpus.answers` by `AnswerHost`. Inputs are the synthetic ones, with numbers that
depend on the input's name alone in place of zeros, so that the same signature is asked the same everywhere,
under other names too; where a check would ask nothing, they are made up.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfx_savedmodel.saved_model.reader import read_saved_model
from tfx_savedmodel.saved_model.view import MetaGraphView, SignatureView, TensorSpec
from tfx_savedmodel.validation.check import LoadObservation, Skip
from tfx_savedmodel.validation.loading import host, loaders, runs
from tfx_savedmodel.validation.loading.observe import LoaderHost
from tfx_savedmodel.validation.loading.synthetic import BATCHES, synthetic_inputs

ROOT = Path(__file__).resolve().parents[2]

#: Between what a renamed input or output begins with and its name in the original.
OF = "_of_"

#: A key that a re-export adds; asked last, because metrics and counters remember what they were asked before.
ADDED = "zzz_one_more"


class AnswerHost(LoaderHost):
    """A running host whose runs have an `answer` each, or `skipped` or `error`."""

    module = "tests.corpus.answers"

    def environment(self) -> dict[str, str]:
        environment = super().environment()
        # Sums in parallel may differ in their last bit from run to run.
        return {
            **environment,
            "TF_DETERMINISTIC_OPS": "1",
            "PYTHONPATH": os.pathsep.join([environment["PYTHONPATH"], str(ROOT)]),
        }


def answers(observation: LoadObservation) -> dict[tuple[str, int], str]:
    """Return what each signature said to each batch: a hash, why it was not asked, or the error's type."""
    found = {}
    for run in observation.runs:
        error = run.get("error", "")
        answer = run.get("answer") or run.get("skipped") or f"raises {error.partition(':')[0]}"
        found[str(run["signature"]), int(run["batch"])] = str(answer)
    return found


def _run_all(request: Mapping[str, Any], run: loaders.Run, tell: loaders.Tell) -> None:
    meta_graph = read_saved_model(request["model"], request["tags"]).meta_graph()
    for key in sorted(meta_graph.signatures) if meta_graph else ():
        for batch in BATCHES:
            about = {"signature": key, "batch": batch}
            tell({"event": "running", "run": about})
            tell({"event": "ran", "run": {**about, **_run_one(meta_graph, key, batch, run)}})


def _run_one(meta_graph: Any, key: str, batch: int, run: loaders.Run) -> dict[str, str]:
    signature = meta_graph.signatures[key]
    try:
        return {"answer": _hash(run(signature, _inputs(meta_graph, signature, batch)))}
    except Skip as skip:
        return {"skipped": str(skip)}
    except Exception as error:  # what the original raises the result shall raise
        return {"error": f"{type(error).__name__}: {error}"[:2000]}


def _inputs(meta_graph: MetaGraphView, signature: SignatureView, batch: int) -> dict[str, Any]:
    if not signature.inputs:
        return synthetic_inputs(meta_graph, signature, batch)
    inputs = {}
    for name, spec in sorted(signature.inputs.items()):
        only = dataclasses.replace(signature, inputs={name: spec})
        try:
            inputs[name] = _numbers(name, synthetic_inputs(meta_graph, only, batch)[name])
        except Skip:
            inputs[name] = _numbers(name, _made_up(spec, batch))
    return inputs


def _made_up(spec: TensorSpec, batch: int) -> Any:
    """Return what a check would not ask with, where any question will do: both models get the same."""
    import numpy as np
    import tensorflow as tf

    if spec.kind != "dense" or spec.dtype in ("resource", "variant", "unknown"):
        raise Skip(f"an input is {spec.kind if spec.kind != 'dense' else spec.dtype}")
    shape = (None,) if spec.shape is None else spec.shape
    if batch != 1 and (not shape or shape[0] is not None):
        raise Skip("an input has no open batch dimension")
    sizes = [size if size is not None else (1 if place else batch) for place, size in enumerate(shape)]
    if spec.dtype == "string":
        return np.full(sizes, b"", dtype=object)
    return np.zeros(sizes, tf.as_dtype(spec.dtype).as_numpy_dtype)


def _numbers(name: str, value: Any) -> Any:
    import numpy as np

    if value.dtype.kind != "f":
        return value
    return np.random.default_rng(zlib.crc32(_original(name).encode())).uniform(-1, 1, value.shape).astype(value.dtype)


def _original(name: str) -> str:
    return name.partition(OF)[2] or name


def _hash(outputs: Mapping[str, Any]) -> str:
    import numpy as np
    import tensorflow as tf

    digest = hashlib.sha256()
    for name, value in sorted((_original(name), value) for name, value in outputs.items()):
        for part in tf.nest.flatten(value, expand_composites=True):
            array = np.asarray(part)
            data = repr(array.tolist()).encode() if array.dtype == object else array.tobytes()
            digest.update(f"{name} {array.dtype} {array.shape} {len(data)}\n".encode() + data)
    return digest.hexdigest()


if __name__ == "__main__":
    runs.run_all = _run_all
    host.main()
