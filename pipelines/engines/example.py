"""A small model and a hundred thousand examples, for whoever wants to see an engine run.

python -m pipelines.engines.example FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

FILES = 8
EXAMPLES = 100_000
_DIFFERENT = 1000


def main() -> None:
    folder = Path(sys.argv[1])
    save_model(folder / "model")
    (folder / "examples").mkdir(parents=True)
    for part in range(FILES):
        write_examples(folder / "examples" / f"part-{part:05d}-of-{FILES:05d}.gz", EXAMPLES // FILES)


def save_model(directory: Path) -> None:
    """Save a model that scores parsed tf.Examples, and another signature that takes the features themselves."""
    import tensorflow as tf

    module = tf.Module()
    module.weight = tf.Variable(0.5)

    def score(x: Any, n: Any) -> Any:
        return {"score": tf.math.sigmoid(module.weight * x + tf.cast(n, tf.float32) / 100.0)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "examples")])
    def serving_default(examples: Any) -> Any:
        spec = {"x": tf.io.FixedLenFeature([1], tf.float32), "n": tf.io.FixedLenFeature([1], tf.int64)}
        return score(**tf.io.parse_example(examples, spec))

    @tf.function(input_signature=[tf.TensorSpec([None, 1], tf.float32, "x"), tf.TensorSpec([None, 1], tf.int64, "n")])
    def serve_raw(x: Any, n: Any) -> Any:
        return score(x, n)

    module.functions = (serving_default, serve_raw)
    signatures = {"serving_default": serving_default, "serve_raw": serve_raw}
    tf.saved_model.save(module, str(directory), signatures=signatures)


def write_examples(path: Path, count: int) -> None:
    """Write a gzip file of examples of the features x (float) and n (int64), of which a thousand differ."""
    import tensorflow as tf

    def example(row: int) -> bytes:
        features = {
            "x": tf.train.Feature(float_list=tf.train.FloatList(value=[row / _DIFFERENT])),
            "n": tf.train.Feature(int64_list=tf.train.Int64List(value=[row % 100])),
        }
        return bytes(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())

    some = [example(row) for row in range(_DIFFERENT)]
    with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
        for row in range(count):
            writer.write(some[row % _DIFFERENT])


if __name__ == "__main__":
    main()
