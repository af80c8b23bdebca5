"""Runs shards in a process of their own; what ends that process is a fault of the examples it was running."""

from __future__ import annotations

import dataclasses
import threading
import weakref
from collections.abc import Iterator
from typing import Any

from tfx_savedmodel.beam.hosts.hosting import ExampleHost, give_back, take_host
from tfx_savedmodel.beam.hosts.messages import MEMORY, TIMEOUT, Death, seconds_for
from tfx_savedmodel.beam.reading.shards import Shard
from tfx_savedmodel.beam.running.recorder import LOAD, LOAD_REFERENCE
from tfx_savedmodel.beam.running.tally import Tally, add_fault, empty_tally, merge_tallies
from tfx_savedmodel.beam.running.worker import WorkerSettings, rows_read
from tfx_savedmodel.errors import WorkerError
from tfx_savedmodel.validation.policy import Limits

#: A process is restarted so often; a batch of a thousand is halved down to one example within it.
MOST_DEATHS = 16
#: Each of these has cost the whole time limit, so no batch is halved for them.
MOST_TIMEOUTS = 3
#: Where records that are read together take too much memory, so many times fewer are read: nothing tells their sizes.
FEWER_READ = 8
#: So many hosts are replaced that were lost: to the machine's killer when memory is short, say.
MOST_LOST_HOSTS = 3


@dataclasses.dataclass
class _Own:
    """The host that a runner has now; `usable` while nothing is asked of it."""

    host: ExampleHost
    usable: bool = False


