"""Conversions in forked processes, with what they import already there: seconds less for each.

Run as `python -m tests.operations.forked_conversions` by `forking`. Each line of standard input is a JSON list of
the request's file and the file for what is printed; the answer is the exit code.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any
from unittest import mock

from tfx_savedmodel.estimators import process

ROOT = Path(__file__).resolve().parents[2]


@contextlib.contextmanager
def forking() -> Iterator[None]:
    """Let `convert` have its process forked, in the environment that it would have."""
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.operations.forked_conversions"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
        env={**process._environment(), "PYTHONPATH": os.pathsep.join([str(ROOT / "components"), str(ROOT)])},
        text=True,
    )
    assert server.stdin is not None and server.stdout is not None

    own_process = process._run

    def run(worker: str, request: Path, sink: IO[bytes], variables: dict[str, str]) -> int:
        if any(os.environ.get(name) != value for name, value in variables.items()):
            return own_process(worker, request, sink, variables)  # the server has imported the other Keras
        print(json.dumps([worker, str(request), sink.name]), file=server.stdin, flush=True)
        answer = server.stdout.readline()  # type: ignore[union-attr]
        assert answer, "the server died"
        return int(answer)

    with mock.patch.object(process, "_run", run):
        try:
            yield
        finally:
            server.stdin.close()
            server.wait(60)


def serve() -> None:
    """Answer until standard input ends."""
    import tensorflow as tf

    worker: Any = importlib.import_module("tfx_savedmodel.operations.conversion_worker")
    _ = tf.keras.layers, getattr(tf, "estimator", None), getattr(tf.keras, "estimator", None)
    for name in ("tensorflow_estimator", "tensorflow_transform", "h5py"):
        # Beside TensorFlow 2.21 a tensorflow_estimator is installed, and cannot be imported.
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    for line in sys.stdin:
        module, request, output = json.loads(line)
        assert module == worker.__name__
        child = os.fork()
        if child == 0:
            with Path(output).open("wb") as sink:
                os.dup2(sink.fileno(), 1)
                os.dup2(sink.fileno(), 2)
            code = 1
            try:
                code = worker.main([request])
            except BaseException:
                import traceback

                traceback.print_exc()
            os._exit(code)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    serve()
