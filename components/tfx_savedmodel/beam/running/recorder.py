"""What a process was doing when it ended: a page of memory that outlives it, written before each step."""

from __future__ import annotations

import dataclasses
import mmap
import struct

#: Steps without a signature.
LOAD, LOAD_REFERENCE = "loading the model", "loading the reference"
READ, PARSE, TRANSFORM = "reading records", "parsing", "running the Transform graph"
#: Steps with one.
RUN, RUN_REFERENCE, DIFFERENTIATE = "running", "running the reference's", "differentiating"

_HEAD = struct.Struct("<QqqqH")
_PAGE_BYTES = 4096


@dataclasses.dataclass(frozen=True)
class Moment:
    """A step: what is done, to how many rows from which record on, and the byte behind them (-1: not known).

    `beats` grows with every step. `signature` is the one that is run, where one is.
    """

    beats: int = 0
    record: int = -1
    rows: int = 0
    end_byte: int = -1
    doing: str = LOAD
    signature: str = ""


class Recorder:
    """Written by one process, read by the one that forked it; it costs a microsecond a step."""

    def __init__(self) -> None:
        self._page = mmap.mmap(-1, _PAGE_BYTES)  # shared with processes forked from here
        self._beats = 0
        self._batch = (-1, 0, -1)
        self.clear()

    def clear(self) -> None:
        """Say that a model is about to be loaded."""
        self._batch = (-1, 0, -1)
        self.step(LOAD)

    def batch(self, record: int, rows: int, end_byte: int) -> None:
        """Say which rows the next steps are about."""
        self._batch = (record, rows, end_byte)
        self.step(READ)

    def step(self, doing: str, signature: str = "") -> None:
        """Say what is about to be done."""
        self._beats += 1
        text = f"{doing}\0{signature}".encode()[: _PAGE_BYTES - _HEAD.size]
        self._page[_HEAD.size : _HEAD.size + len(text)] = text
        _HEAD.pack_into(self._page, 0, self._beats, *self._batch, len(text))

    def beats(self) -> int:
        """Return how many steps there were: a number that stands still is a step that hangs."""
        beats: int = _HEAD.unpack_from(self._page)[0]
        return beats

    def moment(self) -> Moment:
        """Return the last step; of a process that has ended it is whole."""
        beats, record, rows, end_byte, size = _HEAD.unpack_from(self._page)
        text = self._page[_HEAD.size : _HEAD.size + size].decode("utf-8", "replace")
        doing, _, signature = text.partition("\0")
        return Moment(beats, record, rows, end_byte, doing, signature)
