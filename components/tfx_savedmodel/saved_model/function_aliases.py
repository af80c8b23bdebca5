"""Function aliases across a load and a save by TF2, which gives functions other names and forgets the aliases.

An alias belongs to the names of functions in the file (MetaInfoDef.function_aliases). What stays the same
is where a function hangs in the object graph and the inputs it was traced for. Source: saved_model/save.py
and load.py of TensorFlow 2.15 and 2.21.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from tfx_savedmodel.errors import UnreadableModelError, UsageError
from tfx_savedmodel.saved_model.locate import GRAPH_FILES
from tfx_savedmodel.saved_model.parse import Fault, parse_saved_model
from tfx_savedmodel.saved_model.rewrite import edit


def carry_function_aliases(source: Path, exported: Path, tags: Sequence[str]) -> tuple[str, ...]:
    """Give the functions of `exported` the aliases that their counterparts have in `source`.

    An alias that `exported` has already is left as it is.

    Args:
      source: the SavedModel that was loaded.
      exported: what was saved of it; not published yet.
      tags: of the MetaGraph, in both; the only one that is there may have others.

    Returns:
      The aliases that some function of the source has and none of the exported could be given, sorted.

    Raises:
      UnreadableModelError: a graph file cannot be parsed.
      UsageError: no MetaGraph with these tags.
    """
    before = _meta_graph(_read(source), tags, str(source))
    aliases = dict(before.meta_info_def.function_aliases.items())
    if not aliases:
        return ()
    lost: set[str] = set()

    def change(proto: Any) -> None:
        lost.update(_carry(before.object_graph_def, aliases, _meta_graph(proto, tags, str(exported))))

    edit(exported, change)
    return tuple(sorted(lost))


def replaced_function_aliases(
    source: Path, exported: Path, tags: Sequence[str], given: Collection[str]
) -> tuple[str, ...]:
    """Return those of the aliases `given` that `source` has for other functions than `exported`, sorted.

    Args:
      given: aliases that `exported` was saved with.

    Raises:
      UnreadableModelError, UsageError: as `carry_function_aliases`.
    """
    if not given:
        return ()
    before = _meta_graph(_read(source), tags, str(source))
    aliases = {old: alias for old, alias in before.meta_info_def.function_aliases.items() if alias in given}
    if not aliases:
        return ()
    after = _meta_graph(_read(exported), tags, str(exported))
    held = after.meta_info_def.function_aliases
    pairs = _pairs(before.object_graph_def, after.object_graph_def)
    same = {aliases[old] for old, new in pairs if old in aliases and held.get(new) == aliases[old]}
    return tuple(sorted(set(aliases.values()) & set(held.values()) - same))


def _read(directory: Path) -> Any:
    name = next((name for name in GRAPH_FILES if (directory / name).is_file()), "")
    try:
        return parse_saved_model(directory, name)
    except Fault as error:
        raise UnreadableModelError("the model cannot be read", where=str(directory), found=str(error)) from error


def _meta_graph(proto: Any, tags: Sequence[str], where: str) -> Any:
    if len(proto.meta_graphs) == 1:  # as TF2 writes; an export may give it other tags
        return proto.meta_graphs[0]
    for meta_graph in proto.meta_graphs:
        if set(meta_graph.meta_info_def.tags) == set(tags):
            return meta_graph
    raise UsageError("no MetaGraph with these tags", where=where, wanted=", ".join(sorted(tags)))


def _carry(before: Any, aliases: dict[str, str], meta_graph: Any) -> set[str]:
    """Return the aliases that not every function of theirs could take along."""
    held = meta_graph.meta_info_def.function_aliases
    own = set(held.values())
    counterparts: dict[str, list[str]] = {}
    for old, new in _pairs(before, meta_graph.object_graph_def):
        counterparts.setdefault(old, []).append(new)
    lost: set[str] = set()
    done: set[str] = set()
    for old, alias in sorted(aliases.items()):
        if alias in own:
            continue
        free = [new for new in counterparts.get(old, ()) if held.get(new, alias) == alias]
        for new in free:
            held[new] = alias
        # TensorFlow also writes names of functions that it does not save.
        if old in before.concrete_functions:
            (done if free else lost).add(alias)
    return lost | (set(aliases.values()) - done - own)


def _pairs(before: Any, after: Any) -> Iterator[tuple[str, str]]:
    """Yield the names of concrete functions that are each other's counterparts.

    Both object graphs are walked from their roots along children of the same names.
    """
    seen, pending = {(0, 0)}, [(0, 0)]
    while pending:
        one, other = pending.pop()
        yield from _functions(before, before.nodes[one], after, after.nodes[other])
        children = {child.local_name: child.node_id for child in after.nodes[other].children}
        for child in before.nodes[one].children:
            pair = child.node_id, children.get(child.local_name, -1)
            if pair[1] >= 0 and pair not in seen:
                seen.add(pair)
                pending.append(pair)


def _functions(before: Any, one: Any, after: Any, other: Any) -> Iterator[tuple[str, str]]:
    left = list(_names(other))
    for old in _names(one):
        if old not in before.concrete_functions:
            continue
        wanted = before.concrete_functions[old].canonicalized_input_signature
        for new in left:
            found = after.concrete_functions.get(new)
            if found is not None and found.canonicalized_input_signature == wanted:
                yield old, new
                left.remove(new)  # two traces may differ in their captures alone
                break


def _names(node: Any) -> Sequence[str]:
    """Return the names of a node's concrete functions, none where it is no function."""
    kind = node.WhichOneof("kind")
    if kind == "function":
        return list(node.function.concrete_functions)
    return [node.bare_concrete_function.concrete_function_name] if kind == "bare_concrete_function" else []
