from __future__ import annotations

import pytest
import tensorflow as tf

from tfx_savedmodel.estimators.examples import generate_examples

pytestmark = pytest.mark.tf


def test_generated_examples_fit_the_spec_and_lack_what_may_be_missing() -> None:
    spec = {
        "image": tf.io.FixedLenFeature([2, 2], tf.float32),
        "count": tf.io.FixedLenFeature([], tf.int64),
        "word": tf.io.VarLenFeature(tf.string),
    }
    parsed = tf.io.parse_example(generate_examples(spec, 6).tolist(), spec)
    assert parsed["image"].shape == (6, 2, 2)
    assert set(parsed["count"].numpy()) <= {0, 1}
    assert len(parsed["word"].values) == 4
