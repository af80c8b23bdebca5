"""Classify and regress for a TF2 export: what `MethodNameUpdater` writes is equalled (migration guide)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.operations.models import example
from tests.workflows.loaders import answers, same
from tfx_savedmodel.operations.export import export
from tfx_savedmodel.saved_model.parse import parse_saved_model
from tfx_savedmodel.signatures.kinds import CLASSIFY, REGRESS

pytestmark = pytest.mark.tf

EXAMPLES = np.array([example(bill=[0.5]), example(bill=[-1.0])], dtype=object)


class Model(tf.Module):
    """Signatures with the names that Serving asks for, which TF2's save calls predict all the same."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "inputs")])
    def classify(self, inputs: Any) -> Any:
        bill = tf.io.parse_example(inputs, {"bill": tf.io.FixedLenFeature([1], tf.float32)})["bill"]
        return {"scores": tf.concat([bill, 1 - bill], 1)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "inputs")])
    def regress(self, inputs: Any) -> Any:
        bill = tf.io.parse_example(inputs, {"bill": tf.io.FixedLenFeature([1], tf.float32)})["bill"]
        return {"outputs": 2 * bill}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path, model = tmp_path_factory.mktemp("tf2") / "model", Model()
    tf.saved_model.save(model, str(path), signatures={"classify": model.classify, "regress": model.regress})
    return path


def signatures(model: Path) -> dict[str, Any]:
    (meta_graph,) = parse_saved_model(model, "saved_model.pb").meta_graphs
    return dict(meta_graph.signature_def)


def test_its_result_is_equalled(source: Path, tmp_path: Path) -> None:
    updater = tf.compat.v1.saved_model.signature_def_utils.MethodNameUpdater(str(source))
    updater.replace_method_name("classify", CLASSIFY, tags="serve")
    updater.replace_method_name("regress", REGRESS, tags="serve")
    (tmp_path / "updated").mkdir()
    updater.save(str(tmp_path / "updated"))
    plan = {
        "classify": {"kind": "classify", "of": "classify", "scores": "scores"},
        "regress": {"kind": "regress", "of": "regress", "value": "outputs"},
    }
    assert export(source, tmp_path / "out", plan=plan).builder == "rewrite"
    updated, planned = signatures(tmp_path / "updated"), signatures(tmp_path / "out")
    assert updated == planned and "__saved_model_init_op" in planned
    assert [planned[key].method_name for key in plan] == [CLASSIFY, REGRESS]
    for key in plan:
        same(answers(tmp_path / "out", key, {"inputs": EXAMPLES}), answers(source, key, {"inputs": EXAMPLES}))
    # It writes the graph alone; an export is a whole model.
    assert not (tmp_path / "updated" / "variables").exists() and (tmp_path / "out" / "variables").is_dir()
