"""Examples per second of the example checks on Beam, beside a bare tf.data and session loop.

Prints examples per second of wall time and of CPU time (which a busy machine disturbs less), and the ratios to
the bare loop, measured in turns on one file. CPU time is this process's and that of the process which runs the
model for Beam's workers. Imports and the building of the model are left out, loading it and Beam's own start (some
0.4 s, whatever the size) are not. By CPU time each is to run at least a third as many as the bare loop, which
checks nothing; ends with 1 where one runs fewer. The limit is for the default number of examples.

    python benchmarks/examples_throughput.py [--examples 200000] [--rounds 3] [--batch-size 1024]
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from judging import Figure, judge

if TYPE_CHECKING:
    from tfx_savedmodel.beam.example_checks import ExampleCheckRequest

FEATURES = 8
OF_BARE = 1 / 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=1024)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model = save_model(Path(folder) / "model")
        warm = write_examples(Path(folder) / "warm", 100)
        file = write_examples(Path(folder) / "examples", arguments.examples)
        ways: dict[str, Callable[[str], int]] = {
            "bare tf.data + session": lambda path: bare(model, path, arguments.batch_size),
            "3 checks, without Beam": lambda path: on_a_worker(model, path, arguments.batch_size),
            "1 check on Beam": lambda path: on_beam(model, path, arguments.batch_size, most=1),
            "3 checks on Beam": lambda path: on_beam(model, path, arguments.batch_size, most=3),
            "and SM307, SM308": lambda path: on_beam(model, path, arguments.batch_size, most=5),
        }
        rates: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        from tfx_savedmodel.beam.hosting import kept_hosts

        with kept_hosts() as hosts:
            for way in ways.values():
                way(warm)
            for _ in range(arguments.rounds):
                for name, way in ways.items():
                    rates[name].append(rate(way, file, arguments.examples, [host.pid for host in hosts]))
        report(rates)
    sys.exit(judge(figures(rates)))


def rate(way: Callable[[str], int], file: str, examples: int, hosts: Sequence[int]) -> tuple[float, float]:
    """Return examples per second of wall and of CPU time, having seen that all were run."""
    started, busy = time.perf_counter(), cpu_seconds(hosts)
    ran = way(file)
    seconds, cpu = time.perf_counter() - started, cpu_seconds(hosts) - busy
    if ran != examples:
        raise SystemExit(f"{ran} of {examples} examples were run")
    return examples / seconds, examples / cpu


def cpu_seconds(hosts: Sequence[int]) -> float:
    """Return the CPU time of this process, and of these with the processes that they forked."""
    ticks = 0
    for host in hosts:
        children = Path(f"/proc/{host}/task/{host}/children").read_text(encoding="ascii").split()
        # utime, stime, and those of the children that have ended
        ticks += sum(sum(_fields(pid)[13 : 17 if pid == str(host) else 15]) for pid in [str(host), *children])
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


def _fields(pid: str) -> list[int]:
    """Return /proc/PID/stat as numbers, counted as proc(5) does less one; what is no number is 0."""
    words = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return [0, 0, *(int(word) if word.lstrip("-").isdigit() else 0 for word in words)]


def bare(model: str, file: str, batch_size: int) -> int:
    """Run the file through the model as shortly as one can write it."""
    import tensorflow as tf

    from tfx_savedmodel.saved_model.session import ServingSession

    ran = 0
    with ServingSession(model) as session:
        for records in tf.data.TFRecordDataset(file).batch(batch_size).prefetch(2).as_numpy_iterator():
            ran += len(session.run("serving_default", {"examples": records})["score"])
    return ran


def on_a_worker(model: str, file: str, batch_size: int) -> int:
    """Do with the file what one worker does with a shard."""
    from tfx_savedmodel.beam.example_checks import worker_settings
    from tfx_savedmodel.beam.shard_run import run_shard
    from tfx_savedmodel.beam.shards import Shard
    from tfx_savedmodel.beam.worker import Worker

    return run_shard(Worker(worker_settings(request(model, file, batch_size, most=3))), Shard(file)).examples


def on_beam(model: str, file: str, batch_size: int, most: int) -> int:
    """Run the whole thing with the first `most` checks."""
    from tfx_savedmodel.beam.example_checks import run_example_checks

    results = run_example_checks(request(model, file, batch_size, most))
    if any(result.verdict.value != "PASS" for result in results):
        raise SystemExit(f"not passed: {results}")
    return int(results[0].measurements["ran"]["serving_default"])


def request(model: str, file: str, batch_size: int, most: int) -> ExampleCheckRequest:
    """Return the request of the first `most` checks that need nothing beside the examples."""
    from tfx_savedmodel.beam.example_checks import ExampleCheckRequest
    from tfx_savedmodel.validation.checks.batch_invariance import BatchInvariance
    from tfx_savedmodel.validation.checks.determinism import Determinism
    from tfx_savedmodel.validation.checks.finite_outputs import FiniteOutputs
    from tfx_savedmodel.validation.checks.output_specs import OutputSpecs
    from tfx_savedmodel.validation.checks.runs_on_examples import RunsOnExamples

    checks = (RunsOnExamples(), FiniteOutputs(), OutputSpecs(), BatchInvariance(), Determinism())[:most]
    return ExampleCheckRequest(model, (file,), checks, batch_size=batch_size)


Rates = Mapping[str, Sequence[tuple[float, float]]]


def medians_of(rates: Rates) -> dict[str, tuple[float, float]]:
    """Return the median rates of each way, by wall and by CPU time."""
    return {
        name: (statistics.median(wall for wall, _ in pairs), statistics.median(cpu for _, cpu in pairs))
        for name, pairs in rates.items()
    }


def figures(rates: Rates) -> list[Figure]:
    """Return each way's examples per CPU second as a part of the first's."""
    (bare_way, (_, base)), *others = medians_of(rates).items()
    return [Figure(f"{name} / {bare_way}", cpu / base, OF_BARE, at_least=True) for name, (_, cpu) in others]


def report(rates: Rates) -> None:
    """Print the medians of each way and their ratios to the first."""
    medians = medians_of(rates)
    base_wall, base_cpu = next(iter(medians.values()))
    print(f"{'':<24} {'examples/s':>12} {'ratio':>6} {'examples/CPU s':>16} {'ratio':>6}")
    for name, (wall, cpu) in medians.items():
        print(f"{name:<24} {wall:>12,.0f} {wall / base_wall:>6.2f} {cpu:>16,.0f} {cpu / base_cpu:>6.2f}")


def save_model(directory: Path) -> str:
    """Save a small model that parses its examples."""
    import tensorflow as tf

    module = tf.Module()
    module.weights = tf.Variable(tf.random.stateless_normal([FEATURES, 1], seed=(1, 2)))

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "examples")])
    def serving_default(examples: Any) -> Any:
        spec = {f"f{number}": tf.io.FixedLenFeature([1], tf.float32) for number in range(FEATURES)}
        parsed = tf.io.parse_example(examples, spec)
        return {"score": tf.concat([parsed[name] for name in sorted(parsed)], axis=1) @ module.weights}

    module.serving_default = serving_default
    tf.saved_model.save(module, str(directory), signatures={"serving_default": serving_default})
    return str(directory)


def write_examples(path: Path, count: int) -> str:
    """Write examples of which a thousand differ."""
    import tensorflow as tf

    def example(row: int) -> bytes:
        values = {f"f{number}": float((row * 7 + number) % 1000) / 1000 for number in range(FEATURES)}
        features = {name: tf.train.Feature(float_list=tf.train.FloatList(value=[v])) for name, v in values.items()}
        return bytes(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())

    some = [example(row) for row in range(min(count, 1000))]
    with tf.io.TFRecordWriter(str(path)) as writer:
        for row in range(count):
            writer.write(some[row % len(some)])
    return str(path)


if __name__ == "__main__":
    main()
