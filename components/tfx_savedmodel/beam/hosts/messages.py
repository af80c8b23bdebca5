"""What the host of a run on examples is told and answers; what is sent to it beside these is a Shard."""

from __future__ import annotations

import dataclasses

from tfx_savedmodel.beam.running.recorder import RUN, RUN_REFERENCE, Moment
from tfx_savedmodel.validation.policy import Limits

#: The ends that a limit makes of a process; others are a signal or an exit code, in words.
TIMEOUT, MEMORY = "timeout", "memory"


@dataclasses.dataclass(frozen=True)
class Configure:
    """Run shards with these settings from now on: a pickled WorkerSettings, which only the model's process opens."""

    settings: bytes
    limits: Limits


@dataclasses.dataclass(frozen=True)
class Death:
    """How the model's process ended, its last step, and the end of what it printed."""

    end: str
    moment: Moment
    words: str = ""


@dataclasses.dataclass(frozen=True)
class Broken:
    """Our own exception in the model's process, as text."""

    error: str


def seconds_for(moment: Moment, limits: Limits) -> float:
    """Return how long a step may take.

    A batch has a thousand examples, so its run may take as long as a load, or the limit of one run if that is more.
    """
    if moment.doing in (RUN, RUN_REFERENCE):
        return max(limits.seconds, limits.run_seconds)
    return limits.seconds
