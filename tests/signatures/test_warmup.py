"""Warm-up requests, read back and put to an export as TensorFlow Serving would."""

from __future__ import annotations

import dataclasses
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import SERVING_API, require_module
from tests.signatures.penguins import (
    examples_input,
    ingredients,
    model_inputs,
    penguin,
    penguins,
    raw_inputs,
    resolved,
    save,
    signature,
    univalent,
)
from tfx_savedmodel.errors import ExamplesError, UnsupportedStackError
from tfx_savedmodel.signatures.ingredients import Ingredients
from tfx_savedmodel.signatures.kinds import CLASSIFY, REGRESS
from tfx_savedmodel.signatures.options import Warmup
from tfx_savedmodel.signatures.resolved import ResolvedTensor
from tfx_savedmodel.signatures.warmup import warmup_problems, write_warmup

pytestmark = pytest.mark.tf

SIGNATURES = [
    signature("serving_default", "serve_examples", examples_input(), receiver="examples"),
    signature("serve_raw", "serve_features", raw_inputs({"kilograms": "mass"}), receiver="features"),
    signature("xai_model", "model", model_inputs({"mass": "mass_scaled"})),
    signature("score", "function", model_inputs()),
    signature("kept", "kept", examples_input("x"), of="kept", of_source=True),
    signature("classify", "classify", {"inputs": ResolvedTensor("examples", "string", (None,))}, CLASSIFY),
    signature("regress", "regress", {"inputs": ResolvedTensor("examples", "string", (None,))}, REGRESS),
]
SIGNATURES = [
    dataclasses.replace(each, of="serving_default", receiver="examples")
    if each.kind in ("classify", "regress")
    else each
    for each in SIGNATURES
]


def protos() -> Any:
    return require_module("tensorflow_serving.apis.prediction_log_pb2", SERVING_API)


def univalent_ingredients() -> Ingredients:
    return ingredients(schema=univalent())


def read(file: Path) -> list[Any]:
    return [protos().PredictionLog.FromString(record.numpy()) for record in tf.data.TFRecordDataset(str(file))]


def replay(log: Any, loaded: Any) -> np.ndarray[Any, Any]:
    """Ask as TensorFlow Serving does: tensors by name, or the examples of an example_list at `inputs`."""
    kind = log.WhichOneof("log_type")
    request = getattr(log, kind).request
    function = loaded.signatures[request.model_spec.signature_name]
    if kind == "predict_log":
        inputs = {name: tf.constant(tf.make_ndarray(value)) for name, value in request.inputs.items()}
    else:
        examples = request.input.example_list.examples
        inputs = {"inputs": tf.constant([each.SerializeToString() for each in examples])}
    answer: np.ndarray[Any, Any] = function(**inputs)["probabilities"].numpy()
    return answer


def test_every_request_runs_and_all_signatures_agree(tmp_path: Path) -> None:
    protos()
    replayable = [dataclasses.replace(each, receiver="examples") if each.key == "kept" else each for each in SIGNATURES]
    loaded = tf.saved_model.load(str(save(tmp_path / "m", *replayable)))
    file = tmp_path / "m" / "assets.extra" / "tf_serving_warmup_requests"
    plan = resolved(*SIGNATURES, warmup=Warmup(requests=6))
    result = write_warmup(
        file, plan, penguins(10), ingredients=univalent_ingredients, takes_examples=lambda key: key == "kept"
    )
    assert result.notes == ()
    assert result.written == {each.key: 6 for each in SIGNATURES}
    logs = read(file)
    kinds = Counter(log.WhichOneof("log_type") for log in logs)
    assert kinds == {"predict_log": 30, "classify_log": 6, "regress_log": 6}
    answers: dict[str, list[Any]] = {}
    for log in logs:
        answer = replay(log, loaded)
        assert answer.shape == (1, 2)
        request = getattr(log, log.WhichOneof("log_type")).request
        answers.setdefault(request.model_spec.signature_name, []).append(answer)
    for key in answers:
        np.testing.assert_allclose(answers[key], answers["serving_default"], rtol=1e-6, err_msg=key)
    assert len({answer.tobytes() for answer in answers["xai_model"]}) == 6


def test_missing_values_are_said_as_the_contract_says(tmp_path: Path) -> None:
    protos()
    plan = resolved(SIGNATURES[1], warmup=Warmup(requests=1))
    examples = [penguin(mass=None, island=None)]
    write_warmup(tmp_path / "w", plan, examples, ingredients=univalent_ingredients, takes_examples=bool)
    inputs = read(tmp_path / "w")[0].predict_log.request.inputs
    assert np.isnan(tf.make_ndarray(inputs["kilograms"])).tolist() == [[True]]
    assert tf.make_ndarray(inputs["island"]).tolist() == [[b""]]
    assert tf.make_ndarray(inputs["year"]).tolist() == [2007]


