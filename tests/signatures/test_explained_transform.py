"""One-hot inputs, groups and baselines through a real Transform graph and real statistics."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import tensorflow as tf
import tensorflow_data_validation as tfdv

from tests.transform_graphs import ROWS, analyze
from tfx_savedmodel.signatures.baselines import from_examples, typical_example
from tfx_savedmodel.signatures.encodings import Encoding, find_encodings
from tfx_savedmodel.signatures.feeding import Feed
from tfx_savedmodel.signatures.ingredients import Ingredients
from tfx_savedmodel.sources.source import ModelFunction
from tfx_savedmodel.sources.statistics import read_statistics
from tfx_savedmodel.sources.transform import TransformGraph
from tfx_savedmodel.sources.vocabularies import small_vocabularies

pytestmark = pytest.mark.tfx


@pytest.fixture(scope="module", params=[False, True], ids=["tf2", "tf1"])
def graph(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> TransformGraph:
    return TransformGraph(analyze(tmp_path_factory.mktemp("transform"), as_tf1=request.param))


def ingredients(graph: TransformGraph) -> Ingredients:
    inputs = {"mass_scaled": ("float32", (None, 1)), "island_hot": ("float32", (None, 4))}
    model = ModelFunction(inputs, {}, lambda tensors: tensors, "the model")
    return Ingredients(model, graph, None, None, ("species",))


def test_places_and_groups_are_found_in_the_graph(graph: TransformGraph) -> None:
    vocabularies = small_vocabularies(graph)
    assert sorted(vocabularies) == ["island", "species"]
    assert vocabularies["island"] == ("Dream", "Biscoe")
    found, notes = find_encodings(ingredients(graph), vocabularies, None)
    assert notes == []
    assert found == {
        "mass_scaled": Encoding("mass", None),
        "island_hot": Encoding("island", ("island=Dream", "island=Biscoe", "island=(other)", "island[3]")),
    }


def test_statistics_become_a_baseline(graph: TransformGraph, tmp_path: Path) -> None:
    statistics = tfdv.generate_statistics_from_dataframe(pd.DataFrame(ROWS), tfdv.StatsOptions())
    (tmp_path / "FeatureStats.pb").write_bytes(statistics.SerializeToString())
    read = read_statistics(tmp_path)
    assert (read["mass"].median, read["mass"].present) == (3.0, 0.75)
    assert read["island"].mode == "Dream"
    made = ingredients(graph)
    example = typical_example(read, made.raw_spec)
    features = tf.train.Example.FromString(example).features.feature
    assert features["mass"].float_list.value[:] == [3.0]
    assert sorted(features) == ["island", "mass", "year"]
    feed = Feed("model", {"m": "mass_scaled", "i": "island_hot"})
    baselines = from_examples(lambda: made, feed, [example])
    assert baselines["i"] == [[1.0, 0.0, 0.0, 0.0]]
    assert baselines["m"] == [[pytest.approx(0.0, abs=1e-6)]]
