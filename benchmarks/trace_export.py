"""What a trace export costs beside tf.saved_model.save of the same functions from the same loaded object.

On a small model: one signature, then twice as many, each as `tfx_savedmodel.export` and as
`tf.saved_model.save`, in turns in one warm process. Prints medians and their ratios; the first is to be
at most 1.1, the second at most 2; ends with 1 where one is not.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from judging import Figure, judge

from tfx_savedmodel import export

SIGNATURES = 8
TO_SAVE_WITHIN = 1.1
TWICE_WITHIN = 2.0


def make_model(directory: Path) -> Any:
    """Save and restore a small model of dense layers; return the restored object."""
    import tensorflow as tf

    class Layers(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weights = [tf.Variable(tf.random.normal([64, 64])) for _ in range(8)]

        @tf.function(input_signature=[tf.TensorSpec([None, 64], tf.float32, name="x")])
        def score(self, x: Any) -> Any:
            for weight in self.weights:
                x = tf.nn.relu(x @ weight)
            return {"scores": x}

    module = Layers()
    tf.saved_model.save(module, str(directory), signatures={"serving_default": module.score})
    return tf.saved_model.load(str(directory))


def ways(loaded: Any, root: Path) -> dict[str, Callable[[], None]]:
    """Return what is timed, by name."""
    import tensorflow as tf

    def ours(count: int) -> Callable[[], None]:
        plan = {f"signature_{index}": {"kind": "function", "path": "score"} for index in range(count)}
        return lambda: _cleared(root, lambda out: export(loaded, out, plan=plan))

    def theirs(count: int) -> Callable[[], None]:
        def save(out: Path) -> None:
            function = loaded.score.concrete_functions[0]
            signatures = {f"signature_{index}": function for index in range(count)}
            tf.saved_model.save(loaded, str(out), signatures=signatures)

        return lambda: _cleared(root, save)

    return {
        f"export, {SIGNATURES} signatures": ours(SIGNATURES),
        f"tf.saved_model.save, {SIGNATURES} signatures": theirs(SIGNATURES),
        f"export, {2 * SIGNATURES} signatures": ours(2 * SIGNATURES),
        f"tf.saved_model.save, {2 * SIGNATURES} signatures": theirs(2 * SIGNATURES),
    }


def _cleared(root: Path, write: Callable[[Path], Any]) -> None:
    out = root / "out"
    write(out)
    shutil.rmtree(out)


def measure(timed: dict[str, Callable[[], None]], repetitions: int) -> dict[str, list[float]]:
    """Return the seconds of each; in turns, so that a busy moment hits all alike."""
    seconds: dict[str, list[float]] = {name: [] for name in timed}
    for call in timed.values():
        call()  # warm
    for _ in range(repetitions):
        for name, call in timed.items():
            started = time.process_time()
            call()
            seconds[name].append(time.process_time() - started)
    return seconds


def figures(seconds: Mapping[str, Sequence[float]]) -> list[Figure]:
    """Return the ratios of the medians, which come in the order of `ways`."""
    one, theirs_one, two, _ = map(statistics.median, seconds.values())
    return [
        Figure("export / tf.saved_model.save", one / theirs_one, TO_SAVE_WITHIN),
        Figure("twice the signatures", two / one, TWICE_WITHIN),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=9)
    repetitions = parser.parse_args().repetitions
    with tempfile.TemporaryDirectory(prefix="tfx-savedmodel-") as folder:
        root = Path(folder)
        loaded = make_model(root / "model")
        seconds = measure(ways(loaded, root), repetitions)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    print(f"trace export, CPU seconds, median of {repetitions}")
    for name, median in medians.items():
        print(f"  {name:<40} {median:.3f} s  ({min(seconds[name]):.3f} to {max(seconds[name]):.3f})")
    sys.exit(judge(figures(seconds)))


if __name__ == "__main__":
    main()
