"""What to do about a model that a loader does not load: by what is wrong with the model, not by the loader's text.

The same fault has other words, and often another kind of error, in each loader. So the model is asked first: its files,
its tags, its ops. The kind of the error decides only where the model cannot tell.
"""

from __future__ import annotations

from collections.abc import Iterator

from tfx_savedmodel.saved_model.consumers.judgement import Lack, consumer_names, lacks
from tfx_savedmodel.saved_model.devices import is_everywhere
from tfx_savedmodel.saved_model.facts import all_nodes
from tfx_savedmodel.saved_model.op_libraries import library_of
from tfx_savedmodel.saved_model.op_tables import versions_with
from tfx_savedmodel.saved_model.view import MetaGraphView
from tfx_savedmodel.validation.check import LoadedModel, LoadObservation
from tfx_savedmodel.validation.checks.structure import Structure
from tfx_savedmodel.versions import installed, release

_ENDED = {
    "crashed": "find the op that ends the process: run the initialiser and then each signature by itself",
    "timeout": "look for what the initialiser waits for or repeats, or give it time: the policy's `limits.seconds`",
    "memory": "make the model smaller, or give it more memory: the policy's `limits.memory_bytes`",
}

#: Kinds of errors that say what is wrong by themselves. OpError without a more exact class is what Python's reader
#: of checkpoints raises: tensorflow/python/training/py_checkpoint_reader.py.
_KINDS = {
    "DataLossError": "a file is corrupt, mostly one of the variables: copy or export the model again, whole; "
    "SM101 with the parameter `checksums` names the tensors whose bytes are wrong",
    "OpError": "the variables cannot be read: copy or export the model again, whole; "
    "SM101 with the parameter `checksums` names the tensors whose bytes are wrong",
    "PermissionDeniedError": "give the process that loads the model the right to read its files",
    "ResourceExhaustedError": "make the model smaller, or load it on a machine with more memory",
}

#: Of a loader from TensorFlow 2.5 on, which ignores attributes that it does not know.
_REFUSED = ("op", "value", "missing", "inputs", "deprecated")


def advice(model: LoadedModel, observation: LoadObservation) -> str:
    """Return the next step for whoever has the model that `observation` says was not loaded."""
    ended = _ENDED.get(observation.outcome)
    return ended or next(_of_the_model(model, observation))


def _of_the_model(model: LoadedModel, observation: LoadObservation) -> Iterator[str]:
    """Yield the steps, the surest first; there is always one."""
    broken = next(Structure().check(model.graph), None)
    if broken is not None:
        yield f"{broken.next} (SM101: {broken.message})"
    meta_graph = model.graph.meta_graph()
    if meta_graph is not None and set(meta_graph.tags) != set(model.tags):
        there = " or ".join(",".join(item.tags) or "no tags" for item in model.graph.meta_graphs)
        yield f"export with the tags {','.join(model.tags)}, or set those of SM102 in the policy: the model has {there}"
    kind = _KINDS.get(observation.error.partition(":")[0])
    if kind is not None:
        yield kind
    if meta_graph is not None:
        yield from _of_the_graph(meta_graph)
    yield (
        "do what the loader's own words ask for; if they ask for nothing, load the model with the TensorFlow that "
        f"wrote it{_writer(meta_graph)}: what loads there is to be exported again for this one, what does not is broken"
    )


def _of_the_graph(meta_graph: MetaGraphView) -> Iterator[str]:
    version = installed("tensorflow") or ""
    consumer = "tf-" + ".".join(map(str, release(version)[:2]))
    if consumer in consumer_names():
        for lack in lacks(meta_graph, consumer):
            if lack.fault.kind in _REFUSED:
                yield _of_lack(lack, version)
    if release(meta_graph.tensorflow_version)[:2] > release(version)[:2] > ():
        yield f"load it with TensorFlow {meta_graph.tensorflow_version}, which wrote it, or newer: this is {version}"
    for _, node in all_nodes(meta_graph):
        if node.device and not is_everywhere(node.device):
            tied = f"{node.device}, to which {node.name!r} is tied"
            yield f"export it again without tf.device, unless the server has {tied}"


def _of_lack(lack: Lack, version: str) -> str:
    if lack.fault.kind == "op" and not versions_with(lack.op):
        library = library_of(lack.op)
        step = library.next_step if library else f"give the consumer the library that registers the op {lack.op}"
        return f"{step} (SM113: {lack.op} is not TensorFlow's" + (f" but {library.name}'s)" if library else ")")
    if not lack.versions:
        return f"export the model again: {lack.fault.text}, in no version of TensorFlow"
    return f"load it with {lack.would_do}: in TensorFlow {version}, which loaded it here, {lack.fault.text}"


def _writer(meta_graph: MetaGraphView | None) -> str:
    return f", {meta_graph.tensorflow_version}" if meta_graph is not None and meta_graph.tensorflow_version else ""
