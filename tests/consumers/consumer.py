"""An old TensorFlow in a process of its own, which loads models and answers; made by `make consumers`."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from tests.conftest import ROOT, require_tool

Arrays = dict[str, np.ndarray[Any, Any]]

RUNNER = Path(__file__).with_name("run_model.py")
#: TensorFlow 2.15.1, which is the default stack's.
NEWEST = "tf-2.15"
#: The consumers that the tests run, by the name that `target` has in a plan, and the Python that each wants.
PYTHONS = {"tf-1.15": "3.7", "tf-2.4": "3.8", "tf-2.7": "3.9", NEWEST: "3.10"}
#: What `make test` makes. Who fits 1.15 and 2.7 fits 2.4.
TESTED = ("tf-1.15", "tf-2.7")


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a consumer made of a model: its signatures' answers, or the words with which it refused."""

    tensorflow: str
    signatures: tuple[str, ...] = ()
    answers: Mapping[str, Arrays] = dataclasses.field(default_factory=dict)
    errors: Mapping[str, str] = dataclasses.field(default_factory=dict)
    error: str = ""

    @property
    def refusal(self) -> str:
        """The first words of refusal, at loading or at a signature; empty where all is well."""
        return next(filter(None, [self.error, *self.errors.values()]), "")


class Consumer:
    """A running process that loads models, one after another; the Python is an environment's own."""

    def __init__(self, python: str | Path, log: Path) -> None:
        self._log: IO[bytes] = log.open("wb")
        variables = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "TF_"))}
        self._process = subprocess.Popen(
            [str(python), str(RUNNER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, env=variables
        )

    def ask(
        self,
        model: Path | str,
        requests: Mapping[str, Mapping[str, Any]],
        loader: str = "tf1",
        tags: tuple[str, ...] = ("serve",),
    ) -> Answer:
        """Load a model with a loader (tf1, tf2 or cli) and ask signatures, by key and input."""
        self.send(model, requests, loader, tags)
        return self.receive()

    def send(
        self,
        model: Path | str,
        requests: Mapping[str, Mapping[str, Any]],
        loader: str = "tf1",
        tags: tuple[str, ...] = ("serve",),
    ) -> None:
        """Ask, and do not wait: `receive` gives the answers in the order of asking."""
        tensors = {key: {name: encoded(value) for name, value in inputs.items()} for key, inputs in requests.items()}
        request = {"model": str(model), "loader": loader, "tags": list(tags), "requests": tensors}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        self._process.stdin.flush()

    def receive(self) -> Answer:
        """Wait for the next answer."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"the consumer ended; its words are in {self._log.name}"
        found = json.loads(line)
        answers = {
            key: {name: decoded(value) for name, value in outputs.items()}
            for key, outputs in found.get("answers", {}).items()
        }
        return Answer(
            tensorflow=found.get("tensorflow", ""),
            signatures=tuple(found.get("signatures", ())),
            answers=answers,
            errors=found.get("errors", {}),
            error=found.get("error", ""),
        )

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=60)
        self._log.close()


def consumer_python(name: str) -> Path:
    return ROOT / (".venv" if name == NEWEST else f".venv-consumer-{name}") / "bin" / "python"


def require_consumer(name: str) -> str:
    """Return the Python of a consumer's environment; where there is none the test skips, under CI=true it fails."""
    verb = "install" if name == NEWEST else "consumers" if name in TESTED else "test-full"
    return require_tool(
        str(consumer_python(name)), f"make {verb}, which wants Python {PYTHONS[name]} (pyenv install {PYTHONS[name]})"
    )


def encoded(value: Any) -> dict[str, Any]:
    """Return an array as JSON that any numpy reads; a string is the text whose code points are its bytes."""
    array = np.asarray(value)
    if array.dtype == object:
        texts = [item.decode("latin-1") for item in array.ravel().tolist()]
        return {"dtype": "string", "shape": list(array.shape), "values": texts}
    return {"dtype": str(array.dtype), "shape": list(array.shape), "values": array.ravel().tolist()}


def decoded(tensor: Mapping[str, Any]) -> np.ndarray[Any, Any]:
    if tensor["dtype"] != "string":
        return np.array(tensor["values"], dtype=tensor["dtype"]).reshape(tensor["shape"])
    array = np.empty(len(tensor["values"]), dtype=object)
    array[:] = [text.encode("latin-1") for text in tensor["values"]]
    return array.reshape(tensor["shape"])
