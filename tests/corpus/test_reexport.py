"""Third-party models exported again with one more key: every loader takes the result, which answers the same bits.

`make test` asks a fixed sample, `make test-full` the whole corpus, and says at its end how many models
were carried and which were left out, and why.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.corpus.answers import ADDED, OF, AnswerHost, answers
from tests.corpus.test_corpus import ENTRIES, SAMPLE, name
from tfx_savedmodel.errors import TfxSavedModelError
from tfx_savedmodel.operations.export import export
from tfx_savedmodel.saved_model.carry import carry_files
from tfx_savedmodel.saved_model.locate import GRAPH_FILES, find_saved_model
from tfx_savedmodel.saved_model.parse import parse_saved_model
from tfx_savedmodel.saved_model.reader import CONTRACT_FILE, read_saved_model
from tfx_savedmodel.saved_model.rewrite import Chosen, choose_signatures
from tfx_savedmodel.validation.check import LoadObservation
from tfx_savedmodel.validation.loading.observe import LOADERS
from tfx_savedmodel.validation.policy import Limits

pytestmark = pytest.mark.tf

GOOD = [entry for entry in ENTRIES if entry["category"] == "good"]
LIMITS = Limits(seconds=120)
AT_LEAST = 50

Observed = Mapping[str, LoadObservation]
Made = TypeVar("Made")

#: Models that hold variables and not one function. Code that reads a variable is what an alias can be of:
#: the expression is over `model`, the loaded object.
WITH_A_FUNCTION = {
    "tf__CyclicModule": "model.child.my_variable",
    "tf__OptimizerSlotVariableModule": "model.v",
    "tf__libtf_data_structure": "model.var_arr[0]",
}

#: TF1 graphs without any signature: a tensor that an alias can be of.
WITH_A_TENSOR = {"tf__SimpleV1Model": "Variable/Read/ReadVariableOp:0"}

MODULE_FILE = """
import tensorflow as tf


def read(model):
    return tf.function(lambda: {{"value": tf.identity({expression})}}, input_signature=[])
