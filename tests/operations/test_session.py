"""New signatures over TF1 graphs: the session builder, asked by every loader."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import require_module
from tests.operations.models import example
from tests.operations.tf1_models import save_scorer
from tests.workflows.loaders import DEFAULT, answers, same
from tfx_savedmodel.errors import PlanError, UnsafeModelError, UnsupportedModelError
from tfx_savedmodel.operations.export import export
from tfx_savedmodel.operations.gate import refuse_unsafe
from tfx_savedmodel.operations.inspect import inspect
from tfx_savedmodel.saved_model.fingerprint import renew_fingerprint
from tfx_savedmodel.saved_model.parse import parse_saved_model
from tfx_savedmodel.saved_model.reader import read_saved_model
from tfx_savedmodel.saved_model.rewrite import edit

pytestmark = pytest.mark.tf

BILL = np.float32([[1, 2, 3], [0, -1, 1]])
WORD = np.array([[b"red"], [b"blue"]], dtype=object)
STEPS = np.int32([1, 3])
MODEL = {"bill": BILL, "word": WORD, "steps": STEPS}
EXAMPLES = np.array(
    [
        example(bill=[1.0, 2.0, 3.0], word=[b"red"], steps=[1]),
        example(bill=[0.0, -1.0, 1.0], word=[b"blue"], steps=[3]),
    ],
    dtype=object,
)
PLAN: dict[str, Any] = {
    "keep": "all",
    "signatures": {
        "examples": {"kind": "serve_examples", "outputs": {"probabilities": "scores"}},
        "features": {"kind": "serve_features", "inputs": {"beak": "bill"}},
        "xai_model": {"kind": "model", "inputs": {"beak": "bill"}},
        "prepared": {"kind": "preprocess", "receiver": "examples", "of": "xai_model"},
        "again": {"kind": "alias", "of": "examples", "outputs": {"p": "probabilities"}},
        "classify": {
            "kind": "classify",
            "of": "examples",
            "scores": "probabilities",
            "classes": {"labels": ["small", "large"]},
        },
        "raw": {"kind": "tensors", "inputs": {"b": "bill:0", "w": "word:0"}, "outputs": {"joined": "joined:0"}},
    },
}
TENSORS = {
    "kind": "tensors",
    "inputs": {"joined": "joined:0", "steps": "steps:0"},
    "outputs": {"scores": "scores:0"},
}
CAST = "half:0"
SCHEMA = """
feature { name: "bill" type: FLOAT presence { min_fraction: 1 } shape { dim { size: 3 } } }
feature { name: "word" type: BYTES value_count { max: 1 } }
feature { name: "steps" type: INT presence { min_fraction: 1 } shape { } }
"""


@pytest.fixture(scope="module", params=["ref", "resource"])
def source(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_scorer(tmp_path_factory.mktemp("tf1") / "model", resource=request.param == "resource")


@pytest.fixture(scope="module")
def exported(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("session") / "out"
    assert export(source, out, plan=PLAN).builder == "session"
    refuse_unsafe(read_saved_model(out))
    nodes = read_saved_model(out).meta_graphs[0].nodes.values()
    assert {node.op for node in nodes if node.op.startswith("Parse")} == {"ParseExample"}  # what TF 1.15 knows
    return out


@pytest.fixture(scope="module")
def wanted(source: Path) -> dict[str, Any]:
    return answers(source, DEFAULT, MODEL)


def test_every_loader_gives_what_the_model_gives(exported: Path, wanted: dict[str, Any]) -> None:
    same(answers(exported, DEFAULT, MODEL), wanted)
    same(answers(exported, "xai_model", {**{k: v for k, v in MODEL.items() if k != "bill"}, "beak": BILL}), wanted)
    probabilities = {"probabilities": wanted["scores"]}
    same(answers(exported, "examples", {"examples": EXAMPLES}), probabilities)
    same(answers(exported, "again", {"examples": EXAMPLES}), {"p": wanted["scores"]})
    features = {"beak": BILL, "word": WORD, "steps": np.int64([1, 3])}
    same(answers(exported, "features", features), wanted)
    prepared = answers(exported, "prepared", {"examples": EXAMPLES})
    same(prepared, {"beak": BILL, "word": WORD, "steps": STEPS})
    labels = np.array([[b"small", b"large"]] * 2, dtype=object)
    same(answers(exported, "classify", {"inputs": EXAMPLES}), {"scores": wanted["scores"], "classes": labels})
    assert set(answers(exported, "raw", {"b": BILL, "w": WORD})) == {"joined"}


@pytest.mark.parametrize("init", ["legacy_init_op", "signature", ""])
def test_the_initialisers_of_both_run_however_the_source_names_its_own(tmp_path: Path, init: str) -> None:
    source = save_scorer(tmp_path / "model", resource=False, init=init)
    plan = {"signatures": {"examples": {"kind": "serve_examples"}, "mine": {"kind": "alias", "of": DEFAULT}}}
    assert export(source, tmp_path / "out", plan=plan).builder == "session"
    if init:
        same(answers(tmp_path / "out", "examples", {"examples": EXAMPLES}), answers(source, DEFAULT, MODEL))
    else:  # TF2's loader fills the tables by itself, no other does
        loaded = tf.saved_model.load(str(tmp_path / "out"))
        wanted = tf.saved_model.load(str(source)).signatures[DEFAULT]
        given = {name: tf.constant(value) for name, value in MODEL.items()}
        same(loaded.signatures["examples"](examples=tf.constant(EXAMPLES)), wanted(**given))


def test_an_op_of_the_plan_runs_at_initialisation(tmp_path: Path) -> None:
    source = save_scorer(tmp_path / "model", resource=False, init="")
    keep = {"keep": "all", "init_op": "fill"}
    assert export(source, tmp_path / "kept", plan=keep).builder == "rewrite"
    plan = {**keep, "signatures": {"examples": {"kind": "serve_examples"}}}
    assert export(source, tmp_path / "made", plan=plan).builder == "session"
    wanted = answers(tmp_path / "kept", DEFAULT, MODEL)
    same(answers(tmp_path / "made", "examples", {"examples": EXAMPLES}), wanted)
    assert inspect(tmp_path / "kept")["meta_graphs"][0]["signatures"].keys() == {DEFAULT}


def test_the_other_meta_graph_and_the_weights_stay(tmp_path: Path) -> None:
    source = save_scorer(tmp_path / "model", resource=False, extra_graph=True, text=True)
    result = export(source, tmp_path / "out", plan=PLAN)
    assert result.builder == "session"
    old, new = (parse_saved_model(path, "saved_model.pbtxt").meta_graphs for path in (source, tmp_path / "out"))
    assert new[1] == old[1] and new[0] != old[0]
    for file in (source / "variables").iterdir():
        assert (tmp_path / "out" / "variables" / file.name).samefile(file)
    same(answers(tmp_path / "out", DEFAULT, MODEL, "train"), answers(source, DEFAULT, MODEL))
    same(answers(tmp_path / "out", "again", {"examples": EXAMPLES}), {"p": answers(source, DEFAULT, MODEL)["scores"]})


def test_a_graph_of_nothing_added_is_the_same_graph(source: Path, tmp_path: Path) -> None:
    plan = {"keep": "all", "builder": "session", "signatures": {"mine": {"kind": "alias", "of": DEFAULT}}}
    assert export(source, tmp_path / "out", plan=plan).builder == "session"
    old, new = (parse_saved_model(path, "saved_model.pb").meta_graphs[0] for path in (source, tmp_path / "out"))
    assert new.graph_def == old.graph_def
    same(answers(tmp_path / "out", "mine", MODEL), answers(source, DEFAULT, MODEL))


def test_a_signature_of_tensors_is_the_model_where_no_other_is(source: Path, tmp_path: Path) -> None:
    """Inputs need not be placeholders: what leads to the outputs is there once more."""
    export(source, tmp_path / "bare", plan={"raw": TENSORS})
    edit(tmp_path / "bare", lambda proto: proto.meta_graphs[0].signature_def.clear())
    plan: dict[str, Any] = {"signatures": {"raw": TENSORS, "examples": {"kind": "serve_examples"}}}
    assert export(tmp_path / "bare", tmp_path / "out", plan=plan).builder == "session"
    joined = np.float32([[1, 2, 3, 0], [0, -1, 1, 2]])
    wanted = answers(tmp_path / "out", "raw", {"joined": joined, "steps": STEPS})
    same(wanted, answers(source, DEFAULT, MODEL))
    made = [example(joined=row.tolist(), steps=[int(step)]) for row, step in zip(joined, STEPS, strict=True)]
    same(answers(tmp_path / "out", "examples", {"examples": np.array(made, dtype=object)}), wanted)


def test_classes_and_casts_over_what_the_source_has(exported: Path, wanted: dict[str, Any], tmp_path: Path) -> None:
    """Of a signature of the source, and of tensors: nothing is parsed again, and the rest stays."""
    labels = {"labels": ["small", "large"]}
    half = {"kind": "tensors", "inputs": {"inputs": "tfx_savedmodel/examples/examples:0"}, "outputs": {"p": CAST}}
    shutil.copytree(exported, tmp_path / "model")
    edit(tmp_path / "model", lambda proto: _add_cast(proto.meta_graphs[0].graph_def))
    plan = {
        "keep": ["examples"],
        "signatures": {
            "named": {"kind": "classify", "of": "examples", "scores": "probabilities", "classes": labels},
            "half": half,
            "cast": {"kind": "classify", "of": "half", "scores": "p", "classes": labels},
        },
    }
    assert export(tmp_path / "model", tmp_path / "out", plan=plan).builder == "session"
    names = np.array([[b"small", b"large"]] * 2, dtype=object)
    named = {"scores": wanted["scores"], "classes": names}
    same(answers(tmp_path / "out", "named", {"inputs": EXAMPLES}), named)
    found = answers(tmp_path / "out", "cast", {"inputs": EXAMPLES})
    assert found["scores"].dtype == np.float32 and found["classes"].tolist() == names.tolist()
    np.testing.assert_allclose(found["scores"], wanted["scores"], atol=1e-3)
    same(answers(tmp_path / "out", "examples", {"examples": EXAMPLES}), {"probabilities": wanted["scores"]})


def _add_cast(graph: Any) -> None:
    node = graph.node.add(name=CAST[:-2], op="Cast", input=["tfx_savedmodel/examples_model/scores"])
    node.attr["SrcT"].type, node.attr["DstT"].type = tf.float32.as_datatype_enum, tf.float16.as_datatype_enum


def test_what_is_no_model_is_told(source: Path, tmp_path: Path) -> None:
    export(source, tmp_path / "bare", plan={"raw": TENSORS})
    edit(tmp_path / "bare", lambda proto: proto.meta_graphs[0].signature_def.clear())
    with pytest.raises(UnsupportedModelError, match="plan one signature of kind tensors") as caught:
        export(tmp_path / "bare", tmp_path / "out", plan={"a": {"kind": "serve_examples"}})
    assert all(name in caught.value.found for name in ("bill:0", "word:0", "steps:0", "scores:0"))
    plan = {
        "keep": "all",
        "signatures": {"second": {"kind": "alias", "of": DEFAULT}, "e": {"kind": "alias", "of": DEFAULT}},
    }
    plan["drop"] = [DEFAULT]
    export(source, tmp_path / "two", plan=plan)
    with pytest.raises(UnsupportedModelError, match="cannot be told which tensors") as caught:
        export(tmp_path / "two", tmp_path / "out", plan={"a": {"kind": "model"}})
    assert "e, second" in caught.value.found


def test_every_mistake_has_its_place(source: Path, tmp_path: Path) -> None:
    plan: dict[str, Any] = {
        "signatures": {
            "f": {"kind": "function", "path": "call"},
            "m": {"kind": "module", "function": "make"},
            "e": {"kind": "serve_examples", "outputs": {"p": "none"}},
        },
        "builder": "trace",
        "init_op": "fil",
    }
    with pytest.raises(PlanError) as caught:
        export(source, tmp_path / "out", plan=plan)
    found = {problem.where: problem for problem in caught.value.problems}
    assert sorted(found) == ["builder", "init_op", "signatures.e.outputs.p", "signatures.f", "signatures.m"]
    assert "did you mean 'fill'?" in str(caught.value) and "plan kind tensors" in found["signatures.f"].next_step
    with pytest.raises(PlanError, match="computes nothing"):
        export(source, tmp_path / "out", plan={"signatures": {"e": {"kind": "model"}}, "builder": "rewrite"})
    with pytest.raises(PlanError, match="name the op itself: fill"):
        export(source, tmp_path / "out", plan={"keep": "all", "init_op": "fill:0"})


def test_unsafe_graphs_are_not_extended(source: Path, tmp_path: Path) -> None:
    shutil.copytree(source, tmp_path / "model")

    def read_a_file(proto: Any) -> None:
        graph = proto.meta_graphs[0].graph_def
        node = graph.node.add(name="etc", op="ReadFile", input=["word"])
        next(other for other in graph.node if other.name == "scores").input.append(f"^{node.name}")

    edit(tmp_path / "model", read_a_file)
    with pytest.raises(UnsafeModelError):
        export(tmp_path / "model", tmp_path / "out", plan={"a": {"kind": "serve_examples"}})


def test_what_nothing_reached_is_judged_before_it_runs(source: Path, tmp_path: Path) -> None:
    shutil.copytree(source, tmp_path / "model")

    def add_a_dead_op(proto: Any) -> None:
        graph = proto.meta_graphs[0].graph_def
        path = graph.node.add(name="path", op="Const")
        path.attr["dtype"].type = tf.string.as_datatype_enum
        path.attr["value"].tensor.CopyFrom(tf.make_tensor_proto("/etc/passwd"))
        graph.node.add(name="etc", op="ReadFile", input=["path"])

    edit(tmp_path / "model", add_a_dead_op)
    export(tmp_path / "model", tmp_path / "fine", plan={"keep": "all"})
    with pytest.raises(UnsafeModelError, match="ReadFile"):
        export(tmp_path / "model", tmp_path / "out", plan={"keep": "all", "init_op": "etc"})
    assert not (tmp_path / "out").exists()


def test_a_fingerprint_is_made_anew(source: Path, tmp_path: Path) -> None:
    shutil.copytree(source, tmp_path / "model")
    assert renew_fingerprint(tmp_path / "model") is None
    result = export(tmp_path / "model", tmp_path / "out", plan={"e": {"kind": "serve_examples"}})
    files = [(path / "fingerprint.pb").read_bytes() for path in (tmp_path / "model", tmp_path / "out")]
    assert files[0] != files[1] and result.notes == ()


def test_a_schema_says_what_may_be_missing(source: Path, tmp_path: Path) -> None:
    schema = tmp_path / "schema.pbtxt"
    schema.write_text(SCHEMA, encoding="utf-8")
    require_module("tensorflow_metadata", "make install")
    plan = {"signatures": {"examples": {"kind": "serve_examples"}, "features": {"kind": "serve_features"}}}
    export(source, tmp_path / "out", plan=plan, schema=schema)
    given = np.array([example(bill=[1.0, 2.0, 3.0], steps=[1])], dtype=object)
    features = {"bill": BILL[:1], "word": np.array([[b""]], dtype=object), "steps": np.int64([1])}
    wanted = answers(source, DEFAULT, {**features, "steps": STEPS[:1]})
    same(answers(tmp_path / "out", "examples", {"examples": given}), wanted)
    same(answers(tmp_path / "out", "features", features), wanted)


def test_what_lies_beside_names_tensors_of_the_graph(source: Path, tmp_path: Path) -> None:
    plan = {
        "signatures": {
            "xai_model": {"kind": "model", "inputs": {"beak": "bill"}},
            "examples": {"kind": "serve_examples"},
        },
        "explanation": {},
        "warmup": {"requests": 1},
    }
    require_module("tensorflow_serving", "make install")
    with tf.io.TFRecordWriter(str(tmp_path / "examples.tfrecord")) as writer:
        writer.write(EXAMPLES[0])
    result = export(source, tmp_path / "out", plan=plan, examples=tmp_path / "examples.tfrecord")
    assert result.builder == "session"
    metadata = json.loads((tmp_path / "out" / "explanation_metadata.json").read_text(encoding="utf-8"))
    assert metadata["framework"] == "Tensorflow"
    assert metadata["inputs"]["beak"]["input_tensor_name"] == "bill:0"
    assert metadata["inputs"]["beak"]["input_baselines"] == [[1.0, 2.0, 3.0]]
    assert metadata["outputs"] == {"scores": {"output_tensor_name": "scores:0"}}
    assert len(list(tf.data.TFRecordDataset(str(tmp_path / "out/assets.extra/tf_serving_warmup_requests")))) == 2
