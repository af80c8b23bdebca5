"""Exports for older TensorFlows: they fit the tables, every loader of this TensorFlow takes them, answers stay."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.operations import old_models
from tests.operations.models import example, save_over_examples
from tests.workflows.loaders import answers, same
from tfx_savedmodel.errors import PlanError, TargetError, UsageError
from tfx_savedmodel.operations import targeting
from tfx_savedmodel.operations.export import ExportResult, export
from tfx_savedmodel.operations.validate import validate
from tfx_savedmodel.saved_model.consumers import replacements
from tfx_savedmodel.saved_model.consumers.judgement import lacks
from tfx_savedmodel.saved_model.reader import CONTRACT_FILE, read_saved_model
from tfx_savedmodel.saved_model.session import ServingSession
from tfx_savedmodel.saved_model.view import MetaGraphView
from tfx_savedmodel.validation.result import Verdict

pytestmark = pytest.mark.tf

Make = Callable[[Path], Path]

FEATURES = {"bill": np.array([[0.5], [-1.0]], np.float32), "island": np.eye(3, dtype=np.float32)[:2]}
TEXTS = np.array([b"the cat", b"", b"a cat sat on the mat"], dtype=object)
WORDS = np.array([[b"green"], [b"blue"]], dtype=object)
MODELS: dict[str, tuple[Make, str, dict[str, Any]]] = {
    "dense": (old_models.dense, "serving_default", FEATURES),
    "lstm": (old_models.lstm, "serving_default", {"words": np.linspace(-1, 1, 30, dtype=np.float32).reshape(2, 5, 3)}),
    "text": (old_models.text, "serving_default", {"text": TEXTS}),
    "lookup": (old_models.lookup, "look_up", {"word": WORDS}),
    "graph": (old_models.graph, "serving_default", {"x": np.eye(2, dtype=np.float32), "word": WORDS[:, 0]}),
}
FITTED = [
    *((name, "tf-1.15") for name in MODELS),
    *((name, target) for name in ("dense", "text", "lookup") for target in ("tf-2.4", "tf-2.7")),
    # Of TF1's graph 2.7 lacks nothing; an LSTM takes long.
    ("graph", "tf-2.4"),
]


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("sources")
    return {name: make(folder / name) for name, (make, _, _) in MODELS.items()}


def meta_graph(model: Path) -> MetaGraphView:
    found = read_saved_model(model).meta_graph()
    assert found is not None
    return found


def exported(source: Path, directory: Path, target: str | None, **plan: Any) -> ExportResult:
    return export(source, directory, plan={"keep": "all", "signatures": {}, "target": target, **plan})


@pytest.fixture(scope="module")
def wanted(sources: dict[str, Path]) -> Callable[[str], Any]:
    """Return what a model answers; an LSTM takes TF2's loader seconds."""

    @functools.cache
    def answer(name: str) -> Any:
        _, key, inputs = MODELS[name]
        with ServingSession(sources[name]) as session:
            return session.run(key, inputs)

    return answer


@pytest.mark.parametrize(("name", "target"), FITTED)
def test_a_rewrite_fits_its_target_and_answers_as_the_source(
    name: str, target: str, sources: dict[str, Path], wanted: Callable[[str], Any], tmp_path: Path
) -> None:
    _, key, inputs = MODELS[name]
    assert list(lacks(meta_graph(sources[name]), target))
    result = exported(sources[name], tmp_path / "out", target)
    assert result.builder == "rewrite"
    assert any(target in note for note in result.notes)
    assert not any("not compared" in note for note in result.notes)
    assert list(lacks(meta_graph(tmp_path / "out"), target)) == []
    if target == "tf-1.15":
        same(answers(tmp_path / "out", key, inputs), wanted(name))
    else:
        with ServingSession(tmp_path / "out") as session:
            same(session.run(key, inputs), wanted(name))
    contract = json.loads((tmp_path / "out" / CONTRACT_FILE).read_text(encoding="utf-8"))
    assert contract["plan"]["target"] == target