"""


@dataclasses.dataclass
class Tally:
    """What became of each model: "" where it was carried, else why not; how many runs were compared."""

    models: dict[str, str] = dataclasses.field(default_factory=dict)
    answered: int = 0
    asked: int = 0
    renamed: int = 0
    notes: dict[str, str] = dataclasses.field(default_factory=dict)


@pytest.fixture(scope="module")
def tally() -> Tally:
    return Tally()


@pytest.fixture(scope="module")
def host() -> Iterator[AnswerHost]:
    with AnswerHost() as running:
        yield running


def the_graph_file(model: Path) -> str:
    return next(file for file in GRAPH_FILES if (model / file).is_file())


def contents(model: Path) -> dict[str, bytes]:
    """Return every file but those that an edited graph changes."""
    changed = {*GRAPH_FILES, "fingerprint.pb", CONTRACT_FILE}
    found = {path.relative_to(model).as_posix(): path for path in model.rglob("*") if path.is_file()}
    return {file: path.read_bytes() for file, path in found.items() if file not in changed}


def without_the_added(model: Path) -> bytes:
    """Return the SavedModel proto as it is but for the added key, in its canonical form."""
    proto = parse_saved_model(model, the_graph_file(model))
    for meta_graph in proto.meta_graphs:
        if ADDED in meta_graph.signature_def:
            del meta_graph.signature_def[ADDED]
        objects = meta_graph.object_graph_def
        for child in objects.nodes[0].children if objects.nodes else ():
            if child.local_name != "signatures":
                continue
            held = sorted(
                (item.local_name, item.node_id)
                for item in objects.nodes[child.node_id].children
                if item.local_name != ADDED
            )
            del objects.nodes[child.node_id].children[:]
            for key, node_id in held:
                objects.nodes[child.node_id].children.add(local_name=key, node_id=node_id)
    found: bytes = proto.SerializeToString(deterministic=True)
    return found


def add_an_alias(source: Path, destination: Path) -> str:
    """Export with everything that is there and `ADDED`; return the key that it is another name of."""
    (meta_graph,) = read_saved_model(source).meta_graphs
    first = min(meta_graph.signatures)
    alias = {ADDED: {"kind": "alias", "of": first}}
    plan = {"source": {"tags": meta_graph.tags}, "keep": "all", "signatures": alias}
    assert export(source, destination, plan=plan).builder == "rewrite"
    return first


@pytest.mark.parametrize("entry", [entry for entry in GOOD if entry["signatures"]], ids=name)
def test_a_good_model_gets_an_alias_and_keeps_the_rest(corpus: Path, tmp_path: Path, entry: dict[str, Any]) -> None:
    source = find_saved_model(corpus / entry["dir"])
    (meta_graph,) = read_saved_model(source).meta_graphs
    if not meta_graph.signatures:
        return  # the next test says what becomes of it
    first = add_an_alias(source, tmp_path / "out")
    exported = read_saved_model(tmp_path / "out", meta_graph.tags)
    assert exported.meta_graphs[0].signatures[ADDED].to_json() == meta_graph.signatures[first].to_json()
    assert without_the_added(tmp_path / "out") == without_the_added(source)
    assert contents(tmp_path / "out") == contents(source)


def observe(host: AnswerHost, model: Path) -> dict[str, LoadObservation]:
    tags = read_saved_model(model).meta_graphs[0].tags
    return {loader: host.observe(loader, model, tags, LIMITS, runs=loader != "native") for loader in LOADERS}


def patiently(
    host: AnswerHost, source: Path, before: Observed, exported: Path, check: Callable[[Observed, Observed], Made]
) -> Made:
    """Compare a model with its export, and both again where they differ.

    A model whose metrics race answers other bits of itself once in a while; a fault would come again.
    """
    for _ in range(3):
        with contextlib.suppress(AssertionError):
            return check(before, observe(host, exported))
        before = observe(host, source)
    return check(before, observe(host, exported))


def rename_everything(source: Path, destination: Path) -> None:
    """Give every input and output a name that sorts the other way round."""
    destination.mkdir()
    carry_files(source, destination)
    (meta_graph,) = read_saved_model(source).meta_graphs
    chosen = {
        key: Chosen(key, view.method_name, backwards(view.inputs), backwards(view.outputs))
        for key, view in meta_graph.signatures.items()
    }
    choose_signatures(destination, meta_graph.tags, chosen)


def backwards(names: Mapping[str, Any]) -> dict[str, str]:
    return {f"r{len(names) - place:02}{OF}{name}": name for place, name in enumerate(sorted(names))}


def compare_renamed(before: Mapping[str, LoadObservation], after: Mapping[str, LoadObservation]) -> int:
    """Compare what the loaders say to other names; return how many runs answered."""
    answered = 0
    for loader, seen in before.items():
        assert (loader, after[loader].outcome) == (loader, seen.outcome), after[loader].error
        old, new = answers(seen), answers(after[loader])
        # What is refused is refused of another input first.
        hashes = [{run: text if len(text) == 64 else "none" for run, text in said.items()} for said in (old, new)]
        assert hashes[1] == hashes[0], (loader, old, new)
        answered += sum(text != "none" for text in hashes[1].values())
    return answered


def compare(before: Mapping[str, LoadObservation], after: Mapping[str, LoadObservation], first: str) -> tuple[int, int]:
    """Compare what the loaders say; return how many runs answered, of how many."""
    answered = asked = 0
    for loader, seen in before.items():
        assert (loader, after[loader].outcome) == (loader, seen.outcome), after[loader].error
        if seen.outcome != "ok" or loader == "native":
            continue
        assert seen.signatures is not None and after[loader].signatures is not None
        old, new = answers(seen), answers(after[loader])
        assert {run: said for run, said in new.items() if run[0] != ADDED} == old, loader
        assert {batch for key, batch in new if key == ADDED} == {batch for key, batch in old if key == first}, loader
        assert set(seen.signatures) == set(after[loader].signatures) - {ADDED}
        asked += len(old)
        answered += sum(len(said) == 64 for said in old.values())
    return answered, asked


@pytest.mark.parametrize(
    "entry",
    [pytest.param(entry, marks=() if name(entry) in SAMPLE else pytest.mark.full) for entry in GOOD],
    ids=name,
)
def test_every_loader_takes_the_result_and_gives_the_same_answers(
    corpus: Path, tmp_path: Path, host: AnswerHost, tally: Tally, entry: dict[str, Any]
) -> None:
    source, model = find_saved_model(corpus / entry["dir"]), name(entry)
    tally.models[model] = "the test failed"
    (meta_graph,) = read_saved_model(source).meta_graphs
    if meta_graph.signatures:
        first = add_an_alias(source, tmp_path / "out")
        before = observe(host, source)
        answered, asked = patiently(host, source, before, tmp_path / "out", lambda old, new: compare(old, new, first))
        tally.answered, tally.asked = tally.answered + answered, tally.asked + asked
        rename_everything(source, tmp_path / "renamed")
        tally.renamed += patiently(host, source, before, tmp_path / "renamed", compare_renamed)
        refused = [loader for loader, seen in before.items() if seen.outcome != "ok"]
        if refused:
            tally.notes[model] = f"refused before and after by {', '.join(refused)}"
        elif not answered:
            tally.notes[model] = f"no run answered: {next(iter(answers(before['tf1']).values()))}"
        tally.models[model] = ""
    elif model in WITH_A_FUNCTION:
        tally.models[model] = add_a_function(source, tmp_path, host, WITH_A_FUNCTION[model])
        if not tally.models[model]:
            tally.notes[model] = "it had no signature and got a function that reads a variable; traced"
    else:
        add_a_tensor(source, tmp_path / "out", host, WITH_A_TENSOR[model])
        tally.models[model] = ""
        tally.notes[model] = "it had no signature and got one over a tensor of its graph"


def add_a_tensor(source: Path, out: Path, host: AnswerHost, tensor: str) -> None:
    """Give a TF1 graph without signatures one over a tensor and an alias of it."""
    first = {"kind": "tensors", "inputs": {}, "outputs": {"value": tensor}}
    plan = {"signatures": {"first": first, ADDED: {"kind": "alias", "of": "first"}}}
    assert export(source, out, plan=plan).builder == "rewrite"
    before, after = observe(host, source), observe(host, out)
    assert [seen.outcome for seen in after.values()] == [seen.outcome for seen in before.values()] == ["ok"] * 3
    said = answers(after["tf1"])
    assert said == answers(after["tf2"]) and said["first", 1] == said[ADDED, 1] and len(said["first", 1]) == 64
    was, found = contents(source), contents(out)
    assert [file for file, data in was.items() if file != "saved_model.pb" and found[file] != data] == []


def add_a_function(source: Path, folder: Path, host: AnswerHost, expression: str) -> str:
    """Give a model without signatures one and an alias of it; return why that could not be, or nothing."""
    (folder / "read_module.py").write_text(MODULE_FILE.format(expression=expression), encoding="utf-8")
    plan = {
        "signatures": {
            "first": {"kind": "module", "function": "read"},
            ADDED: {"kind": "alias", "of": "first"},
        }
    }
    try:
        export(source, folder / "out", plan=plan, module_file=folder / "read_module.py")
    except TfxSavedModelError as error:
        return str(error)
    before, after = observe(host, source), observe(host, folder / "out")
    assert [seen.outcome for seen in after.values()] == [seen.outcome for seen in before.values()] == ["ok"] * 3
    said = answers(after["tf1"])
    assert said == answers(after["tf2"]) and said["first", 1] == said[ADDED, 1] and len(said["first", 1]) == 64
    assert paths(source) <= paths(folder / "out")
    was, found = contents(source), contents(folder / "out")
    assert was.keys() <= found.keys()
    # TensorFlow writes weights and where functions come from anew.
    anew = ("variables/", "debug/")
    assert [file for file, data in was.items() if not file.startswith(anew) and found[file] != data] == []
    assert variables(source) == variables(folder / "out")
    return ""


def paths(model: Path) -> set[tuple[str, str]]:
    """Return the objects below the root: where each hangs, by its shortest path, and what it is."""
    objects = parse_saved_model(model, the_graph_file(model)).meta_graphs[0].object_graph_def
    found, pending, seen = set(), [("", 0)], {0}
    while pending:
        path, number = pending.pop(0)
        found.add((path, str(objects.nodes[number].WhichOneof("kind"))))
        for child in objects.nodes[number].children:
            if child.node_id not in seen and not (number == 0 and child.local_name == "signatures"):
                seen.add(child.node_id)
                pending.append((f"{path}/{child.local_name}", child.node_id))
    return found


def variables(model: Path) -> dict[str, bytes]:
    import tensorflow as tf

    reader = tf.train.load_checkpoint(str(model / "variables" / "variables"))
    keys = [key for key in reader.get_variable_to_shape_map() if key != "_CHECKPOINTABLE_OBJECT_GRAPH"]
    return {key: reader.get_tensor(key).tobytes() for key in keys}


def report(tally: Tally) -> list[str]:
    """Return the lines that say what was carried and what was left out."""
    carried = sorted(model for model, why in tally.models.items() if not why)
    lines = [f"re-export: {len(carried)} of {len(tally.models)} good models carried with an alias (wanted {AT_LEAST})"]
    lines += [
        f"  {tally.answered} of {tally.asked} runs of their old signatures answered, the same bits before and after"
    ]
    lines += [f"  {tally.renamed} answered so with every input and output named again, in the reverse order"]
    lines += [f"  left out: {model}: {why}" for model, why in sorted(tally.models.items()) if why]
    lines += [f"  note: {model}: {why}" for model, why in sorted(tally.notes.items())]
    return lines


def test_how_many_were_carried(corpus: Path, tally: Tally, capsys: pytest.CaptureFixture[str]) -> None:
    """Last in the file: tells what the tests above found."""
    if not tally.models:
        pytest.skip("no model was exported again in this run")
    with capsys.disabled(), contextlib.suppress(BlockingIOError):
        print("", *report(tally), sep="\n")
    if set(tally.models) == {name(entry) for entry in GOOD}:
        assert sum(not why for why in tally.models.values()) >= AT_LEAST, "\n".join(report(tally))
