"""What a probe is: how it is made, and whether a scanner has to find something in it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Probe:
    """A model to be scanned.

    `make` writes it to the path given, a directory for a SavedModel, and returns where it is. `code` is the check
    that has to find something in it, empty for a benign model.
    """

    name: str
    make: Callable[[Path], Path]
    code: str = ""

    @property
    def is_harmful(self) -> bool:
        return bool(self.code)
