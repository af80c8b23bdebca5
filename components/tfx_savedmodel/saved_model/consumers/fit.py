"""Makes a MetaGraph fit a consumer, an older TensorFlow, or says what stands in the way.

What nothing runs is taken out, what the consumer does not know and nobody would miss goes, and what means the same
in its words is said in them; the rest is an error. Only the MetaGraph that is meant is edited: loaders import no
other, and what another one needs is another consumer's business.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tfx_savedmodel.errors import TargetError, UnreadableModelError, UsageError
from tfx_savedmodel.saved_model.consumers.collections import Collections
from tfx_savedmodel.saved_model.consumers.edit import GraphEditor
from tfx_savedmodel.saved_model.consumers.judgement import PREFIX, Lack, VersionFinder, lacks, loaded_by, undeclared
from tfx_savedmodel.saved_model.consumers.keep import Keeper, Uses
from tfx_savedmodel.saved_model.consumers.nodes import Fault, NodeJudge
from tfx_savedmodel.saved_model.consumers.op_list import fit_op_list
from tfx_savedmodel.saved_model.consumers.prune import count_notes, prune
from tfx_savedmodel.saved_model.facts import all_nodes
from tfx_savedmodel.saved_model.locate import BINARY_FILE
from tfx_savedmodel.saved_model.meta_graph import read_meta_graph
from tfx_savedmodel.saved_model.op_tables import versions
from tfx_savedmodel.saved_model.parse import Fault as Unreadable
from tfx_savedmodel.saved_model.reachability import Place, Reach
from tfx_savedmodel.saved_model.rewrite import parsed, replace_graph
from tfx_savedmodel.saved_model.view import MetaGraphView, NodeView

#: More of the same in an error's text only hide the rest.
_MOST_SHOWN = 20
_MOST_NAMED = 3


@dataclasses.dataclass(frozen=True)
class Fitted:
    """What was done to a MetaGraph, counted.

    `pruned` and `replaced` are nodes by op, `stripped` and `said` attributes by "Op.attribute", `functions` the
    library functions that went, `cut` the variables whose initialiser lost its value. `left_out` are functions
    that Python could have called on the loaded object, each with what the consumer lacks for it. `places` are
    the nodes that were replaced, by the function that holds them.
    """

    consumer: str
    pruned: Mapping[str, int]
    functions: int
    stripped: Mapping[str, int]
    said: Mapping[str, int]
    replaced: Mapping[str, int]
    cut: int
    left_out: Mapping[str, str]
    places: tuple[Place, ...]

    def notes(self) -> tuple[str, ...]:
        """Return it in words."""
        what = f"for {self.consumer}"
        counted = (
            ("pruned, since nothing runs them", self.pruned, "nodes"),
            ("stripped, since they say nothing there", self.stripped, "attributes"),
            ("said, since the default there is another", self.said, "attributes"),
            ("said in older ops", self.replaced, "nodes"),
        )
        notes = [
            f"{what}: {sum(counts.values())} {things} {done}: {count_notes(counts)}"
            for done, counts, things in counted
            if counts
        ]
        if self.functions:
            notes.append(f"{what}: {self.functions} library functions pruned, since nothing calls them")
        if self.cut:
            notes.append(f"{what}: the initialisers of {self.cut} variables have no value any more: a restore gives it")
        return (*notes, *(f"{what}: {text}" for text in left_out_notes(self.left_out)))


def left_out_notes(left_out: Mapping[str, str]) -> Iterator[str]:
    """Yield a line for each reason: a model has a gradient function for each of its functions, all alike."""
    by_reason: dict[str, list[str]] = {}
    for name, why in sorted(left_out.items()):
        by_reason.setdefault(why, []).append(name)
    for why, names in by_reason.items():
        named = ", ".join(map(repr, names[:_MOST_NAMED]))
        if len(names) == 1:
            yield f"the function {named} is left out: {why}"
        else:
            rest = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
            yield f"{len(names)} functions are left out, {named}{rest}: {why}"


def fits(meta_graph: MetaGraphView, consumer: str) -> bool:
    """Tell whether a consumer takes a MetaGraph as it is."""
    judge = NodeJudge(consumer, meta_graph)
    means_less = any(next(judge.unsaid(node.op, node.raw()), None) for _, node in all_nodes(meta_graph))
    return not means_less and next(lacks(meta_graph, consumer), None) is None


@dataclasses.dataclass(frozen=True)
class Fit:
    """An edit that is not written yet: what was done, and to which file of a SavedModel directory."""

    fitted: Fitted
    directory: Path
    file: str
    proto: Any
    graph: Any
    """The edited GraphDef, of the MetaGraph that is meant."""

    def unimportable(self) -> str:
        """Say why no TensorFlow imports the graph, a name given twice or an input that is not there; else nothing."""
        names: set[str] = set()
        for node in self.graph.node:
            if node.name in names:
                return f"two nodes are called {node.name!r}"
            names.add(node.name)
        missing = (
            (node.name, value) for node in self.graph.node for value in node.input if _source(value) not in names
        )
        return next((f"node {name!r} takes {value!r}, which no node gives" for name, value in missing), "")

    def notes(self) -> tuple[str, ...]:
        """Return what was done in words."""
        if self.file == BINARY_FILE:
            return self.fitted.notes()
        why = f"{self.file} is written as {BINARY_FILE}: of text an older TensorFlow refuses fields it does not know"
        return (*self.fitted.notes(), f"for {self.fitted.consumer}: {why}")

    def write(self) -> bytes:
        """Replace the graph file by a binary one, and return what it was; TensorFlow's fingerprint.pb is removed."""
        original = (self.directory / self.file).read_bytes()
        replace_graph(self.directory, BINARY_FILE, self.proto)
        if self.file != BINARY_FILE:
            (self.directory / self.file).unlink()
        return original

    def undo(self, original: bytes) -> None:
        """Put back what `write` returned; it wrote a file of its own, so that no link of the source is touched."""
        (self.directory / self.file).write_bytes(original)
        if self.file != BINARY_FILE:
            (self.directory / BINARY_FILE).unlink()


