"""Files of a machine, which may or may not have them."""

from __future__ import annotations

from pathlib import Path


def text(file: Path) -> str:
    """Return what a file says: nothing where it is not there, or is not ours to read."""
    try:
        return file.read_text()
    except OSError:
        return ""
