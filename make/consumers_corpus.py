"""Third-party models for old consumers: how many of the corpus reach which, and what stops the others.

A part of `make consumers-table`. Every model is exported in a forked process with a time limit; nothing but the good
ones of the corpus is looked at.
"""

from __future__ import annotations

import dataclasses
import json
import multiprocessing
import re
import sys
import zlib
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tests.conftest import ROOT, corpus_folder, corpus_index
from tests.consumers.consumer import Arrays, Consumer
from tests.consumers.workshop import answers_here
from tfx_savedmodel.errors import TargetError, TfxSavedModelError
from tfx_savedmodel.operations.export import export
from tfx_savedmodel.saved_model import op_tables
from tfx_savedmodel.saved_model.locate import find_saved_model
from tfx_savedmodel.saved_model.reader import read_saved_model
from tfx_savedmodel.sources.find import SAVED_MODEL, find_trained_model
from tfx_savedmodel.validation.loading.synthetic import synthetic_inputs

SECONDS = 240
TARGETS = ("tf-1.15", "tf-2.4", "tf-2.7")
NEWEST = "tf-2.15"
LOADERS = ("tf1", "tf2")
SAID = ROOT / "build" / "consumers-corpus.json"
REACHED, LOADED = "reaches it", "is loaded"
KINDS = {"SavedModel v1": "TF1 SavedModel", "SavedModel v2": "TF2 SavedModel", "Keras HDF5": "Keras", ".keras": "Keras"}


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of a model: exported or why not, what it was asked and said here."""

    error: str = ""
    lacks: str = ""
    tags: tuple[str, ...] = ()
    requests: Mapping[str, Arrays] = dataclasses.field(default_factory=dict)
    answers: Mapping[str, Arrays] = dataclasses.field(default_factory=dict)


def tables(folder: Path, consumers: Mapping[str, Consumer]) -> list[str]:
    """Return the lines of the summary.

    This process must not have run anything in TensorFlow yet: it is forked. What was said is kept in a file until all
    is there, so that a run that was stopped goes on where it was.
    """
    corpus = corpus_folder()
    if corpus is None:
        raise SystemExit("no corpus of third-party models: set SAVEDMODEL_CORPUS to its folder")
    entries = [entry for entry in corpus_index() if entry["category"] == "good"]
    said: dict[str, dict[str, str]] = json.loads(SAID.read_text(encoding="utf-8")) if SAID.exists() else {}
    for entry in entries:
        name = entry["name"]
        if name not in said:
            path = folder / "corpus" / name
            path.mkdir(parents=True)
            outcomes = apart(corpus / entry["dir"] / (entry["main_file"] if kind(entry) == "Keras" else ""), path)
            said[name] = {
                target: reached(outcomes[target], path / target, consumers[target], consumers[NEWEST])
                for target in TARGETS
            }
            SAID.parent.mkdir(parents=True, exist_ok=True)
            SAID.write_text(json.dumps(said, indent=1), encoding="utf-8")
        print(f"{name}: {said[name]}", flush=True)
    found: dict[str, dict[str, dict[str, str]]] = {target: defaultdict(dict) for target in TARGETS}
    for entry in entries:
        for target in TARGETS:
            found[target][kind(entry)][entry["name"]] = said[entry["name"]][target]
    return summary(found)


def kind(entry: Mapping[str, Any]) -> str:
    return next(kind for begin, kind in KINDS.items() if entry["format"].startswith(begin))


def apart(model: Path, path: Path) -> dict[str, Outcome]:
    """Export for each target in a forked process, which may crash or hang."""
    context = multiprocessing.get_context("fork")
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=lambda: sending.send(exported(model, path)))
    process.start()
    sending.close()
    try:
        outcomes: dict[str, Outcome] = receiving.recv() if receiving.poll(SECONDS) else failed("it took too long")
    except EOFError:
        outcomes = failed("the process ended")
    process.kill()
    process.join()
    return outcomes


def failed(why: str) -> dict[str, Outcome]:
    return dict.fromkeys(TARGETS, Outcome(error=why))


def exported(model: Path, path: Path) -> dict[str, Outcome]:
    """Export a model with all that it has; a Keras file is traced once, and what came of it exported again."""
    tags: tuple[str, ...] = ("serve",)
    try:
        if find_trained_model(model).form == SAVED_MODEL:
            model = find_saved_model(model)
            (meta_graph,) = read_saved_model(model).meta_graphs
            tags = meta_graph.tags
            if not meta_graph.signatures:
                return failed("it has no signature")
        else:
            model = export(model, path / "traced", plan={"serving_default": {"kind": "model"}}).path
    except TfxSavedModelError as error:
        return failed(error.message)
    return {target: fitted(model, path / target, tags, target) for target in TARGETS}


def fitted(model: Path, path: Path, tags: tuple[str, ...], target: str) -> Outcome:
    """Export a SavedModel for a consumer, and ask what can be asked."""
    try:
        export(model, path, plan={"source": {"tags": tags}, "keep": "all", "signatures": {}, "target": target})
    except TargetError as error:
        print(f"{path} {target}: {error}", file=sys.stderr, flush=True)
        return Outcome(lacks=lacking(str(error), target))
    except TfxSavedModelError as error:
        return Outcome(error=error.message)
    (meta_graph,) = read_saved_model(path).meta_graphs
    requests: dict[str, Arrays] = {}
    answers: dict[str, Arrays] = {}
    for key, signature in meta_graph.signatures.items():
        try:
            inputs = synthetic_inputs(meta_graph, signature, 1)
            asked = {key: {name: numbers(name, value) for name, value in inputs.items()}}
            answers |= answers_here(path, asked, tags)
            requests |= asked
        except Exception as error:  # what cannot be asked here is not asked there
            print(f"{path} {key}: {type(error).__name__}: {str(error)[:200]}", file=sys.stderr)
    return Outcome(tags=tags, requests=requests, answers=answers)


def numbers(name: str, value: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return numbers that depend on the input's name in place of zeros."""
    if value.dtype.kind != "f":
        return value
    return np.random.default_rng(zlib.crc32(name.encode())).uniform(-1, 1, value.shape).astype(value.dtype)


