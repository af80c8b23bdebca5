"""SM101 and SM121 of Keras files, concluded of h5py, zipfile and json; and what is no model of ours at all."""

from __future__ import annotations

from typing import Any

from tests.corpus.evidence.entry import BYTES, INDEX, entry, fail_if, says

Json = dict[str, Any]

UNKNOWN = ("Unknown layer: '", "Could not locate class '")


def checks(index: Json, gathered: Json) -> dict[str, Json]:
    facts = gathered["keras"]
    if index["format"].startswith("SessionBundle"):
        files = f"the files are {', '.join(gathered['files'])}: no saved_model.pb"
        evidence = says(INDEX, index["format"]), says(BYTES, files)
        return {"SM101": entry("FAIL", *evidence, findings=[{"file": "saved_model.pb"}], exact=False)}
    shown = says(
        BYTES,
        f"{facts['bytes']} bytes, {facts.get('error') or facts['kind']}; {', '.join(facts.get('members', [])[:8])}",
    )
    if "classes" not in facts:
        weights_only = f"attributes {facts.get('attributes')}: no model_config"
        return {
            "SM101": entry(
                "FAIL",
                shown,
                says(BYTES, facts.get("error") or weights_only),
                findings=[{"file": index["main_file"]}],
                exact=False,
            )
        }
    return {"SM101": _structure(index, facts, shown), "SM121": _code(index, facts)}


def _structure(index: Json, facts: Json, shown: Json) -> Json:
    if facts["kind"] == "hdf5" and "model_weights" not in facts["members"]:
        return entry(
            "FAIL",
            shown,
            says(BYTES, f"groups {facts['members']}: no model_weights"),
            findings=[{"file": index["main_file"]}],
            exact=False,
        )
    if index["category"] == "malformed":
        # Whether weights are all there is not said by the file: the class that knows is its author's.
        return entry("PASS|FAIL", shown, says(INDEX, index["note"] or index["category"]))
    faults = [{"file": index["main_file"]} for _ in (*facts.get("twice", ()), *filter(None, [facts.get("broken")]))]
    return fail_if(faults, shown)


def _code(index: Json, facts: Json) -> Json:
    named = says(BYTES, f"the configuration names {', '.join(sorted(facts['classes']))}")
    said = str((index["loads_tf_2_15"]["tf.keras.models.load_model"] or {}).get("error", ""))
    unknown = [said.partition(text)[2].partition("'")[0] for text in UNKNOWN if text in said]
    custom = sorted({*facts["registered"], *unknown})
    if facts["lambdas"]:
        return entry(
            "FAIL",
            named,
            says(BYTES, f"{len(facts['lambdas'])} of class Lambda"),
            findings=[{"file": index["main_file"]}],
            exact=False,
        )
    if custom:
        evidence = says(BYTES, f"registered_name of {', '.join(custom)}") if facts["registered"] else says(INDEX, said)
        return entry("FAIL", named, evidence, findings=[{"file": index["main_file"]}], exact=False)
    return entry("PASS", named, says(INDEX, f"load_model: {said or 'loads'}"))
