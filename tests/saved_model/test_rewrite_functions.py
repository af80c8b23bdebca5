"""Renamed TF2 signatures: every loader sees the names and gives the bits of the original."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.operations.models import keras, output_name, save_keras
from tfx_savedmodel.errors import UnsupportedModelError, UsageError
from tfx_savedmodel.saved_model.native import load_natively
from tfx_savedmodel.saved_model.parse import parse_saved_model
from tfx_savedmodel.saved_model.rewrite import Chosen, choose_signatures, edit
from tfx_savedmodel.saved_model.session import ServingSession

pytestmark = pytest.mark.tf

PREDICT = "tensorflow/serving/predict"
Arrays = dict[str, Any]

#: Two of them have the same dtype and shape: were they swapped, only the numbers would tell.
VALUES: Arrays = {
    "a": np.array([[1.5, -2.25]], np.float32),
    "b": np.array([[0.125, 3.0]], np.float32),
    "n": np.array([4], np.int64),
}


def save_module(directory: Path) -> Path:
    """Save a signature of three inputs and three outputs, no two of which are alike in what they give."""
    import tensorflow as tf

    class Mixed(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = tf.Variable([[2.0], [0.5]])
            self.bias = tf.Variable(0.1)
            self.fixed = tf.constant([1.0, 3.0])

        @tf.function(
            input_signature=[
                tf.TensorSpec([None, 2], tf.float32, "a"),
                tf.TensorSpec([None, 2], tf.float32, "b"),
                tf.TensorSpec([None], tf.int64, "n"),
            ]
        )
        def serve(self, a: Any, b: Any, n: Any) -> Any:
            return {
                "difference": (a - b) @ self.weight + self.bias,
                "quotient": a / b * self.fixed,
                "power": n * n,
            }

        @tf.function(input_signature=[tf.TensorSpec([], tf.float32)])
        def double(self, value: Any) -> Any:
            return value * 2 + self.bias

    module = Mixed()
    tf.saved_model.save(module, str(directory), signatures={"serving_default": module.serve})
    return directory


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_module(tmp_path_factory.mktemp("models") / "original")


def copied(model: Path, to: Path) -> Path:
    import shutil

    shutil.copytree(model, to)
    return to


def in_a_session(model: Path, key: str, inputs: Arrays, tags: tuple[str, ...] = ("serve",)) -> Arrays:
    with ServingSession(model, tags) as session:
        assert set(session.signatures[key].inputs) == set(inputs)
        return session.run(key, inputs)


def in_tf2(model: Path, key: str, inputs: Arrays) -> Arrays:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(model))
    function = loaded.signatures[key]
    _, keywords = function.structured_input_signature
    assert set(keywords) == set(inputs)
    found = {name: value.numpy() for name, value in function(**{k: tf.constant(v) for k, v in inputs.items()}).items()}
    assert set(function.structured_outputs) == set(found)
    return found


def same_bits(found: Arrays, wanted: Arrays) -> bool:
    return {name: value.tobytes() for name, value in found.items()} == {
        name: value.tobytes() for name, value in wanted.items()
    }


def check(model: Path, original: Path, chosen: dict[str, Chosen], values: Arrays = VALUES) -> None:
    """Choose, then compare each key in the three loaders with the source's signature in the original."""
    choose_signatures(model, ["serve"], chosen)
    load_natively(model, ["serve"])
    for key, item in chosen.items():
        for run in (in_a_session, in_tf2):
            before = run(original, item.source, values)
            inputs = {name: values[old] for name, old in (item.inputs or {name: name for name in values}).items()}
            wanted = {name: before[old] for name, old in (item.outputs or {name: name for name in before}).items()}
            found = run(model, key, inputs)
            assert same_bits(found, wanted), (key, run.__name__)


OUTPUTS = {"difference": "difference", "power": "power", "quotient": "quotient"}


