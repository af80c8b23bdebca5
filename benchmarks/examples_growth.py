"""Ten times the examples: the same memory, ten times the time.

SM301 to SM303 over gzipped TFRecords of few and of ten times as many small examples, in turns, each run in a process of
its own. The peak memory is that of the largest of the run's processes and that of the process which asked for it,
added; of many examples it is to be at most 1.1 times that of few. The time is that between the end of the first and of
the last batch, by example; of many it is to be within 10% of that of few. Ends with 1 where a limit is missed. Linux.

    python benchmarks/examples_growth.py [--few 200000] [--many 2000000] [--rounds 3]
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from judging import Figure, judge
from making import checked, in_turns, save_model, write_examples

FEW, MANY = "few", "many"
MORE_MEMORY = 1.1
SLOWER, FASTER = 1.1, 0.9

#: Seconds and CPU seconds by example, peak bytes.
Run = tuple[float, float, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--few", type=int, default=200_000)
    parser.add_argument("--many", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", nargs=2, metavar=("MODEL", "FILE"), help="run these, and print what that took as JSON")
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(one(*arguments.one)))
        return
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), {FEW: arguments.few, MANY: arguments.many}, arguments.rounds)
    sys.exit(judge(figures(found)))


def measure(folder: Path, counts: Mapping[str, int], rounds: int) -> dict[str, list[Run]]:
    """Return the runs over files of so many examples."""
    model = save_model(folder / "model")
    files = {name: write_examples(folder / f"{name}.gz", count) for name, count in counts.items()}
    return in_turns({name: lambda file=file: in_a_process(model, file) for name, file in files.items()}, rounds)


def in_a_process(model: str, file: str) -> Run:
    """Run `one` in a process of its own."""
    command = [sys.executable, __file__, "--one", model, file]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    seconds, cpu, peak = json.loads(done.stdout.splitlines()[-1])
    return seconds, cpu, peak


def one(model: str, file: str) -> Run:
    """Run the checks once; return the seconds and CPU seconds by example and the peak memory in bytes."""
    stretch = checked(model, file).stretch
    used = (resource.getrusage(who).ru_maxrss << 10 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return stretch.seconds / stretch.examples, stretch.cpu_seconds / stretch.examples, sum(used)


def figures(found: Mapping[str, Sequence[Run]]) -> list[Figure]:
    """Print the shortest times and the largest peaks, and return the ratios."""
    times = {name: min(seconds for seconds, _, _ in runs) for name, runs in found.items()}
    busy = {name: min(cpu for _, cpu, _ in runs) for name, runs in found.items()}
    peaks = {name: max(peak for _, _, peak in runs) for name, runs in found.items()}
    for name in found:
        rates = f"{1 / times[name]:>12,.0f} examples/s {1 / busy[name]:>12,.0f} examples/CPU s"
        print(f"{name:<6} {rates} {peaks[name] / 1e6:>10,.0f} MB")
    time_ratio = times[MANY] / times[FEW]
    return [
        Figure(f"peak memory, {MANY} / {FEW}", peaks[MANY] / peaks[FEW], MORE_MEMORY),
        Figure(f"time by example, {MANY} / {FEW}", time_ratio, SLOWER),
        Figure("the same, no less", time_ratio, FASTER, at_least=True),
    ]


if __name__ == "__main__":
    main()