def test_a_trace_fits_its_target(sources: dict[str, Path], wanted: Callable[[str], Any], tmp_path: Path) -> None:
    _, key, inputs = MODELS["dense"]
    plan = {"keep": [], "signatures": {"serving_default": {"kind": "model"}, "again": {"kind": "serve_examples"}}}
    result = exported(sources["dense"], tmp_path / "out", "tf-1.15", **plan)
    assert result.builder == "trace"
    assert list(lacks(meta_graph(tmp_path / "out"), "tf-1.15")) == []
    assert (tmp_path / "out" / "fingerprint.pb").exists()
    same(answers(tmp_path / "out", key, inputs), wanted("dense"))
    functions = meta_graph(tmp_path / "out").functions.values()
    ops = {node.op for function in functions for node in function.nodes.values()}
    assert {op for op in ops if op.startswith("ParseExample")} == {"ParseExample"}
    report = validate(tmp_path / "out", select=["SM110"])
    assert report.verdict is Verdict.BLESSED


def test_ref_variables_fit_too(tmp_path: Path) -> None:
    source = old_models.graph(tmp_path / "source", resource=False)
    exported(source, tmp_path / "out", "tf-1.15")
    key, inputs = MODELS["graph"][1:]
    same(answers(tmp_path / "out", key, inputs), answers(source, key, inputs))


def test_what_trained_the_graph_is_gone_and_tf1_imports_the_rest(sources: dict[str, Path], tmp_path: Path) -> None:
    result = exported(sources["graph"], tmp_path / "out", "tf-1.15")
    ops = {node.op for node in meta_graph(tmp_path / "out").nodes.values()}
    assert not {op for op in ops if op.startswith(("Stateless", "ResourceApply", "ScalarSummary"))}
    assert any("the initialisers of 1 variables" in note for note in result.notes)
    with tf.Graph().as_default() as graph, tf.compat.v1.Session() as session:
        tf.compat.v1.saved_model.load(session, ["serve"], str(tmp_path / "out"))
        (weights,) = (each for each in graph.get_collection("variables") if each.op.name == "w")
        assert session.run(weights).shape == (2, 2)
        with pytest.raises(tf.errors.InvalidArgumentError, match="no_value"):
            session.run(weights.initializer)


def test_a_model_that_fits_is_the_same_file(sources: dict[str, Path], tmp_path: Path) -> None:
    own = f"tf-{'.'.join(tf.__version__.split('.')[:2])}"
    exported(sources["dense"], tmp_path / "plain", None)
    result = exported(sources["dense"], tmp_path / "fitted", own)
    assert not any(own in note for note in result.notes)
    assert (tmp_path / "fitted" / "saved_model.pb").read_bytes() == (tmp_path / "plain" / "saved_model.pb").read_bytes()


def test_an_edit_that_changes_an_answer_is_refused(tmp_path: Path) -> None:
    """Of a matrix DenseBincount counts each row, Bincount all: that it is a matrix shows when the model runs."""

    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.int32, "x")])
    def count(x: Any) -> Any:
        of_any_rank = tf.raw_ops.PlaceholderWithDefault(input=x, shape=None)
        return {"bins": tf.raw_ops.DenseBincount(input=of_any_rank, size=4, weights=tf.constant([], tf.float32))}

    module = tf.Module()
    module.count = count
    tf.saved_model.save(module, str(tmp_path / "source"), signatures=count)
    with pytest.raises(TargetError, match="answers otherwise: signature 'serving_default'") as caught:
        exported(tmp_path / "source", tmp_path / "out", "tf-2.2")
    assert "output bins" in caught.value.found
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("numbers", "size"),
    [([1, 1, 2**32 + 3, 2], 4), ([2**31, 4, -1 + 2**32], 4), ([-(2**32) + 1, 1], 4), ([-1, 1], 4), ([1], 2 - 2**32)],
)
def test_numbers_of_64_bits_are_counted_as_before(numbers: list[int], size: int, tmp_path: Path) -> None:
    specs = [tf.TensorSpec([None], tf.int64, "x"), tf.TensorSpec([], tf.int64, "size")]

    @tf.function(input_signature=specs)
    def count(x: Any, size: Any) -> Any:
        return {"bins": tf.raw_ops.DenseBincount(input=x, size=size, weights=tf.constant([], tf.float32))}

    module = tf.Module()
    module.count = count
    tf.saved_model.save(module, str(tmp_path / "source"), signatures=count)
    exported(tmp_path / "source", tmp_path / "out", "tf-1.15")

    def counted(model: Path) -> Any:
        with ServingSession(model) as session:
            try:
                return session.run("serving_default", {"x": np.int64(numbers), "size": np.int64(size)})["bins"].tolist()
            except tf.errors.InvalidArgumentError as error:
                return type(error)

    wanted = counted(tmp_path / "source")
    assert counted(tmp_path / "out") == wanted