def fit_to_consumer(directory: Path, tags: Sequence[str], consumer: str, *, also: Collection[str] = ()) -> Fit | None:
    """Edit the MetaGraph with these tags so that a consumer takes it; return the edit, None where it does already.

    A model in text is written in binary in any case. The directory must not be published yet when the edit is written.

    Args:
      consumer: "tf-1.15", "tf-2.7", …
      also: nodes of the graph that somebody asks for besides, which are kept as far as they fit.

    Raises:
      TargetError: what a signature, the initialiser, the saver or TF2's loader runs cannot be made to fit.
      UsageError: the consumer is not known, or there is no MetaGraph with these tags.
      UnreadableModelError: the graph file cannot be parsed.
    """
    name, proto = parsed(directory)
    found = [item for item in proto.meta_graphs if set(item.meta_info_def.tags) == set(tags)]
    if not found:
        raise UsageError("no MetaGraph with these tags", where=str(directory), wanted=", ".join(tags))
    try:
        view = read_meta_graph(found[0])
    except Unreadable as error:
        raise UnreadableModelError("the model cannot be read", where=str(directory), found=str(error)) from error
    if name == BINARY_FILE and fits(view, consumer):
        return None
    return Fit(fit_meta_graph(found[0], consumer, also), directory, name, proto, found[0].graph_def)


def _source(value: str) -> str:
    return value.removeprefix("^").partition(":")[0]


def fit_meta_graph(meta_graph: Any, consumer: str, also: Collection[str] = ()) -> Fitted:
    """Edit a MetaGraphDef so that a consumer takes it; return what was done. Errors are `fit_to_consumer`'s."""
    library = meta_graph.graph_def.library.function
    judge = NodeJudge(consumer, read_meta_graph(meta_graph))
    editor = GraphEditor(judge)
    editor.edit_graph(meta_graph.graph_def)
    view = read_meta_graph(meta_graph)
    misfits = _Misfits(view, judge, editor.places)
    keeper = Keeper(meta_graph, view)
    kept = keeper.required(judge.table.version)
    problems = misfits.of(kept)
    if problems:
        raise target_error(problems, consumer)
    optional = set(meta_graph.object_graph_def.concrete_functions) - kept.functions
    collections = Collections(keeper, misfits.fits)
    keeper.add_what_fits(kept, also, misfits.fits)
    collections.add(kept)
    left_out = {name: misfits.first(keeper.uses(functions=[name])) for name in optional - kept.functions}
    misled = misfits.misled(keeper, set(meta_graph.object_graph_def.concrete_functions) & kept.functions)
    left_out.update(misled)
    collections.cut_initialisers(kept)
    before = len(library)
    pruned = prune(meta_graph, kept, judge.table.version, misled)
    collections.prune(kept.nodes)
    nodes = [*meta_graph.graph_def.node, *(node for item in library for node in item.node_def)]
    fit_op_list(meta_graph.meta_info_def.stripped_op_list, {node.op for node in nodes}, judge.table)
    return Fitted(
        consumer=consumer,
        pruned=pruned,
        functions=before - len(library),
        stripped=editor.stripped,
        said=editor.said,
        replaced=editor.replaced,
        cut=len(collections.cut),
        left_out=left_out,
        places=tuple(editor.places),
    )


