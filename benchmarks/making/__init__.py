"""What the benchmarks of the example checks share: models, files of examples, and the time between two batches."""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tfx_savedmodel.validation.check import ExampleCheck, ExamplesRun
from tfx_savedmodel.validation.result import Finding

FEATURES = 8
SERVING = "serving_default"


@dataclasses.dataclass(frozen=True)
class Stretch:
    """From the end of one batch to the end of a later one: clock and CPU seconds of a process, examples between."""

    begun: float
    ended: float
    cpu_begun: float
    cpu_ended: float
    examples: int

    @property
    def seconds(self) -> float:
        """Wall time."""
        return self.ended - self.begun

    @property
    def cpu_seconds(self) -> float:
        """CPU time of the process, all threads."""
        return self.cpu_ended - self.cpu_begun


@dataclasses.dataclass(frozen=True)
class Stopwatch(ExampleCheck):
    """Takes the time at the end of each batch.

    Why: what is before the first batch and behind the last one is the start and end of processes.
    Remedy: none is needed.
    """

    code = "SM390"
    name = "stopwatch"

    def measure(self, run: ExamplesRun) -> Stretch:
        now, cpu = time.time(), time.process_time()
        return Stretch(now, now, cpu, cpu, 0 if run.ordinal == 0 else run.size)

    def merge(self, a: Stretch, b: Stretch) -> Stretch:
        return Stretch(
            min(a.begun, b.begun),
            max(a.ended, b.ended),
            min(a.cpu_begun, b.cpu_begun),
            max(a.cpu_ended, b.cpu_ended),
            a.examples + b.examples,
        )

    def judge(self, total: Stretch) -> Iterator[Finding]:
        yield from ()

    def measurements(self, total: Stretch) -> Mapping[str, Any]:
        return dataclasses.asdict(total)


@dataclasses.dataclass(frozen=True)
class Timed:
    """A whole run: its stretch, its seconds with start and end, those from the call to the end of the first batch."""

    stretch: Stretch
    seconds: float
    to_first: float
    examples: int


def checked(model: str, *files: str, beam_args: tuple[str, ...] = (), told: dict[str, float] | None = None) -> Timed:
    """Run SM301 to SM303 over the files, through Beam; `told` gets the time of each line of progress.

    Raises:
      SystemExit: a check did not pass.
    """
    from tfx_savedmodel.beam.example_checks import ExampleCheckRequest, run_example_checks
    from tfx_savedmodel.beam.launch import pipeline_maker
    from tfx_savedmodel.validation.checks.finite_outputs import FiniteOutputs
    from tfx_savedmodel.validation.checks.output_specs import OutputSpecs
    from tfx_savedmodel.validation.checks.runs_on_examples import RunsOnExamples

    def tell(line: str) -> None:
        if told is not None:
            told[line.partition(" ")[0]] = time.time()

    started = time.time()
    request = ExampleCheckRequest(model, files, (RunsOnExamples(), FiniteOutputs(), OutputSpecs(), Stopwatch()))
    *results, watched = run_example_checks(request, pipeline_maker(beam_args), tell)
    seconds = time.time() - started
    if any(result.verdict.value != "PASS" for result in [*results, watched]):
        raise SystemExit(f"not passed: {[*results, watched]}")
    stretch = Stretch(**watched.measurements)
    return Timed(stretch, seconds, stretch.begun - started, int(results[0].measurements["examples"]))


def save_model(directory: Path, width: int = 0, signatures: int = 0) -> str:
    """Save a model whose signature `serving_default` parses its examples: one product of 8 features.

    Args:
      directory: where.
      width: with it, two hidden layers of so many units.
      signatures: so many signatures of the parsed features in place of it.
    """
    import tensorflow as tf

    sizes = [FEATURES, *([width, width] if width else []), 1]
    names = [f"f{number}" for number in range(FEATURES)]
    module = tf.Module()
    module.weights = [
        tf.Variable(tf.random.stateless_normal([rows, columns], seed=(rows, columns), stddev=rows**-0.5))
        for rows, columns in itertools.pairwise(sizes)
    ]

    def score(features: Mapping[str, Any]) -> Any:
        values = tf.concat([features[name] for name in names], axis=1)
        for number, weights in enumerate(module.weights):
            values = (tf.nn.relu(values) if number else values) @ weights
        return {"score": values}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "examples")])
    def serving_default(examples: Any) -> Any:
        return score(tf.io.parse_example(examples, {name: tf.io.FixedLenFeature([1], tf.float32) for name in names}))

    taking = {name: tf.TensorSpec([None, 1], tf.float32, name) for name in names}
    saved: dict[str, Any] = {SERVING: serving_default}
    if signatures:
        saved = {
            SERVING if number == 0 else f"also_{number}": tf.function(lambda **features: score(features))
            for number in range(signatures)
        }
        saved = {key: function.get_concrete_function(**taking) for key, function in saved.items()}
    module.saved = list(saved.values())
    tf.saved_model.save(module, str(directory), signatures=saved)
    return str(directory)


def write_examples(path: Path, count: int) -> str:
    """Write gzipped TFRecords of examples of which a thousand differ."""
    import tensorflow as tf

    def example(row: int) -> bytes:
        values = {f"f{number}": float((row * 7 + number) % 1000) / 1000 for number in range(FEATURES)}
        features = {name: tf.train.Feature(float_list=tf.train.FloatList(value=[v])) for name, v in values.items()}
        return bytes(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())

    some = [example(row) for row in range(min(count, 1000))]
    with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
        for row in range(count):
            writer.write(some[row * 7919 % len(some)])
    return str(path)


def bare_loop(model: str, file: str, batch_size: int) -> Stretch:
    """Run the file through the signature as shortly as one can write it, and look at nothing."""
    import tensorflow as tf

    serve = tf.saved_model.load(model).signatures[SERVING]
    dataset = tf.data.TFRecordDataset(file, "GZIP", buffer_size=1 << 20).batch(batch_size).prefetch(2)
    begun = cpu_begun = 0.0
    ran = 0
    for records in dataset:
        rows = len(serve(examples=records)["score"].numpy())
        if begun:
            ran += rows
        else:
            begun, cpu_begun = time.time(), time.process_time()
    return Stretch(begun, time.time(), cpu_begun, time.process_time(), ran)


def table(rows: Mapping[str, Stretch], of: str) -> None:
    """Print examples per second of wall and of CPU time, and their ratios to one of the rows."""
    print(f"{'':<34} {'examples/s':>12} {'ratio':>6} {'examples/CPU s':>16} {'ratio':>6}")
    wall, cpu = (rates(rows[of])[number] for number in (0, 1))
    for name, stretch in rows.items():
        own_wall, own_cpu = rates(stretch)
        print(f"{name:<34} {own_wall:>12,.0f} {own_wall / wall:>6.2f} {own_cpu:>16,.0f} {own_cpu / cpu:>6.2f}")


def rates(stretch: Stretch) -> tuple[float, float]:
    """Return examples per second of wall and of CPU time."""
    return stretch.examples / stretch.seconds, stretch.examples / stretch.cpu_seconds


def fastest(runs: list[Stretch]) -> Stretch:
    """Return the shortest run: what else a machine does only adds to a time."""
    return min(runs, key=lambda run: run.seconds)


def in_turns(ways: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, list[Any]]:
    """Return what each way gives in so many rounds, in turns, so that a busy moment hits all alike."""
    found: dict[str, list[Any]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            found[name].append(way())
    return found
