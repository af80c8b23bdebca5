"""tf.SequenceExamples and records that are one tensor each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.beam.models import write_records
from tests.beam.runs import run_files
from tfx_savedmodel.validation.result import CheckVerdict

pytestmark = pytest.mark.tf


def _sequence(context: dict[str, Any], lists: dict[str, list[list[Any]]]) -> bytes:
    import tensorflow as tf

    from tests.beam.models import serialized

    example = tf.train.SequenceExample()
    example.context.CopyFrom(tf.train.Example.FromString(serialized(context)).features)
    for name, steps in lists.items():
        for step in steps:
            feature = tf.train.Example.FromString(serialized({"x": step or None})).features.feature["x"]
            example.feature_lists.feature_list[name].feature.add().CopyFrom(feature)
    return bytes(example.SerializeToString())


@pytest.fixture(scope="module")
def sequences(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model that parses tf.SequenceExamples, takes their parts as tensors, and parses tf.Examples."""
    import tensorflow as tf

    class Model(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "examples")])
        def serving_default(self, examples: Any) -> Any:
            context, lists, _ = tf.io.parse_sequence_example(
                examples,
                {"age": tf.io.FixedLenFeature([1], tf.int64)},
                {"pairs": tf.io.RaggedFeature(tf.float32)},
            )
            total = tf.reduce_sum(lists["pairs"], axis=[1, 2])
            return {"total": total + tf.cast(context["age"][:, 0], tf.float32)}

        @tf.function(
            input_signature=[
                tf.TensorSpec([None, None, 2], tf.float32, "pairs"),
                tf.TensorSpec([None, None], tf.string, "words"),
                tf.TensorSpec([None, 1], tf.int64, "age"),
            ]
        )
        def raw(self, pairs: Any, words: Any, age: Any) -> Any:
            lengths = tf.reduce_sum(tf.strings.length(words), axis=1)
            return {
                "total": tf.reduce_sum(pairs, axis=[1, 2]) + tf.cast(age[:, 0] + tf.cast(lengths, tf.int64), "float32")
            }

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "examples")])
        def of_examples(self, examples: Any) -> Any:
            return tf.io.parse_example(examples, {"age": tf.io.FixedLenFeature([1], tf.int64)})

    model = Model()
    directory = tmp_path_factory.mktemp("sequences") / "model"
    names = ("serving_default", "raw", "of_examples")
    tf.saved_model.save(model, str(directory), signatures={name: getattr(model, name) for name in names})
    return str(directory)


def _good(number: int) -> bytes:
    steps = number % 4
    pairs = [[float(number), float(step)] for step in range(steps)]
    return _sequence({"age": number}, {"pairs": pairs, "words": [[b"word"]] * steps})


def test_context_and_feature_lists_feed_tensors_and_parsers(sequences: str, tmp_path: Path) -> None:
    file = write_records(tmp_path / "file.gz", map(_good, range(1, 20)))
    result = run_files(sequences, file)["SM301"]
    assert result.verdict is CheckVerdict.PASS
    assert result.measurements["ran"] == {"raw": 19, "serving_default": 19}
    assert (
        "it parses tf.Examples, the examples are of the format 'sequence-example'"
        in (result.measurements["not_run"]["of_examples"])
    )


def test_examples_do_not_feed_a_parser_of_sequences(sequences: str, tmp_path: Path) -> None:
    from tests.beam.models import write_rows

    result = run_files(sequences, write_rows(tmp_path / "file", [{"age": 3}]))["SM301"]
    assert result.measurements["ran"] == {"of_examples": 1}
    assert "it parses tf.SequenceExamples" in result.measurements["not_run"]["serving_default"]


def test_steps_that_do_not_fit_are_isolated(sequences: str, tmp_path: Path) -> None:
    records = [_good(number) for number in range(1, 20)]
    records[4] = _sequence({"age": 1}, {"pairs": [[1.0, 2.0], [3.0]], "words": [[b"a"]]})
    records[9] = _sequence({"age": 1}, {"pairs": [[1.0, 2.0, 3.0]] * 2, "words": [[b"a"]] * 2})
    records[13] = b"\xff\xff"
    result = run_files(sequences, write_records(tmp_path / "file", records), format="sequence-example")["SM301"]
    kept = {each["record"]: each["reason"] for each in result.measurements["refused"]["raw"]["first"]}
    assert sorted(kept) == [4, 9, 13]
    assert "'pairs' has the shape [2, uneven], input 'pairs' takes [?, 2]" in kept[4]
    assert "the shape [2, 3]" in kept[9]
    assert "cannot be parsed" in kept[13]
    assert result.measurements["ran"] == {"raw": 16, "serving_default": 18}


@pytest.fixture(scope="module")
def tensors(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model that takes images of any size, vectors, and two inputs."""
    import tensorflow as tf

    def image(image: Any) -> Any:
        return {"mean": tf.reduce_mean(image, axis=[1, 2, 3])}

    def vector(values: Any) -> Any:
        return {"sum": tf.reduce_sum(values, axis=1)}

    def both(a: Any, b: Any) -> Any:
        return {"sum": a + b}

    images = tf.TensorSpec([None, None, None, 3], tf.float32, "image")
    vectors = tf.TensorSpec([None, 4], tf.float64, "values")
    scalars = [tf.TensorSpec([None], tf.float32, name) for name in "ab"]
    given: dict[str, tuple[Callable[..., Any], list[Any]]] = {
        "image": (image, [images]),
        "vector": (vector, [vectors]),
        "both": (both, scalars),
    }
    module = tf.Module()
    signatures = {name: tf.function(body, input_signature=spec) for name, (body, spec) in given.items()}
    directory = tmp_path_factory.mktemp("tensors") / "model"
    tf.saved_model.save(module, str(directory), signatures=signatures)
    return str(directory)


def _tensor(*shape: int, dtype: str = "float32") -> bytes:
    import numpy as np
    import tensorflow as tf

    values = np.arange(int(np.prod(shape))).reshape(shape).astype(dtype)
    return bytes(tf.io.serialize_tensor(tf.constant(values)).numpy())


def test_a_tensor_feeds_what_takes_one_input_of_its_shape(tensors: str, tmp_path: Path) -> None:
    records = [_tensor(2 + number % 3, 5, 3) for number in range(20)]
    records[7] = _tensor(2, 5, 4)
    records[8] = _tensor(5, 3)
    records[9] = _tensor(2, 5, 3, dtype="int32")
    records[10] = b"no tensor"
    file = write_records(tmp_path / "file.gz", records)
    result = run_files(tensors, file, format="tensor")["SM301"]
    assert result.measurements["ran"]["image"] == 16
    kept = {each["record"]: each["reason"] for each in result.measurements["refused"]["image"]["first"]}
    assert sorted(kept) == [7, 8, 9, 10]
    assert "the value has the shape [2, 5, 4], input 'image' takes [?, ?, 3] of them" in kept[7]
    assert "int32" in kept[9]
    assert "one value without a name" in result.measurements["not_run"]["both"]


def test_tensors_of_another_float_feed_it_too(tensors: str, tmp_path: Path) -> None:
    file = write_records(tmp_path / "file", [_tensor(4) for _ in range(3)])
    result = run_files(tensors, file, format="tensor")["SM301"]
    assert result.measurements["ran"]["vector"] == 3
