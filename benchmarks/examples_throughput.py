"""The example checks beside a bare tf.data loop and beside tfx_bsl's RunInference, on one worker.

Three ways over gzipped TFRecords of small examples through one small signature, in turns:

- a bare loop of tf.data and the signature, at the best of some batch sizes, which checks nothing;
- SM301 to SM303 through Beam, in memory. Between the end of the first and of the last batch it is to run 0.85 of
  the bare loop's examples per second;
- tfx_bsl's RunInference on the same runner, over fewer examples. As a whole run, start and end included, the
  checks are to run 30 times as many per second.

Imports are left out on both sides: what is measured was run before on a few examples. Then the time to the first
batch is told, and what it consists of. CPU time is printed too, which a busy machine disturbs less. Ends with 1 where
a limit is missed; the limits are for the default numbers of examples.

    python benchmarks/examples_throughput.py [--examples 2000000] [--inference-examples 200000] [--rounds 3]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from judging import Figure, judge
from making import Stretch, Timed, bare_loop, checked, fastest, in_turns, save_model, table, write_examples

BATCH_SIZES = (1024, 4096, 16384)
OF_BARE = 0.85
OF_INFERENCE = 30.0
CHECKS, INFERENCE = "SM301-SM303 on Beam", "RunInference"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=2_000_000)
    parser.add_argument("--inference-examples", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found, told = measure(folder, arguments.examples, arguments.inference_examples, arguments.rounds)
        verdict = figures(found, arguments.inference_examples)
        print_start(found[CHECKS], told, parts_of_start(folder))
    sys.exit(judge(verdict))


def measure(folder: Path, examples: int, inference: int, rounds: int) -> tuple[dict[str, list[Any]], dict[str, float]]:
    """Return each way's runs (`Stretch`, `Timed`, seconds), and when the checks' last run told what."""
    from tfx_savedmodel.beam.hosts.hosting import kept_hosts

    model = save_model(folder / "model")
    warm = write_examples(folder / "warm.gz", 2000)
    file = write_examples(folder / "examples.gz", examples)
    fewer = write_examples(folder / "fewer.gz", inference)
    told: dict[str, float] = {}
    with kept_hosts():
        in_turns(ways_over(model, warm, warm, told), 1)
        return in_turns(ways_over(model, file, fewer, told), rounds), told


def ways_over(model: str, file: str, fewer: str, told: dict[str, float]) -> dict[str, Callable[[], Any]]:
    """Return each way over a file, and RunInference over one with fewer examples."""
    return {
        **{f"bare, batches of {size:,}": partial(bare_loop, model, file, size) for size in BATCH_SIZES},
        CHECKS: partial(checked, model, file, told=told),
        INFERENCE: partial(run_inference, model, fewer),
    }


def figures(found: Mapping[str, Sequence[Any]], inference: int) -> list[Figure]:
    """Print the rates, and return the checks' as parts of the others'."""
    bare = {name: fastest(list(runs)) for name, runs in found.items() if name not in (CHECKS, INFERENCE)}
    best = max(bare, key=lambda name: bare[name].examples / bare[name].seconds)
    runs: Sequence[Timed] = found[CHECKS]
    own = fastest([run.stretch for run in runs])
    print("Between the end of the first and of the last batch; the shortest run of each")
    table({**bare, CHECKS: own}, best)
    whole = max(run.examples / run.seconds for run in runs)
    other = inference / min(found[INFERENCE])
    print(f"\nWhole runs, examples per second: {CHECKS} {whole:,.0f}, {INFERENCE} {other:,.0f}\n")
    return [
        Figure(f"{CHECKS} / {best}", _rate(own) / _rate(bare[best]), OF_BARE, at_least=True),
        Figure(f"{CHECKS} / {INFERENCE}, whole runs", whole / other, OF_INFERENCE, at_least=True),
    ]


def _rate(stretch: Stretch) -> float:
    return stretch.examples / stretch.seconds


def run_inference(model: str, file: str) -> float:
    """Return the seconds of tfx_bsl's RunInference over the file, on the same runner."""
    import apache_beam as beam
    import tensorflow as tf
    from tfx_bsl.public.beam import RunInference
    from tfx_bsl.public.proto import model_spec_pb2

    from tfx_savedmodel.beam.launch import pipeline_maker

    spec = model_spec_pb2.InferenceSpecType(saved_model_spec=model_spec_pb2.SavedModelSpec(model_path=model))
    started = time.perf_counter()
    with pipeline_maker()() as pipeline:
        _ = (
            pipeline
            | beam.io.ReadFromTFRecord(file)
            | beam.Map(tf.train.Example.FromString)
            | RunInference(spec)
            | beam.combiners.Count.Globally()
        )
    return time.perf_counter() - started


def parts_of_start(folder: Path) -> dict[str, float]:
    """Return the seconds of what a start consists of, each by itself; imports too, which are not in the others."""
    from tfx_savedmodel.beam.example_checks import ExampleCheckRequest, worker_settings
    from tfx_savedmodel.beam.reading.shards import Shard
    from tfx_savedmodel.beam.running.shard_run import run_shard
    from tfx_savedmodel.beam.running.worker import Worker
    from tfx_savedmodel.validation.checks.runs_on_examples import RunsOnExamples

    warm = str(folder / "warm.gz")
    request = ExampleCheckRequest(str(folder / "model"), (warm,), (RunsOnExamples(),), batch_size=256)
    settings = worker_settings(request)
    parts: dict[str, float] = {}

    def timed(name: str, work: Any) -> Any:
        started = time.perf_counter()
        given = work()
        parts[name] = time.perf_counter() - started
        return given

    timed("an empty pipeline of Beam", _empty_pipeline)
    worker = timed("loading the model", lambda: Worker(settings))
    timed(
        "the first batch: reading begins, the graph is pruned",
        lambda: run_shard(worker, Shard(warm, 0, 0, 256)),
    )
    for module in ("tensorflow", "apache_beam"):
        command = [sys.executable, "-c", f"import {module}"]
        timed(f"import {module} (left out above)", partial(subprocess.run, command, check=True, capture_output=True))
    return parts


def _empty_pipeline() -> None:
    import apache_beam as beam

    from tfx_savedmodel.beam.launch import pipeline_maker

    with pipeline_maker()() as pipeline:
        _ = pipeline | beam.Create([1], reshuffle=False) | beam.Reshuffle() | beam.Map(str)


def print_start(runs: Sequence[Timed], told: Mapping[str, float], parts: Mapping[str, float]) -> None:
    """Print how long the first batch of the checks' runs took to come, and the seconds of its parts."""
    last = runs[-1]
    planning = told["running"] - told["looking"]
    print(f"The first batch of {CHECKS} was done {last.to_first:.2f} s after the call (the last of the runs)")
    print(f"  {planning:6.2f} s  planning: the graph, some examples, how each signature is fed")
    print(f"  {last.to_first - planning:6.2f} s  the rest, which has these parts, each measured by itself:")
    for name, seconds in parts.items():
        print(f"  {seconds:14.2f} s  {name}")
    print()


if __name__ == "__main__":
    main()
