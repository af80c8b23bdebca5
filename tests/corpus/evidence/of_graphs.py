"""SM1xx of SavedModels, concluded of the proto, the files and `saved_model_cli`."""

from __future__ import annotations

from typing import Any

from tests.corpus.evidence.entry import BYTES, COMMAND, LOADER, NOT_GIVEN, PROTO, entry, fail_if, says

Json = dict[str, Any]

INDEX_FILE = "variables/variables.index"
GRAPH_CHECKS = ("SM102", "SM103", "SM104", "SM107", "SM108", "SM111", "SM112", "SM113", "SM120")
METHODS = {f"tensorflow/serving/{name}" for name in ("predict", "classify", "regress")} | {"tensorflow/supervised/eval"}

#: A build of TensorFlow for CUDA, up to 2.17, registers these: the one kernel is for a GPU and opens TensorRT's
#: libraries, which no wheel brings. 1.15.5, 2.4.4, 2.7.4 (for the CPU) and 2.21.0 do not know the names. So a loader
#: that takes the graph still has nothing to run them with, and TensorFlow does not have them.
WITHOUT_KERNEL = ("TRTEngineOp",)

#: tensorflow_serving/servables/tensorflow/classifier.cc and regressor.cc: the outputs and their dtypes.
SERVED = {
    "tensorflow/serving/classify": {"classes": "DT_STRING", "scores": "DT_FLOAT"},
    "tensorflow/serving/regress": {"outputs": "DT_FLOAT"},
}


def checks(gathered: Json) -> dict[str, Json]:
    graph = gathered["graph"]
    if "meta_graphs" not in graph:
        unreadable = says(PROTO, f"TensorFlow's parser: {graph['error']}")
        found = {
            "SM101": entry("FAIL", unreadable, says(COMMAND, gathered["scan"]), findings=[{"file": "saved_model.pb"}])
        }
        return {**found, **{code: entry("SKIP", unreadable) for code in GRAPH_CHECKS}}
    metas = graph["meta_graphs"]
    return {
        "SM101": structure(gathered),
        "SM102": tags(metas, gathered),
        "SM103": required(metas, gathered),
        **({"SM104": definitions(gathered)} if not untold(gathered) else {}),
        **{code: entry("SKIP", says(source, text)) for code, (text, source) in NOT_GIVEN.items() if code != "SM206"},
        "SM108": ambiguous(metas),
        "SM111": references(metas),
        "SM112": devices(metas),
        "SM113": custom_ops(metas, gathered),
        "SM120": unsafe(gathered),
        "SM121": keras(gathered),
    }


def structure(gathered: Json) -> Json:
    (meta,) = gathered["graph"]["meta_graphs"]
    files = gathered["files"]
    evidence = [
        says(PROTO, f"parses: {meta['nodes']} nodes"),
        says(BYTES, ", ".join(f"{k} {v} B" for k, v in files.items())),
    ]
    places = [{"node": name} for name in meta["incomplete"]]
    absent = sorted({f"assets/{file}" for file in meta["assets"].values()} - set(files))
    places += [{"file": file} for file in absent]
    refusals = [gathered.get(key, {}).get("says", "") for key in ("native", "import")]
    if places:
        evidence += [says(LOADER, text) for text in refusals if text]
    if gathered.get("checkpoint"):
        evidence.append(says(LOADER, gathered["checkpoint"]["says"]))
        lacks = "has not what RestoreV2" in gathered["checkpoint"]["says"] and not gathered["native"]["ok"]
        if lacks or not gathered["checkpoint"]["ok"]:
            places.append({"file": INDEX_FILE})
            evidence.append(says(LOADER, refusals[0]))
    elif meta["restore"]:
        told = [answer[loader] for answer in gathered["answers"].values() for loader in ("tf1", "tf2")]
        refused = [text for text in told if "does not load" in text]
        if refused:
            places.append({"file": INDEX_FILE})
            evidence += [says(LOADER, text) for text in refused[:2]]
    return fail_if(places, *evidence)


def tags(metas: list[Json], gathered: Json) -> Json:
    found = [meta["tags"] for meta in metas]
    evidence = says(COMMAND, (gathered.get("scan") or "").split(" does not")[0].split(" contains")[0])
    wrong = found.count(["serve"]) != 1
    return fail_if([{"tags": ["serve"]}] if wrong else [], evidence, says(PROTO, f"tags {found}"))


def required(metas: list[Json], gathered: Json) -> Json:
    served = next((meta for meta in metas if meta["tags"] == ["serve"]), metas[0] if metas else {"signatures": {}})
    keys = sorted(served["signatures"])
    shown = says(
        COMMAND, "show --all lists " + (", ".join(key for key in keys if key in (gathered.get("show") or "")) or "none")
    )
    missing = [] if "serving_default" in keys else [{"signature": "serving_default"}]
    return fail_if(missing, says(PROTO, f"signature_def: {', '.join(keys) or 'none'}"), shown)


