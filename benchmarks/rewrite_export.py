"""What an export costs that only names things again, beside TensorFlow's load and save of the same model.

On a model of some 0.8 GB, written into a temporary directory:

- in one warm process, `export` of an alias, of renamed inputs and outputs, and of another method name,
  and tf.saved_model.load followed by save, taken in turns;
- the command line `tfx-savedmodel export … --keep all` with an alias, and a Python that loads and saves, as
  whole processes;
- how much the peak memory of a process grows by it, for a small model and the big one.

In a warm process an export is to take at most a hundredth of the time of load and save, as a whole process a third;
and the peak is not to grow with the model. The limits are for the default size. Ends with 1 where one is not met.

    python benchmarks/rewrite_export.py [--megabytes 800] [--repetitions 5]
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from judging import Figure, judge

BIN = Path(sys.executable).parent
LOAD_AND_SAVE = "tf.saved_model.load + save"
WITHIN = 1 / 100
WHOLE_PROCESS_WITHIN = 1 / 3
#: MB by which the peak may grow more for the big model than for the small one: what differs from run to run.
PEAK_WITHIN = 8.0

MAKE_MODEL = """
import sys
import tensorflow as tf

class Layers(tf.Module):
    def __init__(self, megabytes):
        super().__init__()
        rows = max(megabytes * (1 << 20) // (4 * 1024 * 4), 1)
        self.tables = [tf.Variable(tf.random.stateless_normal([rows, 1024], [number, 1])) for number in range(4)]

    @tf.function(input_signature=[tf.TensorSpec([None], tf.int32, "row"), tf.TensorSpec([None, 1024], name="x")])
    def serve(self, row, x):
        found = [tf.gather(table, row) for table in self.tables]
        return {"sum": tf.add_n(found) + x, "scaled": found[0] * x}

module = Layers(int(sys.argv[2]))
tf.saved_model.save(module, sys.argv[1], signatures={"serving_default": module.serve})
"""

LOAD_SAVE = """
import sys
import tensorflow as tf

loaded = tf.saved_model.load(sys.argv[1])
signature = loaded.signatures["serving_default"]
tf.saved_model.save(loaded, sys.argv[2], signatures={"serving_default": signature, "again": signature})
"""

# Only Linux tells the peak of a process. A run with a tiny model comes first: every module is imported.
MEMORY = """
import json, sys

def peak():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))

def export(model, destination, plan=json.loads(sys.argv[1])):
    from tfx_savedmodel import export
    export(model, destination, plan=plan)

def load_and_save(model, destination):
    import tensorflow as tf
    loaded = tf.saved_model.load(model)
    tf.saved_model.save(loaded, destination, signatures=dict(loaded.signatures))

way = export if json.loads(sys.argv[1]) else load_and_save
way(sys.argv[2], sys.argv[3])
before = peak()
way(sys.argv[4], sys.argv[5])
print(peak() - before)
"""

ALIAS = {"keep": "all", "signatures": {"again": {"kind": "alias", "of": "serving_default"}}}
PLANS: Mapping[str, Mapping[str, object]] = {
    "export: an alias": ALIAS,
    "export: inputs and outputs renamed": {
        "keep": "all",
        "signatures": {
            "again": {
                "kind": "alias",
                "of": "serving_default",
                "inputs": {"a": "x", "b": "row"},
                "outputs": {"total": "sum"},
            }
        },
    },
    "export: another method name": {
        "signatures": {
            "serving_default": {
                "kind": "alias",
                "of": "serving_default",
                "method_name": "tensorflow/serving/regress",
            }
        },
    },
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=800)
    parser.add_argument("--repetitions", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        model = make_model(root / "model", arguments.megabytes)
        small = make_model(root / "small", 1)
        size = sum(path.stat().st_size for path in model.rglob("*") if path.is_file()) / 1e6
        print(f"Model of {size:.0f} MB, {arguments.repetitions} runs each in turns, seconds are medians")
        warm = measure(in_process(model, root), root, arguments.repetitions)
        report("In a warm process", warm)
        whole = measure(whole_processes(model, root), root, arguments.repetitions)
        report("Whole processes", whole)
        grown = measure_memory(small, model, root)
        report_memory(grown)
    sys.exit(judge(figures(warm, whole, grown)))


def figures(
    warm: Mapping[str, Sequence[float]], whole: Mapping[str, Sequence[float]], grown: Mapping[str, tuple[float, float]]
) -> list[Figure]:
    """Return the ratios of the median times to load and save, and the growth of the peak from small to big."""
    found = []
    for times, within, where in ((warm, WITHIN, "warm"), (whole, WHOLE_PROCESS_WITHIN, "whole process")):
        reference = statistics.median(times[LOAD_AND_SAVE])
        for name, values in times.items():
            if name != LOAD_AND_SAVE:
                found.append(Figure(f"{where}, {name} / load + save", statistics.median(values) / reference, within))
    for name, (small, big) in grown.items():
        if name != LOAD_AND_SAVE:
            found.append(Figure(f"peak memory, {name}, big - small", big - small, PEAK_WITHIN, " MB"))
    return found


def make_model(directory: Path, megabytes: int) -> Path:
    """Save a model whose four tables weigh so much, in a process of its own."""
    subprocess.run([sys.executable, "-c", MAKE_MODEL, str(directory), str(megabytes)], check=True, capture_output=True)
    return directory


def in_process(model: Path, root: Path) -> dict[str, Callable[[], object]]:
    """Return what is measured in this process, TensorFlow's own way first."""
    import tensorflow as tf

    from tfx_savedmodel import export

    def load_and_save() -> None:
        loaded = tf.saved_model.load(str(model))
        signature = loaded.signatures["serving_default"]
        tf.saved_model.save(loaded, str(root / "out"), signatures={"serving_default": signature, "again": signature})

    ways: dict[str, Callable[[], object]] = {LOAD_AND_SAVE: load_and_save}
    for name, plan in PLANS.items():
        ways[name] = lambda plan=plan: rewritten(export(model, root / "out", plan=plan))  # type: ignore[misc]
    return ways


