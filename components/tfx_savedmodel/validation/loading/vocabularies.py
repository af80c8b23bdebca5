"""The words that a graph's lookup tables know, by the input or the feature that is looked up in them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path

from tfx_savedmodel.saved_model.parsing import feature_names
from tfx_savedmodel.saved_model.reachability import Reach, node_of
from tfx_savedmodel.saved_model.tensors import split_tensor
from tfx_savedmodel.saved_model.view import MetaGraphView, NodeView, SignatureView

_FINDS = frozenset({"LookupTableFind", "LookupTableFindV2"})
_FROM_TENSORS = frozenset({"InitializeTable", "InitializeTableV2", "LookupTableImport", "LookupTableImportV2"})
_FROM_FILE = frozenset({"InitializeTableFromTextFile", "InitializeTableFromTextFileV2"})
_PARSERS = frozenset({"ParseExample", "ParseExampleV2", "ParseSingleExample"})
_MOST_WORDS = 3
_MOST_LINE = 1000

Words = Mapping[str, tuple[bytes, ...]]


def vocabularies(reach: Reach, signature: SignatureView, assets: Path) -> Words:
    """Return a few words for each feature of a parsed example, and for each string input by its own name.

    A lookup in a function that is given its keys by the caller is not followed to them.

    Args:
      reach: of the signature's graph.
      assets: the folder of the model's assets; a table may be filled from a file there.
    """
    meta_graph = reach.meta_graph
    inputs = {split_tensor(spec.tensor): name for name, spec in signature.inputs.items()}
    found: dict[str, tuple[bytes, ...]] = {}
    # In one order everywhere: each loader's process makes the inputs again, and they have to be the same.
    for function, node in sorted(reach.by_signature(signature.key), key=lambda place: (place[0] or "", place[1].name)):
        if node.op not in _FINDS or len(node.inputs) < 2:
            continue
        nodes = meta_graph.nodes if function is None else meta_graph.functions[function].nodes
        words = tuple(itertools.islice(_words(meta_graph, nodes, node_of(node.inputs[0]), assets), _MOST_WORDS))
        if words:
            for source in _sources(meta_graph, function, nodes, node.inputs[1], inputs):
                found.setdefault(source, words)
    return found


def _words(meta_graph: MetaGraphView, nodes: Mapping[str, NodeView], table: str, assets: Path) -> Iterator[bytes]:
    for node in nodes.values():
        if not node.inputs or node_of(node.inputs[0]) != table:
            continue
        if node.op in _FROM_TENSORS:
            keys = nodes.get(node_of(node.inputs[1]))
            values = keys.attr("value") if keys is not None and keys.op == "Const" else None
            yield from (
                (str(value).encode() for value in values if isinstance(value, str)) if isinstance(values, list) else ()
            )
        elif node.op in _FROM_FILE:
            name = meta_graph.assets.get(f"{node_of(node.inputs[1])}:0")
            yield from _lines(assets / Path(name).name, node) if name else ()


def _lines(file: Path, node: NodeView) -> Iterator[bytes]:
    column = node.attr("key_index", 0)
    delimiter = str(node.attr("delimiter", "\t")).encode()
    try:
        with file.open("rb") as lines:
            for line in iter(lambda: lines.readline(_MOST_LINE), b""):
                parts = [line.rstrip(b"\r\n")] if column < 0 else line.rstrip(b"\r\n").split(delimiter)
                yield parts[column] if 0 <= column < len(parts) else parts[0]
    except OSError:
        return  # SM101 says what is missing


def _sources(
    meta_graph: MetaGraphView,
    function: str | None,
    nodes: Mapping[str, NodeView],
    value: str,
    inputs: Mapping[tuple[str, int], str],
) -> Iterator[str]:
    """Yield the features and inputs that a value comes of, within its function."""
    pending, seen = [value], set()
    while pending:
        current = pending.pop()
        name = node_of(current)
        node = nodes.get(name)
        if node is None or current in seen or current.startswith("^"):
            continue
        seen.add(current)
        if node.op in _PARSERS:
            yield from feature_names(meta_graph, function, node, current)
        elif function is None and split_tensor(current) in inputs:
            yield inputs[split_tensor(current)]
        else:
            pending.extend(node.inputs)
