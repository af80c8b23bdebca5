"""Finds the examples that a signature refuses, so that the rest of their batch is still measured."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from tfx_savedmodel.beam.running.batch_run import BatchRun, Exhausted
from tfx_savedmodel.beam.running.dense import BAD, RowsDiffer
from tfx_savedmodel.beam.running.sizing import OPENING_ROWS
from tfx_savedmodel.validation.check import RunFailed

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

#: So many examples are isolated by halving, for each signature and shard; batches that fail
#: thereafter are counted as a whole. A signature that refuses everything stays affordable.
MOST_ISOLATED = 64

#: A batch is first taken apart at the records whose numbers this divides, so that what is found does not depend on
#: the batch's size.
BLOCK_ROWS = OPENING_ROWS

#: A side of the run (False the model, True the reference) and a signature.
_Failing = tuple[bool, str]


class Budget:
    """How many more examples may be isolated by halving, for each side and signature.

    `halved` are the batches that were too large for memory, as `ExampleCheck.measure_fault` is told of them.
    """

    def __init__(self, most: int = MOST_ISOLATED) -> None:
        self._most = most
        self.halved: list[dict[str, Any]] = []
        self._spent: dict[_Failing, int] = {}

    def left(self, failing: _Failing) -> bool:
        return self._spent.get(failing, 0) < self._most

    def spend(self, failing: _Failing) -> None:
        self._spent[failing] = self._spent.get(failing, 0) + 1


@dataclasses.dataclass
class _Verdicts:
    """What is known of each row for one signature: `keys` int64 [rows] as in `RowsDiffer`; a text
    for each bad row, but for those in `whole`, which failed in a batch that was not taken apart.
    """

    keys: Array
    reasons: dict[int, str]
    whole: dict[int, str]


def settle(run: BatchRun, budget: Budget) -> Iterator[BatchRun]:
    """Run every signature of both models; yield runs in each of which a signature works or fails for all rows.

    On the good path that is the run itself. A batch that is too large for memory is halved. Otherwise examples
    are grouped by the signatures that refuse them (and by the size of an open inner dimension, if examples differ
    in it).
    """
    failing = _failing(run)
    if not failing:
        yield run
        return
    exhausted = next((failure for failure in failing.values() if isinstance(failure, Exhausted)), None)
    if exhausted is not None and run.size > 1:
        budget.halved.append({**run.position(0), "halved": run.size, "reason": str(exhausted)})
        yield from _halves(run, budget)
        return
    verdicts = {key: _isolate(_side(run, key[0]), key, budget) for key in failing}
    for rows in _groups(verdicts):
        model = run.subset(rows, _failures(verdicts, rows, is_reference=False))
        if run.reference_run is not None:
            model.reference_run = run.reference_run.subset(rows, _failures(verdicts, rows, is_reference=True))
        yield model


def _halves(run: BatchRun, budget: Budget) -> Iterator[BatchRun]:
    import numpy as np

    for rows in np.array_split(np.arange(run.size), 2):
        half = run.subset(rows)
        half.reference_run = None if run.reference_run is None else run.reference_run.subset(rows)
        yield from settle(half, budget)


def _failing(run: BatchRun) -> dict[_Failing, RunFailed]:
    found: dict[_Failing, RunFailed] = {}
    for is_reference in (False, True):
        side = _side(run, is_reference)
        for signature in side.signatures if side is not None else ():
            try:
                side.outputs(signature)
            except RunFailed as failure:
                found[is_reference, signature] = failure
    return found


def _side(run: BatchRun, is_reference: bool) -> Any:
    return run.reference_run if is_reference else run


def _isolate(run: BatchRun, failing: _Failing, budget: Budget) -> _Verdicts:
    """Return for each row whether the signature takes it, by halving what it refuses."""
    import numpy as np

    verdicts = _Verdicts(np.zeros(run.size, np.int64), {}, {})
    groups = 0
    pending = [np.arange(run.size)]
    while pending:
        rows = pending.pop()
        try:
            run.subset(rows).outputs(failing[1])
        except RowsDiffer as difference:
            good = difference.keys != BAD
            verdicts.keys[rows[~good]] = BAD
            verdicts.reasons.update({int(rows[row]): text for row, text in difference.row_reasons.items()})
            for key in np.unique(difference.keys[good]):
                groups += 1
                same = rows[difference.keys == key]
                verdicts.keys[same] = groups
                pending.append(same)
        except RunFailed as failure:
            blocks = _blocks(rows, run.batch.item.numbers)
            pending.extend(blocks if len(blocks) > 1 else _halve(rows, str(failure), verdicts, failing, budget))
    return verdicts


def _blocks(rows: Array, numbers: Array) -> list[Array]:
    """Return rows (in ascending order) by the block that their records are in, the last block first."""
    import numpy as np

    begins = np.flatnonzero(np.diff(numbers[rows] // BLOCK_ROWS)) + 1
    return np.split(rows, begins)[::-1]


def _halve(rows: Array, reason: str, verdicts: _Verdicts, failing: _Failing, budget: Budget) -> list[Array]:
    """Return what remains to be tried of rows that were refused together."""
    if len(rows) > 1 and budget.left(failing):
        middle = len(rows) // 2
        return [rows[middle:], rows[:middle]]
    verdicts.keys[rows] = BAD
    if len(rows) == 1:
        budget.spend(failing)
        verdicts.reasons[int(rows[0])] = reason
    else:
        verdicts.whole.update(dict.fromkeys(rows.tolist(), reason))
    return []


def _groups(verdicts: Mapping[_Failing, _Verdicts]) -> Iterator[Array]:
    """Yield the rows that share their keys, and whether they were taken apart, for all signatures."""
    import numpy as np

    columns = []
    for found in verdicts.values():
        columns.append(found.keys)
        whole = np.zeros(len(found.keys), np.int64)
        whole[list(found.whole)] = 1
        columns.append(whole)
    _, group = np.unique(np.stack(columns), axis=1, return_inverse=True)
    group = group.reshape(-1)
    for number in range(int(group.max()) + 1):
        yield np.flatnonzero(group == number)


def _failures(verdicts: Mapping[_Failing, _Verdicts], rows: Array, *, is_reference: bool) -> dict[str, RunFailed]:
    failures: dict[str, RunFailed] = {}
    for (side, signature), found in verdicts.items():
        if side is not is_reference or found.keys[rows[0]] != BAD:
            continue
        first = int(rows[0])
        if first in found.whole:
            failures[signature] = RunFailed(found.whole[first])
        else:
            reasons = [found.reasons[row] for row in rows.tolist()]
            failures[signature] = RunFailed(reasons[0], reasons)
    return failures