@pytest.mark.parametrize(
    ("inputs", "outputs"),
    [
        pytest.param({"left": "a", "right": "b", "x": "n"}, None, id="inputs, same order"),
        pytest.param({"z": "a", "y": "b", "x": "n"}, None, id="inputs, order reversed"),
        pytest.param({"b": "a", "a": "b", "n": "n"}, None, id="names swapped"),
        pytest.param({"n": "a", "a": "b", "b": "n"}, None, id="names go round"),
        pytest.param({"Zebra": "a", "apple": "b", "B": "n"}, None, id="capitals sort first"),
        pytest.param(None, {"z": "difference", "y": "power", "x": "quotient"}, id="outputs, order reversed"),
        pytest.param(None, {"difference": "quotient", "quotient": "difference"}, id="outputs swapped, one left out"),
        pytest.param(None, {"power": "power"}, id="one output"),
        pytest.param(None, {"one": "quotient", "two": "quotient", "a": "power"}, id="an output twice"),
        pytest.param({"z": "a", "y": "b", "x": "n"}, {"b/c": "quotient", "a d": "difference"}, id="both, odd outputs"),
    ],
)
def test_every_loader_gives_the_same_bits(
    tmp_path: Path, original: Path, inputs: dict[str, str] | None, outputs: dict[str, str] | None
) -> None:
    model = copied(original, tmp_path / "m")
    chosen = {
        "serving_default": Chosen("serving_default", PREDICT),
        "renamed": Chosen("serving_default", PREDICT, inputs, outputs),
    }
    check(model, original, chosen)


def test_other_functions_answer_as_before_and_nothing_is_made_twice(tmp_path: Path, original: Path) -> None:
    import tensorflow as tf

    model = copied(original, tmp_path / "m")
    names = {"z": "a", "y": "b", "x": "n"}
    chosen = {
        "one": Chosen("serving_default", PREDICT, names),
        "two": Chosen("serving_default", PREDICT, dict(reversed(names.items()))),
        "same": Chosen("serving_default", PREDICT, {name: name for name in VALUES}, OUTPUTS),
        "cut": Chosen("serving_default", PREDICT, names, {"power": "power"}),
    }
    before = parse_saved_model(original, "saved_model.pb").meta_graphs[0]
    check(model, original, chosen)
    after = parse_saved_model(model, "saved_model.pb").meta_graphs[0]
    count = len(before.object_graph_def.nodes)
    assert len(after.object_graph_def.nodes) == count + 2
    assert len(after.graph_def.library.function) == len(before.graph_def.library.function) + 2
    kinds = [[node.WhichOneof("kind") for node in item.object_graph_def.nodes] for item in (before, after)]
    assert kinds[1] == kinds[0] + ["bare_concrete_function"] * 2
    assert before.graph_def.node == after.graph_def.node
    loaded = tf.saved_model.load(str(model))
    assert loaded.double(tf.constant(3.0)).numpy() == tf.saved_model.load(str(original)).double(3.0).numpy()


def test_positional_call_and_saving_again(tmp_path: Path, original: Path) -> None:
    """A signature of one input may be called without its name; what is loaded can be saved."""
    import tensorflow as tf

    module = tf.Module()
    module.serve = tf.function(
        lambda value: {"p": value + 1.0, "q": value * 2.0}, input_signature=[tf.TensorSpec([None], tf.float32, "value")]
    )
    tf.saved_model.save(module, str(tmp_path / "one"), signatures={"s": module.serve})
    chosen = {"s": Chosen("s", PREDICT, {"renamed": "value"}, {"b": "p", "a": "q"})}
    choose_signatures(tmp_path / "one", ["serve"], chosen)
    loaded = tf.saved_model.load(str(tmp_path / "one"))
    assert loaded.signatures["s"](tf.constant([3.0]))["a"].numpy() == [6.0]
    model = copied(original, tmp_path / "m")
    names = {"z": "a", "y": "b", "x": "n"}
    choose_signatures(
        model, ["serve"], {"s": Chosen("serving_default", PREDICT, names, {"z": "power", "a": "quotient"})}
    )
    loaded = tf.saved_model.load(str(model))
    tf.saved_model.save(loaded, str(tmp_path / "again"), signatures=dict(loaded.signatures))
    inputs = {name: VALUES[old] for name, old in names.items()}
    wanted = in_a_session(original, "serving_default", VALUES)
    for run in (in_a_session, in_tf2):
        found = run(tmp_path / "again", "s", inputs)
        assert same_bits(found, {"z": wanted["power"], "a": wanted["quotient"]})