class GuardedRunner:
    """Shards through one process, which is restarted when a model ends it. Several threads may share it.

    A batch that ends the process is halved until the example is found, then the rest of the shard is
    run. After MOST_DEATHS, or MOST_TIMEOUTS, nothing more is run. A host that is lost is replaced, and
    what it ran is run again: an engine would run the shard again too, but in this very process.
    """

    def __init__(self, settings: WorkerSettings, host: ExampleHost | None = None) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._deaths = 0
        self._timeouts = 0
        self._load_fault: str | None = None
        self._lost_hosts = 0
        self._own = _Own(host or take_host())
        # The runner goes when its last user does; nobody can know when that is.
        self._close = weakref.finalize(self, _give_back, self._own)
        self._configure()

    def close(self) -> None:
        """End the process."""
        self._close()

    def run(self, shard: Shard) -> Tally:
        """Return what the checks measured on the shard's examples, and what kept others from being run.

        Raises:
          WorkerError: a fault of ours or of the machine.
        """
        with self._lock:
            self._own.usable = False  # until it has answered
            tally = empty_tally(self._settings.checks)
            for part in self._run(shard):
                tally = merge_tallies(self._settings.checks, tally, part)
            self._own.usable = True
        return tally

    def _run(self, part: Shard) -> Iterator[Tally]:
        if self._load_fault is not None:
            yield self._not_loaded(self._load_fault)
            return
        if self._deaths >= MOST_DEATHS or self._timeouts >= MOST_TIMEOUTS:
            yield self._fault(part, "not run: the model had ended its process too often")
            return
        answer = self._answer(part)
        if not isinstance(answer, Death):
            yield answer
            return
        self._deaths += 1
        self._timeouts += answer.end == TIMEOUT
        reason = describe(answer, self._settings.limits)
        if answer.moment.doing == LOAD:
            self._load_fault = reason
            yield self._not_loaded(reason)
        elif answer.moment.doing == LOAD_REFERENCE:
            self._settings = dataclasses.replace(self._settings, reference_fault=reason)
            self._configure()
            yield from self._run(part)
        elif answer.moment.rows < 1 and is_for_memory(answer) and (rows := rows_read(self._settings)) > 1:
            yield self._halved(dataclasses.replace(part, records=None), reason, rows, rows // FEWER_READ)
            yield from self._run(part)
        else:
            before, inside, behind = around(part, answer)
            for rest in before:
                yield from self._run(rest)
            yield from self._take_apart(inside, answer, reason)
            for rest in behind:
                yield from self._run(rest)

    def _answer(self, part: Shard) -> Any:
        while True:
            try:
                return self._own.host.run(part)
            except WorkerError as error:
                self._replace_host(error)
                self._configure()

    def _configure(self) -> None:
        while True:
            try:
                return self._own.host.configure(self._settings, self._settings.limits)
            except WorkerError as error:
                self._replace_host(error)

    def _replace_host(self, error: WorkerError) -> None:
        """Take a new host in a lost one's place; raise an error that is no loss, or one too many."""
        if not self._own.host.lost or self._lost_hosts >= MOST_LOST_HOSTS:
            raise error
        self._lost_hosts += 1
        self._own.host.close()
        self._own.host = ExampleHost()

    def _take_apart(self, batch: Shard, death: Death, reason: str) -> Iterator[Tally]:
        """Run the halves of a batch that ended the process, down to the example that does."""
        rows = batch.examples()
        if rows < 2 or death.end == TIMEOUT or self._deaths >= MOST_DEATHS:
            yield self._fault(batch, reason, death, rows)
            return
        deaths = self._deaths
        for half in halves(batch):
            yield from self._run(half)
        if self._deaths != deaths:
            return  # a half ended it as well, and was taken apart
        if is_for_memory(death):
            yield self._halved(batch, reason, rows, rows // 2)
        else:
            yield self._fault(batch, f"{reason}; its halves, run again, did not end it", death)

    def _halved(self, batch: Shard, reason: str, rows: int, fewer: int) -> Tally:
        """Say that the batch was too large, and make those behind it smaller."""
        self._settings = dataclasses.replace(self._settings, most_rows=max(1, fewer))
        self._configure()
        checks = self._settings.checks
        fault = {"file": batch.file, "record": batch.first_example(), "halved": rows, "reason": reason}
        return add_fault(checks, empty_tally(checks), fault)

    def _fault(self, part: Shard, reason: str, death: Death | None = None, rows: int = 0) -> Tally:
        fault: dict[str, Any] = {"file": part.file, "record": part.first_example(), "lost": rows, "reason": reason}
        fault["died"] = "" if death is None else death.end
        fault["rest_lost"] = part.records is None or part.records == 0
        if death is not None and death.moment.signature:
            fault["signature"] = death.moment.signature
        checks = self._settings.checks
        return add_fault(checks, empty_tally(checks), fault)

    def _not_loaded(self, reason: str) -> Tally:
        checks = self._settings.checks
        return dataclasses.replace(add_fault(checks, empty_tally(checks), {"reason": reason}), load_fault=reason)


def describe(death: Death, limits: Limits) -> str:
    """Say how the process ended and what it was doing."""
    moment = death.moment
    doing = f"{moment.doing} {moment.signature!r}" if moment.signature else moment.doing
    ends = {
        TIMEOUT: f"no answer within {seconds_for(moment, limits):g} s",
        MEMORY: f"its process took more than {limits.memory_bytes:,} bytes",
    }
    said = ends.get(death.end, f"its process ended by {death.end}")
    last = next((line.strip() for line in reversed(death.words.splitlines()) if line.strip()), "")
    return f"{said} while {doing}" + (f": {last[:300]}" if last and death.end not in ends else "")


def is_for_memory(death: Death) -> bool:
    """Tell whether a process ended for want of memory: by our limit, by the kernel, or by an allocation that failed."""
    return death.end == MEMORY or "SIGKILL" in death.end or "bad_alloc" in death.words


def around(part: Shard, death: Death) -> tuple[list[Shard], Shard, list[Shard]]:
    """Return the shard before, of and behind the batch that was run when the process ended.

    What is before is run again: its tally went with the process.
    """
    moment = death.moment
    first = max(moment.record, part.first_record)
    before = [dataclasses.replace(part, records=first - part.first_record)] if first > part.first_record else []
    if moment.rows < 1:  # between two batches: reading itself ended it, and nothing tells what is behind
        return before, dataclasses.replace(part, first_record=first, first_byte=moment.end_byte, records=0), []
    inside = dataclasses.replace(part, first_record=first, first_byte=-1, records=moment.rows)
    left = None if part.records is None else part.first_record + part.records - first - moment.rows
    behind = dataclasses.replace(part, first_record=first + moment.rows, first_byte=moment.end_byte, records=left)
    return before, inside, [] if left is not None and left <= 0 else [behind]


def halves(batch: Shard) -> list[Shard]:
    """Return both halves of a batch of at least two."""
    middle = (batch.records or 0) // 2
    rest = (batch.records or 0) - middle
    return [
        dataclasses.replace(batch, records=middle),
        dataclasses.replace(batch, first_record=batch.first_record + middle, records=rest),
    ]


def _give_back(own: _Own) -> None:
    give_back(own.host, usable=own.usable)
