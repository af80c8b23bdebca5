"""Which roots need what, for all roots in one pass: each name carries a bit for every root that needs it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

#: Sets of roots by name: bit i stands for root i.
Masks = dict[str, int]


def spread(needs: Callable[[str], Iterable[str]], seeds: Mapping[str, int]) -> Masks:
    """Return the roots of everything that the seeds need, directly or not; what none needs is absent.

    Every need is looked at once, in whatever order a graph is written and however it is knotted: names that need each
    other have the same roots, and what is left when each such knot is one has an order.

    Args:
      needs: gives what a name needs, itself included or not.
      seeds: names with the roots that ask for them.
    """
    edges: dict[str, list[str]] = {}
    knots = list(_knots(needs, [name for name, mask in seeds.items() if mask], edges))
    masks: Masks = {}
    for knot in reversed(knots):  # what needs others before these
        mask = 0
        for name in knot:
            mask |= masks.get(name, 0) | seeds.get(name, 0)
        for name in knot:
            masks[name] = mask
        for name in knot:
            for needed in edges[name]:
                masks[needed] = masks.get(needed, 0) | mask
    return masks


def bits(mask: int) -> Iterator[int]:
    """Yield the numbers of the roots in a mask, the smallest first; the work grows with the mask's length only."""
    text = bin(mask)[:1:-1]  # without "0b", backwards
    place = text.find("1")
    while place >= 0:
        yield place
        place = text.find("1", place + 1)


def _knots(
    needs: Callable[[str], Iterable[str]], starts: Iterable[str], edges: dict[str, list[str]]
) -> Iterator[list[str]]:
    """Yield the names that need each other, those that are needed by others first; `edges` gets what each needs.

    Tarjan's algorithm, without recursion: a graph may be a chain of any length.
    """
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    open_: list[str] = []
    is_open: set[str] = set()

    def enter(name: str) -> tuple[str, Iterator[str]]:
        number[name] = low[name] = len(number)
        open_.append(name)
        is_open.add(name)
        edges[name] = list(needs(name))
        return name, iter(edges[name])

    for start in starts:
        path = [] if start in number else [enter(start)]
        while path:
            name, rest = path[-1]
            for needed in rest:
                if needed not in number:
                    path.append(enter(needed))
                    break
                if needed in is_open:
                    low[name] = min(low[name], number[needed])
            else:
                path.pop()
                if path:
                    parent = path[-1][0]
                    low[parent] = min(low[parent], low[name])
                if low[name] == number[name]:
                    yield _close(name, open_, is_open)


def _close(name: str, open_: list[str], is_open: set[str]) -> list[str]:
    place = len(open_) - 1
    while open_[place] != name:
        place -= 1
    knot = open_[place:]
    del open_[place:]
    is_open.difference_update(knot)
    return knot
