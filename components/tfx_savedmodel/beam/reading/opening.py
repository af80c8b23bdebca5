"""A file of examples as Python reads it, wherever TensorFlow or Beam find it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tfx_savedmodel.saved_model.local import is_remote


@contextlib.contextmanager
def opened(file: str) -> Iterator[Any]:
    """Yield a binary stream that can seek.

    Raises:
      OSError: it cannot be opened.
    """
    if not is_remote(file):
        with Path(file).open("rb") as stream:
            yield stream
        return
    from apache_beam.io.filesystem import BeamIOError, CompressionTypes
    from apache_beam.io.filesystems import FileSystems

    try:
        remote = FileSystems.open(file, compression_type=CompressionTypes.UNCOMPRESSED)
    except (BeamIOError, ValueError) as error:
        raise OSError(f"{file}: {error}") from error
    with contextlib.closing(remote):
        yield remote


def size_of(file: str) -> int:
    """Return the size of a file in bytes, 0 where it cannot be found."""
    if not is_remote(file):
        path = Path(file)
        return path.stat().st_size if path.is_file() else 0
    from apache_beam.io.filesystem import BeamIOError
    from apache_beam.io.filesystems import FileSystems

    try:
        found = FileSystems.match([file])[0].metadata_list
    except (BeamIOError, ValueError):
        return 0
    return found[0].size_in_bytes if found else 0
