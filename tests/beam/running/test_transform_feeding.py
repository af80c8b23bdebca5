"""Signatures that take what a Transform graph gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from apache_beam.options.pipeline_options import PipelineOptions
from tensorflow_transform.tf_metadata import dataset_metadata, metadata_io, schema_utils

from tests.beam.models import write_rows
from tfx_savedmodel.beam.example_checks import ExampleCheckRequest, run_example_checks
from tfx_savedmodel.validation.checks.parity import Parity
from tfx_savedmodel.validation.checks.runs_on_examples import RunsOnExamples

pytestmark = pytest.mark.tfx


@pytest.fixture(scope="module")
def transform_graph(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A graph that gives `x` (standardised, of the raw feature's name) and `word_xf` (one-hot)."""

    def preprocess(inputs: Any) -> Any:
        x = tft.sparse_tensor_to_dense_with_shape(inputs["x"], [None, 1], -1.0)
        word = tft.sparse_tensor_to_dense_with_shape(inputs["word"], [None, 1], "")
        index = tft.compute_and_apply_vocabulary(word, num_oov_buckets=1)
        return {
            "x": tft.scale_to_z_score(x),
            "word_xf": tf.one_hot(tf.squeeze(index, 1), 3),
            "label": inputs["label"],
        }

    spec = {
        "x": tf.io.VarLenFeature(tf.float32),
        "word": tf.io.VarLenFeature(tf.string),
        "label": tf.io.FixedLenFeature([1], tf.int64),
    }
    metadata = dataset_metadata.DatasetMetadata(schema_utils.schema_from_feature_spec(spec))
    rows = [{"x": [float(n)], "word": [[b"a", b"b"][n % 2]], "label": [n]} for n in range(6)]
    directory = str(tmp_path_factory.mktemp("transform") / "graph")
    options = PipelineOptions(["--runner=FnApiRunner", "--direct_running_mode=in_memory"])
    with beam.Pipeline(options=options) as pipeline, tft_beam.Context(temp_dir=str(tmp_path_factory.mktemp("temp"))):
        raw = pipeline | beam.Create(rows)
        _, function = (raw, metadata) | tft_beam.AnalyzeAndTransformDataset(preprocess)
        _ = function | tft_beam.WriteTransformFn(directory)
    metadata_io.write_metadata(metadata, f"{directory}/metadata")
    return directory


def _save(directory: Path, transform_graph: str, *, swap: bool) -> str:
    """Save a model with a signature that parses and transforms, and one that takes transformed features.

    They are `serving_default` and `inner`, or the other way round with `swap`: the same key then
    has to be fed in another way, for the same answers.
    """
    layer = tft.TFTransformOutput(transform_graph).transform_features_layer()
    module = tf.Module()
    module.layer = layer

    def score(x: Any, word_xf: Any) -> Any:
        return {"score": x + tf.reduce_sum(word_xf * tf.constant([1.0, 2.0, 4.0]), axis=1, keepdims=True)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "examples")])
    def serving_default(examples: Any) -> Any:
        spec = {"x": tf.io.VarLenFeature(tf.float32), "word": tf.io.VarLenFeature(tf.string)}
        given = layer(tf.io.parse_example(examples, spec))
        return score(given["x"], given["word_xf"])

    inner = tf.function(
        score,
        input_signature=[tf.TensorSpec([None, 1], tf.float32, "x"), tf.TensorSpec([None, 3], tf.float32, "word_xf")],
    )
    names = ("inner", "serving_default") if swap else ("serving_default", "inner")
    signatures = dict(zip(names, (serving_default, inner), strict=True))
    tf.saved_model.save(module, str(directory), signatures=signatures)
    return str(directory)


def test_inputs_of_transformed_names_take_transformed_values(transform_graph: str, tmp_path: Path) -> None:
    model = _save(tmp_path / "model", transform_graph, swap=False)
    reference = _save(tmp_path / "reference", transform_graph, swap=True)
    rows = [{"x": n / 3.0, "word": [b"a", b"b", b"c"][n % 3], "label": n} for n in range(30)]
    rows[4]["x"] = None
    request = ExampleCheckRequest(
        model,
        (write_rows(tmp_path / "rows", rows),),
        (RunsOnExamples(), Parity()),
        reference=reference,
        transform_graph=transform_graph,
    )
    runs, parity = run_example_checks(request)
    assert runs.measurements["ran"] == {"inner": 30, "serving_default": 30}
    assert parity.verdict.value == "PASS"
    assert parity.measurements["compared"]["inner"]["score"]["examples"] == 30


def test_examples_without_the_label_can_be_transformed(transform_graph: str, tmp_path: Path) -> None:
    model = _save(tmp_path / "model", transform_graph, swap=False)
    file = write_rows(tmp_path / "rows", [{"x": 1.0, "word": b"a"}, {"x": 2.0, "word": b"b"}])
    (runs,) = run_example_checks(
        ExampleCheckRequest(model, (file,), (RunsOnExamples(),), transform_graph=transform_graph)
    )
    assert runs.verdict.value == "PASS"
    assert runs.measurements["ran"] == {"inner": 2, "serving_default": 2}


def test_without_the_transform_graph_the_input_is_named(transform_graph: str, tmp_path: Path) -> None:
    model = _save(tmp_path / "model", transform_graph, swap=False)
    file = write_rows(tmp_path / "rows", [{"x": 1.0, "word": b"a"}])
    (runs,) = run_example_checks(ExampleCheckRequest(model, (file,), (RunsOnExamples(),)))
    assert runs.measurements["ran"] == {"serving_default": 1}
    assert "'word_xf'" in runs.measurements["not_run"]["inner"]
