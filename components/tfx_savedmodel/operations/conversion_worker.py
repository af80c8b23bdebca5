"""The process that converts one model: `python -m tfx_savedmodel.operations.conversion_worker request.json`.

The request is what `estimators.process.Request` writes; the answer lies beside it in `response.json`: the result,
or an exception of ours with its fields. Whatever else goes wrong ends on standard error and in the exit code.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tfx_savedmodel.errors import TfxSavedModelError
from tfx_savedmodel.estimators.process import RESPONSE_FILE, Request, told
from tfx_savedmodel.operations.converting import Conversion
from tfx_savedmodel.saved_model.garbage import collector_paused


def main(arguments: list[str]) -> int:
    """Answer the request in the file that is the only argument; 0 where there is an answer."""
    file = Path(arguments[0])
    request = Request(**json.loads(file.read_text(encoding="utf-8")))
    try:
        with collector_paused():
            response: dict[str, Any] = {"result": Conversion(request).run()}
    except TfxSavedModelError as error:
        response = {"error": told(error)}
    file.with_name(RESPONSE_FILE).write_text(json.dumps(response), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