def reached(outcome: Outcome, path: Path, consumer: Consumer, newest: Consumer) -> str:
    """Say in a few words how far a model came.

    What a loader refuses today too is no fault of the export, as long as another loader takes it.
    """
    if outcome.error:
        return f"not exported: {outcome.error}"
    if outcome.lacks:
        return f"lacks {outcome.lacks}"
    faults, refused = {}, []
    for loader in LOADERS:
        answer = consumer.ask(path, outcome.requests, loader, outcome.tags)
        if answer.error and newest.ask(path, {}, loader, outcome.tags).error:
            refused.append(loader)
        elif answer.refusal:
            faults[loader] = " ".join(answer.refusal.split())[:130]
        elif any(not close(answer.answers[key], outputs) for key, outputs in outcome.answers.items()):
            faults[loader] = "answers otherwise"
    if faults or refused == list(LOADERS):
        return f"fails there: {next(iter(faults.values()), 'no loader takes it')}"
    return REACHED if outcome.requests else LOADED


def close(found: Arrays, wanted: Arrays) -> bool:
    """Tell whether all outputs are the same, numbers but for rounding."""
    return sorted(found) == sorted(wanted) and all(
        found[name].shape == np.shape(value)
        and (
            np.allclose(found[name], value, rtol=1e-5, atol=1e-6, equal_nan=True)
            if np.asarray(value).dtype.kind in "fc"
            else found[name].tolist() == np.asarray(value).tolist()
        )
        for name, value in wanted.items()
    )


def lacking(text: str, target: str) -> str:
    """Return the ops that an error of a target names and the consumer does not know, else the error's own words."""
    table = op_tables.op_table(target)
    words = sorted(set(re.findall(r"\b[A-Z]\w+", text)))
    ops = [word for word in words if word not in table and op_tables.versions_with(word)]
    return ", ".join(f"`{op}`" for op in ops) or text.splitlines()[0]


def summary(found: Mapping[str, Mapping[str, Mapping[str, str]]]) -> list[str]:
    """Return the table of counts, and what stops the rest."""
    kinds = sorted({kind for of_kind in found.values() for kind in of_kind})
    lines = [f"| models that reach it | {' | '.join(found)} |", "|---" * (1 + len(found)) + "|"]
    for kind in kinds:
        cells = []
        for of_kind in found.values():
            good = sum(said in (REACHED, LOADED) for said in of_kind[kind].values())
            cells.append(f"{good} of {len(of_kind[kind])}")
        lines.append(f"| {kind} | {' | '.join(cells)} |")
    lines += ["", "What stops the rest:", ""]
    reasons: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for target, of_kind in found.items():
        for said_of in of_kind.values():
            for name, said in said_of.items():
                if said not in (REACHED, LOADED):
                    reasons[said][name].append(target)
    for said, names in sorted(reasons.items(), key=lambda item: (-len(item[1]), item[0])):
        listed = ", ".join(f"{name} ({', '.join(targets)})" for name, targets in sorted(names.items()))
        lines.append(f"- {said}: {listed}")
    loaded = sorted({name for of in found.values() for each in of.values() for name in each if each[name] == LOADED})
    if loaded:
        lines += ["", f"Loaded, but not asked, for no question could be made up: {', '.join(loaded)}."]
    return lines
