"""SM2xx, concluded of what the loaders did; for a validator that trusts the model and so loads it at all."""

from __future__ import annotations

from typing import Any

from tests.corpus.evidence.entry import INDEX, LOADER, NOT_GIVEN, PROTO, entry, fail_if, says

Json = dict[str, Any]

LOADERS = {"SM202": "tf.saved_model.load", "SM203": "tf.compat.v1.saved_model.load"}
NOT_INITIALISED = "Table not initialized"
NO_KERNEL = "No OpKernel was registered"


def checks(index: Json, gathered: Json) -> dict[str, Json]:
    if "native" not in gathered:
        return {}  # nobody loads it: it is malicious, or nothing that parses
    found = {"SM201": _loaded(gathered)}
    for code, loader in LOADERS.items():
        recorded = index["loads_tf_2_15"][loader] or {"ok": False, "error": "not asked"}
        text = f"{loader}: {'loads' if recorded['ok'] else recorded.get('error', 'refuses')}"
        places = [] if recorded["ok"] else [{"loader": "tf2" if code == "SM202" else "tf1"}]
        found[code] = fail_if(places, says(INDEX, text))
    text, source = NOT_GIVEN["SM206"]
    loads = gathered["native"]["ok"] or any(found[code]["verdict"] == "PASS" for code in LOADERS)
    if loads:
        found["SM204"] = _ran(index, gathered)
        found["SM205"] = _agree(gathered)
    return {**found, "SM206": entry("SKIP", says(source, text))}


def _loaded(gathered: Json) -> Json:
    """The loader is asked for the model's own tags; where those are none, what it is asked for is not told."""
    own = gathered["native"]
    if not gathered["graph"]["meta_graphs"][0]["tags"]:
        text = f"for its empty tags: {own['says']}; for serve: {gathered['native_serve']['says']}"
        return entry("PASS|FAIL", says(LOADER, text))
    return fail_if([] if own["ok"] else [{"loader": "native"}], says(LOADER, own["says"]))


def _ran(index: Json, gathered: Json) -> Json:
    answers = gathered["answers"]
    smoke = index["loads_tf_2_15"]["signature_smoke_call"]
    told = [says(INDEX, f"signature_smoke_call: {'answers' if smoke['ok'] else smoke.get('error')}")] if smoke else []
    without_kernel = [
        key for key, answer in answers.items() if NO_KERNEL in answer["tf2"] or NO_KERNEL in answer["tf1"]
    ]
    if without_kernel:
        evidence = says(LOADER, answers[without_kernel[0]]["tf2"])
        return entry("FAIL", evidence, *told, findings=[{"signature": key} for key in without_kernel])
    if answers and all("answers" in (answer["tf1"], answer["tf2"]) for answer in answers.values()):
        shown = "; ".join(f"{key} answers to {answer['asked']}" for key, answer in sorted(answers.items()))
        return entry("PASS|SKIP", says(LOADER, shown), *told)
    if not_initialised := [key for key, answer in answers.items() if NOT_INITIALISED in answer["tf1"]]:
        # A session is what servers run: that TF2 initialises the tables by itself does not help them.
        evidence = says(LOADER, answers[not_initialised[0]]["tf1"])
        return entry("FAIL", evidence, *told, findings=[{"signature": key} for key in not_initialised])
    if gathered["native"]["ok"] and not gathered["graph"]["meta_graphs"][0]["variables"]:
        # The C++ session may answer what Python cannot even load.
        none = says(PROTO, "the graph has no variable that would have to be restored")
        return entry("PASS|SKIP", says(LOADER, gathered["native"]["says"]), none, *told)
    refused = [f"{key}: {answer['tf2'] or answer['asked']}" for key, answer in answers.items()]
    verdict = (
        "FAIL|SKIP" if any("does not load" in text or NO_KERNEL in str(smoke) for text in refused) else "PASS|SKIP"
    )
    return entry(verdict, says(LOADER, "; ".join(refused) or "no signature to ask"), *told)


def _agree(gathered: Json) -> Json:
    answers = gathered["answers"]
    shown = {key: answer["alike"] for key, answer in sorted(answers.items())}
    if answers and all(shown.values()):
        return entry("PASS|SKIP", says(LOADER, f"TF1 and TF2 answer alike: {', '.join(shown)}"))
    tables = [answer["tf1"] for answer in answers.values() if NOT_INITIALISED in answer["tf1"]]
    if tables:
        return entry("FAIL|SKIP", says(LOADER, f"TF1: {tables[0]}; TF2 initialises the tables by itself"))
    if any(alike is False for alike in shown.values()):
        varies = [key for key, alike in shown.items() if alike is False]
        text = f"{', '.join(varies)}: TF1 and TF2 answer otherwise; it updates its metrics at each call"
        return entry("PASS|SKIP", says(LOADER, text))
    return entry("PASS|SKIP", says(LOADER, "not both of TF1 and TF2 answer"))
