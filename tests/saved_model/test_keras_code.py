from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import corpus_index
from tfx_savedmodel.saved_model.keras_code import Reference, lambdas, read_files, references
from tfx_savedmodel.saved_model.keras_files import read_keras_file

pytestmark = pytest.mark.unit

DENSE = {"class_name": "Dense", "config": {"name": "dense", "units": 2}}
LAMBDA = {"class_name": "Lambda", "config": {"name": "twice", "function": ["4wEAAA==", None, None]}}
FUNCTION = {"module": "builtins", "class_name": "function", "config": "double", "registered_name": "function"}


def model(*layers: Any) -> dict[str, Any]:
    return {"class_name": "Sequential", "config": {"name": "model", "layers": list(layers)}}


@pytest.mark.parametrize(
    "hidden",
    [
        LAMBDA,
        {"class_name": "TimeDistributed", "config": {"layer": LAMBDA}},
        model(LAMBDA),
        {
            "class_name": "Dense",
            "config": {"activation": {"class_name": "__lambda__", "config": {"value": "4wEAAA=="}}},
        },
        {"class_name": "ResidualWrapper", "config": {"residual_fn": ["4wEAAA=="], "residual_fn_type": "lambda"}},
        {"class_name": "Lambda", "config": {"function": "lambda x: x"}},
        {"class_name": "Lambda", "config": {"function": FUNCTION, "mask": ["4w=="], "mask_type": "lambda"}},
    ],
    ids=["plain", "wrapped", "nested model", "activation", "wrapped cell", "text", "mask"],
)
def test_marshalled_code_is_found_wherever_it_hides(hidden: Any) -> None:
    assert list(lambdas(model(DENSE, hidden)))


def test_places_are_named_by_layers() -> None:
    assert list(lambdas(model(DENSE, model(LAMBDA)))) == [("model/twice", "a Lambda 'twice'")]


@pytest.mark.parametrize(
    "layer",
    [
        {"class_name": "TFOpLambda", "config": {"name": "tf.add", "function": "math.add"}},
        {"class_name": "Lambda", "config": {"function": FUNCTION}},
        {"class_name": "Lambda", "config": {"function": "double", "function_type": "function"}},
    ],
    ids=["operation", "named in Keras 3", "named in Keras 2"],
)
def test_a_function_that_is_only_named_is_no_marshalled_code(layer: Any) -> None:
    config = model(DENSE, layer)
    assert list(lambdas(config)) == []
    named = "double" in [item.name for item in references(config)]
    assert named == (layer["class_name"] == "Lambda")


@pytest.mark.parametrize(
    ("config", "of_keras"),
    [
        ({"class_name": "Dense", "config": {}, "module": "keras.layers", "registered_name": None}, True),
        ({"class_name": "Functional", "config": {}, "module": "keras.src.engine.functional"}, True),
        ({"class_name": "DTypePolicy", "config": {}, "module": "keras"}, True),
        ({"class_name": "FeatureSpace", "config": {}, "module": "keras.utils"}, True),
        ({"class_name": "Mine", "config": {}, "module": None, "registered_name": "package>Mine"}, False),
        ({"class_name": "Dense", "config": {}, "module": "keras.layers", "registered_name": "evil>Dense"}, False),
        ({"class_name": "Custom>Mine", "config": {}}, False),
        ({"class_name": "system", "config": {}, "module": "os"}, False),
        ({"class_name": "function", "config": "get_file", "module": "keras.utils"}, False),
        ({"class_name": "function", "config": "system", "module": "keras.src.utils.os"}, False),
        ({"class_name": "TFSMLayer", "config": {}, "module": "keras.layers"}, False),
        ({"class_name": "Dense", "config": {}, "module": "keras.layers", "registered_name": "TFOpLambda"}, False),
        ({"class_name": "core.Lambda", "config": {}, "module": "keras.src.layers"}, False),
        ({"class_name": "utils.get_file", "config": {}, "module": "keras"}, False),
        ({"class_name": "load_model", "config": {}, "module": "keras.models"}, False),
        ({"class_name": "clone_model", "config": {}, "module": "keras.models"}, False),
        ({"class_name": "model_from_json", "config": {}, "module": "keras.src.models"}, False),
        ({"class_name": "SharpnessAwareMinimization", "config": {}, "module": "keras.models"}, False),
        ({"class_name": "Sequential", "config": {}, "module": "keras.models"}, True),
        ({"class_name": "GetItem", "config": {}, "module": "keras.src.ops.numpy", "registered_name": "GetItem"}, True),
        ({"class_name": "SeedGenerator", "config": {}, "module": "keras.random"}, True),
        ({"class_name": "Dense", "config": {}, "module": ""}, False),
        ({"class_name": "Dense", "config": {}, "module": None}, False),
        ({"class_name": "Dense", "config": {}, "module": "kerasx.layers"}, False),
        ({"class_name": "Dense", "config": {}, "module": "keras.layers\n"}, False),
        ({"class_name": "Dense", "config": {}, "module": ["keras.layers"]}, False),
        ({"class_name": ["Dense"], "config": {}, "module": "keras.layers"}, False),
        ({"class_name": 5, "config": {}, "module": "antigravity"}, False),
        ({"class_name": None, "config": {}, "module": "antigravity"}, False),
        ({"class_name": "TensorShape", "config": {}, "module": "antigravity"}, False),
        ({"class_name": "__slice__", "config": {}, "module": "keras.saving", "registered_name": "load_model"}, False),
        ({"class_name": "Lambda", "config": {}, "module": "antigravity"}, False),
        ({"class_name": "__typespec__", "spec_name": "TensorSpec", "module": "tensorflow", "config": []}, True),
        ({"class_name": "__typespec__", "spec_name": "ASpec", "module": "tensorflow.evil", "config": []}, False),
        ({"class_name": "ModuleWrapper", "config": {}}, False),
        ({"class_name": "get", "config": {}}, False),
        ({"class_name": "deserialize"}, False),
        ({"class_name": "function", "config": "relu", "module": "builtins"}, None),
        ({"class_name": "function", "config": "relu", "module": "builtins", "registered_name": "function"}, None),
        ({"class_name": "function", "config": "relu", "module": "keras.activations"}, True),
        ({"class_name": "function", "config": "relu", "module": "os"}, False),
        ({"class_name": "function", "config": "relu", "module": "keras.ops", "registered_name": "relu"}, True),
        ({"class_name": "function", "config": "write_file", "module": "builtins"}, False),
        ({"class_name": "function", "config": "eval", "module": "builtins"}, False),
        ({"class_name": "function", "config": "get", "module": "keras.losses"}, False),
        ({"class_name": "function", "config": "load_model", "module": "keras.saving"}, False),
        ({"class_name": "function", "config": "get_file", "module": "keras.src.utils.file_utils"}, False),
        ({"class_name": "function", "config": "TFOpLambda", "module": "keras.layers"}, False),
        ({"class_name": "function", "config": {"a": 1}, "module": "keras.activations"}, False),
        ({"class_name": "Dense", "config": {}}, None),
    ],
)
def test_what_is_of_keras_is_told_by_its_module(config: Any, of_keras: bool | None) -> None:
    assert [item.is_of_keras for item in references(config)] == [of_keras]


