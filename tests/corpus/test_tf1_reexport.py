"""TF1 models of others exported again: with an alias, with other names, and with a new signature in their graph.

Each is asked before and after by every loader. `make test` takes a fixed sample, `make test-full` all, and
says at its end which could not get a new signature, and why.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.corpus.answers import ADDED, AnswerHost, answers
from tests.corpus.test_corpus import ENTRIES, loaded_fine, name
from tests.corpus.test_reexport import WITH_A_TENSOR, backwards, compare, compare_renamed, observe, patiently
from tfx_savedmodel.errors import PlanError, UnreadableModelError, UnsupportedModelError
from tfx_savedmodel.operations.export import export
from tfx_savedmodel.operations.gate import refuse_unsafe
from tfx_savedmodel.saved_model.locate import find_saved_model
from tfx_savedmodel.saved_model.reader import read_saved_model
from tfx_savedmodel.saved_model.view import MetaGraphView
from tfx_savedmodel.validation.check import LoadObservation

pytestmark = pytest.mark.tf

TF1_LOADER = "tf.compat.v1.saved_model.load"
MODELS = [
    entry
    for entry in ENTRIES
    if entry["category"] in ("good", "legacy") and "v1" in entry["format"] and loaded_fine(entry, TF1_LOADER)
]
#: Every loader takes it without a file that it names as an asset. The exporter does not: SM101.
BROKEN = "tf1__session_bundle_saved_model_half_plus_two"

#: A vocabulary, an Estimator, dtypes of all kinds, control flow of TF1, ref variables, text form, sparse inputs.
SAMPLE = frozenset(
    {
        "kafka__tf_census",
        "mlnet__model_types_test",
        "sts__estimator_model",
        "sts__template_classify",
        "tf1__contrib_predictor",
        BROKEN,
        "tf__SimpleV1Model",
        "tf__control_flow_v1",
        "tf__half_plus_two_pbtxt",
        "tf__tf_variablev2",
        "tfx__bench_tft",
    }
)
#: How many of all get a signature over raw features, at least.
AT_LEAST = 15

sampled = pytest.mark.parametrize(
    "entry",
    [pytest.param(entry, marks=() if name(entry) in SAMPLE else pytest.mark.full) for entry in MODELS],
    ids=name,
)


@dataclasses.dataclass
class Tally:
    """What each model got in its graph, or why it got nothing; how many runs answered the same."""

    models: dict[str, str] = dataclasses.field(default_factory=dict)
    answered: int = 0


@pytest.fixture(scope="module")
def tally() -> Tally:
    return Tally()


@pytest.fixture(scope="module")
def host() -> Iterator[AnswerHost]:
    with AnswerHost() as running:
        yield running


def test_the_sample_is_there(corpus: Path) -> None:
    assert {name(entry) for entry in MODELS} >= SAMPLE


@sampled
def test_names_again(corpus: Path, tmp_path: Path, host: AnswerHost, entry: dict[str, Any]) -> None:
    """An alias beside everything that is kept; then other names for every input and output."""
    source = find_saved_model(corpus / entry["dir"])
    (meta_graph,) = read_saved_model(source).meta_graphs
    if name(entry) == BROKEN:
        with pytest.raises(UnreadableModelError, match=r"the asset foo\.txt is missing"):
            export(source, tmp_path / "alias", plan={"keep": "all"})
        return
    if not meta_graph.signatures:
        assert name(entry) in WITH_A_TENSOR
        return  # the next test gives it one
    first, before = min(meta_graph.signatures), observe(host, source)
    plan: dict[str, Any] = {"source": {"tags": meta_graph.tags}, "builder": "session"}
    alias = {"keep": "all", "signatures": {ADDED: {"kind": "alias", "of": first}}}
    assert export(source, tmp_path / "alias", plan={**plan, **alias}).builder == "session"
    patiently(host, source, before, tmp_path / "alias", lambda old, new: compare(old, new, first))
    renamed = {key: renaming(meta_graph, key) for key in meta_graph.signatures}
    export(source, tmp_path / "renamed", plan={**plan, "signatures": renamed})
    patiently(host, source, before, tmp_path / "renamed", compare_renamed)


def renaming(meta_graph: MetaGraphView, key: str) -> dict[str, Any]:
    view = meta_graph.signatures[key]
    return {"kind": "alias", "of": key, "inputs": backwards(view.inputs), "outputs": backwards(view.outputs)}


@sampled
def test_a_new_signature_answers_the_same(
    corpus: Path, tmp_path: Path, host: AnswerHost, tally: Tally, entry: dict[str, Any]
) -> None:
    """One tensor a raw feature, through nodes of its own, over the same weights."""
    source, model = find_saved_model(corpus / entry["dir"]), name(entry)
    tally.models[model] = "the test failed"
    (meta_graph,) = read_saved_model(source).meta_graphs
    plan: dict[str, Any] = {"source": {"tags": meta_graph.tags}, "keep": "all"}
    if not meta_graph.signatures:
        tensors = {"kind": "tensors", "inputs": {}, "outputs": {"value": WITH_A_TENSOR[model]}}
        plan |= {"builder": "session", "signatures": {"first": tensors, ADDED: {"kind": "alias", "of": "first"}}}
        export(source, tmp_path / "out", plan=plan)
        said = answers(observe(host, tmp_path / "out")["tf1"])
        assert said["first", 1] == said[ADDED, 1] and len(said["first", 1]) == 64
        tally.models[model] = "no signature: it got one over a tensor"
        return
    new: Mapping[str, Any] = {ADDED: {"kind": "serve_features"}, "examples": {"kind": "serve_examples"}}
    try:
        result = export(source, tmp_path / "out", plan={**plan, "signatures": new})
    except (PlanError, UnreadableModelError, UnsupportedModelError) as error:
        why = "; ".join(problem.message for problem in getattr(error, "problems", ())) or error.found
        tally.models[model] = f"{error.message}: {why}"
        return
    assert result.builder == "session"
    refuse_unsafe(read_saved_model(tmp_path / "out"))
    before, after = observe(host, source), observe(host, tmp_path / "out")
    tally.models[model] = ""
    for loader, seen in before.items():
        assert (loader, after[loader].outcome) == (loader, seen.outcome), after[loader].error
        if seen.outcome == "ok" and loader != "native":
            tally.answered += same_answers(meta_graph, seen, after[loader])


def same_answers(meta_graph: MetaGraphView, before: LoadObservation, after: LoadObservation) -> int:
    """Compare the kept signatures, and the new one with the model; return how many runs of the new one answered."""
    old, new = answers(before), answers(after)
    assert {run: said for run, said in new.items() if run[0] in meta_graph.signatures} == old
    taking = {key: set(view.inputs) for key, view in meta_graph.signatures.items()}
    assert after.signatures is not None
    inputs = set(after.signatures[ADDED]["inputs"])
    outputs = set(after.signatures[ADDED]["outputs"])
    (model, *_) = [
        key
        for key in sorted(taking, key=lambda key: key != "serving_default")
        if taking[key] == inputs and set(meta_graph.signatures[key].outputs) == outputs
    ]
    asked = {batch: said for (key, batch), said in old.items() if key == model and len(said) == 64}
    assert {batch: new[ADDED, batch] for batch in asked} == asked
    return len(asked)


def report(tally: Tally) -> list[str]:
    """Return the lines that say what was done and what was not."""
    done = [model for model, why in tally.models.items() if not why]
    lines = [f"TF1: {len(done)} of {len(tally.models)} models got signatures over raw features (wanted {AT_LEAST})"]
    lines += [f"  {tally.answered} runs of them answered, the same bits as the model"]
    return lines + [f"  {model}: {why}" for model, why in sorted(tally.models.items()) if why]


def test_how_many_were_extended(corpus: Path, tally: Tally, capsys: pytest.CaptureFixture[str]) -> None:
    """Last in the file: tells what the tests above found."""
    if not tally.models:
        pytest.skip("no model was exported again in this run")
    with capsys.disabled(), contextlib.suppress(BlockingIOError):
        print("", *report(tally), sep="\n")
    if set(tally.models) == {name(entry) for entry in MODELS}:
        assert sum(not why for why in tally.models.values()) >= AT_LEAST, "\n".join(report(tally))
