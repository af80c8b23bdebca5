"""A small Transform graph: a float and a string that may be missing, a number that no model takes, a label."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from tensorflow_transform.tf_metadata import dataset_metadata, schema_utils

RAW_SPEC = {
    "mass": tf.io.VarLenFeature(tf.float32),
    "island": tf.io.VarLenFeature(tf.string),
    "year": tf.io.FixedLenFeature([], tf.int64),
    "species": tf.io.FixedLenFeature([], tf.string),
}
ROWS: list[dict[str, Any]] = [
    {"mass": 1.0, "island": "Dream", "year": 7, "species": "a"},
    {"mass": None, "island": "Biscoe", "year": 8, "species": "b"},
    {"mass": 3.0, "island": None, "year": 9, "species": "a"},
    {"mass": 5.0, "island": "Dream", "year": 9, "species": "b"},
]


def dense(feature: tf.SparseTensor, missing: Any) -> tf.Tensor:
    one_each = tf.SparseTensor(feature.indices, feature.values, [feature.dense_shape[0], 1])
    return tf.sparse.to_dense(one_each, default_value=missing)


def preprocess(features: dict[str, Any]) -> dict[str, tf.Tensor]:
    """Fill in and scale the mass, look the island up, and keep the label as one more feature."""
    mass = dense(features["mass"], float("nan"))
    mass = tf.where(tf.math.is_nan(mass), tft.mean(features["mass"]), mass)
    island = tft.compute_and_apply_vocabulary(dense(features["island"], ""), num_oov_buckets=1, vocab_filename="island")
    return {
        "mass_scaled": tft.scale_to_z_score(mass),
        "island_hot": tf.one_hot(tf.squeeze(island, 1), 4),
        "species_index": tft.compute_and_apply_vocabulary(features["species"], vocab_filename="species"),
    }


def analyze(folder: Path, *, as_tf1: bool) -> Path:
    """Write a Transform graph as TFX's Transform does."""
    metadata = dataset_metadata.DatasetMetadata(schema_utils.schema_from_feature_spec(RAW_SPEC))
    rows = [{name: [] if value is None and name != "year" else value for name, value in row.items()} for row in ROWS]
    rows = [{**row, "mass": np.ravel(row["mass"]), "island": np.ravel(row["island"]).astype(object)} for row in rows]
    with (
        beam.Pipeline(runner="FnApiRunner") as pipeline,
        tft_beam.Context(temp_dir=str(folder / "temp"), force_tf_compat_v1=as_tf1),
    ):
        function = (pipeline | beam.Create(rows), metadata) | tft_beam.AnalyzeDataset(preprocess)
        function | "graph" >> tft_beam.WriteTransformFn(str(folder / "graph"))
        metadata | "raw" >> tft_beam.WriteMetadata(str(folder / "graph" / "metadata"), pipeline=pipeline)
    return folder / "graph"
