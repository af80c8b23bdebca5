"""Functions that an older TensorFlow lacks the ops of, or that nothing compares, are left out with a note."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from tfx_savedmodel.errors import TargetError
from tfx_savedmodel.operations.export import ExportResult, export

pytestmark = pytest.mark.tf


def exported(source: Path, directory: Path, target: str, **plan: Any) -> ExportResult:
    return export(source, directory, plan={"keep": "all", "signatures": {}, "target": target, **plan})


class Shuffler(tf.Module):
    """Two functions, one of which needs an op of 2.9."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.int32, "x")])
    def double(self, x: Any) -> Any:
        return {"y": x * 2}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.int32, "x")])
    def shuffle(self, x: Any) -> Any:
        return {"y": tf.random.experimental.index_shuffle(x, [1, 2], 9)}


def test_functions_that_cannot_fit_are_left_out_where_no_signature_needs_them(tmp_path: Path) -> None:
    module = Shuffler()
    tf.saved_model.save(module, str(tmp_path / "source"), signatures={"double": module.double})
    result = exported(tmp_path / "source", tmp_path / "out", "tf-2.4")
    (note,) = (note for note in result.notes if "is left out: there is no op RandomIndexShuffle" in note)
    assert "shuffle" in note
    loaded = tf.saved_model.load(str(tmp_path / "out"))
    assert loaded.double(tf.constant([3]))["y"].numpy().tolist() == [6]
    with pytest.raises(ValueError, match="zero restored functions"):
        loaded.shuffle(tf.constant([3]))


class Counter(tf.Module):
    """Only Python calls `count`, with arrays of any rank; older ops count a matrix as a whole."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "x")])
    def double(self, x: Any) -> Any:
        return {"y": x + x}

    @tf.function(input_signature=[tf.TensorSpec(None, tf.int32, "x")])
    def count(self, x: Any) -> Any:
        return tf.raw_ops.DenseBincount(input=x, size=4, weights=tf.zeros([0], tf.float32))


def test_functions_that_nothing_compares_are_left_out_where_they_would_be_said_in_other_ops(tmp_path: Path) -> None:
    module = Counter()
    tf.saved_model.save(module, str(tmp_path / "source"), signatures={"double": module.double})
    result = exported(tmp_path / "source", tmp_path / "out", "tf-2.2")
    (note,) = (note for note in result.notes if "is left out: node" in note)
    assert "count" in note and "no signature runs it to compare the answers" in note
    with pytest.raises(ValueError, match="zero restored functions"):
        tf.saved_model.load(str(tmp_path / "out")).count(tf.constant([[1, 1], [0, 3]]))


class Caller(Counter):
    """A signature calls `count` too, with vectors alone."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.int32, "x")])
    def served(self, x: Any) -> Any:
        return {"y": self.count(x)}


def test_that_a_signature_calls_a_function_proves_nothing_of_other_calls(tmp_path: Path) -> None:
    module = Caller()
    tf.saved_model.save(module, str(tmp_path / "source"), signatures={"served": module.served})
    result = exported(tmp_path / "source", tmp_path / "out", "tf-2.2")
    (note,) = (note for note in result.notes if "counts inputs of another rank" in note)
    assert "count" in note
    loaded = tf.saved_model.load(str(tmp_path / "out"))
    assert loaded.signatures["served"](x=tf.constant([1, 1, 3]))["y"].numpy().tolist() == [0, 2, 0, 1]
    with pytest.raises(ValueError, match="zero restored functions"):
        loaded.count(tf.constant([[1, 1], [0, 3]]))


def test_what_a_signature_needs_is_an_error_and_nothing_is_written(tmp_path: Path) -> None:
    module = Shuffler()
    signatures = {"double": module.double, "shuffle": module.shuffle}
    tf.saved_model.save(module, str(tmp_path / "source"), signatures=signatures)
    with pytest.raises(TargetError) as caught:
        exported(tmp_path / "source", tmp_path / "out", "tf-2.4")
    text = str(caught.value)
    assert "tf-2.4 lacks what the model cannot do without: RandomIndexShuffle" in text
    assert "reached by signature 'shuffle'" in text and "tf-2.9 or newer would do" in text
    assert [path.name for path in tmp_path.iterdir()] == ["source"]
    exported(tmp_path / "source", tmp_path / "out", "tf-2.4", keep=["double"])
