"""How long a person waits for an answer about a small model, beside TensorFlow's own tool; and about a large one.

Prints whole-process times of `tfx-savedmodel inspect`, `tfx-savedmodel validate --select SM1`, the same with SM201
(which loads the model with the loader of TensorFlow Serving), and `saved_model_cli show --all` on the same small
model, taken in turns, and their ratios. Reading the graph is to take at most a tenth of the time of TensorFlow's
tool, which imports TensorFlow, and loading too at most a third and 1.5 s; the graph checks of a model of 0.8 GB
at most 1 s. Ends with 1 where one takes longer.
"""

from __future__ import annotations

import argparse
import os
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
INSPECT, GRAPH, LOAD = "tfx-savedmodel inspect", "tfx-savedmodel validate --select SM1", "… --select SM201"
LARGE = "… --select SM1, 0.8 GB"
#: Of the reference's time.
WITHIN = {INSPECT: 1 / 10, GRAPH: 1 / 10, LOAD: 1 / 3}
SECONDS = {LOAD: 1.5, LARGE: 1.0}
LARGE_FLOATS = 200_000_000
MAKE_MODEL = """
import sys
import tensorflow as tf

class Scale(tf.Module):
    def __init__(self):
        super().__init__()
        self.ballast = tf.Variable(tf.zeros([int(sys.argv[2])]))
        self.factor = tf.Variable([[2.0], [3.0]])

    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, name="x")])
    def serve(self, x):
        return {"y": x @ self.factor}

module = Scale()
tf.saved_model.save(module, sys.argv[1], signatures={"serving_default": module.serve})
"""


def commands(model: Path, large: Path) -> dict[str, list[str]]:
    """Return the command lines to compare, by the name that is printed."""
    ours = str(BIN / "tfx-savedmodel")
    return {
        INSPECT: [ours, "inspect", str(model)],
        GRAPH: [ours, "validate", str(model), "--select", "SM1"],
        LOAD: [ours, "validate", str(model), "--select", "SM201"],
        LARGE: [ours, "validate", str(large), "--select", "SM1"],
        REFERENCE: [str(BIN / "saved_model_cli"), "show", "--all", "--dir", str(model)],
    }


def seconds_of(command: list[str]) -> float:
    """Run a command to its end and return its wall time in seconds."""
    # Installed packages have their bytecode; where writing it is forbidden, compiling would be timed with the rest.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    seconds = time.perf_counter() - started
    # 1 and 2 are answers too (not blessed, undecided), as long as there is one on standard output.
    if done.returncode > 2 or not done.stdout.strip():
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return seconds


def measure(model: Path, large: Path, repetitions: int) -> dict[str, list[float]]:
    """Return the times of each command; in turns, so that a busy moment hits all alike."""
    lines = commands(model, large)
    for command in lines.values():
        seconds_of(command)  # the first run reads the disk and writes bytecode
    times: dict[str, list[float]] = {name: [] for name in lines}
    for _ in range(repetitions):
        for name, command in lines.items():
            times[name].append(seconds_of(command))
    return times


def figures(times: Mapping[str, Sequence[float]]) -> list[Figure]:
    """Return the median time of ours as a part of the reference's, and the shortest where a time is promised.

    What else the machine does only adds to a time: the shortest of several is what the program takes.
    """
    medians = {name: statistics.median(values) for name, values in times.items()}
    parts = [Figure(f"{name} / {REFERENCE}", medians[name] / medians[REFERENCE], most) for name, most in WITHIN.items()]
    return parts + [Figure(f"{name}, shortest", min(times[name]), most, " s") for name, most in SECONDS.items()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=5)
    repetitions = parser.parse_args().repetitions
    with tempfile.TemporaryDirectory() as folder:
        model, large = Path(folder) / "model", Path(folder) / "large"
        for path, floats in ((model, 1), (large, LARGE_FLOATS)):
            command = [sys.executable, "-c", MAKE_MODEL, str(path), str(floats)]
            subprocess.run(command, check=True, capture_output=True)
        times = measure(model, large, repetitions)
    reference = statistics.median(times[REFERENCE])
    print(f"Start to answer on a small model, whole process, {repetitions} runs each in turns")
    print(f"{'':38}{'min':>9}{'median':>9}{'faster':>9}")
    for name, values in times.items():
        median = statistics.median(values)
        print(f"{name:38}{min(values):7.2f} s{median:7.2f} s{reference / median:8.1f}x")
    sys.exit(judge(figures(times)))


if __name__ == "__main__":
    main()
