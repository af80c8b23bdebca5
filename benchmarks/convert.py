"""What a conversion costs beside TensorFlow's own calls for the same model: time and peak memory.

Each run is a whole process that loads a Keras model (keras.applications.MobileNetV2 with random weights, by default)
from a .keras file and writes an Estimator's SavedModel with a raw receiver, all in turns:

- tf.keras.models.load_model, model_to_estimator and export_saved_model, nothing else;
- tfx_savedmodel.convert without the comparison, and with it. Its peak is that of both its processes together.

Without the comparison neither may be more than 1.3 times TensorFlow's. Ends with 1 where that is not met, or where the
installed TensorFlow has no tf.estimator to compare with.

    python benchmarks/convert.py [--repetitions 3] [--size 160]
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from judging import Figure, judge

BARE = "model_to_estimator + export_saved_model"
WITHOUT = "convert, not compared"
WITH = "convert, compared"
WITHIN = 1.3

MAKE_MODEL = """
import sys
import tensorflow as tf

model = tf.keras.applications.MobileNetV2(weights=None, input_shape=(int(sys.argv[2]), int(sys.argv[2]), 3))
model.save(sys.argv[1])
"""

_PEAK = """
import resource
print(sum(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))
"""

_OURS = """
import sys
from tfx_savedmodel import convert

convert(sys.argv[1], sys.argv[2], receiver="raw", compare={compare})
"""

SCRIPTS = {
    BARE: """
import sys
import tensorflow as tf

model = tf.keras.models.load_model(sys.argv[1])
model.compile("sgd", "mse")
estimator = tf.keras.estimator.model_to_estimator(model, model_dir=sys.argv[2] + "/model_dir")

def receiver():
    raw = {
        name: tf.compat.v1.placeholder(tensor.dtype, tensor.shape, name)
        for name, tensor in zip(names, shapes)
    }
    return tf.estimator.export.ServingInputReceiver(dict(raw), raw)

names, shapes = model.input_names, [tf.TensorSpec(each.shape, each.dtype) for each in model.inputs]
estimator.export_saved_model(sys.argv[2] + "/export", receiver)
"""
    + _PEAK,
    WITHOUT: _OURS.format(compare=False) + _PEAK,
    WITH: _OURS.format(compare=True) + _PEAK,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--size", type=int, default=160)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        model = make_model(root / "model.keras", arguments.size)
        print(f"MobileNetV2 of {arguments.size} pixels, {arguments.repetitions} runs each in turns, medians")
        found = measure(model, root, arguments.repetitions)
    sys.exit(judge(figures(found)))


def make_model(file: Path, size: int) -> Path:
    """Save the model, in a process of its own."""
    run([sys.executable, "-c", MAKE_MODEL, str(file), str(size)])
    return file


def measure(model: Path, root: Path, repetitions: int) -> dict[str, list[tuple[float, float]]]:
    """Return seconds and MB at the peak of each way, in turns, so that a busy moment hits all alike."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in SCRIPTS}
    for number in range(repetitions + 1):  # the first round reads the disk
        for name, script in SCRIPTS.items():
            out = root / "out"
            started = time.perf_counter()
            printed = run([sys.executable, "-c", script, str(model), str(out)])
            seconds = time.perf_counter() - started
            if number:
                found[name].append((seconds, int(printed.split()[-1]) / 1024))
            shutil.rmtree(out)
    return found


def figures(found: Mapping[str, Sequence[tuple[float, float]]]) -> list[Figure]:
    """Print the medians and their ratios to TensorFlow's; return those that have a limit."""
    medians = {name: [statistics.median(values) for values in zip(*runs, strict=True)] for name, runs in found.items()}
    bare = medians[BARE]
    judged = []
    for name, (seconds, megabytes) in medians.items():
        ratios = seconds / bare[0], megabytes / bare[1]
        print(f"  {name:40}{seconds:8.2f} s{megabytes:9.0f} MB{ratios[0]:8.2f}{ratios[1]:8.2f}")
        if name == WITHOUT:
            judged = [Figure("time, not compared / bare", ratios[0], WITHIN)]
            judged.append(Figure("peak memory, not compared / bare", ratios[1], WITHIN))
    return judged


def run(line: Sequence[str]) -> str:
    """Run a command and return what it prints; end where it fails."""
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"a process ended with {done.returncode}:\n{done.stdout}{done.stderr[-3000:]}")
    return done.stdout


if __name__ == "__main__":
    main()
