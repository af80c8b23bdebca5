"""Signatures that are functions: of the loaded object, and made by a module file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.operations.models import save_module
from tfx_savedmodel.errors import PlanError, UnsupportedModelError
from tfx_savedmodel.operations.export import export
from tfx_savedmodel.operations.inspect import inspect
from tfx_savedmodel.saved_model.native import load_natively
from tfx_savedmodel.saved_model.reader import read_saved_model
from tfx_savedmodel.saved_model.session import ServingSession

pytestmark = pytest.mark.tf

MODULE = """
import tensorflow as tf

BY = 10.0


def make_twice(model):
    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
    def twice(x):
        return {"twice": model.double(model.double(x[0]))[tf.newaxis]}

    return twice


def make_both(model, transform_graph, schema):
    assert transform_graph is None and schema is None
    assert not hasattr(model, "was_called")
    model.was_called = True

    @tf.function
    def many(x, y=BY):
        return x * y

    return {"tens": many, "again": make_twice(model), "unused": None}


def make_untracked(model):
    variable = tf.Variable(3.0)

    @tf.function(input_signature=[tf.TensorSpec([], tf.float32)])
    def times(x):
        return x * variable

    times.variable = variable
    return times


def make_tracked(model):
    model.times = tf.Variable(3.0)

    @tf.function(input_signature=[tf.TensorSpec([], tf.float32)])
    def times(x):
        return [x * model.times, x]

    return times


def fail(model):
    raise ValueError("no such thing")
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_module(tmp_path_factory.mktemp("module") / "model")


@pytest.fixture(scope="module")
def module_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("user") / "functions.py"
    file.write_text(MODULE, encoding="utf-8")
    return file


def run(model: Path, key: str, **inputs: Any) -> dict[str, Any]:
    """Return what TF1 and TF2 answer alike, having let the C++ loader load the model."""
    import tensorflow as tf

    load_natively(model, ["serve"])
    values = {name: np.asarray(value) for name, value in inputs.items()}
    with ServingSession(model) as session:
        answers = session.run(key, values)
    loaded = tf.saved_model.load(str(model))
    others = loaded.signatures[key](**{name: tf.constant(value) for name, value in inputs.items()})
    assert sorted(others) == sorted(answers)
    for name, value in others.items():
        np.testing.assert_array_equal(value.numpy(), answers[name])
    return {name: value.tolist() for name, value in answers.items()}


def test_a_function_of_the_model_by_its_path(model: Path, tmp_path: Path) -> None:
    plan = {
        "double": {"kind": "function", "path": "double"},
        "words": {"kind": "function", "path": "look_up", "outputs": {"number": "index"}},
    }
    result = export(model, tmp_path / "out", plan=plan)
    assert (result.builder, result.signatures) == ("trace", ("double", "words"))
    assert run(tmp_path / "out", "double", value=np.float32(4)) == {"output_0": 8.0}
    assert run(tmp_path / "out", "words", word=[[b"green"], [b"blue"]]) == {"number": [[1], [-1]]}


def test_a_function_without_a_signature_of_its_own_takes_specs(tmp_path: Path) -> None:
    import tensorflow as tf

    class Adder(tf.Module):
        @tf.function
        def add(self, x: Any, y: Any) -> Any:
            return x + 10 * y

    spec = {"dtype": "float32", "shape": [None]}
    plan = {"add": {"kind": "function", "path": "add", "inputs": {"x": spec, "y": spec}}}
    export(Adder(), tmp_path / "out", plan=plan)
    assert run(tmp_path / "out", "add", x=np.float32([1]), y=np.float32([2])) == {"output_0": [21.0]}
    with pytest.raises(PlanError, match=r"signatures\.add"):
        export(Adder(), tmp_path / "none", plan={"add": {"kind": "function", "path": "add"}})


def test_functions_of_a_module_file(model: Path, module_file: Path, tmp_path: Path) -> None:
    number = {"dtype": "float32", "shape": []}
    plan = {
        "twice": {"kind": "module", "function": "make_twice"},
        "tens": {"kind": "module", "function": "make_both", "inputs": {"x": number}},
        "again": {"kind": "module", "function": "make_both"},
        "held": {"kind": "module", "function": "make_tracked"},
    }
    export(model, tmp_path / "out", plan=plan, module_file=module_file)
    assert run(tmp_path / "out", "twice", x=np.float32([1.5])) == {"twice": [6.0]}
    assert run(tmp_path / "out", "again", x=np.float32([1.5])) == {"twice": [6.0]}
    assert run(tmp_path / "out", "tens", x=np.float32(1.5)) == {"output_0": 15.0}
    assert run(tmp_path / "out", "held", x=np.float32(2)) == {"output_0": 6.0, "output_1": 2.0}


