"""The user's module file of an execution: TFX packs it into a wheel and passes `module@wheel`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tfx.components.util import udf_utils
from tfx.utils import io_utils


@contextlib.contextmanager
def user_module(exec_properties: dict[str, Any]) -> Iterator[str | None]:
    """Yield the path of the module file, None where there is none.

    By its file and not by its name, for another component's module may have the same name.
    """
    module, wheels = udf_utils.decode_user_module_key(exec_properties.get("module_path") or "")
    if not wheels:
        yield exec_properties.get("module_file") or None
        return
    with udf_utils.TempPipInstallContext([io_utils.ensure_local(wheel) for wheel in wheels]) as installed:
        yield str(Path(installed.temp_directory) / f"{module}.py")
