"""Roots of everything in one pass: against a walk from each root, on graphs in any order and with knots."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from tests.saved_model.graphs import node, tensor, view
from tfx_savedmodel.saved_model import reachability
from tfx_savedmodel.saved_model.reachability import RESTORE, Reach, reach_of
from tfx_savedmodel.saved_model.reader import read_saved_model
from tfx_savedmodel.saved_model.spreading import bits, spread
from tfx_savedmodel.saved_model.view import MetaGraphView
from tfx_savedmodel.validation.checks.unsafe_ops import UnsafeOps

pytestmark = pytest.mark.unit


def walked(needs: Mapping[str, list[str]], starts: Iterable[str]) -> set[str]:
    pending = list(starts)
    seen = set(pending)
    while pending:
        fresh = set(needs[pending.pop()]) - seen
        seen |= fresh
        pending.extend(fresh)
    return seen


@pytest.mark.parametrize("seed", range(40))
def test_the_same_as_a_walk_from_each_root(seed: int) -> None:
    chance = random.Random(seed)
    names = [f"n{number}" for number in range(chance.randrange(1, 40))]
    needs = {name: chance.choices(names, k=chance.randrange(4)) for name in names}
    roots = [chance.choices(names, k=chance.randrange(3)) for _ in range(chance.randrange(1, 9))]
    seeds = dict.fromkeys(names, 0)
    for number, starts in enumerate(roots):
        for name in starts:
            seeds[name] |= 1 << number
    reached = [walked(needs, starts) for starts in roots]
    wanted = {
        name: mask
        for name in names
        if (mask := sum(1 << number for number, found in enumerate(reached) if name in found))
    }
    assert spread(needs.__getitem__, seeds) == wanted


@pytest.mark.parametrize("step", [-1, 1], ids=["as it runs", "backwards"])
def test_each_need_is_asked_for_once_however_many_roots_there_are(step: int) -> None:
    length = 5000
    asked: Counter[str] = Counter()

    def needs(name: str) -> list[str]:
        asked[name] += 1
        other = int(name) + step
        return [str(other)] if 0 <= other < length else []

    found = spread(needs, {str(number): 1 << number for number in range(length)})
    assert len(found) == length and set(asked.values()) == {1}
    assert found["0" if step < 0 else str(length - 1)].bit_count() == length


@pytest.mark.parametrize("mask", [0, 1, 0b1011, 1 << 5000, (1 << 70) - 1])
def test_the_bits_of_a_mask(mask: int) -> None:
    assert sum(1 << number for number in bits(mask)) == mask
    assert list(bits(mask)) == sorted(bits(mask))


def meta_graph(directory: Path, signatures: int) -> MetaGraphView:
    nodes = [node("file", "Placeholder", dtype=7), node("read", "ReadFile", "file"), node("aside", "NoOp")]
    answers = {f"s{number:04}": {"inputs": {}, "outputs": {"y": tensor("read:0")}} for number in range(signatures)}
    found = view(directory, nodes, signatures=answers).meta_graph()
    assert found is not None
    return found


def test_the_roots_are_told_by_place(tmp_path: Path) -> None:
    reach = Reach(meta_graph(tmp_path, 2))
    both = frozenset({"signature 's0000'", "signature 's0001'"})
    assert dict(reach.roots) == {(None, "read"): both, (None, "file"): both}
    assert len(reach.roots) == 2
    assert (None, "aside") not in reach.roots and (None, "aside") not in reach and (None, "read") in reach
    assert set(reach.by_root("signature 's0001'")) == set(reach.roots)
    assert list(reach.by_root(RESTORE)) == []
    assert reach.some_roots((None, "aside")) == []


def test_of_thousands_of_roots_the_first_are_named_and_all_counted(tmp_path: Path) -> None:
    reach = reach_of(meta_graph(tmp_path / "m", 2000))
    assert len(reach.roots[None, "read"]) == 2000
    first = reach.some_roots((None, "read"), 3)
    assert len(first) == 4 and first[-1] == "and 1,997 more"
    assert reach.some_roots_of_all([(None, "read"), (None, "file")], 3) == first
    (finding,) = UnsafeOps().check(read_saved_model(tmp_path / "m"))
    assert len(finding.where["reached_by"]) == 51
    assert finding.where["reached_by"][-1] == "and 1,950 more"


def test_the_sets_that_are_kept_are_bounded_by_their_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = [node(f"n{number}", "NoOp") for number in range(10)]
    needing = {key: {"outputs": {f"{n}": tensor(f"n{n}:0") for n in range(key + 1)}} for key in range(10)}
    answers = {f"s{key}": {"inputs": {}, **item} for key, item in needing.items()}
    found = view(tmp_path, nodes, signatures=answers).meta_graph()
    assert found is not None
    monkeypatch.setattr(reachability, "_MOST_TOLD", 12)
    roots = Reach(found).roots
    for number in range(10):
        assert len(roots[None, f"n{number}"]) == 10 - number
        assert sum(map(len, roots._told.values())) <= 12  # type: ignore[attr-defined]
    assert roots[None, "n9"] is roots[None, "n9"]
