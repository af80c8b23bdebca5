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
        ({"class_name": "function", "config": "relu", "module": "builtins"}, None),
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
