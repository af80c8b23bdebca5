"""Gather the evidence: `python -m tests.corpus.evidence FOLDER [MODEL ...]` writes it as JSON, one file a model.

Everything happens in a network of its own that has nothing in it, and each question in a process that ends.
A model of category `malicious` is read and never loaded.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.conftest import corpus_folder, corpus_index

OFFLINE = "--offline"
SECONDS = 120


def main(arguments: list[str]) -> int:
    if OFFLINE not in arguments:
        command = ["unshare", "-rn", sys.executable, "-m", "tests.corpus.evidence", OFFLINE, *arguments]
        # saved_model_cli prints sets: in the same order each time.
        return subprocess.run(command, check=False, env={**os.environ, "PYTHONHASHSEED": "0"}).returncode
    import tensorflow as tf  # once, before the forks

    if not tf.__version__.startswith("2.15."):
        raise SystemExit(f"the evidence is of TensorFlow 2.15, this is {tf.__version__}")
    out, *wanted = [argument for argument in arguments if argument != OFFLINE]
    Path(out).mkdir(parents=True, exist_ok=True)
    for entry in corpus_index():
        if not wanted or entry["name"] in wanted:
            gathered = gather(entry)
            Path(out, f"{entry['name']}.json").write_text(json.dumps(gathered, indent=1, sort_keys=True), "utf-8")
            print(entry["name"], flush=True)
    return 0


def gather(entry: dict[str, Any]) -> dict[str, Any]:
    """Return all that is known of one model, by the question that was asked."""
    from tests.corpus.evidence import answers, graphs, keras_files, loads, origins

    folder = corpus_folder()
    assert folder is not None
    path = folder / entry["dir"]
    files = {str(each.relative_to(path)): each.stat().st_size for each in sorted(path.rglob("*")) if each.is_file()}
    found: dict[str, Any] = {"files": files}
    if not entry["format"].startswith("SavedModel"):
        main_file = path / entry["main_file"] if path.is_dir() else path
        return {**found, "keras": keras_files.keras_file(main_file)}
    found["graph"] = ask(lambda: graphs.graph_facts(path))
    found["scan"] = ask(lambda: loads.command(path, "scan"))
    found["keras_metadata"] = ask(lambda: keras_files.keras_metadata(path))
    if "meta_graphs" not in found["graph"]:
        return found
    found["outside"] = ask(lambda: [origins.Followed(meta).outside() for meta in graphs.parse(path).meta_graphs])
    if entry["category"] == "malicious":
        return found
    tags = found["graph"]["meta_graphs"][0]["tags"]
    found["checkpoint"] = ask(lambda: loads.checkpoint(path))
    found["import"] = ask(lambda: loads.imported(path))
    found["native"] = ask(lambda: loads.native(path, tags))
    found["native_serve"] = found["native"] if tags == ["serve"] else ask(lambda: loads.native(path, ["serve"]))
    found["show"] = ask(lambda: loads.command(path, "show", "--all"))
    found["answers"] = ask(lambda: answers.answers(path, tags))
    return found


def ask(question: Callable[[], Any]) -> Any:
    """Return the question's answer out of a forked process, or {"died": how}."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        signal.alarm(SECONDS)
        try:
            answer = json.dumps(question(), default=str)
        except BaseException as error:  # told to the parent
            answer = json.dumps({"died": f"{type(error).__name__}: {error}"[:300]})
        with os.fdopen(writer, "w") as pipe:
            pipe.write(answer)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        text = pipe.read()
    _, status = os.waitpid(child, 0)
    return json.loads(text) if text else {"died": f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else "?"}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
