"""An export's `variables/` is a training checkpoint ("tf.saved_model.save", TensorFlow 2.4)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.workflows.loaders import DEFAULT, answers, same
from tfx_savedmodel.operations.export import export

pytestmark = pytest.mark.tf

MODULE = """
import tensorflow as tf


class Line(tf.Module):
    def __init__(self, slope=0.0):
        super().__init__()
        self.slope = tf.Variable(slope)
        self.parts = [tf.Variable([0.0, 0.0])]

    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32)])
    def along(self, x):
        return {"y": self.slope * x + self.parts[0]}


def build():
    return Line()
"""
PLAN = {DEFAULT: {"kind": "function", "path": "along"}}
X = np.float32([[1, 2], [3, 4]])
WANTED = {"y": np.float32([[2.5, 5.5], [6.5, 9.5]])}


@pytest.fixture(scope="module")
def module_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("user") / "line.py"
    file.write_text(MODULE, encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def line() -> Any:
    """The class, as the program that trains has it."""
    names: dict[str, Any] = {"__name__": __name__}
    exec(compile(MODULE, __file__, "exec"), names)  # tf.function finds no source, and needs none
    return names["Line"]


def restore(model: Any, exported: Path) -> None:
    """Restore a training checkpoint by pointing tf.train.Checkpoint to `variables/`; its root is the model."""
    checkpoint = tf.train.Checkpoint(root=model)
    checkpoint.restore(str(exported / "variables" / "variables")).expect_partial()
    # All but the count of saves, which tf.train.Checkpoint adds.
    tf.train.Checkpoint(root=model).read(str(exported / "variables" / "variables")).assert_existing_objects_matched()


@pytest.fixture(scope="module")
def exported(line: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = line(2.0)
    model.parts[0].assign([0.5, 1.5])
    destination = tmp_path_factory.mktemp("exported") / "model"
    export(model, destination, plan=PLAN)
    same(answers(destination, DEFAULT, {"x": X}), WANTED)
    return destination


def test_a_program_restores_it_and_trains_on(line: Any, exported: Path, tmp_path: Path) -> None:
    again = line()
    restore(again, exported)
    assert (again.slope.numpy(), again.parts[0].numpy().tolist()) == (2.0, [0.5, 1.5])
    again.slope.assign_add(1.0)
    export(again, tmp_path / "out", plan=PLAN)
    same(answers(tmp_path / "out", DEFAULT, {"x": X}), {"y": WANTED["y"] + X})


def test_a_program_restores_a_further_export(exported: Path, line: Any, tmp_path: Path) -> None:
    for plan in ({"again": {"kind": "alias", "of": DEFAULT}}, {"again": {"kind": "function", "path": "along"}}):
        result = export(exported, tmp_path / "out", plan=plan, overwrite=True)
        again = line()
        restore(again, tmp_path / "out")
        assert again.slope.numpy() == 2.0, result.builder


@pytest.mark.parametrize("named", ["variables", "variables/variables", "variables/variables.index"])
def test_it_is_exported_as_a_checkpoint(exported: Path, module_file: Path, tmp_path: Path, named: str) -> None:
    plan = {"signatures": PLAN, "source": {"model_fn": "build"}}
    result = export(exported / named, tmp_path / "out", plan=plan, module_file=module_file)
    assert result.builder == "trace"
    same(answers(tmp_path / "out", DEFAULT, {"x": X}), WANTED)
