"""A TF2 object checkpoint: which of its objects is the model, and are all the model's variables in it."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tfx_savedmodel.errors import UnreadableModelError, UnsupportedModelError
from tfx_savedmodel.sources.keras_library import is_a

_OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"

#: Objects of a checkpoint that may be the model: tf.train.Checkpoint(trainer=Trainer(model)) has it three deep.
_MOST_CANDIDATES = 2000
_DEEPEST = 3
_SHOWN = 8


@dataclasses.dataclass(frozen=True)
class _Match:
    """How a model fits an object of a checkpoint: its path from the root, what is there, what is missing."""

    path: tuple[str, ...]
    found: int
    missing: tuple[str, ...]


def restore_checkpoint(model: Any, prefix: Path) -> None:
    """Restore every variable of a trackable object from the checkpoint that holds it, at its root or below.

    What else is in the checkpoint (an optimizer, a step counter) is left over.

    Raises:
      UnreadableModelError: the files cannot be read.
      UnsupportedModelError: a TF1 checkpoint, or no object in it has all the model's variables; those that
        are missing from the one that fits best are listed.
    """
    import tensorflow as tf

    shapes, graph = _contents(prefix)
    if graph is None:
        raise UnsupportedModelError(
            "a TF1 checkpoint, which knows its variables by name alone",
            where=str(prefix),
            found=", ".join(sorted(shapes)[:_SHOWN]) or "nothing",
            wanted="a checkpoint of TF2 objects (tf.train.Checkpoint, Keras save_weights)",
            next_step="load it in the program that wrote it, and save it with tf.train.Checkpoint",
        )
    nodes = _nodes(graph, prefix)
    required = _required(model, str(prefix))
    matches = [_match(required, nodes, path, node, shapes) for path, node in _candidates(nodes)]
    best = min(matches, key=lambda match: (len(match.missing), len(match.path)))
    if best.missing:
        raise _misfit(best, nodes, prefix)
    target: Any = tf.train.Checkpoint(root=model) if not best.path else model
    for name in reversed(best.path):
        target = tf.train.Checkpoint(**{name: target})
    with reading(prefix):
        target.read(str(prefix)).expect_partial()


def _contents(prefix: Path) -> tuple[Mapping[str, Any], bytes | None]:
    """Return the shapes of what a checkpoint holds by key, and its object graph, which TF1 does not write."""
    import tensorflow as tf

    with reading(prefix):
        reader = tf.train.load_checkpoint(str(prefix))
        shapes = reader.get_variable_to_shape_map()
        return shapes, reader.get_tensor(_OBJECT_GRAPH) if _OBJECT_GRAPH in shapes else None


@contextlib.contextmanager
def reading(prefix: Path) -> Iterator[None]:
    """Say of what TensorFlow raises in the block that the checkpoint cannot be read."""
    import tensorflow as tf

    try:
        yield
    except (ValueError, RuntimeError, tf.errors.OpError) as error:
        raise UnreadableModelError(
            "the checkpoint cannot be read",
            where=str(prefix),
            found=str(error),
            wanted="an .index file and all its .data files",
            next_step="copy the checkpoint whole",
        ) from error


def _nodes(data: bytes, prefix: Path) -> Any:
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf.trackable_object_graph_pb2 import TrackableObjectGraph

    try:
        nodes = TrackableObjectGraph.FromString(data).nodes
    except DecodeError as error:
        raise UnreadableModelError("the checkpoint's object graph cannot be read", where=str(prefix)) from error
    if not nodes:
        raise UnreadableModelError("the checkpoint's object graph is empty", where=str(prefix))
    return nodes


def _children(nodes: Any, node: int) -> dict[str, int]:
    return {child.local_name: child.node_id for child in nodes[node].children if child.node_id < len(nodes)}


def _candidates(nodes: Any) -> Iterator[tuple[tuple[str, ...], int]]:
    """Yield (path, node) of the root and of what lies below it, the nearest first."""
    queue: list[tuple[tuple[str, ...], int]] = [((), 0)]
    seen = {0}
    for path, node in queue:
        yield path, node
        for name, child in _children(nodes, node).items():
            # Only a name that Python takes as a keyword can be asked for again.
            if child not in seen and len(path) < _DEEPEST and name.isidentifier() and len(seen) < _MOST_CANDIDATES:
                seen.add(child)
                queue.append(((*path, name), child))


def _required(model: Any, where: str) -> dict[tuple[str, ...], Any]:
    """Return the model's variables by one path to each; of a Keras model its weights alone."""
    import tensorflow as tf

    weights = None
    if is_a(model, "layers.Layer"):
        weights = {id(variable) for variable in model.weights}
    found: dict[tuple[str, ...], Any] = {}
    queue: list[tuple[tuple[str, ...], Any]] = [((), model)]
    seen = {id(model)}
    for path, value in queue:
        if _is_variable(value):
            if weights is None or id(value) in weights:
                found[path] = value
            continue
        for name, child in tf.train.TrackableView.children(value).items():
            # The optimizer of a compiled Keras 3 model lists the weights too, and may be missing.
            if id(child) not in seen and (weights is None or name != "optimizer"):
                seen.add(id(child))
                queue.append(((*path, name), child))
    if not found:
        raise UnsupportedModelError(
            "the object has no variables to restore",
            where=where,
            found=type(model).__name__,
            wanted="an object whose variables exist: a checkpoint cannot make them",
            next_step="call the model once in the function that builds it, such as model(tf.zeros([1, 4]))",
        )
    return found


def _is_variable(value: Any) -> bool:
    """Keras 3 has variables of its own around TensorFlow's, and tracks those."""
    return all(hasattr(value, name) for name in ("assign", "shape", "dtype"))


def _match(
    required: Mapping[tuple[str, ...], Any], nodes: Any, path: tuple[str, ...], node: int, shapes: Mapping[str, Any]
) -> _Match:
    missing = []
    for steps, variable in required.items():
        at: int | None = node
        for step in steps:
            at = _children(nodes, at).get(step) if at is not None else None
        keys = [item.checkpoint_key for item in nodes[at].attributes] if at is not None else []
        name = ".".join(steps)
        if not any(key in shapes for key in keys):
            missing.append(f"{name} {tuple(variable.shape)}")
        elif not any(_fits(variable, shapes[key]) for key in keys if key in shapes):
            saved = ", ".join(str(tuple(shapes[key])) for key in keys if key in shapes)
            missing.append(f"{name} {tuple(variable.shape)}, which is {saved} there")
    return _Match(path, len(required) - len(missing), tuple(missing))


def _fits(variable: Any, shape: Any) -> bool:
    import tensorflow as tf

    return bool(tf.TensorShape(variable.shape).is_compatible_with(shape))


def _misfit(best: _Match, nodes: Any, prefix: Path) -> UnsupportedModelError:
    place = ".".join(best.path) or "its root"
    shown = ", ".join(best.missing[:_SHOWN]) + (
        f" and {len(best.missing) - _SHOWN} more" if best.missing[_SHOWN:] else ""
    )
    children = ", ".join(sorted(_children(nodes, 0))[:20])
    return UnsupportedModelError(
        "the checkpoint does not hold all the model's variables",
        where=str(prefix),
        found=f"at {place}, which fits best, {best.found} fit; the root has {children or 'no objects'}",
        wanted=shown,
        next_step="build the same model as was trained in the function of the module file (source.model_fn)",
    )
