"""SM112 pinned-devices."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import ClassVar

from tfx_savedmodel.saved_model.devices import is_everywhere
from tfx_savedmodel.saved_model.facts import all_nodes
from tfx_savedmodel.saved_model.reachability import MOST_ROOTS, Reach, reach_of
from tfx_savedmodel.saved_model.view import GraphView, MetaGraphView, NodeView
from tfx_savedmodel.validation.check import GraphCheck
from tfx_savedmodel.validation.result import Finding


@dataclasses.dataclass(frozen=True)
class PinnedDevices(GraphCheck):
    """No node is tied to a device that only some machines have.

    Looks at what a signature, the initialiser, saving and restoring run, and the functions that Python can call on the
    loaded object. The first CPU is everywhere, under each of its names (`/device:CPU:0`, `/cpu:0`,
    `/job:localhost/replica:0/task:0/device:CPU:0`, `/device:CPU:*`): savers and TF 2.0's exports carry it as
    boilerplate. A GPU, a TPU, a second CPU, or another job than `localhost` is a finding, one for each device,
    with what runs its nodes. `allow` names devices that the consumer has, such as `GPU:0`.

    Why: a loader without soft placement refuses the graph where the device is absent: TF2's does.
    Remedy: export without `tf.device` inside of functions, and outside of a distribution strategy; or
    `clear_devices=True` where a TF1 Builder writes the model.
    """

    code: ClassVar[str] = "SM112"
    name: ClassVar[str] = "pinned-devices"
    allow: tuple[str, ...] = ()
    """Devices that the consumer has, such as GPU:0."""

    def check(self, graph: GraphView) -> Iterator[Finding]:
        for meta_graph in graph.meta_graphs:
            yield from self._of(meta_graph)

    def _of(self, meta_graph: MetaGraphView) -> Iterator[Finding]:
        reach = reach_of(meta_graph)
        tied: dict[str, list[tuple[str | None, NodeView]]] = {}
        for function, node in all_nodes(meta_graph):
            if not node.device or is_everywhere(node.device) or self._allows(node.device):
                continue
            if (function, node.name) in reach or function in reach.callable_functions:
                tied.setdefault(node.device, []).append((function, node))
        for device, nodes in sorted(tied.items()):
            names = sorted({node.op for _, node in nodes})
            yield Finding(
                f"{len(nodes):,} {'nodes that run are' if len(nodes) > 1 else 'node that runs is'} tied to {device}",
                {"device": device, "reached_by": _reached_by(reach, nodes)},
                found=", ".join(names[:5]) + (", …" if len(names) > 5 else ""),
                wanted="no device, or the first CPU",
                next="export again without tf.device, or with clear_devices=True",
            )

    def _allows(self, device: str) -> bool:
        return any(device == name or device.upper().endswith(f":{name.upper()}") for name in self.allow)


def _reached_by(reach: Reach, nodes: Sequence[tuple[str | None, NodeView]]) -> list[str]:
    """Return what runs any of these nodes, and the functions that only Python calls."""
    places = [(function, node.name) for function, node in nodes]
    called = sorted({f"function {place[0]!r}" for place in places if place not in reach})
    more = [f"and {len(called) - MOST_ROOTS:,} more functions"] if len(called) > MOST_ROOTS else []
    return [*reach.some_roots_of_all(places), *called[:MOST_ROOTS], *more]
