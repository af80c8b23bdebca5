"""What a page shows of the model itself: signatures, and what each root of the graph reaches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from tfx_savedmodel.report.values import clip, format_shape, format_value

#: How much of each kind a page shows; report.json has the rest.
MAX_META_GRAPHS, MAX_SIGNATURES, MAX_TENSORS, MAX_ROOTS, MAX_NAMES = 4, 30, 40, 60, 40

_Item = TypeVar("_Item")


def meta_graphs(model: Mapping[str, Any]) -> tuple[list[dict[str, Any]], int]:
    """Return what the page shows of each MetaGraph, and how many are left out."""
    found, left_out = cut(list(model.get("meta_graphs") or ()), MAX_META_GRAPHS)
    return [_meta_graph(item) for item in found], left_out


def cut(items: Sequence[_Item], most: int) -> tuple[list[_Item], int]:
    """Return the first items, and how many are left out."""
    return list(items[:most]), max(0, len(items) - most)


def _meta_graph(meta_graph: Mapping[str, Any]) -> dict[str, Any]:
    signatures, left_out = cut(sorted((meta_graph.get("signatures") or {}).items()), MAX_SIGNATURES)
    return {
        "tags": list(meta_graph.get("tags") or ()),
        "signatures": [_signature(key, signature) for key, signature in signatures],
        "signatures_left": left_out,
        "reach": _reach(meta_graph.get("reaches") or ()),
    }


def _signature(key: str, signature: Mapping[str, Any]) -> dict[str, Any]:
    sides = []
    for side in ("inputs", "outputs"):
        tensors, left_out = cut(sorted((signature.get(side) or {}).items()), MAX_TENSORS)
        rows = [(clip(name), _dtype(spec), format_shape(spec.get("shape"))) for name, spec in tensors]
        sides.append((side.capitalize(), rows, left_out))
    return {"key": clip(key), "method_name": clip(signature.get("method_name") or "none"), "sides": sides}


def _dtype(spec: Mapping[str, Any]) -> str:
    kind = spec.get("kind")
    return clip(f"{kind} {spec.get('dtype', '')}" if kind else str(spec.get("dtype", "")))


def _reach(reaches: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the roots, signatures first, functions apart, and what is restored for no signature."""
    roots = [_root(item) for item in reaches]
    signatures = [root for root in roots if root["kind"] == "signature"]
    others = [root for root in roots if root["kind"] not in ("signature", "function")]
    functions, functions_left = cut([root for root in roots if root["kind"] == "function"], MAX_ROOTS)
    main, main_left = cut([*signatures, *others], MAX_ROOTS)
    return {
        "roots": main,
        "roots_left": main_left,
        "functions": functions,
        "functions_left": functions_left,
        "functions_count": len(functions) + functions_left,
        "unused": _unused(reaches),
    }


def _root(item: Mapping[str, Any]) -> dict[str, Any]:
    kind, _, name = str(item.get("root", "")).partition(" ")
    counts = [("nodes", item.get("nodes", 0)), ("functions", item.get("functions", 0))]
    counts += [(names, len(item.get(names) or ())) for names in ("variables", "assets")]
    lists = [(names, *_names(item.get(names) or ())) for names in ("variables", "assets")]
    return {
        "kind": kind,
        "name": clip(name),
        "counts": [_count(label, number) for label, number in counts if number],
        "lists": [entry for entry in lists if entry[1]],
    }


def _count(label: str, number: int) -> str:
    return f"{format_value(number)} {label.removesuffix('s') if number == 1 else label}"


def _names(names: Sequence[str]) -> tuple[list[str], int]:
    shown, left_out = cut(names, MAX_NAMES)
    return [clip(str(name)) for name in shown], left_out


def _unused(reaches: Iterable[Mapping[str, Any]]) -> tuple[list[str], int]:
    """Return the variables that are restored and that no signature needs: weight without use in serving."""
    served: set[str] = set()
    restored: set[str] = set()
    for item in reaches:
        kind = str(item.get("root", "")).partition(" ")[0]
        if kind == "signature":
            served.update(item.get("variables") or ())
        elif kind == "restore":
            restored.update(item.get("variables") or ())
    return _names(sorted(restored - served)) if served else ([], 0)
