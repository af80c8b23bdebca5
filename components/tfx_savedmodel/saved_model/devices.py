"""Device strings of nodes, such as "/job:worker/task:1/device:GPU:0": which of them every machine has."""

from __future__ import annotations

import re

_PARTS = re.compile(r"/(?P<key>[a-z]+):(?P<value>[^/]+)", re.IGNORECASE)

#: What each part may be where it names the process itself; a part that is absent leaves it open.
_OWN = {
    "job": {"localhost", "local"},
    "replica": {"0", "*"},
    "task": {"0", "*"},
    "device": {"cpu:0", "cpu:*", "cpu"},
    "cpu": {"0", "*"},
}


def is_everywhere(device: str) -> bool:
    """Tell whether a device is the first CPU of the process itself, or no device in particular.

    What cannot be read as a device is not.
    """
    rest = _PARTS.sub("", device)
    if rest not in ("", "/"):
        return False
    return all(
        part["value"].lower() in _OWN.get(part["key"].lower(), ()) or part["value"] == "*"
        for part in _PARTS.finditer(device)
    )
