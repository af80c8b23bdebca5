"""How long a person waits for an answer about a small model, beside TensorFlow's own tool.

Prints whole-process times of `tfx-savedmodel inspect`, `tfx-savedmodel validate --select SM1` and
`saved_model_cli show --all` on the same model, taken in turns, and their ratios. Each of ours is to take at most a
fifth of the time of TensorFlow's, which imports TensorFlow; ends with 1 where one takes longer.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from judging import Figure, judge

BIN = Path(sys.executable).parent
REFERENCE = "saved_model_cli show --all"
WITHIN = 1 / 5
MAKE_MODEL = """
import sys
import tensorflow as tf

class Scale(tf.Module):
    def __init__(self):
        super().__init__()
        self.factor = tf.Variable([[2.0], [3.0]])

    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, name="x")])
    def serve(self, x):
        return {"y": x @ self.factor}

module = Scale()
tf.saved_model.save(module, sys.argv[1], signatures={"serving_default": module.serve})
"""


def commands(model: Path) -> dict[str, list[str]]:
    """Return the command lines to compare, by the name that is printed."""
    ours = str(BIN / "tfx-savedmodel")
    return {
        "tfx-savedmodel inspect": [ours, "inspect", str(model)],
        "tfx-savedmodel validate --select SM1": [ours, "validate", str(model), "--select", "SM1"],
        REFERENCE: [str(BIN / "saved_model_cli"), "show", "--all", "--dir", str(model)],
    }


def seconds_of(command: list[str]) -> float:
    """Run a command to its end and return its wall time in seconds."""
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - started
    # 1 and 2 are answers too (not blessed, undecided), as long as there is one on standard output.
    if done.returncode > 2 or not done.stdout.strip():
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return seconds


def measure(model: Path, repetitions: int) -> dict[str, list[float]]:
    """Return the times of each command; in turns, so that a busy moment hits all alike."""
    lines = commands(model)
    for command in lines.values():
        seconds_of(command)  # the first run reads the disk and writes bytecode
    times: dict[str, list[float]] = {name: [] for name in lines}
    for _ in range(repetitions):
        for name, command in lines.items():
            times[name].append(seconds_of(command))
    return times


def figures(times: Mapping[str, Sequence[float]]) -> list[Figure]:
    """Return the median time of each of ours as a part of the reference's."""
    medians = {name: statistics.median(values) for name, values in times.items()}
    return [
        Figure(f"{name} / {REFERENCE}", median / medians[REFERENCE], WITHIN)
        for name, median in medians.items()
        if name != REFERENCE
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=5)
    repetitions = parser.parse_args().repetitions
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model"
        subprocess.run([sys.executable, "-c", MAKE_MODEL, str(model)], check=True, capture_output=True)
        times = measure(model, repetitions)
    reference = statistics.median(times[REFERENCE])
    print(f"Start to answer on a small model, whole process, {repetitions} runs each in turns")
    print(f"{'':38}{'min':>9}{'median':>9}{'faster':>9}")
    for name, values in times.items():
        median = statistics.median(values)
        print(f"{name:38}{min(values):7.2f} s{median:7.2f} s{reference / median:8.1f}x")
    sys.exit(judge(figures(times)))


if __name__ == "__main__":
    main()
