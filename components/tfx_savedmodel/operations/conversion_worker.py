"""The process that converts one model: `python -m tfx_savedmodel.operations.conversion_worker request.json LIFELINE`.

The request is what `estimators.process.Request` writes; the answer lies beside it in `response.json`: the result,
or an exception of ours with its fields. Whatever else goes wrong ends on standard error and in the exit code. When the
lifeline ends, a descriptor, so does the conversion, with all that it was writing.
"""

from __future__ import annotations

import functools
import json
import sys
from pathlib import Path
from typing import Any

from tfx_savedmodel.errors import TfxSavedModelError
from tfx_savedmodel.estimators.lifeline import run_on_lifeline
from tfx_savedmodel.estimators.process import RESPONSE_FILE, Request, told


def main(arguments: list[str]) -> int:
    """Answer the request in the file that is the first argument; 0 where there is an answer."""
    file = Path(arguments[0])
    request = Request(**json.loads(file.read_text(encoding="utf-8")))
    answer = functools.partial(_answer, request, file.with_name(RESPONSE_FILE))
    if len(arguments) == 1:
        return answer()
    folders = [file.parent, Path(request.export), Path(request.model_dir)]
    return run_on_lifeline(answer, int(arguments[1]), folders)


def _answer(request: Request, response_file: Path) -> int:
    # Here, after the fork: what they import has threads.
    from tfx_savedmodel.operations.converting import Conversion
    from tfx_savedmodel.saved_model.garbage import collector_paused

    try:
        with collector_paused():
            response: dict[str, Any] = {"result": Conversion(request).run()}
    except TfxSavedModelError as error:
        response = {"error": told(error)}
    response_file.write_text(json.dumps(response), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
