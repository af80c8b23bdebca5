"""What SM101 finds in the variables of a SavedModel: the index, its shards, and what the graph wants of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from tfx_savedmodel.saved_model.bundle import is_shard, shard_name
from tfx_savedmodel.saved_model.checksums import wrong_checksums
from tfx_savedmodel.saved_model.reader import VARIABLES_PREFIX
from tfx_savedmodel.saved_model.restores import Restored, restored_tensors
from tfx_savedmodel.saved_model.tensors import compatible
from tfx_savedmodel.saved_model.view import GraphView, VariableEntry, VariablesView
from tfx_savedmodel.validation.result import Finding

_INDEX = f"{VARIABLES_PREFIX}.index"
_MOST_SHARDS = 1000
_AGAIN = "export or copy the model again, whole"

#: Bytes of one element; of other dtypes it is not fixed, or the tensors are packed.
_ITEM_BYTES = {
    **dict.fromkeys(("bool", "int8", "uint8", "qint8", "quint8"), 1),
    **dict.fromkeys(("bfloat16", "float16", "int16", "uint16", "qint16", "quint16"), 2),
    **dict.fromkeys(("float32", "int32", "uint32", "qint32"), 4),
    **dict.fromkeys(("float64", "int64", "uint64", "complex64"), 8),
    "complex128": 16,
}


def find_in_variables(graph: GraphView, *, checksums: bool) -> Iterator[Finding]:
    """Yield what is wrong with variables/ by itself, and between it and the graph."""
    variables = graph.variables
    where = {"file": _INDEX}
    restored = list(_restored(graph))
    if variables.problem is not None:
        yield Finding(f"variables: {variables.problem}", where, next=_AGAIN)
    elif variables.entries or variables.shards:
        yield from _entries(variables)
        yield from _shards(variables)
        yield from _against_the_graph(variables, restored)
        if checksums:
            yield from _checksums(graph, variables)
    elif restored or _has_variables(graph):
        yield Finding(
            "the graph restores variables and there are none",
            where,
            found="no variables/ files",
            wanted=f"{_INDEX} and its shards",
            next=_AGAIN,
        )


def _restored(graph: GraphView) -> Iterator[Restored]:
    for meta_graph in graph.meta_graphs:
        yield from restored_tensors(meta_graph)


def _has_variables(graph: GraphView) -> bool:
    return any(item.saver is not None and item.variable_ops for item in graph.meta_graphs)


def _entries(variables: VariablesView) -> Iterator[Finding]:
    for key, count in Counter(entry.key for entry in variables.entries).items():
        if count > 1:
            where = {"file": _INDEX, "variable": key}
            yield Finding(f"the index has {key!r} {count} times", where, str(count), "1", _AGAIN)
    for entry in variables.entries:
        where = {"file": _INDEX, "variable": entry.key}
        if entry.offset < 0 or entry.size < 0 or not 0 <= entry.shard < variables.shards:
            place = f"{entry.size} bytes at {entry.offset} of shard {entry.shard}"
            yield Finding(
                f"the index places {entry.key!r} where no bytes can be",
                where,
                found=place,
                wanted=f"a place in one of {variables.shards} shards",
                next=_AGAIN,
            )
            continue
        wanted = _bytes_of(entry)
        if wanted is not None and wanted != entry.size:
            yield Finding(
                f"the index gives {entry.key!r} another size than its dtype and shape",
                where,
                found=f"{entry.size} bytes",
                wanted=f"{wanted} bytes: {entry.dtype} {list(entry.shape or ())}",
                next=_AGAIN,
            )


def _bytes_of(entry: VariableEntry) -> int | None:
    size = _ITEM_BYTES.get(entry.dtype)
    if size is None or entry.shape is None or entry.sliced:
        return None
    for dimension in entry.shape:
        size *= dimension or 0
    return size


def _shards(variables: VariablesView) -> Iterator[Finding]:
    there = sum(map(is_shard, variables.files))
    if variables.shards > max(there, _MOST_SHARDS):  # an index may claim what it likes
        message = f"the index names {variables.shards} shards and {there} are there"
        yield Finding(message, {"file": _INDEX}, str(there), str(variables.shards), _AGAIN)
        return
    needed = [0] * variables.shards
    for entry in variables.entries:
        if 0 <= entry.shard < variables.shards:
            needed[entry.shard] = max(needed[entry.shard], entry.offset + entry.size)
    expected = {shard_name("variables", shard, variables.shards): bytes_ for shard, bytes_ in enumerate(needed)}
    for name, wanted in expected.items():
        where = {"file": f"variables/{name}"}
        size = variables.files.get(name)
        if size is None:
            yield Finding(f"the shard {name} is missing", where, wanted=f"{wanted} bytes", next=_AGAIN)
        elif size < wanted:
            found, all_ = f"{size} bytes", f"{wanted} bytes"
            yield Finding(f"the shard {name} is truncated", where, found=found, wanted=all_, next=_AGAIN)
    for name in sorted(set(filter(is_shard, variables.files)) - set(expected)):
        where, wanted_ = {"file": f"variables/{name}"}, f"{variables.shards} shards"
        yield Finding(f"the shard {name} belongs to another index", where, found=name, wanted=wanted_, next=_AGAIN)


def _against_the_graph(variables: VariablesView, restored: list[Restored]) -> Iterator[Finding]:
    entries: Mapping[str, VariableEntry] = {entry.key: entry for entry in variables.entries}
    for item in restored:
        entry = entries.get(item.key)
        where = {"file": _INDEX, "variable": item.key, "node": item.node}
        if entry is None:
            yield Finding(
                f"the graph restores {item.key!r}, which the variables do not have",
                where,
                found="no such entry in the index",
                wanted=f"{item.dtype} {item.key}",
                next="export graph and variables together, from one run",
            )
        elif entry.dtype != item.dtype or not compatible(entry.shape, item.shape):
            yield Finding(
                f"the graph restores {item.key!r} in another form than the variables have it",
                where,
                found=f"{entry.dtype} {_shown(entry.shape)}",
                wanted=f"{item.dtype} {_shown(item.shape)}",
                next="export graph and variables together, from one run",
            )


def _shown(shape: tuple[int | None, ...] | None) -> str:
    return "of any shape" if shape is None else str(["?" if size is None else size for size in shape])


def _checksums(graph: GraphView, variables: VariablesView) -> Iterator[Finding]:
    for entry in wrong_checksums(graph.path / VARIABLES_PREFIX, variables):
        name = shard_name("variables", entry.shard, variables.shards)
        yield Finding(
            f"the bytes of {entry.key!r} are not those that were written",
            {"file": f"variables/{name}", "variable": entry.key},
            found=f"another CRC-32C in {entry.size} bytes at {entry.offset}",
            wanted=f"the checksum {entry.checksum:08x} that the index has",
            next=_AGAIN,
        )
