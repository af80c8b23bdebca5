"""Calling a part of a TF1 graph again: its nodes between inputs and outputs a second time, over other inputs.

What does not depend on the inputs (variables, tables, constants) is shared, so that a clone costs its nodes
and no weights, and what the graph had stays as it was.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from tfx_savedmodel.saved_model.tensors import split_tensor

_ENTER = ("Enter", "RefEnter")
#: Ops whose state lives for one run: what writes to it and what reads of it must be of the same clone.
_OF_ONE_RUN = ("TensorArray", "TensorArrayV2", "TensorArrayV3", "Stack", "StackV2")
_COLOCATED = b"loc:@"


def clone(graph_def: Any, feeds: Mapping[str, str], fetches: Collection[str], prefix: str) -> dict[str, str]:
    """Add the nodes that lead from `feeds` to `fetches` to a GraphDef once more, under a prefix.

    Args:
      feeds: tensor of the graph ("x:0") -> the tensor that stands in its place.
      fetches: tensors of the graph that depend on them, perhaps.
      prefix: what the new nodes' names begin with, before "/"; nothing in the graph begins so.

    Returns:
      for each fetch the tensor that gives its value: of the clone, a feed's stand-in, or the fetch itself
      where it depends on no feed.
    """
    nodes = {node.name: node for node in graph_def.node}
    replaced = {_whole(tensor): _whole(other) for tensor, other in feeds.items()}
    needed = _needed(nodes, replaced, fetches)
    again = _again(nodes, replaced, needed)
    for name in sorted(again):
        _add(graph_def, nodes[name], replaced, again, prefix)
    return {tensor: replaced.get(_whole(tensor)) or _moved(_whole(tensor), again, prefix) for tensor in fetches}


def consumed(value: str) -> str:
    """Return the tensor that an input of a node names ("a" gives "a:0"), or "^a" for a control input."""
    return value if value.startswith("^") else _whole(value)


def as_input(tensor: str) -> str:
    """Return a tensor as nodes name it: "a" for "a:0"."""
    return tensor.removesuffix(":0")


def _whole(tensor: str) -> str:
    node, index = split_tensor(tensor)
    return f"{node}:{index}"


def _moved(tensor: str, again: Collection[str], prefix: str) -> str:
    return f"{prefix}/{tensor}" if split_tensor(tensor)[0] in again else tensor


def _needed(nodes: Mapping[str, Any], feeds: Mapping[str, str], fetches: Iterable[str]) -> set[str]:
    """Return the nodes that run for the fetches where the feeds are given."""
    fed = {split_tensor(tensor)[0] for tensor in feeds}
    pending = [split_tensor(tensor)[0] for tensor in fetches if _whole(tensor) not in feeds]
    needed: set[str] = set()
    while pending:
        name = pending.pop()
        if name in needed or name not in nodes:
            continue
        needed.add(name)
        for value in map(consumed, nodes[name].input):
            if value not in feeds and value.removeprefix("^") not in fed:
                pending.append(split_tensor(value.removeprefix("^"))[0])
    return needed


def _again(nodes: Mapping[str, Any], feeds: Mapping[str, str], needed: set[str]) -> set[str]:
    """Return those of the needed nodes that depend on a feed, with the whole of each loop that they are in."""
    consumers: dict[str, set[str]] = {}
    for name in needed:
        for value in map(consumed, nodes[name].input):
            consumers.setdefault(value if value in feeds else split_tensor(value.removeprefix("^"))[0], set()).add(name)
    fed = {split_tensor(tensor)[0] for tensor in feeds}
    starts = {name for place in (*feeds, *fed) for name in consumers.get(place, ())}
    found = _closure(starts, consumers)
    while True:
        more = {name for name in needed - found if _belongs(nodes, name, found)}
        if not more:
            return found
        found |= _closure(more, consumers)


def _closure(starts: Iterable[str], consumers: Mapping[str, Collection[str]]) -> set[str]:
    found, pending = set(starts), list(starts)
    while pending:
        fresh = set(consumers.get(pending.pop(), ())) - found
        found |= fresh
        pending += fresh
    return found


def _belongs(nodes: Mapping[str, Any], name: str, found: Collection[str]) -> bool:
    """Tell whether a node cannot be shared: it enters a loop that is cloned, or is state of one run."""
    node = nodes[name]
    if node.op in _ENTER:
        frame = node.attr["frame_name"].s
        return any(nodes[other].op in _ENTER and nodes[other].attr["frame_name"].s == frame for other in found)
    if node.op not in _OF_ONE_RUN:
        return False
    return any(split_tensor(value)[0] == name for other in found for value in nodes[other].input)


def _add(graph_def: Any, node: Any, feeds: Mapping[str, str], again: Collection[str], prefix: str) -> None:
    made = graph_def.node.add()
    made.CopyFrom(node)
    made.name = f"{prefix}/{node.name}"
    values = [part for value in node.input for part in _inputs(value, feeds, again, prefix)]
    del made.input[:]
    # Control inputs come last, each once.
    made.input.extend(value for value in values if not value.startswith("^"))
    made.input.extend(dict.fromkeys(value for value in values if value.startswith("^")))
    if node.op in _ENTER:
        made.attr["frame_name"].s = f"{prefix}/".encode() + node.attr["frame_name"].s
    if "_class" in node.attr:
        places = made.attr["_class"].list.s
        for index, place in enumerate(places):
            name = place.removeprefix(_COLOCATED).decode("utf-8", "replace")
            if place.startswith(_COLOCATED) and name in again:
                places[index] = _COLOCATED + f"{prefix}/{name}".encode()


def _inputs(value: str, feeds: Mapping[str, str], again: Collection[str], prefix: str) -> Iterator[str]:
    if not value.startswith("^"):
        tensor = feeds.get(_whole(value))
        yield as_input(tensor) if tensor is not None else _moved(value, again, prefix)
        return
    name = value[1:]
    stand_ins = [other for tensor, other in feeds.items() if split_tensor(tensor)[0] == name]
    # What waited for a fed node waits for what stands in its place.
    yield from (f"^{split_tensor(other)[0]}" for other in stand_ins)
    if not stand_ins:
        yield f"^{_moved(name, again, prefix)}"