def test_strings_that_name_functions_are_references() -> None:
    layer = {"class_name": "Dense", "config": {"name": "a", "activation": "mine", "kernel_initializer": "zeros"}}
    assert list(references(layer))[1:] == [
        Reference("mine", "activation", role="activation", is_function=True),
        Reference("zeros", "kernel_initializer", role="initializer", is_function=True),
    ]


@pytest.mark.parametrize(
    "around",
    [
        lambda inner: {"class_name": "TimeDistributed", "config": {"layer": inner}},
        lambda inner: {"class_name": "Bidirectional", "config": {"layer": DENSE, "backward_layer": inner}},
        lambda inner: {"class_name": "RNN", "config": {"cell": {"class_name": "StackedRNNCells", "cells": [inner]}}},
        lambda inner: model(DENSE, model(model(inner))),
        lambda inner: {**DENSE, "build_config": {"input_shape": [inner]}},
        lambda inner: {**DENSE, "compile_config": {"loss": {"out": inner}, "metrics": [[inner]]}},
        lambda inner: {**DENSE, "config": {"loss": {"class_name": "LossFunctionWrapper", "config": {"fn": inner}}}},
        lambda inner: {**DENSE, "inbound_nodes": [{"args": [inner], "kwargs": {}}]},
        lambda inner: {"class_name": "__tuple__", "items": [inner]},
        lambda inner: {"class_name": "Sequential", "config": [inner]},
    ],
)
def test_references_are_found_wherever_they_hide(around: Any) -> None:
    hidden = {"module": "keras.utils", "class_name": "function", "config": "get_file", "registered_name": "get_file"}
    assert [item.name for item in references(around(hidden)) if item.is_of_keras is False] == ["get_file"] * (
        2 if "compile_config" in around(hidden) else 1
    )


def test_functions_of_wrapped_cells_are_references_with_their_modules() -> None:
    inner = {"residual_fn": "system", "residual_fn_type": "function", "residual_fn_module": "os"}
    found = list(references({"class_name": "ResidualWrapper", "config": inner}))[1:]
    assert found == [Reference("system", "residual_fn", "os", is_function=True)]
    assert found[0].is_of_keras is False


def test_plain_data_is_no_reference() -> None:
    layer = {"class_name": "Masking", "config": {"mask_value": {"class_name": "__tensor__", "config": {"value": 0}}}}
    assert [item.name for item in references(layer)] == ["Masking"]


def test_files_that_loading_would_read_are_found() -> None:
    layer = {"class_name": "StringLookup", "config": {"name": "words", "vocabulary": "/etc/passwd"}}
    assert list(read_files(model(layer))) == [("words", "vocabulary '/etc/passwd'")]
    assert list(read_files(model({"class_name": "StringLookup", "config": {"vocabulary": ["a"]}}))) == []


def test_the_malicious_of_the_corpus_are_found_and_the_good_pass(corpus: Path) -> None:
    for entry in corpus_index():
        good = entry["category"] == "good"
        if str(entry["main_file"]).endswith((".keras", ".h5")) and (good or entry["category"] == "malicious"):
            file = read_keras_file(corpus / entry["dir"] / entry["main_file"])
            assert (list(lambdas(file.config)) == []) == good, entry["name"]
            assert not good or all(item.is_of_keras is not False for item in references(file.config)), entry["name"]