def rewritten(result: object) -> None:
    """See that nothing was traced."""
    if getattr(result, "builder", "") != "rewrite":
        raise SystemExit(f"not a rewrite: {result}")


def whole_processes(model: Path, root: Path) -> dict[str, Callable[[], object]]:
    """Return the command lines that are compared."""
    out = str(root / "out")
    ours = [str(BIN / "tfx-savedmodel"), "export", str(model), out]
    lines = {
        LOAD_AND_SAVE: [sys.executable, "-c", LOAD_SAVE, str(model), out],
        "tfx-savedmodel export --keep all": [*ours, "--keep", "all", "--signature", "again=alias:serving_default"],
    }
    return {name: lambda line=line: run(line) for name, line in lines.items()}  # type: ignore[misc]


def run(line: Sequence[str]) -> str:
    """Run a command and return what it prints; end where it fails."""
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{line[0]} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def measure(ways: Mapping[str, Callable[[], object]], root: Path, repetitions: int) -> dict[str, list[float]]:
    """Return the seconds of each way, in turns, so that a busy moment hits all alike."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(repetitions + 1):  # the first round reads the disk and imports
        for name, way in ways.items():
            started = time.perf_counter()
            way()
            if number:
                times[name].append(time.perf_counter() - started)
            shutil.rmtree(root / "out")
    return times


def report(title: str, times: Mapping[str, list[float]]) -> None:
    """Print medians and their ratios to load and save."""
    reference = statistics.median(times[LOAD_AND_SAVE])
    print(f"{title:38}{'min':>11}{'median':>11}{'ratio':>10}")
    for name, values in times.items():
        median = statistics.median(values)
        print(f"  {name:36}{min(values):9.4f} s{median:9.4f} s{median / reference:10.4f}")


def measure_memory(small: Path, big: Path, root: Path) -> dict[str, tuple[float, float]]:
    """Return by how many MB the peak of a process that has done the same before grows, for both models."""
    found = {}
    for name, plan in {LOAD_AND_SAVE: {}, **PLANS}.items():
        grown = []
        for model in (small, big):
            warm, out = str(root / "warm"), str(root / "out")
            answer = run([sys.executable, "-c", MEMORY, json.dumps(plan), str(small), warm, str(model), out])
            grown.append(int(answer.split()[-1]) / 1024)
            for made in (warm, out):
                shutil.rmtree(made)
        found[name] = (grown[0], grown[1])
    return found


def report_memory(grown: Mapping[str, tuple[float, float]]) -> None:
    """Print the growth for both models."""
    print(f"{'Growth of the peak memory':38}{'small':>11}{'big':>11}")
    for name, (small, big) in grown.items():
        print(f"  {name:36}{small:8.1f} MB{big:8.1f} MB")


if __name__ == "__main__":
    main()
