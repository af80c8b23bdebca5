"""Receivers of the author's own, feature specs, and export outputs, on whichever way the stack goes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.estimators.models import example_of, save_two_inputs
from tests.operations.forked_conversions import forking
from tests.workflows.loaders import answers, same
from tfx_savedmodel.errors import SchemaError, TfxSavedModelError, UsageError
from tfx_savedmodel.operations.convert import ConversionResult, convert
from tfx_savedmodel.operations.inspect import inspect

pytestmark = pytest.mark.tf

AGE, CITY = np.float32([[0.5], [-1.0]]), np.int64([[1], [3]])
FEATURES = {"age": AGE, "city": CITY}
EXAMPLES = np.array([example_of(age=[0.5], city=[1]), example_of(age=[-1.0], city=[3])], dtype=object)
OUTPUTS = {
    "predict": {"kind": "predict", "outputs": {"probabilities": "group"}},
    "classification": {"kind": "classify", "scores": "group", "classes": {"labels": ["a", "b", "c"]}},
    "regression": {"kind": "regress", "value": "score"},
}
RECEIVERS = """
import collections

import tensorflow as tf

v1 = tf.compat.v1
Receiver = collections.namedtuple("Receiver", "features receiver_tensors receiver_tensors_alternatives")
SPEC = {"years": tf.io.FixedLenFeature([1], tf.float32), "town": tf.io.FixedLenFeature([1], tf.string)}
TOWNS = ["here", "there", "far"]


def by_town(schema):
    examples = v1.placeholder(tf.string, [None], "bytes")
    parsed = tf.io.parse_example(examples, SPEC)
    years = v1.placeholder_with_default(parsed["years"], [None, 1], "years")
    town = v1.placeholder_with_default(parsed["town"], [None, 1], "town")
    table = tf.lookup.StaticVocabularyTable(
        tf.lookup.KeyValueTensorInitializer(TOWNS, tf.range(3, dtype=tf.int64)), num_oov_buckets=1
    )
    features = {"age": years / 10.0, "city": table.lookup(town)}
    return Receiver(features, {"bytes": examples}, {"columns": {"years": years, "town": town}})


def by_file():
    years, town = v1.placeholder(tf.float32, [None, 1], "years"), v1.placeholder(tf.string, [None, 1], "town")
    lines, numbers = tf.lookup.TextFileIndex.WHOLE_LINE, tf.lookup.TextFileIndex.LINE_NUMBER
    file = tf.lookup.TextFileInitializer("@FOLDER@/towns.txt", tf.string, lines, tf.int64, numbers)
    features = {"age": years / 10.0, "city": tf.lookup.StaticHashTable(file, 3).lookup(town)}
    return Receiver(features, {"years": years, "town": town}, None)


def without_age():
    city = v1.placeholder(tf.int64, [None, 1])
    return Receiver({"city": city}, {"city": city}, None)


def of_words():
    age, city = v1.placeholder(tf.string, [None, 1]), v1.placeholder(tf.int64, [None, 1])
    return Receiver({"age": age, "city": city}, {"age": age, "city": city}, None)


def nothing():
    return {"age": 1}
