"""The process that converts one model: `python -m tfx_savedmodel.estimators.worker request.json`.

The request is what `process.Request` writes; the answer lies beside it in `response.json`: the result, or
an exception of ours with its fields. Whatever else goes wrong ends on standard error and in the exit code.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tfx_savedmodel.errors import TfxSavedModelError
from tfx_savedmodel.estimators.conversion import WAY, convert_keras_model, forget_transform_graph
from tfx_savedmodel.estimators.features import FeaturePath
from tfx_savedmodel.estimators.keras_model import load_keras_model, model_inputs
from tfx_savedmodel.estimators.parity import batches_of_examples, check_parity, reference
from tfx_savedmodel.estimators.process import RESPONSE_FILE, Request
from tfx_savedmodel.estimators.receivers import SECOND_SIGNATURE, receiver_fn, signatures_of
from tfx_savedmodel.saved_model.garbage import collector_paused
from tfx_savedmodel.saved_model.rewrite import rename_signatures


def convert(request: Request) -> dict[str, Any]:
    """Convert a model and compare it with what its Keras form said before; return the result as JSON."""
    model, export = Path(request.model), Path(request.export)
    loaded = load_keras_model(model)
    inputs = model_inputs(loaded)
    path = None
    if request.receiver != "raw" or request.transform_graph or request.examples:
        path = FeaturePath(inputs, request.transform_graph, request.schema)
    # The reference comes first: Keras refuses to run eagerly what it loaded, once a graph was built from it.
    batches = reference(loaded, batches_of_examples(inputs, path, request.examples))
    receiver = receiver_fn(request.receiver, inputs, path)
    notes = convert_keras_model(model, export, Path(request.model_dir), receiver)
    if request.transform_graph:
        forget_transform_graph(export, request.transform_graph)
    if request.receiver == "both":
        rename_signatures(export, dict([SECOND_SIGNATURE]))
    parity = check_parity(export, signatures_of(request.receiver), batches, request.tolerance)
    source = "given" if request.examples else "generated"
    return {"way": WAY, "notes": list(notes), "parity": {"source": source, **parity}}


def main(arguments: list[str]) -> int:
    """Answer the request in the file that is the only argument; 0 where there is an answer."""
    file = Path(arguments[0])
    request = Request(**json.loads(file.read_text(encoding="utf-8")))
    try:
        with collector_paused():
            response: dict[str, Any] = {"result": convert(request)}
    except TfxSavedModelError as error:
        fields = {name: getattr(error, name) for name in ("message", "where", "found", "wanted", "next_step")}
        response = {"error": {"type": type(error).__name__, "fields": fields}}
    file.with_name(RESPONSE_FILE).write_text(json.dumps(response), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
