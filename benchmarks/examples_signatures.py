"""Five signatures over the same examples: reading and parsing are paid once.

SM301 to SM303 over gzipped TFRecords, of a model with five signatures that take the parsed features. What the
signatures themselves take is the time of each by itself, on inputs that are in memory, for as many examples, added
up. Two figures, from the end of the first batch to the end of the last:

- all of it, on a model beside which reading and parsing once are small: at most 1.15 times the signatures' own time;
- on a small model, where reading an example takes longer than any signature: what four more signatures add to the
  run with one, at most 1.15 times their own time. By CPU time, of which there is little to compare on a busy machine.

Ends with 1 where they take longer.

    python benchmarks/examples_signatures.py [--examples 500000] [--rounds 3] [--width 512] [--small-width 128]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from judging import Figure, judge
from making import FEATURES, Stretch, checked, fastest, in_turns, save_model, table, write_examples

SIGNATURES = 5
OF_MODEL = 1.15
ALONE, CHECKED, ONE = "the signatures by themselves", "SM301-SM303 on Beam", "the same, on one signature"
BATCH_SIZE = 16384


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=500_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--small-width", type=int, default=128)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = write_examples(Path(folder) / "examples.gz", arguments.examples)
        large = measure(Path(folder, "large"), file, arguments.examples, arguments.rounds, arguments.width)
        small = measure(Path(folder, "small"), file, arguments.examples, arguments.rounds, arguments.small_width)
    sys.exit(judge([whole(large), added(small)]))


def measure(folder: Path, file: str, examples: int, rounds: int, width: int) -> dict[str, Stretch]:
    """Return the shortest of each, in turns: the signatures by themselves, and the checks on five and on one."""
    from tfx_savedmodel.beam.hosts.hosting import kept_hosts
    from tfx_savedmodel.saved_model.session import ServingSession

    five, single = save_model(folder / "five", width, SIGNATURES), save_model(folder / "one", width, 1)
    warm = write_examples(folder / "warm.gz", 2000)
    with kept_hosts(), ServingSession(five) as session:
        checked(five, warm)
        checked(single, warm)
        added_up(session, 2 * BATCH_SIZE)
        ways: dict[str, Callable[[], Stretch]] = {
            ALONE: lambda: added_up(session, examples),
            CHECKED: lambda: checked(five, file).stretch,
            ONE: lambda: checked(single, file).stretch,
        }
        runs = in_turns(ways, rounds)
    print(f"\nTwo hidden layers of {width}")
    best = {name: fastest(list(stretches)) for name, stretches in runs.items()}
    table(best, ALONE)
    return best


def added_up(session: Any, examples: int) -> Stretch:
    """Run one signature after the other on made-up inputs; return the time of all."""
    import numpy as np

    batches = max(1, round(examples / BATCH_SIZE))
    inputs = {
        f"f{number}": np.linspace(0, 1, BATCH_SIZE, dtype=np.float32).reshape(-1, 1) for number in range(FEATURES)
    }
    begun, cpu_begun = time.time(), time.process_time()
    for signature in session.signatures:
        for _ in range(batches):
            session.run(signature, inputs)
    return Stretch(begun, time.time(), cpu_begun, time.process_time(), batches * BATCH_SIZE)


def whole(best: Mapping[str, Stretch]) -> Figure:
    """Return the checks' time by example on all signatures as a part of the signatures' own."""
    own, run = best[ALONE], best[CHECKED]
    ratio = (run.seconds / run.examples) / (own.seconds / own.examples)
    return Figure("large model: five signatures / by themselves", ratio, OF_MODEL)


def added(best: Mapping[str, Stretch]) -> Figure:
    """Return the CPU time that more signatures add to one, as a part of their own."""
    own, run, single = (best[name].cpu_seconds / best[name].examples for name in (ALONE, CHECKED, ONE))
    more = own * (SIGNATURES - 1) / SIGNATURES
    return Figure("small model: four more signatures / by themselves", (run - single) / more, OF_MODEL)


if __name__ == "__main__":
    main()
