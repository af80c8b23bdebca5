"""The verdicts under the presets, concluded of a model's category, its loads and the checks' truths."""

from __future__ import annotations

from typing import Any

from tests.corpus.evidence.entry import INDEX, LOADER, says

Json = dict[str, Any]

#: What these find keeps a server from serving, or whoever loads the model from being safe.
OF_SERVING = ("SM101", "SM102", "SM103", "SM104", "SM120", "SM121", "SM201", "SM204")
WARNINGS = ("SM108", "SM111", "SM112", "SM113")
HARMLESS = ("SM101", "SM120", "SM121")
NOT_BLESSED = ["NOT_BLESSED", "UNDECIDED"]


def asked(gathered: Json) -> Json:
    """Return the tags that a consumer of the model asks for, where they are not `serve`."""
    metas = gathered["graph"].get("meta_graphs", [])
    tags = metas[0]["tags"] if metas else ["serve"]
    return {} if tags == ["serve"] or not tags else {"asked": {"tags": tags}}


def verdicts(index: Json, checks: dict[str, Json], given: Json) -> Json:
    failed = {code for code, item in checks.items() if item["verdict"] == "FAIL"}
    return {
        "serving": _serving(index, checks, failed - ({"SM102"} if given else set())),
        "untrusted": _untrusted(index, failed),
        "default": _default(index, checks),
    }


def _serving(index: Json, checks: dict[str, Json], failed: set[str]) -> Json:
    because = says(INDEX, f"category {index['category']}")
    if index["category"] in ("malformed", "malicious"):
        return {"any_of": NOT_BLESSED, "evidence": [because]}
    if "SM201" not in checks:
        return {"any_of": NOT_BLESSED, "evidence": [because, says(INDEX, f"{index['format']}: no server loads it")]}
    if _names_none(checks["SM103"]):
        failed = failed | {"SM103"}
    elif "SM103" in failed:
        failed = failed - {"SM103"}  # a client names the signature that it asks
    blocking = sorted(failed & set(OF_SERVING))
    if blocking:
        evidence = [because] + [item for code in blocking for item in checks[code]["evidence"][:1]]
        return {"any_of": NOT_BLESSED, "evidence": evidence}
    return {"any_of": ["BLESSED"], "evidence": [because, says(LOADER, checks["SM201"]["evidence"][0]["says"])]}


def _names_none(item: Json) -> bool:
    return item["evidence"][0]["says"] == "signature_def: none"


def _untrusted(index: Json, failed: set[str]) -> Json:
    because = says(INDEX, f"category {index['category']}")
    if failed & set(HARMLESS):
        return {"any_of": ["NOT_BLESSED"], "evidence": [because]}
    return {
        "any_of": ["BLESSED"] if index["category"] != "malformed" else ["BLESSED", *NOT_BLESSED],
        "evidence": [because],
    }


def _default(index: Json, checks: dict[str, Json]) -> Json:
    """Every finding that is no warning counts, and the tags are `serve`."""
    because = says(INDEX, f"category {index['category']}")
    said = {code: item["verdict"] for code, item in checks.items() if code not in WARNINGS}
    failed = sorted(code for code, verdict in said.items() if verdict == "FAIL")
    if failed:
        return {"any_of": ["NOT_BLESSED"], "evidence": [because, *checks[failed[0]]["evidence"][:1]]}
    if "SM201" not in checks:
        # What is to be pushed is asked to load: a Keras file answers nothing, so nothing blesses it.
        no_graph = says(INDEX, f"{index['format']}: no server loads it")
        return {"any_of": ["UNDECIDED"], "evidence": [because, no_graph]}
    open_to = ["NOT_BLESSED"] if any("FAIL" in verdict for verdict in said.values()) else []
    return {"any_of": ["BLESSED", *open_to], "evidence": [because]}
