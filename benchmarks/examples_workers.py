"""Two workers of the example checks beside one, on a model that computes: each worker held to one core.

SM301 to SM303 over gzipped TFRecords, on Beam's local runner with worker processes, in turns with one and with two of
them. A batch of 64 examples takes the model about 10 ms on one core. What is compared is the time from the end of the
first batch to the end of the last, so the start of the processes is left out, but for the moment that one worker
starts before the other; the runs have to be long beside that. Two workers are to take 1.7 times less. Ends with 1 where
they take longer. Linux.

    python benchmarks/examples_workers.py [--examples 300000] [--rounds 3] [--width 1536]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from judging import Figure, judge
from making import Stretch, checked, fastest, in_turns, save_model, table, write_examples

ONE, TWO = "1 worker", "2 workers"
FASTER = 1.7
SHARDS = 8
#: Python runs it when it starts: a process that may use several cores takes the next one for itself and its children.
PIN = """
import os
cores = sorted(os.sched_getaffinity(0))
if "WORKER_CORES" in os.environ and len(cores) > 1:
    for core in cores:
        try:
            os.close(os.open(os.path.join(os.environ["WORKER_CORES"], str(core)), os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            continue
        os.sched_setaffinity(0, {core})
        break
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--width", type=int, default=1536)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), arguments.examples, arguments.rounds, arguments.width)
    sys.exit(judge(figures(found)))


def measure(folder: Path, examples: int, rounds: int, width: int) -> dict[str, list[Stretch]]:
    """Return the stretches of the runs with one worker and with two."""
    model = save_model(folder / "model", width=width)
    files = [write_examples(folder / f"part-{number}.gz", examples // SHARDS) for number in range(SHARDS)]
    (folder / "pin").mkdir()
    (folder / "pin" / "sitecustomize.py").write_text(PIN)
    here = str(Path(__file__).parent)
    before = os.environ.get("PYTHONPATH", "")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(folder / "pin"), here, *([before] if before else [])])
    print(f"a batch of 64 takes {batch_seconds(model) * 1000:.1f} ms on one core")
    ways = {ONE: lambda: run(model, files, folder, 1), TWO: lambda: run(model, files, folder, 2)}
    return in_turns(ways, rounds)


def batch_seconds(model: str) -> float:
    """Return the shortest time of a batch of 64 with one thread."""
    import time

    import tensorflow as tf
    from making import SERVING

    from tfx_savedmodel.saved_model.session import ServingSession

    feature = tf.train.Feature(float_list=tf.train.FloatList(value=[0.5]))
    one = tf.train.Example(features=tf.train.Features(feature={f"f{number}": feature for number in range(8)}))
    rows = [one.SerializeToString()] * 64
    times = []
    with ServingSession(model, threads=1) as session:
        for _ in range(20):
            started = time.perf_counter()
            session.run(SERVING, {"examples": rows})
            times.append(time.perf_counter() - started)
    return min(times)


def run(model: str, files: Sequence[str], folder: Path, workers: int) -> Stretch:
    """Run the checks with so many worker processes, each of them on a core of its own."""
    with tempfile.TemporaryDirectory(dir=folder) as cores:
        os.environ["WORKER_CORES"] = cores
        try:
            arguments = ("--runner=FnApiRunner", "--direct_running_mode=multi_processing")
            timed = checked(model, *files, beam_args=(*arguments, f"--direct_num_workers={workers}"))
        finally:
            del os.environ["WORKER_CORES"]
        taken = len(list(Path(cores).iterdir()))
    if taken != workers:
        raise SystemExit(f"{taken} cores were taken by {workers} worker(s)")
    return timed.stretch


def figures(found: Mapping[str, Sequence[Stretch]]) -> list[Figure]:
    """Print the rates, and return how much faster two workers are."""
    best = {name: fastest(list(runs)) for name, runs in found.items()}
    table(best, ONE)
    print("(CPU time is of one worker only)\n")
    return [Figure(f"{TWO} / {ONE}", best[ONE].seconds / best[TWO].seconds, FASTER, at_least=True)]


if __name__ == "__main__":
    main()
