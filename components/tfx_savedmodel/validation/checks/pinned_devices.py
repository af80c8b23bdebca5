"""SM112 pinned-devices."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator
from typing import ClassVar

from tfx_savedmodel.saved_model.devices import is_everywhere
from tfx_savedmodel.saved_model.facts import all_nodes
from tfx_savedmodel.saved_model.reachability import reach_of
from tfx_savedmodel.saved_model.view import GraphView, MetaGraphView
from tfx_savedmodel.validation.check import GraphCheck
from tfx_savedmodel.validation.result import Finding


@dataclasses.dataclass(frozen=True)
class PinnedDevices(GraphCheck):
    """No node is tied to a device that only some machines have.

    Looks at what a signature, the initialiser, saving and restoring run, and the functions that Python can call on the
    loaded object. The first CPU is everywhere, under each of its names (`/device:CPU:0`, `/cpu:0`,
    `/job:localhost/replica:0/task:0/device:CPU:0`, `/device:CPU:*`): savers and TF 2.0's exports carry it as
    boilerplate. A GPU, a TPU, a second CPU, or another job than `localhost` is a finding, one for each device and
    whatever runs it. `allow` names devices that the consumer has, such as `GPU:0`.

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
        pinned = [
            (function, node)
            for function, node in all_nodes(meta_graph)
            if node.device and not is_everywhere(node.device) and not self._allows(node.device)
        ]
        if not pinned:
            return
        reach = reach_of(meta_graph)
        counts: Counter[tuple[str, str]] = Counter()
        ops: dict[tuple[str, str], set[str]] = {}
        for function, node in pinned:
            labels = reach.roots.get((function, node.name), frozenset())
            if not labels and function in reach.callable_functions:
                labels = frozenset({f"function {function!r}"})
            for label in labels:
                counts[node.device, label] += 1
                ops.setdefault((node.device, label), set()).add(node.op)
        for (device, label), count in sorted(counts.items()):
            names = sorted(ops[device, label])
            yield Finding(
                f"{count} {'nodes' if count > 1 else 'node'} of what {label} runs {'are' if count > 1 else 'is'} "
                f"tied to {device}",
                {"device": device, "reached_by": label},
                found=", ".join(names[:5]) + (", …" if len(names) > 5 else ""),
                wanted="no device, or the first CPU",
                next="export again without tf.device, or with clear_devices=True",
            )

    def _allows(self, device: str) -> bool:
        return any(device == name or device.upper().endswith(f":{name.upper()}") for name in self.allow)
