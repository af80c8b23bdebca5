"""A conversion in a process of its own, seen from outside: the request, and what came of it.

Converting switches Keras from eager execution to graphs, which leaves the process unfit for other models.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import IO, Any

from tfx_savedmodel import errors
from tfx_savedmodel.errors import ConversionError, PlanError, Problem, TfxSavedModelError
from tfx_savedmodel.saved_model.keras_files import read_keras_file
from tfx_savedmodel.saved_model.temporary import temporary_folder
from tfx_savedmodel.sources.keras_library import variables_for

REQUEST_FILE = "request.json"
RESPONSE_FILE = "response.json"

_LAST_LINES = 12


@dataclasses.dataclass(frozen=True)
class Request:
    """What to convert: local paths, `export` and `model_dir` being empty directories to write into.

    `way` is the only way that may be gone, None for the first that can be; `checkpoint` says whether `model_dir`
    is wanted: "needed", "perhaps" or "no". `compare` False leaves the comparison out.
    """

    model: str
    export: str
    model_dir: str
    receiver: str
    transform_graph: str | None
    schema: str | None
    examples: list[str]
    tolerance: float
    feature_spec: dict[str, dict[str, Any]] | None = None
    module_file: str | None = None
    allow: list[str] = dataclasses.field(default_factory=list)
    outputs: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    serving_default: str | None = None
    checkpoint: str = "no"
    checkpoint_format: str = "object"
    way: str | None = None
    compare: bool = True


def convert_in_process(request: Request, worker: str) -> dict[str, Any]:
    """Run a worker, a module's name; return its result: `way`, `notes` and `parity`.

    Raises:
      TfxSavedModelError: the exception of ours that ended the worker, with its fields.
      ConversionError: the worker crashed, or raised anything else; with its own last words.
    """
    with temporary_folder() as folder:
        file = Path(folder) / REQUEST_FILE
        file.write_text(json.dumps(dataclasses.asdict(request)), encoding="utf-8")
        stderr = Path(folder) / "stderr.txt"
        with stderr.open("wb") as sink:
            code = _run(worker, file, sink, _keras_of(Path(request.model)))
        answer = file.with_name(RESPONSE_FILE)
        if code or not answer.is_file():
            raise ConversionError(
                "the model could not be converted",
                where=request.model,
                found=_last_words(code, stderr),
                next_step="mend what the last lines name; where they name nothing of yours, please report it",
            )
        response = json.loads(answer.read_text(encoding="utf-8"))
    if "error" in response:
        raise _revive(response["error"])
    return dict(response["result"])


def _run(worker: str, request: Path, sink: IO[bytes], variables: dict[str, str]) -> int:
    """Run a worker's module on a request; return its exit code, negative for a signal.

    It ends, and takes away what it was writing, when this process does or an exception leaves here: `lifeline`.
    What it makes for a while lies beside the request.
    """
    lifeline, held = os.pipe()
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", worker, str(request), str(lifeline)],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            env={**_environment(), **variables, "TMPDIR": str(request.parent)},
            pass_fds=[lifeline],
        )
    except BaseException:
        os.close(held)
        raise
    finally:
        os.close(lifeline)
    try:
        return process.wait()
    finally:
        os.close(held)
        process.wait()


def _keras_of(model: Path) -> dict[str, str]:
    """Return the variables that make `tf.keras` the Keras that wrote a file: a module of the author's asks for that."""
    return variables_for(read_keras_file(model).keras_version) if model.is_file() else {}


def _environment() -> dict[str, str]:
    """Return our environment, with this package on the worker's path and TensorFlow quiet and on the CPU.

    On the CPU, because other devices round differently from one run to the next.
    """
    package_root = str(Path(__file__).resolve().parents[2])
    paths = [package_root, os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "-1",
    }


def _last_words(code: int, stderr: Path) -> str:
    lines = [line.rstrip() for line in stderr.read_text(encoding="utf-8", errors="replace").splitlines()]
    lines = [line for line in lines if line]
    ended = f"the process was killed by signal {-code}" if code < 0 else f"exit code {code}"
    return "\n".join([ended, *lines[-_LAST_LINES:]])


def _revive(error: dict[str, Any]) -> TfxSavedModelError:
    cls = getattr(errors, error["type"], None)
    if not (isinstance(cls, type) and issubclass(cls, TfxSavedModelError)):
        cls = ConversionError
    fields = dict(error["fields"])
    if cls is PlanError:
        return PlanError([Problem(**problem) for problem in error["problems"]], where=fields["where"])
    return cls(fields.pop("message"), **fields)


def told(error: TfxSavedModelError) -> dict[str, Any]:
    """Return an exception of ours as JSON."""
    fields = {name: getattr(error, name) for name in ("message", "where", "found", "wanted", "next_step")}
    problems = [dataclasses.asdict(problem) for problem in getattr(error, "problems", ())]
    return {"type": type(error).__name__, "fields": fields, "problems": problems}