def test_what_a_module_file_cannot_give(model: Path, module_file: Path, tmp_path: Path) -> None:
    plan = {
        "a": {"kind": "module", "function": "nope"},
        "b": {"kind": "module", "function": "fail"},
        "missing": {"kind": "module", "function": "make_both"},
    }
    with pytest.raises(PlanError) as caught:
        export(model, tmp_path / "out", plan=plan, module_file=module_file)
    found = {problem.where: f"{problem.message} {problem.found} {problem.wanted}" for problem in caught.value.problems}
    assert "make_twice" in found["signatures.a"]
    assert "ValueError: no such thing" in found["signatures.b"]
    assert "again, tens, unused" in found["signatures.missing"]
    with pytest.raises(PlanError, match="no module file"):
        export(model, tmp_path / "out", plan={"twice": {"kind": "module", "function": "make_twice"}})
    with pytest.raises(UnsupportedModelError, match="uses a variable or table that the model does not hold"):
        export(
            model,
            tmp_path / "out",
            plan={"u": {"kind": "module", "function": "make_untracked"}},
            module_file=module_file,
        )
    assert not (tmp_path / "out").exists()


def test_function_aliases_are_written_and_carried(model: Path, module_file: Path, tmp_path: Path) -> None:
    def aliases(path: Path) -> list[str]:
        from tfx_savedmodel.saved_model.parse import parse_saved_model

        (meta_graph,) = parse_saved_model(path, "saved_model.pb").meta_graphs
        names = {function.signature.name for function in meta_graph.graph_def.library.function}
        assert set(meta_graph.meta_info_def.function_aliases) <= names
        return sorted(meta_graph.meta_info_def.function_aliases.values())

    plan = {
        "signatures": {
            "double": {"kind": "function", "path": "double"},
            "twice": {"kind": "module", "function": "make_twice"},
        },
        "function_aliases": {"my_double": "double", "my_twice": "twice"},
    }
    export(model, tmp_path / "one", plan=plan, module_file=module_file)
    assert aliases(tmp_path / "one") == ["my_double", "my_twice"]
    more = {"keep": "all", "drop": ["twice"], "signatures": {"words": {"kind": "function", "path": "look_up"}}}
    result = export(tmp_path / "one", tmp_path / "two", plan=more)
    assert result.builder == "trace"
    assert "my_double" in aliases(tmp_path / "two")


def test_tags_are_the_plans_else_the_sources(model: Path, tmp_path: Path) -> None:
    rewritten = {"keep": "all", "signatures": {}, "tags": ["serve", "cpu"]}
    assert export(model, tmp_path / "cpu", plan=rewritten).builder == "rewrite"
    traced = {"source": {"tags": ["serve", "cpu"]}, "signatures": {"double": {"kind": "function", "path": "double"}}}
    assert export(tmp_path / "cpu", tmp_path / "again", plan=traced).builder == "trace"
    for name in ("cpu", "again"):
        (meta_graph,) = inspect(tmp_path / name)["meta_graphs"]
        assert sorted(meta_graph["tags"]) == ["cpu", "serve"]
        load_natively(tmp_path / name, ["serve", "cpu"])


def test_save_options_reach_tensorflow(model: Path, tmp_path: Path) -> None:
    plan = {
        "signatures": {"double": {"kind": "function", "path": "double"}},
        "save_options": {"experimental_variable_policy": "save_variable_devices"},
    }
    export(model, tmp_path / "with", plan=plan)
    export(model, tmp_path / "without", plan={"signatures": plan["signatures"]})
    devices = {}
    for name in ("with", "without"):
        (meta_graph,) = read_saved_model(tmp_path / name).meta_graphs
        devices[name] = {node.device for node in meta_graph.variable_ops} - {""}
    assert devices["without"] == set()
    assert [device.endswith("CPU:0") for device in devices["with"]] == [True]
    with pytest.raises(PlanError, match="save_options"):
        export(model, tmp_path / "no", plan={**plan, "save_options": {"experimental_variable_policy": "none"}})
