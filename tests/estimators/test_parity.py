from __future__ import annotations

import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.estimators.models import write_examples
from tfx_savedmodel.errors import ConversionError, ExamplesError, ParityError
from tfx_savedmodel.estimators import parity as parity_module
from tfx_savedmodel.estimators.features import FeaturePath
from tfx_savedmodel.estimators.keras_model import ModelInput
from tfx_savedmodel.estimators.parity import Asked, Batch, batches_of_examples, check_parity, reference

pytestmark = pytest.mark.tf

VALUES = np.arange(8, dtype=np.float32).reshape(4, 2)
RAW = {"serving_default": "raw"}


class Scaled(tf.Module):
    """Answers `answer` = weights * numbers, with weights that a test chooses."""

    def __init__(self, weights: list[float]) -> None:
        super().__init__()
        self.weights = tf.Variable(weights)

    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, name="numbers")])
    def serve(self, numbers: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"answer": self.weights * numbers}


def save(path: Path, weights: list[float]) -> Path:
    module = Scaled(weights)
    tf.saved_model.save(module, str(path), signatures=module.serve)
    return path


@pytest.fixture(scope="module")
def doubles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("doubles") / "model", [2.0, 2.0])


@pytest.fixture(scope="module")
def nearly_doubles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("nearly") / "model", [2.0, 2.00002])


@pytest.fixture(scope="module")
def holed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("holed") / "model", [2.0, float("nan")])


def batches(answer: Any) -> list[Batch]:
    """Two batches of two examples, and what the reference says of them."""
    parts = ((VALUES[:2], answer[:2]), (VALUES[2:], answer[2:]))
    return [Batch(None, {"numbers": numbers}, {"answer": part}) for numbers, part in parts]


def test_the_same_answers_pass_and_are_counted(doubles: Path) -> None:
    parity = check_parity(doubles, RAW, batches(2 * VALUES), 0.0)
    assert parity == {"examples": 4, "max_relative_difference": 0.0, "outputs": {"answer": 0.0}}


def test_changed_weights_fail_and_the_worst_example_is_named(nearly_doubles: Path) -> None:
    with pytest.raises(ParityError) as caught:
        check_parity(nearly_doubles, RAW, batches(2 * VALUES), 1e-6)
    assert caught.value.where == "signature 'serving_default', output 'answer', example 3"
    assert "relative difference of 1" in caught.value.found


def test_the_difference_is_relative_to_the_outputs_scale(nearly_doubles: Path) -> None:
    parity = check_parity(nearly_doubles, RAW, batches(2 * VALUES), 1e-4)
    assert parity["max_relative_difference"] == pytest.approx(1e-5, rel=0.1)


def test_nan_equals_nan_at_the_same_place_only(holed: Path, doubles: Path) -> None:
    with_holes = VALUES * np.array([2.0, np.nan], np.float32)
    assert check_parity(holed, RAW, batches(with_holes), 0.0)["max_relative_difference"] == 0.0
    with pytest.raises(ParityError):
        check_parity(holed, RAW, batches(2 * VALUES), 1.0)
    with pytest.raises(ParityError):
        check_parity(doubles, RAW, batches(with_holes), 1.0)


def test_another_shape_is_no_parity(doubles: Path) -> None:
    with pytest.raises(ParityError, match="another form"):
        check_parity(doubles, RAW, batches((2 * VALUES)[..., None]), 1e-6)


def test_a_signature_that_is_missing_or_does_not_run_is_a_failed_conversion(doubles: Path) -> None:
    with pytest.raises(ConversionError, match="serve_raw"):
        check_parity(doubles, {"serve_raw": "raw"}, batches(2 * VALUES), 1e-6)
    wide = [Batch(None, {"numbers": np.zeros((2, 3), np.float32)}, {"answer": np.zeros((2, 3), np.float32)})]
    with pytest.raises(ConversionError, match="does not run"):
        check_parity(doubles, RAW, wide, 1e-6)


def test_examples_without_a_feature_are_told_from_a_broken_model(tmp_path: Path) -> None:
    inputs = [ModelInput("age", tf.float32, (1,)), ModelInput("city", tf.int64, (1,))]
    files = [str(write_examples(tmp_path / "data", [{"age": 1.0, "city": 1}] * 40 + [{"age": 2.0}]))]
    with pytest.raises(ExamplesError, match="city") as caught:
        list(batches_of_examples(inputs, FeaturePath(inputs, None, None), files))
    assert caught.value.where == f"examples 32 to 40 of {files[0]}"


def of_own(key: str, numbers: Any) -> Batch:
    """A batch for one signature alone, as receivers of the author's own have them."""
    return Batch(None, {"numbers": numbers}, {"answer": 2 * numbers}, {key: {"numbers": numbers}})


def test_a_signature_that_nothing_was_asked_of_is_no_parity(doubles: Path) -> None:
    own = {"serving_default": Asked("own", "serving_default"), "serve_other": Asked("own", "serve_other")}
    for batch in (of_own("serving_default", VALUES), of_own("serve_other", VALUES[:0])):
        with pytest.raises(ExamplesError, match="nothing to compare") as caught:
            check_parity(doubles, dict(reversed(own.items())), [of_own("serving_default", VALUES), batch], 1e-6)
        assert caught.value.where == "signature 'serve_other'"


def test_the_limit_of_memory_counts_for_each_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parity_module, "_MEMORY", VALUES.nbytes)
    model: Any = types.SimpleNamespace(
        is_graph_network=False, call=lambda features: {"answer": 2 * features["numbers"]}, path=Path("model")
    )
    keys = ["serving_default"] * 3 + ["serve_other"] * 3
    kept = reference(model, [of_own(key, VALUES) for key in keys])
    assert [next(iter(batch.requests)) for batch in kept] == ["serving_default", "serve_other"]
    assert len(reference(model, [Batch(None, {"numbers": VALUES}, {})] * 3)) == 1
