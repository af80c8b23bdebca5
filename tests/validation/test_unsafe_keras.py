"""SM121 on configurations made by hand: code is found wherever it is nested, and Keras's own parts are none."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.saved_model.graphs import node, save
from tfx_savedmodel.saved_model.parse import parse_saved_model
from tfx_savedmodel.saved_model.read_model import read_model
from tfx_savedmodel.validation.check import GraphCheck
from tfx_savedmodel.validation.checks.unsafe_keras import UnsafeKeras
from tfx_savedmodel.validation.result import CheckVerdict, Finding
from tfx_savedmodel.validation.runner import blocked, run_graph_checks

pytestmark = pytest.mark.unit

h5py = pytest.importorskip("h5py")

CODE = base64.b64encode(b"not really marshalled").decode()
#: A Lambda as Keras 2 writes it into H5 and SavedModels, and as Keras 3 into `.keras`.
LAMBDA_2 = {
    "class_name": "Lambda",
    "config": {"name": "evil", "function": [CODE, None, None], "function_type": "lambda"},
}
LAMBDA_3 = {
    "module": "keras.layers",
    "class_name": "Lambda",
    "config": {"name": "evil", "function": {"class_name": "__lambda__", "config": {"code": CODE}}},
    "registered_name": None,
}
DENSE_2 = {
    "class_name": "Dense",
    "config": {"name": "d", "activation": "relu", "kernel_initializer": {"class_name": "Zeros", "config": {}}},
}
DENSE_3 = {
    "module": "keras.layers",
    "class_name": "Dense",
    "config": {"name": "d", "activation": "relu"},
    "registered_name": None,
}


def sequential(*layers: Any) -> dict[str, Any]:
    return {"class_name": "Sequential", "config": {"name": "s", "layers": list(layers)}}


def wrapped(layer: Any) -> dict[str, Any]:
    """A model in a model, with a wrapper around the layer."""
    inner = {"class_name": "TimeDistributed", "config": {"name": "t", "layer": layer}}
    return sequential(DENSE_2, sequential(inner))


def h5_file(path: Path, config: Any, training: Any = None) -> Path:
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(config)
        if training is not None:
            file.attrs["training_config"] = json.dumps(training)
        file.create_group("model_weights")
    return path


def keras_file(path: Path, config: Any, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.8.0"}))
        for name, data in members.items():
            archive.writestr(name.replace("_npz", ".weights.npz"), data)
    return path


def varint(value: int) -> bytes:
    return bytes([value]) if value < 0x80 else bytes([value & 0x7F | 0x80]) + varint(value >> 7)


def field(number: int, data: bytes) -> bytes:
    return bytes([number << 3 | 2]) + varint(len(data)) + data


def keras_metadata(*configs: Any) -> bytes:
    """A SavedMetadata proto: nodes with a path (3) and their JSON (5)."""
    nodes = [field(3, b"root") + field(5, json.dumps(config).encode()) for config in configs]
    return b"".join(field(1, item) for item in nodes)


def saved_model(directory: Path, *configs: Any, metadata: bytes | None = None) -> Path:
    model = save(directory, [node("y", "NoOp")], callable_functions={})
    (model / "keras_metadata.pb").write_bytes(keras_metadata(*configs) if metadata is None else metadata)
    return model


def judge(path: Path, check: GraphCheck | None = None) -> list[Finding]:
    return list((check or UnsafeKeras()).check(read_model(path)))


def words(path: Path) -> str:
    return " / ".join(finding.message for finding in judge(path))


@pytest.mark.parametrize("nest", [sequential, wrapped], ids=["plain", "nested"])
@pytest.mark.parametrize("layer", [LAMBDA_2, LAMBDA_3], ids=["keras 2", "keras 3"])
def test_marshalled_code_is_found_in_every_form(tmp_path: Path, layer: Any, nest: Any) -> None:
    config = nest(layer)
    for path in (
        h5_file(tmp_path / "m.h5", config),
        keras_file(tmp_path / "m.keras", config),
        saved_model(tmp_path / "m", config),
    ):
        (finding,) = judge(path)
        assert "Python code that loading it with Keras unpacks and runs" in finding.message
        assert "evil" in finding.found or "lambda" in finding.found.lower()
        assert list(UnsafeKeras(allow=("Lambda",)).check(read_model(path))) == []
        (result,) = run_graph_checks([UnsafeKeras()], read_model(path))
        assert "SM121" in str(blocked([result]))


def test_the_twins_with_layers_of_keras_pass(tmp_path: Path) -> None:
    assert (
        judge(
            h5_file(
                tmp_path / "m.h5", wrapped(DENSE_2), {"optimizer_config": {"class_name": "Custom>Adam", "config": {}}}
            )
        )
        == []
    )
    assert judge(keras_file(tmp_path / "m.keras", sequential(DENSE_3))) == []
    assert judge(saved_model(tmp_path / "m", wrapped(DENSE_2))) == []


def test_code_among_what_the_model_was_compiled_with(tmp_path: Path) -> None:
    training = {"loss": {"class_name": "__lambda__", "config": {"code": CODE}}}
    assert "Python code" in words(h5_file(tmp_path / "m.h5", sequential(DENSE_2), training))
    assert "Python code" in words(keras_file(tmp_path / "m.keras", {**sequential(DENSE_3), "compile_config": training}))


def test_a_class_that_is_merely_named_counts_in_files_only(tmp_path: Path) -> None:
    config = sequential(
        {"class_name": "Attention2", "config": {"name": "a"}, "registered_name": "my>Attention2", "module": None}
    )
    (finding,) = judge(keras_file(tmp_path / "m.keras", config))
    assert "nothing of it runs unless" in finding.message
    assert judge(keras_file(tmp_path / "m.keras", config), UnsafeKeras(allow=("my>Attention2",))) == []
    graph = read_model(saved_model(tmp_path / "m", config))
    (result,) = run_graph_checks([UnsafeKeras()], graph)
    assert result.verdict is CheckVerdict.PASS
    assert result.measurements == {"custom": ["the class 'my>Attention2'"]}


def test_worse_comes_first(tmp_path: Path) -> None:
    named = {"class_name": "Mine", "config": {}}
    reads = {"class_name": "StringLookup", "config": {"name": "l", "vocabulary": "/etc/passwd"}}
    messages = [finding.message for finding in judge(h5_file(tmp_path / "m.h5", sequential(named, reads, LAMBDA_2)))]
    assert ["unpacks and runs" in messages[0], "read a file" in messages[1], "names code" in messages[2]] == [True] * 3


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        ({"class_name": "TextVectorization", "config": {"vocabulary": "gs://b/words"}}, "gs://b/words"),
        ({"class_name": "TFOpLambda", "config": {"name": "op", "function": "io.read_file"}}, "io.read_file"),
        ({"class_name": "TFSMLayer", "config": {"filepath": "/tmp/other"}}, "TFSMLayer"),
        ({"class_name": "function", "config": "system", "module": "os", "registered_name": "system"}, "'system' of os"),
        ({"class_name": "Popen", "config": {}, "module": "subprocess", "registered_name": None}, "Popen"),
        ({"class_name": "function", "config": "eval", "module": "builtins", "registered_name": "eval"}, "eval"),
        ({"class_name": "function", "config": "get_file", "module": "keras.utils", "registered_name": "f"}, "get_file"),
    ],
)
def test_what_reaches_out_is_a_finding_in_saved_models_too(tmp_path: Path, layer: Any, said: str) -> None:
    (finding,) = judge(saved_model(tmp_path, sequential(DENSE_2, layer)))
    assert said in finding.message
    assert "names code that is not in it" not in finding.message


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        (
            {"class_name": "TFSMLayer", "config": {"filepath": "/tmp/other"}, "module": "keras.layers"},
            "call what does more than compute: the class 'TFSMLayer' of keras.layers, which loads and runs the further "
            "SavedModel that its `filepath` names",
        ),
        ({"class_name": "TorchModuleWrapper", "config": {}}, "which unpickles the PyTorch module"),
        ({"class_name": "ModuleWrapper", "config": {}}, "which calls the method that its `method_name` names"),
        (
            {"class_name": "get_file", "config": {}, "module": "keras.utils", "registered_name": None},
            "call what does more than compute: the class 'get_file' of keras.utils, a function by its name, though "
            "written as a class, which Keras finds in keras and hands over for a layer to call",
        ),
        (
            {"class_name": "function", "config": "load_model", "module": "keras.models", "registered_name": None},
            "the function 'load_model' of keras.models, which Keras finds in keras",
        ),
        ({"class_name": "Popen", "config": {}, "module": "subprocess"}, "of Python's own module subprocess"),
        (
            {"class_name": "CSVLogger", "config": {}, "module": "keras.callbacks", "registered_name": None},
            "names a class that whoever loads it with Keras has: the class 'CSVLogger' of keras.callbacks, which is in "
            "keras and no known part of models",
        ),
    ],
)
def test_each_says_what_it_is_and_why_it_is_unsafe(tmp_path: Path, layer: Any, said: str) -> None:
    path = keras_file(tmp_path / "m.keras", sequential(layer))
    (finding,) = judge(path)
    assert said in finding.message
    assert "names code that is not in it" not in finding.message
    assert judge(path, UnsafeKeras(allow=(layer["class_name"], "load_model"))) == []


def test_a_function_of_keras_that_is_written_as_a_class_counts_in_saved_models(tmp_path: Path) -> None:
    helper = {"class_name": "get_file", "config": {}, "module": "keras.utils", "registered_name": None}
    unknown = {"class_name": "CSVLogger", "config": {}, "module": "keras.callbacks", "registered_name": None}
    (finding,) = judge(saved_model(tmp_path / "m", sequential(helper, unknown)))
    assert "get_file" in finding.message


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("tensorflow.compat.v1.gfile", "Remove"),
        ("tensorflow.compat.v1", "gfile.DeleteRecursively"),
        ("tensorflow.raw_ops", "WriteFile"),
        ("tensorflow", "Assert"),
        ("keras.src.gfile", "Remove"),
    ],
)
def test_functions_with_capitals_count_in_saved_models(tmp_path: Path, module: str, name: str) -> None:
    layer = {"class_name": name, "config": {}, "module": module, "registered_name": None}
    (finding,) = judge(saved_model(tmp_path / "m", sequential(layer)))
    assert name in finding.message


def test_what_keras_wrote_into_the_object_graph_before_tf_2_5(tmp_path: Path) -> None:
    model = save(tmp_path, [node("y", "NoOp")], callable_functions={})
    proto = parse_saved_model(model, "saved_model.pb")
    item = proto.meta_graphs[0].object_graph_def.nodes.add().user_object
    item.identifier, item.metadata = "_tf_keras_sequential", json.dumps(sequential(LAMBDA_2))
    (model / "saved_model.pb").write_bytes(proto.SerializeToString())
    (finding,) = judge(model)
    assert finding.where["file"] == "saved_model.pb"


@pytest.mark.parametrize(
    "metadata",
    [
        b"\x0b\x0c" + keras_metadata(sequential(LAMBDA_2)),  # a group, which protocol buffers skip
        keras_metadata(sequential(DENSE_2))[:-3],
        field(1, field(5, b"{")),
        field(1, field(5, b"[1]")),
        field(1, field(5, b'{"a":' * 100_000)),
    ],
    ids=["a group in front", "truncated", "no JSON", "no object", "deep"],
)
def test_metadata_that_hides_is_a_finding(tmp_path: Path, metadata: bytes) -> None:
    assert "nothing tells what Keras would run" in words(saved_model(tmp_path, metadata=metadata))


def test_weights_that_are_pickles(tmp_path: Path) -> None:
    numbers, objects = io.BytesIO(), io.BytesIO()
    np.savez(numbers, kernel=np.zeros(3))
    np.savez(objects, kernel=np.zeros(3), layer=np.array({"a": 1}, dtype=object))
    assert judge(keras_file(tmp_path / "good.keras", sequential(DENSE_3), model_npz=numbers.getvalue())) == []
    path = keras_file(tmp_path / "bad.keras", sequential(DENSE_3), model_npz=objects.getvalue())
    (finding,) = judge(path)
    assert (finding.found, finding.where["place"]) == ("pickled weights", "model.weights.npz/layer.npy")
    assert judge(path, UnsafeKeras(allow=("pickled weights",))) == []