def untold(gathered: Json) -> bool:
    """Tell whether TensorFlow does not import the graph, so that nothing outside tells its tensors."""
    (meta,) = gathered["graph"]["meta_graphs"]
    return bool(meta["signatures"]) and not gathered["import"]["ok"]


def definitions(gathered: Json) -> Json:
    (meta,) = gathered["graph"]["meta_graphs"]
    if not meta["signatures"]:
        return entry("PASS", says(PROTO, "there is no signature"))
    faults = [{key: value for key, value in fault.items() if key != "says"} for fault in gathered["import"]["faults"]]
    evidence = [
        says(LOADER, f"{gathered['import']['says']}; its tensors against the signatures: {faults or 'no fault'}")
    ]
    for key, signature in sorted(meta["signatures"].items()):
        method, outputs = signature["method"], signature["outputs"]
        served = SERVED.get(method, {})
        dtypes = {name: spec["dtype"] for name, spec in outputs.items()}
        refused = served and (
            list(signature["inputs"]) != ["inputs"]
            or not dtypes
            or any(dtype not in (served.get(name), "DT_INVALID") for name, dtype in dtypes.items())
        )
        if method not in METHODS or refused:
            faults.append({"signature": key})
            shown = f"{key}: method {method!r}, inputs {sorted(signature['inputs'])}, outputs {sorted(outputs)}"
            evidence.append(says(PROTO, shown))
    return fail_if(faults, *evidence)


def ambiguous(metas: list[Json]) -> Json:
    places = []
    for meta in metas:
        default = meta["signatures"].get("serving_default")
        for key in ("predict", "serve", "eval", "train"):
            other = meta["signatures"].get(key)
            if default and other and (other["inputs"], other["outputs"]) != (default["inputs"], default["outputs"]):
                places.append({"signature": key})
    return fail_if(places, says(PROTO, f"signature_def: {[sorted(meta['signatures']) for meta in metas]}"))


def references(metas: list[Json]) -> Json:
    places = [{"tags": meta["tags"]} for meta in metas if meta["reference_variables"]]
    named = [name for meta in metas for name in meta["reference_variables"]]
    text = f"ops with a reference as output (op_def_registry): {', '.join(named) or 'none'}"
    return fail_if(places, says(PROTO, text))


def devices(metas: list[Json]) -> Json:
    """The first CPU is everywhere, whatever it is called."""
    named = sorted({device for meta in metas for device in meta["devices"]})
    pinned = [
        name for name in named if not name.endswith(("CPU:0", "CPU:*")) or "/job:" in name.replace("/job:localhost", "")
    ]
    return fail_if(
        [{"device": name} for name in pinned], says(PROTO, f"device of the nodes: {', '.join(named) or 'none'}")
    )


def custom_ops(metas: list[Json], gathered: Json) -> Json:
    named = sorted({op for meta in metas for op in meta["unknown_ops"]})
    text = f"ops that op_def_registry of TensorFlow 2.15.1 has not: {', '.join(named) or 'none'}"
    if gathered.get("answers") and not named:
        answers = [answer["tf2"] for answer in gathered["answers"].values()]
        hollow = [(op, answer) for answer in answers for op in WITHOUT_KERNEL if f"support Op '{op}'" in answer]
        if hollow:
            op, answer = hollow[0]
            return fail_if([{"op": op}], says(PROTO, text), says(LOADER, answer))
    return fail_if([{"op": name} for name in named], says(PROTO, text))


def unsafe(gathered: Json) -> Json:
    """What touches files is harmless where it is a saver's, reads an asset, or is cut away for serving."""
    (meta,) = gathered["graph"]["meta_graphs"]
    places, told = [], []
    for op in (op for ops in gathered["outside"] for op in ops):
        reads_asset = op["file_name"] and all(name.startswith("asset ") for name in op["file_name"])
        runs = op["served"] or (not meta["signatures"] and not meta["restore"])
        told.append(f"{op['op']} {op['node']}" + (f" of {', '.join(op['file_name'])}" if reads_asset else ""))
        if runs and not reads_asset and op["op"] not in meta["unknown_ops"] and op["op"] != "TRTEngineOp":
            places.append({"op": op["op"], "node": op["node"]})
            told[-1] += ", which runs"
    kept = [text for text in told if "asset" in text or "runs" in text] or told[:2]
    text = "; ".join(kept) or "none"
    shown = says(
        PROTO,
        f"ops that reach outside: {text}; extract_sub_graph of the outputs keeps {'them' if places else 'no other'}",
    )
    return fail_if(places, shown, says(COMMAND, gathered["scan"]))


def keras(gathered: Json) -> Json:
    """Of a SavedModel only a Lambda's code is run by whoever loads it with Keras."""
    metadata = gathered["keras_metadata"]
    if metadata is None:
        return entry("PASS", says(BYTES, "no keras_metadata.pb, or it is not Keras's"))
    text = f"keras_metadata.pb names {', '.join(sorted(metadata['classes']))}; Lambdas: {metadata['lambdas'] or 'none'}"
    return fail_if([{"file": "keras_metadata.pb"} for _ in metadata["lambdas"][:1]], says(BYTES, text))
