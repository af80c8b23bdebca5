"""What a conversion makes is judged before it is run, and held against what was promised, whichever way it goes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from tests.estimators.models import save_two_inputs
from tests.operations.forked_conversions import forking
from tfx_savedmodel import versions
from tfx_savedmodel.errors import UnsafeModelError, UsageError
from tfx_savedmodel.operations.conversion_judging import refuse_unsafe_function
from tfx_savedmodel.operations.convert import convert
from tfx_savedmodel.operations.inspect import inspect

pytestmark = pytest.mark.tf

layers = tf.keras.layers
HAS_ESTIMATORS = versions.has_estimator(tf.__version__)
CODE = """
import collections

import tensorflow as tf

v1 = tf.compat.v1
Receiver = collections.namedtuple("Receiver", "features receiver_tensors receiver_tensors_alternatives")
FILE = {file!r}


def columns():
    return {{"age": v1.placeholder(tf.float32, [None, 1]), "city": v1.placeholder(tf.int64, [None, 1])}}


def writing():
    fed = columns()
    with tf.control_dependencies([tf.io.write_file(FILE, "x")]):
        return Receiver({{**fed, "age": tf.identity(fed["age"])}}, fed, None)


def of_variables():
    fed = columns()
    scale = v1.get_variable("scale", initializer=tf.constant([[2.0]]))
    return Receiver({{**fed, "age": scale * fed["age"]}}, fed, None)


def named_oddly():
    fed, others = columns(), columns()
    age = v1.placeholder_with_default(fed["age"], [None, 1])
    city = v1.placeholder_with_default(fed["city"], [None, 1])
    return Receiver({{"age": age, "city": city}}, fed, {{"x:y": {{"years": age, "town": city}}}})


class Writing(tf.keras.layers.Layer):
    def call(self, values):
        written = tf.io.write_file(FILE, "x")
        with tf.control_dependencies([] if written is None else [written]):
            return 2.0 * values


class Aside(tf.keras.layers.Layer):
    def call(self, values):
        tf.io.write_file(FILE, "x")
        return 2.0 * values
"""


@pytest.fixture(autouse=True, scope="module")
def forked() -> Iterator[None]:
    with forking():
        yield


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """The file that the module's receiver and layers write, where they are run."""
    file = tmp_path / "written"
    (tmp_path / "own.py").write_text(CODE.format(file=str(file)), encoding="utf-8")
    return file


def save(path: Path, *, looks_up: bool, last: Any = None) -> Path:
    """Save a model of `age` and `city`; with a lookup layer it can go the Builder's way only."""
    age, city = tf.keras.Input((1,), name="age"), tf.keras.Input((1,), name="city", dtype="int64")
    index = layers.IntegerLookup(vocabulary=[0, 1, 2, 3])(city) if looks_up else city
    places = layers.Flatten()(layers.Embedding(6, 2)(index))
    score = layers.Dense(1, name="score")(layers.concatenate([age, places]))
    tf.keras.Model([age, city], score if last is None else last(score)).save(path)
    return path


def test_of_a_forward_pass_it_is_said_who_runs_it(tmp_path: Path) -> None:
    graph = tf.Graph()
    with graph.as_default():
        tf.io.write_file("file", "x")
    with pytest.raises(UnsafeModelError) as caught:
        refuse_unsafe_function(graph.as_graph_def(), tmp_path / "traced", "model.keras")
    assert caught.value.found == (
        "SM120: WriteFile writes a file, "
        "reached by the model's forward pass, which is run to compare the result with it"
    )


@pytest.mark.parametrize("compare", [True, False])
@pytest.mark.parametrize("looks_up", [False, True], ids=["as it can be", "by the Builder"])
def test_a_receiver_that_writes_files_is_refused_before_it_is_run(
    written: Path, tmp_path: Path, looks_up: bool, compare: bool
) -> None:
    model = save(tmp_path / "model.keras", looks_up=looks_up)
    given: dict[str, Any] = {"receiver": "module:writing", "module_file": tmp_path / "own.py", "compare": compare}
    with pytest.raises(UnsafeModelError, match="WriteFile"):
        convert(model, tmp_path / "out", **given)
    assert not written.exists() and not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("layer", "compare"), [("Writing", True), ("Writing", False), ("Aside", True)], ids=["run", "published", "aside"]
)
@pytest.mark.parametrize("looks_up", [False, True], ids=["as it can be", "by the Builder"])
def test_a_layer_that_writes_files_is_refused_before_it_is_run(
    written: Path, tmp_path: Path, looks_up: bool, layer: str, compare: bool
) -> None:
    scope: dict[str, Any] = {}
    exec(CODE.format(file=str(written)), scope)
    model = save(tmp_path / "model.keras", looks_up=looks_up, last=scope[layer]())
    assert not written.exists()
    with pytest.raises(UnsafeModelError, match="WriteFile") as caught:
        convert(model, tmp_path / "out", module_file=tmp_path / "own.py", allow=[layer], compare=compare)
    assert str(model) in caught.value.where
    assert "told to run it" not in str(caught.value)
    if compare and not looks_up and HAS_ESTIMATORS:  # what the Builder wrote has signatures, which run it
        assert "reached by the model's forward pass, which is run to compare the result with it" in caught.value.found
    assert not written.exists() and not (tmp_path / "out").exists()


def test_a_model_whose_output_is_its_input_has_its_signatures_without_a_comparison_too(tmp_path: Path) -> None:
    x = tf.keras.Input((3,), name="x")
    tf.keras.Model(x, x).save(tmp_path / "model.h5")
    result = convert(tmp_path / "model.h5", tmp_path / "out", compare=False)
    assert result.signatures == ("serve_raw", "serving_default")
    assert result.way == "builder"
    assert not HAS_ESTIMATORS or "failed: the converted model has other signatures" in result.notes[0]
    signatures = inspect(result.path)["meta_graphs"][0]["signatures"]
    assert {key: list(item["outputs"]) for key, item in signatures.items()} == {key: ["x"] for key in result.signatures}


def test_without_a_comparison_the_way_is_the_same(tmp_path: Path) -> None:
    result = convert(save_two_inputs(tmp_path / "model.keras"), tmp_path / "out", compare=False)
    assert result.way == ("model_to_estimator" if HAS_ESTIMATORS else "builder")
    assert (result.signatures, result.parity["source"]) == (("serve_raw", "serving_default"), "not compared")


def test_a_receiver_with_variables_is_named(written: Path, tmp_path: Path) -> None:
    model = save_two_inputs(tmp_path / "model.keras")
    with pytest.raises(UsageError, match="holds variables") as caught:
        convert(model, tmp_path / "out", receiver="module:of_variables", module_file=tmp_path / "own.py")
    assert "own.py" in caught.value.where and "of_variables" in caught.value.where
    assert caught.value.found == "scale"


def test_an_alternative_may_have_a_colon_in_its_name(written: Path, tmp_path: Path) -> None:
    model = save_two_inputs(tmp_path / "model.keras")
    result = convert(model, tmp_path / "out", receiver="module:named_oddly", module_file=tmp_path / "own.py")
    assert result.signatures == ("serve_x:y", "serving_default")
    taken: dict[str, Any] = {"serve_x:y": {"kind": "predict"}}
    with pytest.raises(UsageError, match="the key of a receiver's signature"):
        convert(
            model,
            tmp_path / "other",
            receiver="module:named_oddly",
            module_file=tmp_path / "own.py",
            outputs=taken,
            compare=False,
        )
