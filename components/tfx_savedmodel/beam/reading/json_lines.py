"""JSON lines of TensorFlow Serving's REST form: split by bytes, parsed a batch of lines at a time."""

from __future__ import annotations

import contextlib
import gzip
import itertools
import json
import zlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from tfx_savedmodel.beam.reading.features import SAMPLE_SIZE, Feature
from tfx_savedmodel.beam.reading.heads import HEAD_BYTES, LINES, known_look
from tfx_savedmodel.beam.reading.json_columns import columns_of
from tfx_savedmodel.beam.reading.opening import opened, size_of
from tfx_savedmodel.beam.reading.reasons import reason_of
from tfx_savedmodel.beam.reading.records import ReadFault, RecordBatch
from tfx_savedmodel.beam.reading.rest_rows import BadRow, Row, rows_of, table_of
from tfx_savedmodel.beam.reading.shards import SPLIT_BYTES, Shard
from tfx_savedmodel.beam.reading.table import ColumnTable, Wanted, kind_of_values
from tfx_savedmodel.errors import ExamplesError

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

#: A batch of lines is cut off here.
_MOST_BYTES = 16 << 20
_CHUNK_BYTES = 1 << 20
_FAULTS = (OSError, EOFError, zlib.error)


def json_shards(
    file: str, split_bytes: int = SPLIT_BYTES, chunk_bytes: int = _CHUNK_BYTES
) -> Iterator[tuple[Shard, int]]:
    """Yield shards that begin at lines, each of about `split_bytes`, with its size; a compressed file is one."""
    first = begin = lines = position = 0
    cuts: list[tuple[Shard, int]] = []
    size = size_of(file)
    if 0 < size <= split_bytes:  # it is not read here
        yield Shard(file), size
        return
    with contextlib.suppress(*_FAULTS), opened(file) as stream:
        if _is_gzip(stream):
            yield Shard(file), size
            return
        while chunk := stream.read(chunk_bytes):
            position += len(chunk)
            lines += chunk.count(b"\n")
            last = chunk.rfind(b"\n")
            if last >= 0 and position - begin >= split_bytes:
                end = position - len(chunk) + last + 1
                cuts.append((Shard(file, first, begin, lines - first), end - begin))
                first, begin = lines, end
    yield from cuts
    if position > begin or not cuts:
        yield Shard(file, first, begin), position - begin


def json_features(files: Sequence[str], size: int = SAMPLE_SIZE) -> dict[str, Feature]:
    """Return the features of the first instances that can be read."""
    kinds: dict[str, str | None] = {}
    left = size
    for file in files:
        for item in read_json(Shard(file, records=left), left, Wanted.all()):
            if isinstance(item, RecordBatch):
                left -= item.span
                for name, column in item.records.columns.items():
                    kind = kind_of_values(column.values) if len(column.values) else None
                    # Whole numbers may stand where others have fractions.
                    kinds[name] = kind if kinds.get(name) in (None, "int64") and kind else kinds.get(name)
        if left <= 0:
            break
    return {name: Feature(kind, shaped=True) for name, kind in kinds.items()}


def read_json(shard: Shard, size: int, wanted: Wanted) -> Iterator[RecordBatch | ReadFault]:
    """Yield the shard's instances in batches of at most `size` lines, and a fault for what is none."""
    number, position = shard.first_record, max(shard.first_byte, 0)
    try:
        with opened(shard.file) as stream, _uncompressed(stream) as data:
            if shard.first_byte >= 0 and data is stream:
                data.seek(shard.first_byte)
            else:
                position = sum(len(line) for line in itertools.islice(data, shard.first_record))
            left = shard.records
            while left is None or left > 0:
                lines, fault = _lines(data, size if left is None else min(size, left))
                if number == 0 and (other := _other_than_lines(lines)) is not None:
                    yield ReadFault(shard.file, 0, other, rest_lost=True)
                    return
                if lines:
                    yield from _Chunk(shard.file, number, position, lines, wanted).read()
                number += len(lines)
                position += sum(map(len, lines))
                left = None if left is None else left - len(lines)
                if fault is not None:
                    raise fault
                if not lines:
                    return
    except _FAULTS as error:
        yield ReadFault(shard.file, number, reason_of(error), rest_lost=True, at=_place(number, position))


def refuse_document(file: str) -> None:
    """Raise where a file is one JSON document over several lines.

    Raises:
      ExamplesError: it is.
    """
    try:
        with opened(file) as stream, _uncompressed(stream) as data:
            text = data.read(_MOST_BYTES)
        begin = text.lstrip().partition(b"\n")[0]
        if _document(begin) is None and (whole := _document(text)) is not None:
            kind = "a list" if isinstance(whole, list) else "an object"
            raise ExamplesError(
                "a JSON document over several lines",
                where=file,
                found=f"{kind} in {text.count(10) + 1:,} lines",
                wanted="an instance or a request on each line",
                next_step="jq -c . FILE puts a request on one line, jq -c '.[]' FILE each item of a list on its own",
            )
    except _FAULTS:
        return


