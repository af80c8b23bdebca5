"""The three loaders, each in the process that is forked for it; they tell what happens as events."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfx_savedmodel.errors import UnsupportedStackError

if TYPE_CHECKING:
    import numpy as np

Tell = Callable[[Mapping[str, Any]], None]
Run = Callable[[str, Mapping[str, "np.ndarray[Any, Any]"]], Any]


def load(request: Mapping[str, Any], tell: Tell) -> None:
    """Load `request["model"]` with `request["loader"]`; with `runs`, run its signatures."""
    started = time.monotonic()
    try:
        signatures, run = _LOADERS[request["loader"]](Path(request["model"]), tuple(request["tags"]))
    except UnsupportedStackError as error:
        tell({"event": "refused", "outcome": "unavailable", "error": str(error)})
        return
    except Exception as error:  # whatever a loader raises is its answer
        tell({"event": "refused", "outcome": "refused", "error": f"{type(error).__name__}: {error}"[:4000]})
        return
    tell({"event": "loaded", "seconds": time.monotonic() - started, "signatures": signatures})
    if request["runs"] and run is not None:
        _run_all(request, run, tell)


def _native(model: Path, tags: tuple[str, ...]) -> tuple[None, None]:
    from tfx_savedmodel.saved_model.native import load_natively

    load_natively(model, tags)
    return None, None


def _tf1(model: Path, tags: tuple[str, ...]) -> tuple[dict[str, Any], Run]:
    from tfx_savedmodel.saved_model.session import ServingSession

    # As serving does: no soft placement, so that a device which is not there is seen.
    session = ServingSession(model, tags, soft_placement=False)
    return {key: view.to_json() for key, view in session.signatures.items()}, session.run


def _tf2(model: Path, tags: tuple[str, ...]) -> tuple[dict[str, Any], Run]:
    import tensorflow as tf

    from tfx_savedmodel.saved_model.meta_graph import RESERVED_SIGNATURES

    loaded = tf.saved_model.load(str(model), tags=list(tags))
    # Of a TF1 model TF2 also shows the loaders' own signatures.
    functions = {key: value for key, value in loaded.signatures.items() if key not in RESERVED_SIGNATURES}

    def run(signature: str, inputs: Mapping[str, np.ndarray[Any, Any]]) -> Any:
        return functions[signature](**{name: tf.constant(value) for name, value in inputs.items()})

    return {key: _declared(function) for key, function in functions.items()}, run


def _declared(function: Any) -> dict[str, Any]:
    """Return a loaded signature's inputs and outputs as SignatureView.to_json() gives them."""
    _, keywords = function.structured_input_signature
    outputs = function.structured_outputs
    return {
        "inputs": {name: _spec(value) for name, value in sorted(keywords.items())},
        "outputs": {name: _spec(value) for name, value in sorted(outputs.items())} if outputs else {},
    }


def _spec(value: Any) -> dict[str, Any]:
    if value is None:  # an output that has no tensor, such as an init op's
        return {"dtype": "unknown", "shape": None}
    shape = value.shape
    return {"dtype": value.dtype.name, "shape": shape.as_list() if shape.rank is not None else None}


def _run_all(request: Mapping[str, Any], run: Run, tell: Tell) -> None:
    from tfx_savedmodel.saved_model.reader import read_saved_model
    from tfx_savedmodel.validation.loading.synthetic import BATCHES

    meta_graph = read_saved_model(request["model"], request["tags"]).meta_graph()
    for key in sorted(meta_graph.signatures) if meta_graph else ():
        for batch in BATCHES:
            about = {"signature": key, "batch": batch}
            tell({"event": "running", "run": about})
            tell({"event": "ran", "run": {**about, **_run_one(meta_graph, key, batch, run)}})


def _run_one(meta_graph: Any, key: str, batch: int, run: Run) -> dict[str, str]:
    """Return nothing for a run that ended well, else `error` or `skipped` with the reason."""
    from tfx_savedmodel.validation.check import Skip
    from tfx_savedmodel.validation.loading.synthetic import guesses_strings, synthetic_inputs

    signature = meta_graph.signatures[key]
    try:
        run(key, synthetic_inputs(meta_graph, signature, batch))
    except Skip as skip:
        return {"skipped": str(skip)}
    except Exception as error:  # the graph's own failure is the answer
        words = f"{type(error).__name__}: {error}"[:2000]
        # A string that is in no vocabulary, say: that an argument is refused tells nothing of the graph.
        if type(error).__name__ == "InvalidArgumentError" and guesses_strings(meta_graph, signature):
            return {"skipped": f"it refuses made-up strings: {words}"}
        return {"error": words}
    return {}


_LOADERS: dict[str, Callable[[Path, tuple[str, ...]], tuple[Any, Run | None]]] = {
    "native": _native,
    "tf1": _tf1,
    "tf2": _tf2,
}