"""


@pytest.fixture(autouse=True, scope="module")
def forked() -> Iterator[None]:
    with forking():
        yield


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_two_inputs(tmp_path_factory.mktemp("model") / "model.keras")


@pytest.fixture(scope="module")
def wanted(model: Path) -> dict[str, Any]:
    loaded = tf.keras.models.load_model(model)
    score, group = loaded(FEATURES)
    return {"score": score.numpy(), "group": group.numpy()}


@pytest.fixture(scope="module")
def module_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("module") / "own_receivers.py"
    file.write_text(RECEIVERS.replace("@FOLDER@", str(file.parent)), encoding="utf-8")
    (file.parent / "towns.txt").write_text("here\nthere\nfar\n", encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def three(model: Path, tmp_path_factory: pytest.TempPathFactory) -> ConversionResult:
    folder = tmp_path_factory.mktemp("three")
    (folder / "notes.txt").write_text("trained on Monday", encoding="utf-8")
    (folder / "outputs.json").write_text(json.dumps(OUTPUTS), encoding="utf-8")
    given: dict[str, Any] = {"outputs": folder / "outputs.json", "serving_default": "classification"}
    return convert(model, folder / "out", assets_extra={"about/notes.txt": folder / "notes.txt"}, **given)


def test_the_three_outputs_have_the_method_names_and_names_of_an_estimators(three: ConversionResult) -> None:
    signatures = inspect(three.path)["meta_graphs"][0]["signatures"]
    found = {
        key: (item["method_name"].rpartition("/")[2], sorted(item["inputs"]), sorted(item["outputs"]))
        for key, item in signatures.items()
    }
    classify = ("classify", ["inputs"], ["classes", "scores"])
    assert found == {
        "predict": ("predict", ["examples"], ["probabilities"]),
        "classification": classify,
        "serving_default": classify,
        "regression": ("regress", ["inputs"], ["outputs"]),
        "serve_raw": ("predict", ["age", "city"], ["group", "score"]),
    }
    assert (Path(three.path) / "assets.extra" / "about" / "notes.txt").read_text() == "trained on Monday"
    assert [path.name for path in (Path(three.path) / "assets.extra").iterdir()] == ["about"]


def test_every_output_answers_as_the_keras_model(three: ConversionResult, wanted: dict[str, Any]) -> None:
    out = Path(three.path)
    assert three.parity["outputs"].keys() == {"score", "group"}
    labels = np.array([[b"a", b"b", b"c"]] * 2, dtype=object)
    same(answers(out, "serving_default", {"inputs": EXAMPLES}), {"scores": wanted["group"], "classes": labels})
    same(answers(out, "regression", {"inputs": EXAMPLES}), {"outputs": wanted["score"]})
    same(answers(out, "predict", {"examples": EXAMPLES}), {"probabilities": wanted["group"]})
    same(answers(out, "serve_raw", FEATURES), wanted)


def test_outputs_that_do_not_fit_are_told_with_their_place(model: Path, tmp_path: Path) -> None:
    def refused(kind: type[TfxSavedModelError], **given: Any) -> str:
        with pytest.raises(kind) as caught:
            convert(model, tmp_path / "out", compare=False, **given)
        return str(caught.value)

    assert "outputs.x.kind" in refused(UsageError, outputs={"x": {"kind": "guess"}})
    assert "'score'" in refused(UsageError, outputs={"x": {"kind": "regress", "score": "score"}})
    assert "one of predict" in refused(UsageError, outputs={"predict": {"kind": "predict"}}, serving_default="other")
    price = refused(UsageError, outputs={"x": {"kind": "regress", "value": "price"}})
    assert "outputs.x.value" in price and "score, group" in price
    raw = refused(UsageError, outputs={"x": {"kind": "regress", "value": "score"}}, receiver="raw")
    assert "serialized examples" in raw
    assert "without .." in refused(UsageError, assets_extra={"../x": model})
    assert not (tmp_path / "out").exists()


def test_a_receiver_of_the_authors_own(model: Path, module_file: Path, tmp_path: Path, wanted: dict[str, Any]) -> None:
    result = convert(model, tmp_path / "out", receiver="module:by_town", module_file=module_file)
    assert result.signatures == ("serve_columns", "serving_default")
    assert result.parity["examples"] > 4 and result.parity["max_relative_difference"] <= 1e-6
    examples = [example_of(years=[5.0], town=[b"there"]), example_of(years=[-10.0], town=[b"nowhere"])]
    same(answers(tmp_path / "out", "serving_default", {"bytes": np.array(examples, dtype=object)}), wanted)
    columns = {"years": 10 * AGE, "town": np.array([[b"there"], [b"nowhere"]], dtype=object)}
    same(answers(tmp_path / "out", "serve_columns", columns), wanted)


def test_a_receiver_may_read_a_vocabulary(
    model: Path, module_file: Path, tmp_path: Path, wanted: dict[str, Any]
) -> None:
    convert(model, tmp_path / "out", receiver="module:by_file", module_file=module_file)
    assert [path.name for path in (tmp_path / "out" / "assets").iterdir()] == ["towns.txt"]
    columns = {"years": 10 * AGE, "town": np.array([[b"there"], [b"nowhere"]], dtype=object)}
    same(answers(tmp_path / "out", "serving_default", columns), wanted)


@pytest.mark.parametrize(
    ("name", "said"),
    [("without_age", "'age'"), ("of_words", "feature 'age'"), ("nothing", "'features'"), ("missing", "'missing'")],
)
def test_a_receiver_that_does_not_fit_is_told_by_its_feature(
    model: Path, module_file: Path, tmp_path: Path, name: str, said: str
) -> None:
    with pytest.raises(UsageError) as caught:
        convert(model, tmp_path / "out", receiver=f"module:{name}", module_file=module_file)
    assert said in str(caught.value)
    assert "own_receivers.py" in caught.value.where


def test_a_feature_spec_says_how_examples_are_parsed(model: Path, tmp_path: Path, wanted: dict[str, Any]) -> None:
    spec = {
        "age": {"dtype": "float32", "shape": [], "default": 0.5},
        "city": {"dtype": "int64", "shape": [1]},
        "label": {"dtype": "string", "shape": None},
    }
    convert(model, tmp_path / "out", receiver="parsing", feature_spec=spec)
    examples = np.array([example_of(city=[1]), example_of(age=[-1.0], city=[3])], dtype=object)
    same(answers(tmp_path / "out", "serving_default", {"examples": examples}), wanted)
    with pytest.raises(SchemaError, match="feature 'city'"):
        convert(model, tmp_path / "other", feature_spec={"age": {"dtype": "float32"}})
    with pytest.raises(SchemaError, match="dtype 'float16'"):
        convert(model, tmp_path / "other", feature_spec={"age": {"dtype": "float16"}})