class _Misfits:
    """The nodes that a consumer cannot take, by where they are; `replaced` are those said in other ops."""

    def __init__(self, view: MetaGraphView, judge: NodeJudge, replaced: Iterable[Place]) -> None:
        self._view, self._version = view, judge.table.version
        self._reach = Reach(view)
        # No signature runs these, so that nothing would compare their answers before and after.
        self._unproven = {function: node for function, node in replaced if not self._reach.roots.get((function, node))}
        self._counting = {
            function
            for function, node in replaced
            if function and view.functions[function].nodes[node].op == "Bincount"
        }
        self._would_do = VersionFinder(view)
        self._of_graph: dict[str, list[Fault]] = {}
        self._of_functions: dict[str, list[tuple[NodeView, list[Fault]]]] = {}
        for function, node in all_nodes(view):
            faults = judge.faults(node)
            if faults and function is None:
                self._of_graph[node.name] = faults
            elif faults and function is not None:
                self._of_functions.setdefault(function, []).append((node, faults))

    def of(self, uses: Uses) -> list[Lack]:
        """Return what is lacking for these nodes and functions."""
        found = []
        for name in sorted(uses.nodes & set(self._of_graph)):
            found += self._lacks(None, self._view.nodes[name], self._of_graph[name])
        for function in sorted(uses.functions & set(self._of_functions)):
            for node, faults in self._of_functions[function]:
                found += self._lacks(function, node, faults)
        for function in sorted(uses.functions & set(self._view.function_kinds)):
            found += undeclared(self._view, function, self._version)
        return found

    def fits(self, uses: Uses) -> bool:
        """Tell whether what may be left out can be kept, with proof that it answers as before."""
        return not uses.functions & self._unproven.keys() and not self.of(uses)

    def misled(self, keeper: Keeper, callable_functions: Iterable[str]) -> dict[str, str]:
        """Return the functions that Python calls and whose answers hang on what a signature need not ask, with why.

        `Bincount` counts a matrix as a whole, `DenseBincount` each row: that a signature's calls count alike says
        nothing of calls with another rank.
        """
        if not self._counting:
            return {}
        others = set(callable_functions) - keeper.called_by_loaders(self._version)
        found = {name: keeper.uses(functions=[name]).functions & self._counting for name in others}
        why = "it would count in an older op, which counts inputs of another rank otherwise"
        return {name: why for name, counting in found.items() if counting}

    def first(self, uses: Uses) -> str:
        """Say what the first thing is that these lack."""
        found = self.of(uses)
        if found:
            return f"{found[0].fault.text} ({found[0].would_do} would do)"
        for function in sorted(uses.functions & self._unproven.keys()):
            node = self._unproven[function]
            return f"node {node!r} would be said in other ops, and no signature runs it to compare the answers"
        return "it uses what is left out"

    def _lacks(self, function: str | None, node: NodeView, faults: list[Fault]) -> list[Lack]:
        roots = tuple(sorted(self._reach.roots.get((function, node.name), ())))
        reached = roots or (loaded_by(self._view, self._reach, function),)
        # What is only loaded needs no kernel.
        wanted = [fault for fault in faults if roots or fault.kind != "kernel"]
        return [Lack(node.op, node.name, function, fault, reached, self._would_do(node)) for fault in wanted]


def target_error(problems: Sequence[Lack], consumer: str) -> TargetError:
    """Return the error that names each op, its node, its function and what reaches it."""
    shown = [str(item) for item in problems[:_MOST_SHOWN]]
    if len(problems) > _MOST_SHOWN:
        shown.append(f"and {len(problems) - _MOST_SHOWN} more")
    able = [version for version in versions() if all(version in item.versions for item in problems)]
    newer = next((version for version in able if versions().index(version) > _number(consumer)), None)
    older = able[-1] if able else None
    ops = sorted({item.op for item in problems})
    return TargetError(
        f"{consumer} lacks what the model cannot do without: {', '.join(ops)}",
        where=f"the target {consumer}",
        found="\n    ".join(shown),
        wanted=f"ops, attributes and kernels that {consumer} has",
        next_step=_advice(newer or older),
    )


def _number(consumer: str) -> int:
    return versions().index(consumer.removeprefix(PREFIX))


def _advice(version: str | None) -> str:
    if version is None:
        return "leave out the signatures that need them: no version that is known has them all"
    return f"the target {PREFIX}{version} would do; else leave out the signatures that need them"
