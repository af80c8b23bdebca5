"""A small model with every kind of signature, and files of examples to run it on."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

#: The features of one example: a float, an int or a bytes, or several of one kind; None is missing.
Row = Mapping[str, Any]


def save_scorer(directory: Path, *, weight: float = 0.5, shift: float = 0.0, log: bool = False) -> str:
    """Save a model of the features `x` (float) and `n` (int64), and return its directory.

    `weight` is used by every signature, `shift` by xai_model alone; with `log` the answer for a
    negative x is NaN.
    """
    import tensorflow as tf

    class Scorer(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = tf.Variable(weight)

        def prepare(self, x: Any, n: Any) -> dict[str, Any]:
            return {"x_xf": x * 2.0, "n_xf": tf.cast(n, tf.float32) / 10.0}

        def score(self, x_xf: Any, n_xf: Any) -> Any:
            logits = self.weight * x_xf + n_xf
            return tf.math.log(logits) if log else tf.math.sigmoid(logits)

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "examples")])
        def serving_default(self, examples: Any) -> Any:
            spec = {"x": tf.io.FixedLenFeature([1], tf.float32), "n": tf.io.FixedLenFeature([1], tf.int64)}
            parsed = tf.io.parse_example(examples, spec)
            return {"probabilities": self.score(**self.prepare(parsed["x"], parsed["n"]))}

        @tf.function(
            input_signature=[tf.TensorSpec([None, 1], tf.float64, "x"), tf.TensorSpec([None, 1], tf.int32, "n")]
        )
        def serve_raw(self, x: Any, n: Any) -> Any:
            return {"probabilities": self.score(**self.prepare(tf.cast(x, tf.float32), n))}

        @tf.function(
            input_signature=[tf.TensorSpec([None, 1], tf.float32, "x"), tf.TensorSpec([None, 1], tf.int64, "n")]
        )
        def xai_preprocess(self, x: Any, n: Any) -> Any:
            return self.prepare(x, n)

        @tf.function(
            input_signature=[tf.TensorSpec([None, 1], tf.float32, "x_xf"), tf.TensorSpec([None, 1], tf.float32, "n_xf")]
        )
        def xai_model(self, x_xf: Any, n_xf: Any) -> Any:
            return {"probabilities": self.score(x_xf, n_xf) + shift}

        @tf.function(input_signature=[tf.TensorSpec([None, 1], tf.float32, "depth")])
        def needs_depth(self, depth: Any) -> Any:
            return {"twice": depth * 2.0}

    scorer = Scorer()
    names = ("serving_default", "serve_raw", "xai_preprocess", "xai_model", "needs_depth")
    signatures = {name: getattr(scorer, name) for name in names}
    tf.saved_model.save(scorer, str(directory), signatures=signatures)
    return str(directory)


def serialized(row: Row) -> bytes:
    """Return a row as a serialized tf.Example."""
    import tensorflow as tf

    features = {name: _feature(value) for name, value in row.items() if value is not None}
    return bytes(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())


def write_records(path: Path, records: Iterable[bytes]) -> str:
    """Write records as TFRecords, gzipped where the name ends in .gz, and return the path."""
    import tensorflow as tf

    with tf.io.TFRecordWriter(str(path), "GZIP" if path.suffix == ".gz" else "") as writer:
        for record in records:
            writer.write(record)
    return str(path)


def good_rows(count: int, start: int = 0) -> list[dict[str, Any]]:
    """Return rows that every signature but `needs_depth` takes."""
    return [{"x": (start + index) / 7.0, "n": start + index} for index in range(count)]


def write_rows(path: Path, rows: Sequence[Row]) -> str:
    """Write rows as a file of examples."""
    return write_records(path, [serialized(row) for row in rows])


def cut(source: str, destination: Path, keep: int) -> str:
    """Copy the first `keep` bytes of a file."""
    destination.write_bytes(Path(source).read_bytes()[:keep])
    return str(destination)


def uncompressed_size(path: str) -> int:
    with gzip.open(path) as stream:
        return len(stream.read())


def _feature(value: Any) -> Any:
    import tensorflow as tf

    values = value if isinstance(value, list) else [value]
    if isinstance(values[0], bytes):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))
    if isinstance(values[0], int):
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))
    return tf.train.Feature(float_list=tf.train.FloatList(value=values))
