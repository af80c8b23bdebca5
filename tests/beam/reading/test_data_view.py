"""Records of any kind, decoded by a TFX DataView."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.beam.models import write_records
from tests.beam.runs import run_files
from tests.conftest import require_module
from tfx_savedmodel.errors import ExamplesError, UsageError

pytestmark = pytest.mark.tfx


def save_lines_view(directory: Path, *, indexed: bool = False) -> str:
    """Save a decoder of lines such as "0.5,1.5;word", as TFX's own library does."""
    import tensorflow as tf

    library = require_module("tfx_bsl.coders.tf_graph_record_decoder", "make install: tfx_bsl comes with TFX")

    class Lines(library.TFGraphRecordDecoder):  # type: ignore[name-defined,misc]
        def decode_record(self, records: Any) -> Any:
            parts = tf.strings.split(records, ";").to_tensor(shape=[None, 2])
            numbers = tf.strings.to_number(tf.strings.split(parts[:, 0], ","))
            pairs = tf.RaggedTensor.from_row_lengths(tf.reshape(numbers.values, [-1, 2]), numbers.row_lengths() // 2)
            given = {"pairs": pairs, "word": parts[:, 1:]}
            if indexed:
                given["index"] = tf.RaggedTensor.from_tensor(tf.range(tf.shape(records)[0])[:, None])
            return {**given, "sparse": numbers.to_sparse()}

        @property
        def record_index_tensor_name(self) -> str | None:
            return "index" if indexed else None

    Lines().save(str(directory))
    return str(directory)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    import tensorflow as tf

    class Model(tf.Module):
        @tf.function(
            input_signature=[
                tf.TensorSpec([None, None, 2], tf.float32, "pairs"),
                tf.TensorSpec([None, 1], tf.string, "word"),
                tf.TensorSpec([None, None], tf.float32, "sparse"),
            ]
        )
        def serving_default(self, pairs: Any, word: Any, sparse: Any) -> Any:
            lengths = tf.cast(tf.strings.length(word)[:, 0], tf.float32)
            return {"sum": tf.reduce_sum(pairs, axis=[1, 2]) + lengths + tf.reduce_sum(sparse, axis=1)}

    directory = tmp_path_factory.mktemp("view") / "model"
    tf.saved_model.save(module := Model(), str(directory), signatures={"serving_default": module.serving_default})
    return str(directory)


def test_what_a_view_decodes_feeds_the_inputs(model: str, tmp_path: Path) -> None:
    lines = [",".join(["1.5", "2"] * (1 + number % 3)) + ";word" for number in range(20)]
    lines[7] = "no number;word"
    file = write_records(tmp_path / "file.gz", [line.encode() for line in lines])
    result = run_files(model, file, data_view=save_lines_view(tmp_path / "view"))["SM301"]
    assert result.measurements["ran"] == {"serving_default": 19}
    kept = result.measurements["refused"]["serving_default"]["first"]
    assert [each["record"] for each in kept] == [7]
    assert "no number" in kept[0]["reason"]


def test_what_is_no_view_of_records_is_refused(model: str, tmp_path: Path) -> None:
    file = write_records(tmp_path / "file", [b"1,2;a"])
    with pytest.raises(ExamplesError, match="not its records"):
        run_files(model, file, data_view=save_lines_view(tmp_path / "view", indexed=True))
    with pytest.raises(ExamplesError, match="no DataView"):
        run_files(model, file, data_view=model)
    with pytest.raises(ExamplesError, match="cannot be loaded"):
        run_files(model, file, data_view=str(tmp_path))
    with pytest.raises(UsageError, match="need one"):
        run_files(model, file, format="proto")
