"""TF1 graphs and savers that are none: said before anything is written of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from tests.tf1_graphs import IMAGE, Trained, X, train
from tests.workflows.loaders import DEFAULT, answers, same
from tfx_savedmodel.errors import UnreadableModelError, UnsupportedModelError
from tfx_savedmodel.operations.export import export

pytestmark = pytest.mark.tf

v1 = tf.compat.v1
PLAN = {DEFAULT: IMAGE}


@pytest.fixture
def trained(tmp_path: Path) -> Trained:
    return train(tmp_path / "tf1")


def change(trained: Trained, edit: Callable[[Any, Any], None]) -> None:
    """Edit the MetaGraph beside the checkpoint, given it and its node y."""
    meta_graph = trained.meta_graph()
    edit(meta_graph, next(node for node in meta_graph.graph_def.node if node.name == "y"))
    trained.meta.write_bytes(meta_graph.SerializeToString())


def doubled(meta_graph: Any, y: Any) -> None:
    meta_graph.graph_def.node.add().CopyFrom(y)


def circular(_: Any, y: Any) -> None:
    y.input[0] = "y"


def missing(_: Any, y: Any) -> None:
    y.input[0] = "gone"


def untyped(_: Any, y: Any) -> None:
    del y.attr["T"]


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (untyped, "node 'y' has no T, which"),
        (doubled, "2 nodes of the name 'y'"),
        (circular, "nodes that wait for each other: y"),
        (missing, "node 'y' takes 'gone', which is not there"),
    ],
)
def test_a_broken_graph_is_refused(trained: Trained, tmp_path: Path, edit: Any, said: str) -> None:
    change(trained, edit)
    with pytest.raises(UnreadableModelError, match="the graph is broken") as caught:
        export(trained.prefix, tmp_path / "out", plan=PLAN)
    assert said in caught.value.found
    assert caught.value.where == str(trained.meta)
    assert not (tmp_path / "out").exists()


def test_what_is_broken_and_not_needed_stays_behind(trained: Trained, tmp_path: Path) -> None:
    change(trained, lambda meta_graph, _: meta_graph.graph_def.node.add(name="loose", op="Identity", input=["gone"]))
    assert export(trained.prefix, tmp_path / "out", plan=PLAN).builder == "rewrite"
    same(answers(tmp_path / "out", DEFAULT, {"image": X}), {"scores": trained.scores})


@pytest.mark.parametrize(
    ("field", "name"),
    [("restore_op_name", "y"), ("save_tensor_name", "y:0"), ("filename_tensor_name", "x:0")],
)
def test_a_saver_that_is_none_is_not_taken(trained: Trained, tmp_path: Path, field: str, name: str) -> None:
    change(trained, lambda meta_graph, _: setattr(meta_graph.saver_def, field, name))
    assert export(trained.prefix, tmp_path / "out", plan=PLAN).builder == "session"
    same(answers(tmp_path / "out", DEFAULT, {"image": X}), {"scores": trained.scores})


def test_loops_lead_back(tmp_path: Path) -> None:
    def add(_x: Any, y: Any) -> None:
        was = v1.control_flow_v2_enabled()
        v1.disable_control_flow_v2()
        grown = v1.while_loop(lambda i, _: i < 3, lambda i, value: (i + 1, value * 2), [0, y])
        if was:
            v1.enable_control_flow_v2()
        tf.identity(grown[1], name="z")

    trained = train(tmp_path / "tf1", more=add)
    assert "NextIteration" in {node.op for node in trained.meta_graph().graph_def.node}
    export(trained.prefix, tmp_path / "out", plan={DEFAULT: {**IMAGE, "outputs": {"scores": "z:0"}}})
    same(answers(tmp_path / "out", DEFAULT, {"image": X}), {"scores": trained.scores * 8})


def test_a_checkpoint_of_other_dtypes(trained: Trained, tmp_path: Path) -> None:
    with tf.Graph().as_default(), v1.Session() as session:
        for name, value in tf.train.list_variables(str(trained.prefix)):
            kind = tf.int64 if name == "global_step" else tf.float64
            v1.get_variable(name, value, kind, v1.zeros_initializer())
        session.run(v1.global_variables_initializer())
        prefix = v1.train.Saver().save(session, str(tmp_path / "wide"), write_meta_graph=False)
    plan = {"signatures": PLAN, "source": {"graph": str(trained.meta)}}
    with pytest.raises(UnsupportedModelError, match="other dtypes than the graph's") as caught:
        export(prefix, tmp_path / "out", plan=plan)
    assert "w float64, which is float32 in the graph" in caught.value.found
    assert not (tmp_path / "out").exists()