def test_gradients_flow_through_the_copy(tmp_path: Path, original: Path) -> None:
    import tensorflow as tf

    model = copied(original, tmp_path / "m")
    choose_signatures(
        model, ["serve"], {"s": Chosen("serving_default", PREDICT, {"z": "a", "y": "b", "x": "n"}, {"d": "quotient"})}
    )

    def gradients(path: Path, key: str, names: tuple[str, str, str], output: str) -> list[Any]:
        loaded = tf.saved_model.load(str(path))  # its variables live as long as it does
        function = loaded.signatures[key]
        held = [tf.constant(VALUES[name]) for name in ("a", "b", "n")]
        with tf.GradientTape() as tape:
            tape.watch(held[:2])
            result = function(**dict(zip(names, held, strict=True)))[output]
        return [value.numpy().tobytes() for value in tape.gradient(result, held[:2])]

    found = gradients(model, "s", ("z", "y", "x"), "d")
    assert found == gradients(original, "serving_default", ("a", "b", "n"), "quotient")


@pytest.mark.parametrize("form", ["absent", "kwargs", "strange"])
def test_what_other_versions_wrote_as_function_spec(tmp_path: Path, original: Path, form: str) -> None:
    """TF before 2.4 wrote none, TF 2.4 to 2.10 `**kwargs`; a form that is not known is dropped."""
    model = copied(original, tmp_path / "m")

    def older(proto: Any) -> None:
        for node in proto.meta_graphs[0].object_graph_def.nodes:
            if node.WhichOneof("kind") != "bare_concrete_function":
                continue
            bare = node.bare_concrete_function
            values = {item.key: item.value for item in bare.function_spec.fullargspec.named_tuple_value.values}
            if form == "absent":
                bare.ClearField("function_spec")
            elif form == "kwargs":
                del values["kwonlyargs"].list_value.values[:]
                values["varkw"].string_value = "kwargs"
            else:
                values["kwonlydefaults"].dict_value.fields["n"].int64_value = 1

    edit(model, older)
    names = {"z": "a", "y": "b", "x": "n"}
    check(model, original, {"renamed": Chosen("serving_default", PREDICT, names, {"b": "difference", "a": "power"})})
    nodes = parse_saved_model(model, "saved_model.pb").meta_graphs[0].object_graph_def.nodes
    assert nodes[-1].bare_concrete_function.HasField("function_spec") is (form == "kwargs")


def test_tags_that_every_loader_sees(tmp_path: Path, original: Path) -> None:
    import tensorflow as tf

    model = copied(original, tmp_path / "m")
    choose_signatures(model, ["serve"], {"s": Chosen("serving_default", PREDICT)}, new_tags=["serve", "gpu"])
    load_natively(model, ["serve", "gpu"])
    assert list(tf.saved_model.load(str(model), tags=["gpu", "serve"]).signatures) == ["s"]
    wanted = in_a_session(original, "serving_default", VALUES)
    assert same_bits(in_a_session(model, "s", VALUES, ("serve", "gpu")), wanted)
    with pytest.raises(ValueError, match="tags"):
        tf.saved_model.load(str(model), tags=["serve"])


