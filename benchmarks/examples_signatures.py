"""Five signatures over the same examples: reading and parsing are paid once.

SM301 to SM303 over gzipped TFRecords, of a model with five signatures that take the parsed features. From the end of
the first batch to the end of the last they are to take at most 1.15 times what the signatures themselves take: the time
of each by itself, on inputs that are in memory, for as many examples, added up. Reading and parsing are paid once, so
they have to be small beside five signatures; by CPU time they are nearly all that the checks' line has more. Ends
with 1 where they take longer.

    python benchmarks/examples_signatures.py [--examples 500000] [--rounds 3] [--width 512]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from judging import Figure, judge
from making import FEATURES, Stretch, checked, fastest, save_model, table, write_examples

SIGNATURES = 5
OF_MODEL = 1.15
ALONE, CHECKED = "the signatures by themselves", "SM301-SM303 on Beam"
BATCH_SIZE = 16384


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=500_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--width", type=int, default=512)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        alone, runs = measure(Path(folder), arguments.examples, arguments.rounds, arguments.width)
    sys.exit(judge(figures(alone, runs)))


def measure(folder: Path, examples: int, rounds: int, width: int) -> tuple[list[Stretch], list[Stretch]]:
    """Return what the signatures take by themselves (all five, added up), and the runs of the checks, in turns."""
    from tfx_savedmodel.beam.hosts.hosting import kept_hosts
    from tfx_savedmodel.saved_model.session import ServingSession

    model = save_model(folder / "model", width, SIGNATURES)
    warm, file = write_examples(folder / "warm.gz", 2000), write_examples(folder / "examples.gz", examples)
    alone: list[Stretch] = []
    runs: list[Stretch] = []
    with kept_hosts(), ServingSession(model) as session:
        checked(model, warm)
        added_up(session, 2 * BATCH_SIZE)
        for _ in range(rounds):
            alone.append(added_up(session, examples))
            runs.append(checked(model, file).stretch)
    return alone, runs


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


def figures(alone: Sequence[Stretch], runs: Sequence[Stretch]) -> list[Figure]:
    """Print the rates, and return the checks' time by example as a part of the signatures' own."""
    own, whole = fastest(list(alone)), fastest(list(runs))
    table({ALONE: own, CHECKED: whole}, ALONE)
    print()
    ratio = (whole.seconds / whole.examples) / (own.seconds / own.examples)
    return [Figure(f"{CHECKED} / {ALONE}", ratio, OF_MODEL)]


if __name__ == "__main__":
    main()
