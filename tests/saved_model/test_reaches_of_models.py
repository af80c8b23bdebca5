"""What the roots of a model that TensorFlow wrote reach, against what the model was built of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tfx_savedmodel.saved_model.facts import model_facts
from tfx_savedmodel.saved_model.reader import read_saved_model

pytestmark = pytest.mark.tf


@pytest.fixture(scope="module")
def reached(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """By root, what a model reaches that has two signatures, a vocabulary, and a variable for training only."""
    import tensorflow as tf

    words = tmp_path_factory.mktemp("words") / "words.txt"
    words.write_text("red\ngreen\n", encoding="utf-8")

    class Network(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.kernel = tf.Variable(tf.ones([2, 3]), name="dense/kernel")
            self.bias = tf.Variable(tf.zeros([3]), name="dense/bias")
            self.steps = tf.Variable(0, name="steps")
            initializer = tf.lookup.TextFileInitializer(
                str(words), tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER
            )
            self.table = tf.lookup.StaticHashTable(initializer, -1)

        @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, name="x")])
        def score(self, x: Any) -> dict[str, Any]:
            return {"score": tf.linalg.matmul(x, self.kernel) + self.bias}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="word")])
        def number(self, word: Any) -> dict[str, Any]:
            return {"number": self.table.lookup(word)}

        @tf.function(input_signature=[])
        def count(self) -> Any:
            return self.steps.assign_add(1)

    network, directory = Network(), tmp_path_factory.mktemp("model")
    signatures = {"score": network.score, "number of": network.number}
    tf.saved_model.save(network, str(directory), signatures=signatures)
    return _reached(directory)


def _reached(directory: Path) -> dict[str, dict[str, Any]]:
    (meta_graph,) = model_facts(read_saved_model(directory))["meta_graphs"]
    return {item["root"]: item for item in meta_graph["reaches"]}


def test_signatures_reach_their_own_variables(reached: dict[str, dict[str, Any]]) -> None:
    assert reached["signature score"]["variables"] == ["dense/bias", "dense/kernel"]
    assert reached["signature score"]["assets"] == []
    assert "dense/kernel" not in reached["signature number of"]["variables"]


def test_the_vocabulary_is_read_when_the_model_is_initialised(reached: dict[str, dict[str, Any]]) -> None:
    assert reached["init"]["assets"] == ["words.txt"]


def test_what_only_training_needs_is_saved_and_restored(reached: dict[str, dict[str, Any]]) -> None:
    for root in ("save", "restore"):
        assert reached[root]["variables"] == ["dense/bias", "dense/kernel", "steps"]
    assert not [
        root for root, item in reached.items() if root.startswith("signature ") and "steps" in item["variables"]
    ]


def test_functions_that_python_can_call_reach_what_they_captured(reached: dict[str, dict[str, Any]]) -> None:
    def called(name: str) -> list[str]:
        (item,) = (item for root, item in reached.items() if root.startswith(f"function __inference_{name}_"))
        variables: list[str] = item["variables"]
        return variables

    assert called("score") == ["dense/bias", "dense/kernel"]
    assert called("count") == ["steps"]
    assert called("number") == []