def test_features_of_any_number_of_values_keep_theirs(tmp_path: Path) -> None:
    protos()
    inputs = {
        **raw_inputs(),
        "mass": ResolvedTensor("mass", "float32", (None, None), "nan"),
        "island": ResolvedTensor("island", "string", (None, None), "empty"),
    }
    plan = resolved(signature("raw", "serve_features", inputs, receiver="features"), warmup=Warmup(requests=2))
    write_warmup(tmp_path / "w", plan, [penguin(), penguin(mass=None)], ingredients=ingredients, takes_examples=bool)
    sizes = [tf.make_ndarray(log.predict_log.request.inputs["mass"]).shape for log in read(tmp_path / "w")]
    assert sizes == [(1, 1), (1, 0)]


def test_an_alias_is_fed_under_its_own_names(tmp_path: Path) -> None:
    protos()
    model = signature("xai_model", "model", model_inputs({"a": "mass_scaled", "b": "age"}))
    swapped = {
        "b": ResolvedTensor("a", "float32", (None, 1)),
        "a": ResolvedTensor("b", "float32", (None, 1)),
        "island_hot": ResolvedTensor("island_hot", "float32", (None, 4)),
    }
    plan = resolved(model, signature("again", "alias", swapped, of="xai_model"), warmup=Warmup(requests=1))
    write_warmup(tmp_path / "w", plan, [penguin(8.0, "Dream", 2000)], ingredients=ingredients, takes_examples=bool)
    again, first = read(tmp_path / "w")
    values = [
        {name: tf.make_ndarray(value).tolist() for name, value in log.predict_log.request.inputs.items()}
        for log in (first, again)
    ]
    assert values[0] == {"a": [[2.0]], "b": [[16000.0]], "island_hot": [[1.0, 0.0, 0.0, 0.0]]}
    assert values[1] == {"b": [[2.0]], "a": [[16000.0]], "island_hot": [[1.0, 0.0, 0.0, 0.0]]}


def test_what_cannot_be_fed_is_said(tmp_path: Path) -> None:
    protos()
    plan = resolved(
        signature("odd", "kept", {"x": ResolvedTensor("x", "float32", (None, 7))}, of="odd", of_source=True),
        signature("text", "kept", examples_input("x"), of="text", of_source=True),
        signature("unnamed", "kept", examples_input("x"), "", of="unnamed", of_source=True),
        signature("by_tensors", "model", model_inputs(), CLASSIFY),
        signature("other_name", "serve_examples", examples_input(), REGRESS, receiver="examples"),
        signature("empty", "function", {}),
        warmup=Warmup(requests=2),
    )
    (tmp_path / "w").write_bytes(b"requests that the source came with")
    result = write_warmup(
        tmp_path / "w", plan, penguins(1), ingredients=ingredients, takes_examples=lambda key: key == "unnamed"
    )
    assert result.written == {}
    assert not (tmp_path / "w").exists()
    about = {key: note for note in result.notes for key in plan.signatures if f"{key!r}" in note}
    assert sorted(about) == sorted(plan.signatures)
    assert "method name ''" in about["unnamed"]
    assert "Classify sends serialized examples to one input 'inputs'" in about["by_tensors"]
    assert "1 requests a signature, not 2" in result.notes[0]


def test_examples_that_do_not_fit(tmp_path: Path) -> None:
    protos()
    plan = resolved(SIGNATURES[2], warmup=Warmup(requests=2))
    with pytest.raises(ExamplesError, match="year"):
        write_warmup(tmp_path / "w", plan, [penguin(year=None)], ingredients=ingredients, takes_examples=bool)
    with pytest.raises(ExamplesError, match="no example"):
        write_warmup(tmp_path / "w", plan, [], ingredients=ingredients, takes_examples=bool)
    classify = resolved(dataclasses.replace(SIGNATURES[5], of_source=True), warmup=Warmup(requests=2))
    with pytest.raises(ExamplesError, match=r"not a tf\.Example"):
        write_warmup(tmp_path / "w", classify, [b"\xff"], ingredients=ingredients, takes_examples=bool)


def test_more_than_the_server_reads_is_a_problem() -> None:
    many = [signature(f"s{index}", "model", model_inputs()) for index in range(3)]
    assert warmup_problems(resolved(*many, warmup=Warmup(requests=333))) == []
    assert warmup_problems(resolved(*many)) == []
    (problem,) = warmup_problems(resolved(*many, warmup=Warmup(requests=334)))
    assert (problem.where, problem.next_step) == ("warmup.requests", "ask for 333")


def test_without_the_protos_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow_serving.apis", None)
    plan = resolved(SIGNATURES[0], warmup=Warmup(requests=1))
    with pytest.raises(UnsupportedStackError, match="tensorflow-serving-api"):
        write_warmup(tmp_path / "w", plan, penguins(1), ingredients=ingredients, takes_examples=bool)