def _document(text: bytes) -> Any:
    """Return the JSON document in a text, None where it is none, or null."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _other_than_lines(lines: list[bytes]) -> str | None:
    """Say what a file with these first lines holds instead, where that is known."""
    look = known_look(b"".join(lines[:HEAD_BYTES])[:HEAD_BYTES])
    return None if look in (None, LINES) else f"the file holds {look}; it is read as {LINES}"


def _lines(data: Any, most: int) -> tuple[list[bytes], Exception | None]:
    """Return the next lines, and what keeps more from being read."""
    lines: list[bytes] = []
    total = 0
    try:
        for line in itertools.islice(data, most):
            lines.append(line)
            total += len(line)
            if total > _MOST_BYTES:
                break
    except _FAULTS as error:
        return lines, error
    return lines, None


def _is_gzip(stream: Any) -> bool:
    head = stream.read(2)
    stream.seek(0)
    return bool(head == b"\x1f\x8b")


@contextlib.contextmanager
def _uncompressed(stream: Any) -> Iterator[Any]:
    if not _is_gzip(stream):
        yield stream
        return
    with gzip.GzipFile(fileobj=stream) as data:
        yield data


def _place(number: int, byte: int) -> str:
    return f"line {number + 1:,}, byte {byte:,}"


class _Chunk:
    """Consecutive lines: `number` is the first's, `position` its first byte in the uncompressed data."""

    def __init__(self, file: str, number: int, position: int, lines: list[bytes], wanted: Wanted) -> None:
        import numpy as np

        self.file = file
        self.number = number
        self.lines = lines
        self.wanted = wanted
        self.ends = position + np.cumsum([len(line) for line in lines])
        self.starts = np.concatenate([[position], self.ends[:-1]])

    def read(self) -> Iterator[RecordBatch | ReadFault]:
        filled = [index for index, line in enumerate(self.lines) if not line.isspace()]
        table = columns_of([self.lines[index] for index in filled], self.wanted)
        if table is None:
            yield from self._read_rows()
        else:
            yield self._table(table, filled)

    def _table(self, table: ColumnTable, indices: Sequence[int]) -> RecordBatch:
        import numpy as np

        documents = np.array(indices)
        details = {"byte": self.starts[documents]}
        end = int(self.ends[-1])
        return RecordBatch(self.file, self.number, table, end, len(self.lines), self.number + documents, details)

    def _read_rows(self) -> Iterator[RecordBatch | ReadFault]:
        rows: list[Row] = []
        for index, document in self._documents():
            try:
                if isinstance(document, BadRow):
                    raise document
                rows += rows_of(document, index)
            except BadRow as reason:
                yield self._fault(index, str(reason))
        # Consecutive lines for the same signature are one batch; a line is never divided.
        begin = 0
        groups = [(name, list(group)) for name, group in itertools.groupby(rows, lambda row: row.signature)]
        for place, (signature, group) in enumerate(groups):
            end = len(self.lines) if place + 1 == len(groups) else groups[place + 1][1][0].document
            yield from self._batch(signature, group, begin, end)
            begin = end

    def _documents(self) -> Iterator[tuple[int, Any]]:
        """Yield each line's number in the chunk and its document, or why it is none; blank lines are passed over."""
        filled = [(index, line) for index, line in enumerate(self.lines) if not line.isspace()]
        try:
            documents = json.loads(b"[" + b",".join(line for _, line in filled) + b"]")
            if len(documents) == len(filled):
                yield from zip((index for index, _ in filled), documents, strict=True)
                return
        except (ValueError, RecursionError):
            pass
        for index, line in filled:
            try:
                yield index, json.loads(line)
            except (ValueError, RecursionError) as error:
                yield index, BadRow(f"the line is no JSON: {error}")

    def _batch(self, signature: str | None, rows: list[Row], begin: int, end: int) -> Iterator[RecordBatch | ReadFault]:
        import numpy as np

        if not self.wanted.everything:
            kept = self.wanted.kinds
            rows = [Row({k: v for k, v in r.features.items() if k in kept}, r.document, r.instance) for r in rows]
        table, bad = table_of(rows, self.wanted.kinds)
        documents = np.array([row.document for row in rows])
        details = {"byte": self.starts[documents], "instance": np.array([row.instance for row in rows])}
        batch = RecordBatch(
            self.file,
            self.number + begin,
            table,
            int(self.ends[end - 1]),
            end - begin,
            self.number + documents,
            {name: values for name, values in details.items() if name != "instance" or (values >= 0).any()},
            signature,
        )
        good = np.ones(len(rows), bool)
        good[list(bad)] = False
        yield batch.rows(good) if bad else batch
        for index, reason in sorted(bad.items()):
            yield self._fault(rows[index].document, reason, rows[index].instance)

    def _fault(self, index: int, reason: str, instance: int = -1) -> ReadFault:
        at = _place(self.number + index, int(self.starts[index]))
        if instance >= 0:
            at += f", instance {instance}"
        return ReadFault(self.file, self.number + index, reason, at=at)
