"""One check's entry in a truth file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

Json = dict[str, Any]

#: What was asked.
INDEX, LOADER, COMMAND, PROTO, BYTES = "index.json", "loader", "saved_model_cli", "protobuf", "bytes"

#: Such is said of what nothing was given for.
NOT_GIVEN = {
    "SM105": ("no tfx_savedmodel plan among the files", BYTES),
    "SM106": ("no baseline is given", INDEX),
    "SM107": ("no signature is named xai_… and there is no explanation_metadata.json", PROTO),
    "SM110": ("no consumer is named", INDEX),
    "SM114": ("no budget is set", INDEX),
    "SM206": ("no budget is set", INDEX),
}


#: Where the corpus or Python's own files lie on the machine that gathered: nobody's business.
_MACHINE = re.compile(r"(?<![\w.])/(?:[\w.+-]+/)+(?=models/|[\w.+-]+\.py\b)")


def says(source: str, text: str) -> Json:
    return {"from": source, "says": _MACHINE.sub("", " ".join(text.split()))[:240]}


def entry(verdict: str, *evidence: Json, findings: Iterable[Mapping[str, Any]] = (), exact: bool = True) -> Json:
    """Return an entry; `verdict` may name several, with `|`, where the evidence does not tell them apart.

    `findings` are places that must be found, each a part of a finding's `where`; with `exact` nothing else may be.
    """
    assert evidence, "what is true has its evidence"
    made: Json = {"verdict": verdict, "evidence": list(evidence)}
    if verdict == "FAIL":
        made["findings"] = [dict(place) for place in findings]
        made["exact"] = exact
    return made


def fail_if(places: Iterable[Mapping[str, Any]], *evidence: Json) -> Json:
    """Return FAIL at these places, or PASS where there are none."""
    found = list(places)
    return entry("FAIL", *evidence, findings=found) if found else entry("PASS", *evidence)
