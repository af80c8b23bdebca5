"""A sample of the examples: the same one on any runner with any number of workers.

Whether a record is in it is decided by a hash of its file's name, its number and a seed, so nobody has to
know what others chose.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from tfx_savedmodel.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

_ALL = 1 << 64
_LARGEST = 1 << 62


@dataclasses.dataclass(frozen=True)
class Sample:
    """How much of the examples is run: a `number` of them, or a `fraction` in (0, 1]; `seed` makes another choice."""

    number: int | None = None
    fraction: float | None = None
    seed: int = 0


@dataclasses.dataclass(frozen=True)
class Pick:
    """Which records of a file are in the sample: those whose hash is below `below` (at most 2**64)."""

    key: int
    below: int

    def mask(self, numbers: Array) -> Array:
        """Return which of these records (int64 [n]) are in it, bool [n]."""
        import numpy as np

        if self.below >= _ALL:
            return np.ones(len(numbers), bool)
        return hashes(self.key, numbers) < np.uint64(self.below)

    def count(self, first: int, records: int) -> int:
        """Return how many of so many records from `first` on are in it."""
        import numpy as np

        return int(self.mask(np.arange(first, first + records)).sum())


def read_sample(value: Any, seed: int = 0, where: str = "sample") -> Sample | None:
    """Return what a number of examples, a fraction of them, or the text of either asks for; None for None.

    An integer is a number, a float below or equal to 1 a fraction; so "1" is one example and "1.0" all of them.

    Raises:
      UsageError: it is neither.
    """
    if value is None:
        return None
    text = str(value).strip()
    if isinstance(value, bool) or not (found := _parsed(text)):
        wanted = "a number of examples such as 10000, or a fraction of them such as 0.1"
        raise UsageError("not a sample of the examples", where=where, found=repr(value), wanted=wanted)
    return dataclasses.replace(found, seed=seed)


def _parsed(text: str) -> Sample | None:
    if re.fullmatch(r"[0-9][0-9_]*", text):
        number = int(text)
        return Sample(number=number) if 0 < number < _LARGEST else None
    try:
        fraction = float(text)
    except ValueError:
        return None
    return Sample(fraction=fraction) if 0 < fraction <= 1 else None


def key_of(file: str, seed: int) -> int:
    """Return a file's key, by its name without its folder: a copy elsewhere gives the same sample."""
    name = PurePosixPath(file).name
    return int.from_bytes(hashlib.blake2b(f"{seed}\0{name}".encode(), digest_size=8).digest(), "little")


def by_fraction(file: str, sample: Sample) -> Pick:
    """Return the pick of a fraction of a file's records."""
    assert sample.fraction is not None
    return Pick(key_of(file, sample.seed), min(_ALL, math.ceil(sample.fraction * _ALL)))


def by_number(file: str, seed: int, first: int, among: int, number: int) -> Pick:
    """Return the pick of exactly `number` of the `among` records from `first` on (or of all, if they are fewer)."""
    import numpy as np

    key = key_of(file, seed)
    if number >= among:
        return Pick(key, _ALL)
    ordered = np.partition(hashes(key, np.arange(first, first + among)), number)
    return Pick(key, int(ordered[number]))  # hashes of different numbers differ: it is a permutation


def hashes(key: int, numbers: Array) -> Array:
    """Return a hash of each number (int64 [n]) as uint64 [n]; different numbers have different ones (SplitMix64)."""
    import numpy as np

    z = (numbers.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(key)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
