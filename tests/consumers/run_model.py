"""Loads SavedModels with the TensorFlow it runs on and asks their signatures; wants Python 3.7 and nothing else.

Each line of standard input is a JSON object, answered by one line of standard output:

    {"model": DIRECTORY, "loader": "tf1" | "tf2" | "cli", "tags": ["serve"], "requests": {KEY: {INPUT: TENSOR}}}
    {"tensorflow": VERSION, "signatures": [KEY], "answers": {KEY: {OUTPUT: TENSOR}}, "errors": {KEY: TEXT}}

A TENSOR is {"dtype": "float32", "shape": [2, 3], "values": [flat]}; a string is the text whose code points are its
bytes. What cannot be loaded has {"error": TEXT} for an answer. Every model has a forked process of its own: the
import of TensorFlow is paid once, and a crash or a hang ends one request only.
"""

from __future__ import annotations

import argparse
import inspect
import io
import json
import os
import signal
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

TIME_LIMIT = 120

#: The keys of the signatures, and what asks one of them.
Loaded = Any


def main() -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # standard output is for answers: whatever else prints does so to standard error
    import numpy  # noqa: F401
    import tensorflow  # noqa: F401

    for line in iter(sys.stdin.readline, ""):
        answers.write(apart(json.loads(line)) + "\n")
        answers.flush()


def apart(request: dict[str, Any]) -> str:
    """Answer in a forked process; return the line of JSON."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        signal.alarm(TIME_LIMIT)
        try:
            with os.fdopen(writing, "w") as pipe:
                pipe.write(json.dumps(answer(request)))
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        line = pipe.read()
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status):
        return json.dumps({"error": f"the process ended by signal {os.WTERMSIG(status)}"})
    return line or json.dumps({"error": "the process gave no answer"})


def answer(request: dict[str, Any]) -> dict[str, Any]:
    import tensorflow as tf

    loaders = {"tf1": in_tf1, "tf2": in_tf2, "cli": in_cli}
    found = {"tensorflow": tf.__version__, "answers": {}, "errors": {}}
    try:
        found["signatures"], ask = loaders[request["loader"]](request["model"], request.get("tags", ["serve"]))
    except Exception as error:
        traceback.print_exc()
        return {"tensorflow": tf.__version__, "error": said(error)}
    for key, inputs in request.get("requests", {}).items():
        try:
            given = {name: decoded(value) for name, value in inputs.items()}
            found["answers"][key] = {name: encoded(value) for name, value in ask(key, given).items()}
        except Exception as error:
            traceback.print_exc()
            found["errors"][key] = said(error)
    return found


def in_tf1(model: str, tags: list[str]) -> Loaded:
    import tensorflow as tf

    session = tf.compat.v1.Session(graph=tf.Graph())
    with session.graph.as_default():
        signatures = tf.compat.v1.saved_model.load(session, tags, model).signature_def

    def ask(key: str, inputs: dict[str, Any]) -> dict[str, Any]:
        fed = {info.name: inputs[name] for name, info in signatures[key].inputs.items() if name in inputs}
        return session.run({name: info.name for name, info in signatures[key].outputs.items()}, fed)

    return sorted(signatures), ask


def in_tf2(model: str, tags: list[str]) -> Loaded:
    import tensorflow as tf

    tf.compat.v1.enable_v2_behavior()
    loaded = tf.compat.v2.saved_model.load(model, tags)

    def ask(key: str, inputs: dict[str, Any]) -> dict[str, Any]:
        function = loaded.signatures[key]
        dtypes = {tensor.name.split(":")[0]: tensor.dtype for tensor in function.inputs}
        given = {name: tf.constant(value, dtypes.get(name)) for name, value in inputs.items()}
        return {name: value.numpy() for name, value in function(**given).items()}

    return sorted(loaded.signatures), ask


def in_cli(model: str, tags: list[str]) -> Loaded:
    """saved_model_cli as a person runs it, in this process: its start is the import of TensorFlow."""
    import numpy as np
    import tensorflow as tf
    from absl.testing import flagsaver
    from tensorflow.python.tools import saved_model_cli

    def run(*arguments: str) -> str:
        # Its parser has every command; each is a function of what was parsed, later of absl's flags.
        printed, sys.stdout = sys.stdout, io.StringIO()
        try:
            with flagsaver.flagsaver():
                parsed = saved_model_cli.create_parser().parse_args(list(arguments))
                parsed.func(*[parsed][: len(inspect.signature(parsed.func).parameters)])
            return sys.stdout.getvalue()
        finally:
            sys.stdout = printed

    def ask(key: str, inputs: dict[str, Any]) -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as folder:
            files, texts = [], []
            for name, value in inputs.items():
                if value.dtype == object:
                    texts.append(f"{name}={value.tolist()!r}")
                    continue
                np.save(f"{folder}/{name}.npy", value)
                files.append(f"{name}={folder}/{name}.npy")
            run(
                *("run", "--dir", model, "--tag_set", ",".join(tags), "--signature_def", key),
                *("--inputs", ";".join(files), "--input_exprs", ";".join(texts), "--outdir", f"{folder}/out"),
            )
            return {file.stem: np.load(file, allow_pickle=True) for file in Path(folder, "out").glob("*.npy")}

    tf.compat.v1.enable_v2_behavior()
    shown = run("show", "--dir", model, "--tag_set", ",".join(tags))
    keys = [line.split('"')[1] for line in shown.splitlines() if line.startswith("SignatureDef key: ")]
    if not tf.__version__.startswith("1."):  # that of 1.15 fails at any function that is an attribute, its own too
        run("show", "--dir", model, "--all")
    return sorted(keys), ask


def decoded(tensor: dict[str, Any]) -> Any:
    """Return the array that a TENSOR stands for."""
    import numpy as np

    if tensor["dtype"] == "string":
        array = np.empty(len(tensor["values"]), dtype=object)
        array[:] = [value.encode("latin-1") for value in tensor["values"]]
    else:
        array = np.array(tensor["values"], dtype=tensor["dtype"])
    return array.reshape(tensor["shape"])


def encoded(value: Any) -> dict[str, Any]:
    """Return the TENSOR of an array; numpy's own forms of strings lose NULs at their end."""
    import numpy as np

    array = np.asarray(value)
    if array.dtype.kind in "OSU":
        texts = [item.decode("latin-1") if isinstance(item, bytes) else item for item in array.ravel().tolist()]
        return {"dtype": "string", "shape": list(array.shape), "values": texts}
    return {"dtype": str(array.dtype), "shape": list(array.shape), "values": array.ravel().tolist()}


def said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    main()