@pytest.mark.parametrize("name", ["a-b", "_a", "1a", "größe", "class", "self", ""])
def test_names_that_no_argument_can_have(tmp_path: Path, original: Path, name: str) -> None:
    model = copied(original, tmp_path / "m")
    with pytest.raises(UsageError, match="cannot have an input of this name"):
        choose_signatures(model, ["serve"], {"s": Chosen("serving_default", PREDICT, {name: "a", "b": "b", "n": "n"})})


def test_sparse_tensors_pass_but_keep_their_names(tmp_path: Path) -> None:
    import tensorflow as tf

    module = tf.Module()
    module.serve = tf.function(
        lambda x: {"sparse": x, "dense": tf.sparse.to_dense(x)},
        input_signature=[tf.SparseTensorSpec([None, 3], tf.float32)],
    )
    source = tmp_path / "m"
    tf.saved_model.save(module, str(source), signatures={"s": module.serve})
    view = parse_saved_model(source, "saved_model.pb").meta_graphs[0].signature_def["s"]
    assert view.outputs["sparse"].WhichOneof("encoding") in ("coo_sparse", "composite_tensor")
    with pytest.raises(UnsupportedModelError, match="sparse or composite"):
        choose_signatures(source, ["serve"], {"t": Chosen("s", PREDICT, outputs={"only": "dense"})})
    choose_signatures(source, ["serve"], {"t": Chosen("s", PREDICT)})
    load_natively(source, ["serve"])
    assert list(tf.saved_model.load(str(source)).signatures) == ["t"]


def test_keras_still_loads_its_model(tmp_path: Path) -> None:
    source = save_keras(tmp_path / "source")
    model = copied(source, tmp_path / "m")
    values = {"bill": np.array([[3.5]], np.float32), "island": np.array([[0.0, 1.0, 0.0]], np.float32)}
    chosen = {
        "serving_default": Chosen("serving_default", PREDICT),
        "renamed": Chosen("serving_default", PREDICT, {"z": "bill", "a": "island"}, {"scores": output_name()}),
    }
    check(model, source, chosen, values)
    if not (source / "keras_metadata.pb").exists():
        return  # Keras 3 exports a SavedModel that it does not take back
    before, after = (keras().models.load_model(path) for path in (source, model))
    assert type(after) is type(before)
    assert after.predict(values, verbose=0).tobytes() == before.predict(values, verbose=0).tobytes()
    again = tmp_path / "again"
    after.save(again, save_format="tf")
    assert in_a_session(again, "serving_default", values).keys() == {output_name()}


@pytest.mark.parametrize("text", [False, True], ids=["pb", "pbtxt"])
def test_tf1_models(tmp_path: Path, text: bool) -> None:
    import tensorflow as tf

    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        a, b = v1.placeholder(tf.float32, [None, 2], "a"), v1.placeholder(tf.float32, [None, 2], "b")
        weight = v1.get_variable("w", initializer=[[2.0], [0.5]], use_resource=True)
        session.run(v1.global_variables_initializer())
        info = v1.saved_model.build_tensor_info
        signature = v1.saved_model.build_signature_def(
            {"a": info(a), "b": info(b)},
            {"difference": info((a - b) @ weight), "quotient": info(a / b)},
            PREDICT,
        )
        builder = v1.saved_model.Builder(str(tmp_path / "m"))
        builder.add_meta_graph_and_variables(session, ["serve"], {"s": signature})
        builder.save(as_text=text)
    source = copied(tmp_path / "m", tmp_path / "original")
    values = {name: VALUES[name] for name in ("a", "b")}
    chosen = {
        "swapped": Chosen("s", PREDICT, {"b": "a", "a": "b"}, {"quotient": "difference", "difference": "quotient"}),
        "cut": Chosen("s", "tensorflow/serving/regress", {"z": "a", "y": "b"}, {"outputs": "difference"}),
    }
    check(tmp_path / "m", source, chosen, values)
    assert (tmp_path / "m" / "saved_model.pbtxt").exists() is text