def test_what_is_not_compared_is_said_in_a_line(tmp_path: Path) -> None:
    """TensorFlow's own words have many: where in the code the op was made."""

    class Failing(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "x")])
        def fail(self, x: Any) -> Any:
            return {"y": tf.gather(x, 999)}

    module = Failing()
    module.edited = tf.Variable(1.0)  # something to edit, which the signature does not run
    tf.saved_model.save(module, str(tmp_path / "source"), signatures=module.fail)
    result = exported(tmp_path / "source", tmp_path / "out", "tf-2.4")
    (note,) = (note for note in result.notes if "not compared" in note)
    assert "InvalidArgumentError" in note
    assert "\n" not in note


def test_a_loader_that_refuses_the_edit_is_heard(
    sources: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(node: Any, scope: Any) -> bool:
        replacements._become(node, "NoOp", ["^nowhere"])
        node.ClearField("attr")
        return True

    monkeypatch.setitem(replacements._REPLACEMENTS, "DisableCopyOnRead", broken)
    with pytest.raises(TargetError, match="the edited model cannot be loaded") as caught:
        exported(sources["dense"], tmp_path / "out", "tf-2.7")
    assert "nowhere" in caught.value.found


def test_a_model_that_never_answers_alike_is_compared_by_its_outputs(tmp_path: Path) -> None:
    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "x")])
    def noisy(x: Any) -> Any:
        return {"y": x + tf.raw_ops.RandomUniform(shape=[1], dtype=tf.float32, seed=0, seed2=0)}

    module = tf.Module()
    module.noisy, module.weight = noisy, tf.Variable(1.0)
    tf.saved_model.save(module, str(tmp_path / "source"), signatures=noisy)
    result = exported(tmp_path / "source", tmp_path / "out", "tf-2.4")
    assert any("twice differently" in note for note in result.notes)


def test_a_model_that_remembers_is_compared_from_the_start(tmp_path: Path) -> None:
    module = tf.Module()
    module.count = tf.Variable(0.0)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "x")])
    def counting(x: Any) -> Any:
        return {"y": x + module.count.assign_add(1.0)}

    module.counting = counting
    tf.saved_model.save(module, str(tmp_path / "source"), signatures=counting)
    result = exported(tmp_path / "source", tmp_path / "out", "tf-2.4")
    assert not any("twice differently" in note for note in result.notes)


def test_examples_given_are_asked_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if old_models.is_keras_3():
        pytest.skip("Keras 3 saves no signatures of one's own by model.save")
    source = save_over_examples(tmp_path / "source")
    file = tmp_path / "examples"
    given = [example(bill=[float(number)], island=[1.0, 0.0, 0.0]) for number in range(3)]
    with tf.io.TFRecordWriter(str(file)) as writer:
        for one in given:
            writer.write(one)
    asked: list[Any] = []

    def ask(*arguments: Any, **options: Any) -> Any:
        asked.append(arguments[2])
        return real(*arguments, **options)

    real = targeting.ask
    monkeypatch.setattr(targeting, "ask", ask)
    export(source, tmp_path / "out", plan={"keep": "all"}, target="tf-1.15", examples=[str(file)])
    before, after = ([next(iter(request.values())).tolist() for request in each["serving_default"]] for each in asked)
    assert before == after
    assert before[:3] == [[one] for one in given]


def test_the_argument_comes_before_the_plans_own(sources: dict[str, Path], tmp_path: Path) -> None:
    result = export(sources["dense"], tmp_path / "out", plan={"keep": "all", "target": "tf-2.7"}, target="tf-2.4")
    assert any("for tf-2.4" in note for note in result.notes)
    with pytest.raises(UsageError, match="no such consumer"):
        export(sources["dense"], tmp_path / "other", plan={"keep": "all"}, target="tf-2.7.4")
    with pytest.raises(PlanError) as caught:
        export(sources["dense"], tmp_path / "other", plan={"keep": "all", "target": "2.7"})
    (problem,) = caught.value.problems
    assert (problem.where, problem.next_step) == ("target", "did you mean 'tf-2.7'?")
