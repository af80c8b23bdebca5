"""What changed between two models' signatures, and what of it breaks a client: the rules, in one place.

Works on signatures in JSON form (`SignatureView.to_json()`), so that a contract saved as JSON is enough.
A tensor whose form does not say its kind is dense.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tfx_savedmodel.saved_model.view import KINDS

Signatures = Mapping[str, Mapping[str, Any]]

WIDER, NARROWER, OTHER = "widened", "narrowed", "changed"


@dataclasses.dataclass(frozen=True)
class Change:
    """One change: `kind` "added", "removed", "widened", "narrowed" or "changed", and where.

    `where` has `signature` and, for a tensor, `input` or `output`; `old` and `new` are short texts,
    empty where there is nothing.
    """

    kind: str
    breaking: bool
    where: Mapping[str, str]
    what: str
    old: str = ""
    new: str = ""

    def to_json(self) -> dict[str, Any]:
        return {**dataclasses.asdict(self), "where": dict(self.where)}


def changes(old: Signatures, new: Signatures) -> list[Change]:
    """Return the changes from one model's signatures to another's, in order of name.

    Breaking for a client: a signature or an output removed; an input added or removed; a dtype, a
    method name or a tensor's kind (dense, sparse, composite) changed; an input narrowed; an output
    widened. A rename is a removal and an addition.
    """
    found: list[Change] = []
    for key in sorted({*old, *new}):
        where = {"signature": key}
        if key not in new:
            found.append(Change("removed", True, where, "signature"))
        elif key not in old:
            found.append(Change("added", False, where, "signature"))
        else:
            found.extend(_signature(where, old[key], new[key]))
    return found


def _signature(where: Mapping[str, str], old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    if old.get("method_name") != new.get("method_name"):
        yield Change(OTHER, True, where, "method name", str(old.get("method_name")), str(new.get("method_name")))
    for side in ("input", "output"):
        before, after = old.get(f"{side}s", {}), new.get(f"{side}s", {})
        for name in sorted({*before, *after}):
            place = {**where, side: name}
            if name not in after:
                yield Change("removed", True, place, side, old=describe(before[name]))
            elif name not in before:
                yield Change("added", side == "input", place, side, new=describe(after[name]))
            else:
                yield from _tensor(place, side, before[name], after[name])


def _tensor(place: Mapping[str, str], side: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    if _kind(old) != _kind(new):
        # Another encoding on the wire: what else differs is in the texts, and no client's business any more.
        yield Change(OTHER, True, place, "kind of tensor", f"{_kind(old)} {_plain(old)}", f"{_kind(new)} {_plain(new)}")
        return
    texts = describe(old), describe(new)
    if old["dtype"] != new["dtype"]:
        yield Change(OTHER, True, place, "dtype", *texts)
    kind = _shape_change(old["shape"], new["shape"])
    if kind is not None:
        fine = (side, kind) in (("input", WIDER), ("output", NARROWER))
        yield Change(kind, not fine, place, "shape", *texts)


def _shape_change(old: Sequence[int | None] | None, new: Sequence[int | None] | None) -> str | None:
    if old == new:
        return None
    if new is None:
        return WIDER
    if old is None:
        return NARROWER
    if len(old) != len(new):
        return OTHER
    opened = any(a is not None and b is None for a, b in zip(old, new, strict=True))
    closed = any(a is None and b is not None for a, b in zip(old, new, strict=True))
    moved = any(a is not None and b is not None and a != b for a, b in zip(old, new, strict=True))
    if moved or (opened and closed):
        return OTHER
    return WIDER if opened else NARROWER


def describe(spec: Mapping[str, Any]) -> str:
    """Return a tensor's spec as text: "float32 [?, 4]", and "sparse float32 [?, 4]" where it is not dense."""
    return _plain(spec) if _kind(spec) == KINDS[0] else f"{_kind(spec)} {_plain(spec)}"


def _kind(spec: Mapping[str, Any]) -> str:
    return str(spec.get("kind", KINDS[0]))


def _plain(spec: Mapping[str, Any]) -> str:
    shape = spec["shape"]
    if shape is None:
        return f"{spec['dtype']} <unknown rank>"
    return f"{spec['dtype']} [{', '.join('?' if size is None else str(size) for size in shape)}]"
