"""Parsing by TF1's op gives what tf.io.parse_example gives, defaults and missing features included."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.operations.models import example
from tfx_savedmodel.signatures.parsing_of_tf1 import parse_as_tf1

pytestmark = pytest.mark.tf

SPEC = {
    "there": tf.io.FixedLenFeature([2], tf.float32),
    "one": tf.io.FixedLenFeature([], tf.int64, default_value=7),
    "pair": tf.io.FixedLenFeature([2], tf.string, default_value=["a", "b"]),
    "same": tf.io.FixedLenFeature([1, 2], tf.float32, default_value=[0.5, 1.5]),
    "many": tf.io.VarLenFeature(tf.string),
    "some": tf.io.VarLenFeature(tf.int64),
}
EXAMPLES = [example(there=[1.0, 2.0], one=[3], some=[4, 5]), example(there=[0.0, 9.0], many=[b"x", b""])]


@pytest.mark.parametrize("chosen", [sorted(SPEC), ["there"], ["many"], ["one", "pair", "same", "some"]])
def test_it_gives_the_same(chosen: list[str]) -> None:
    spec = {name: SPEC[name] for name in chosen}
    found, wanted = (_plain(parse(tf.constant(EXAMPLES), spec)) for parse in (parse_as_tf1, tf.io.parse_example))
    assert found.keys() == wanted.keys() == set(chosen)
    for name, parts in wanted.items():
        for left, right in zip(found[name], parts, strict=True):
            np.testing.assert_array_equal(left, right)


def test_what_is_missing_without_a_default_is_an_error() -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match="there"):
        parse_as_tf1(tf.constant([example(one=[1])]), {"there": SPEC["there"]})


def test_other_features_are_parsed_too() -> None:
    spec = {"some": tf.io.RaggedFeature(tf.int64)}
    assert parse_as_tf1(tf.constant(EXAMPLES), spec)["some"].to_list() == [[4, 5], []]


def _plain(parsed: dict[str, Any]) -> dict[str, list[Any]]:
    return {name: [part.numpy() for part in tf.nest.flatten(value, True)] for name, value in parsed.items()}
