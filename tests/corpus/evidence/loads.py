"""What TensorFlow's loaders, its importer and its checkpoint reader say of a model."""

from __future__ import annotations

import contextlib
import ctypes
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.corpus.evidence.graphs import LOADERS_OWN, nodes, parse

Json = dict[str, Any]


def said(error: BaseException) -> str:
    """Return an error in short, without where in the sources its node was made."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return re.sub(r"Graph execution error: Detected at node .*? Node: '[^']*' ", "", text)[:240]


def attempt(ask: Callable[[], Any]) -> Json:
    """Return {"ok": True, "says"} or {"ok": False, "says"} with the error's own words."""
    try:
        return {"ok": True, "says": ask()}
    except Exception as error:  # the loader's answer
        return {"ok": False, "says": said(error)}


def checkpoint(directory: Path) -> Json | None:
    """Read every tensor of variables/ with TensorFlow's reader; None where there are no such files."""
    import tensorflow as tf

    if not list(directory.glob("variables/variables*")):
        return None

    def read() -> str:
        reader = tf.train.load_checkpoint(str(directory / "variables" / "variables"))
        shapes = reader.get_variable_to_shape_map()
        for name in shapes:
            reader.get_tensor(name)
        missing = sorted(_restored(directory) - set(shapes))
        lacks = f", and has not what RestoreV2 asks for: {', '.join(missing)}" if missing else ""
        return f"tf.train.load_checkpoint reads all {len(shapes)} tensors{lacks}"

    return attempt(read)


def _restored(directory: Path) -> set[str]:
    """Return the names that the graph's RestoreV2 ops ask the checkpoint for, as far as constants say."""
    from tensorflow.python.framework import tensor_util

    found: set[str] = set()
    for meta in parse(directory).meta_graphs:
        constants = {
            (place, node.name): node for place, node in nodes(meta) if node.op == "Const" and "value" in node.attr
        }
        for place, node in nodes(meta):
            if node.op == "RestoreV2" and (place, node.input[1].split(":")[0]) in constants:
                value = constants[place, node.input[1].split(":")[0]].attr["value"].tensor
                found |= {name.decode() for name in tensor_util.MakeNdarray(value).ravel()}
    return found


def native(directory: Path, tags: list[str]) -> Json:
    """Ask TF_LoadSessionFromSavedModel of libtensorflow, the loader that servers use."""
    import tensorflow as tf

    library = ctypes.CDLL(str(next(Path(tf.__file__).parent.glob("libtensorflow_cc.so*"))))
    for name in ("TF_NewStatus", "TF_NewGraph", "TF_NewSessionOptions", "TF_LoadSessionFromSavedModel"):
        getattr(library, name).restype = ctypes.c_void_p
    library.TF_Message.restype = ctypes.c_char_p
    status, graph, options = (
        ctypes.c_void_p(make()) for make in (library.TF_NewStatus, library.TF_NewGraph, library.TF_NewSessionOptions)
    )
    wanted = (ctypes.c_char_p * max(1, len(tags)))(*[tag.encode() for tag in tags])
    library.TF_LoadSessionFromSavedModel(options, None, str(directory).encode(), wanted, len(tags), graph, None, status)
    code = library.TF_GetCode(status)
    words = (library.TF_Message(status) or b"").decode("utf-8", "replace")
    return {
        "ok": code == 0,
        "says": f"TF_LoadSessionFromSavedModel: code {code} {' '.join(words.split())[:200]}".strip(),
    }


def imported(directory: Path) -> Json:
    """Import each graph and let TensorFlow say what of its signatures contradicts its tensors."""
    import tensorflow as tf

    faults: list[Json] = []
    for meta in parse(directory).meta_graphs:
        with tf.Graph().as_default() as graph:
            try:
                tf.import_graph_def(meta.graph_def, name="")
            except Exception as error:  # no importer, no answer
                return {"ok": False, "says": said(error), "faults": []}
            for key, signature in meta.signature_def.items():
                if key in LOADERS_OWN:
                    continue
                for side in ("inputs", "outputs"):
                    for name, info in getattr(signature, side).items():
                        fault = _contradicts(graph, info)
                        if fault:
                            faults.append({"signature": key, side[:-1]: name, "says": fault})
    return {"ok": True, "says": "tf.import_graph_def takes the graph", "faults": faults}


def _contradicts(graph: Any, info: Any) -> str:
    import tensorflow as tf

    if info.WhichOneof("encoding") not in ("name", None):
        return ""
    try:
        tensor = graph.get_tensor_by_name(info.name)
    except (KeyError, ValueError) as error:
        return said(error)
    if info.dtype and tf.as_dtype(info.dtype).base_dtype != tensor.dtype.base_dtype:
        return f"declared {tf.as_dtype(info.dtype).name}, is {tensor.dtype.name}"
    if info.HasField("tensor_shape") and not tensor.shape.is_compatible_with(tf.TensorShape(info.tensor_shape)):
        return f"declared {tf.TensorShape(info.tensor_shape)}, is {tensor.shape}"
    return ""


def command(directory: Path, verb: str, *arguments: str) -> str:
    """Return what `saved_model_cli show --all` or `scan` prints."""
    from absl import flags
    from tensorflow.python.tools import saved_model_cli

    flags.FLAGS(["saved_model_cli", "--dir", str(directory), *arguments])
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            getattr(saved_model_cli, verb)()
        except (Exception, SystemExit) as error:  # printed like what it prints
            print(said(error))
    return re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue())
