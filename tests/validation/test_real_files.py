"""SM101 and SM121 on what TensorFlow and Keras themselves write, on whichever stack: whole, then spoilt."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tfx_savedmodel.operations.validate import validate
from tfx_savedmodel.saved_model.read_model import read_model
from tfx_savedmodel.saved_model.reader import read_saved_model
from tfx_savedmodel.validation.checks.size_budget import SizeBudget
from tfx_savedmodel.validation.checks.structure import Structure
from tfx_savedmodel.validation.checks.unsafe_keras import UnsafeKeras
from tfx_savedmodel.validation.result import CheckVerdict

pytestmark = pytest.mark.tf


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Variables of several dtypes, strings among them, and a constant of 4000 bytes."""
    import tensorflow as tf

    class Model(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.kernel = tf.Variable(tf.random.normal([300, 7]))
            self.words = tf.Variable(["a", "", "a longer one" * 30])
            self.flags = tf.Variable([True, False])
            self.count = tf.Variable(5, dtype=tf.int64)
            self.half = tf.Variable(tf.zeros([3], tf.bfloat16))
            self.table = tf.constant([float(number) for number in range(1000)])

        @tf.function(input_signature=[tf.TensorSpec([None, 300], tf.float32, name="x")])
        def serve(self, x: Any) -> dict[str, Any]:
            fixed = tf.constant([float(number) for number in range(1000)])
            return {"y": tf.matmul(x, self.kernel) + tf.reduce_sum(fixed) + tf.cast(self.count, tf.float32)}

    directory = tmp_path_factory.mktemp("real") / "m"
    made = Model()
    tf.saved_model.save(made, str(directory), signatures={"serving_default": made.serve})
    return directory


def test_what_tensorflow_wrote_is_whole_by_its_checksums(model: Path) -> None:
    assert list(Structure(checksums=True).check(read_saved_model(model))) == []
    report = validate(model, select=["SM1"])
    assert {check.code for check in report.checks if check.verdict in (CheckVerdict.FAIL, CheckVerdict.ERROR)} == set()


def test_the_constant_is_measured(model: Path) -> None:
    assert 4000 <= SizeBudget().measurements(read_saved_model(model))["constants_bytes"] < 6000


@pytest.mark.parametrize("key", ["kernel", "words", "flags", "count", "half"])
def test_a_bit_in_any_tensor_is_found(model: Path, tmp_path: Path, key: str) -> None:
    shutil.copytree(model, tmp_path / "m")
    graph = read_saved_model(tmp_path / "m")
    (entry,) = (entry for entry in graph.variables.entries if entry.key.startswith(f"{key}/"))
    shard = tmp_path / "m" / "variables" / "variables.data-00000-of-00001"
    data = bytearray(shard.read_bytes())
    data[entry.offset + entry.size - 1] ^= 4
    shard.write_bytes(data)
    (finding,) = Structure(checksums=True).check(graph)
    assert finding.where["variable"] == entry.key


def keras_model(*, evil: bool) -> Any:
    import tensorflow as tf

    layers = [tf.keras.layers.Lambda(lambda x: x + 1.0)] if evil else [tf.keras.layers.ReLU()]
    inner = tf.keras.Sequential([tf.keras.layers.Input((4,)), *layers, tf.keras.layers.Dense(2)])
    return tf.keras.Sequential([tf.keras.layers.Input((4,)), tf.keras.layers.Dense(4), inner])


@pytest.mark.parametrize("suffix", [".keras", ".h5", ""])
@pytest.mark.parametrize("evil", [True, False])
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_what_keras_wrote(tmp_path: Path, suffix: str, evil: bool) -> None:
    import tensorflow as tf

    path = tmp_path / f"m{suffix}"
    made = keras_model(evil=evil)
    if suffix or getattr(tf.keras, "__version__", "2").startswith("2"):
        made.save(path)
    else:
        made.export(path, verbose=False)  # Keras 3 writes no configuration into a SavedModel
        evil = False
    graph = read_model(path)
    assert list(Structure(checksums=True).check(graph)) == []
    found = list(UnsafeKeras().check(graph))
    assert bool(found) is evil
    assert all("unpacks and runs" in finding.message for finding in found)
