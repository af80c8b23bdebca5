"""Writing a text file so that it is there whole or not at all."""

from __future__ import annotations

import uuid
from pathlib import Path

from tfx_savedmodel.errors import DestinationError


def write_text(path: Path, text: str) -> Path:
    """Write a file beside its destination and rename it into place; return its path.

    A lone surrogate, which UTF-8 cannot hold, is written as the escape that JSON reads back.

    Raises:
      DestinationError: the directory cannot be made or written.
    """
    content = text.encode("utf-8", "backslashreplace")
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_bytes(content)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise DestinationError(
            "the report cannot be written",
            where=str(path),
            found=error.strerror or str(error),
            wanted="a directory that can be made and written",
        ) from error
    return path
