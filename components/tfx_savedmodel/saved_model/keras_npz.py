"""Weights of a `.keras` archive in NumPy's format: which of its arrays are pickles, told by their headers."""

from __future__ import annotations

import re
import struct
import zipfile
from typing import IO

#: The member that Keras takes its weights from where there is no model.weights.h5.
MEMBER = "model.weights.npz"

#: The name by which an author may allow them.
PICKLES = "pickled weights"

_MAGIC = b"\x93NUMPY"
_LARGEST_HEADER = 1 << 20
#: A dtype of Python objects, alone or as a field: '|O', 'O', '|O8'.
_OBJECTS = re.compile(r"""['"][|<>=]?O\d*['"]""")


def pickled_arrays(file: IO[bytes]) -> tuple[str, ...]:
    """Return the names of the arrays in an .npz file that hold pickled Python objects; nothing is unpickled.

    Keras 2 reads its weights with `allow_pickle=True`, and so did Keras 3 at first. Keras 2 also writes them so.

    Raises:
      zipfile.BadZipFile: no archive.
    """
    with zipfile.ZipFile(file) as archive:
        names = [member.filename for member in archive.infolist()]
        return tuple(name for name in names if _is_pickled(archive, name))


def _is_pickled(archive: zipfile.ZipFile, name: str) -> bool:
    with archive.open(name) as member:
        start = member.read(12)
        if not start.startswith(_MAGIC):
            return False
        # Version 1 says its header's length in two bytes, later ones in four.
        short = start[6] == 1
        (length,) = struct.unpack_from("<H" if short else "<I", start, 8)
        rest = start[10 if short else 12 :] + member.read(min(length, _LARGEST_HEADER))
    return bool(_OBJECTS.search(rest[:length].decode("latin-1"))) or length > _LARGEST_HEADER
