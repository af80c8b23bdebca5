"""The Builder way: receivers put before a Keras model's forward pass in a TF1 graph."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfx_savedmodel.estimators.receivers import DEFAULT, Received, ReceiverFunction, signature_of
from tfx_savedmodel.saved_model.clone import clone
from tfx_savedmodel.saved_model.graft import Graft, free_prefix, merge
from tfx_savedmodel.saved_model.pruning import prune_to
from tfx_savedmodel.saved_model.reader import read_saved_model
from tfx_savedmodel.saved_model.rewrite import Chosen, Named, choose_signatures
from tfx_savedmodel.saved_model.tensors import split_tensor
from tfx_savedmodel.saved_model.view import TensorSpec
from tfx_savedmodel.signatures.growing import Ends, ends_of, graft_of
from tfx_savedmodel.signatures.kinds import PREDICT


def put_before(directory: Path, build: ReceiverFunction, *, raw: str | None) -> None:
    """Give a TF1 SavedModel, whose `serving_default` is a model's forward pass, the signatures of a receiver.

    Args:
      build: the receiver; its features are the model's inputs.
      raw: the key under which the forward pass itself stays a signature, if any.

    Raises:
      TransformGraphError: the receiver holds variables, which have no weights in the model.
    """
    (meta_view,) = read_saved_model(directory).meta_graphs
    model = meta_view.signatures[DEFAULT]
    sides = _sides(build)
    chosen: dict[str, Chosen | Named] = {}
    if raw is not None:
        chosen[raw] = Chosen(DEFAULT, PREDICT)

    def prepare(meta_graph: Any) -> None:
        graph = meta_graph.graph_def
        for key, side in sides.items():
            prefix = free_prefix(graph)
            merge(meta_graph, side.graft, prefix, directory)
            feeds = {spec.tensor: f"{prefix}/{side.features[name]}" for name, spec in model.inputs.items()}
            made = clone(graph, feeds, {spec.tensor for spec in model.outputs.values()}, f"{prefix}/model")
            outputs = {name: _at(spec, made[spec.tensor]) for name, spec in model.outputs.items()}
            inputs = {name: _at(spec, f"{prefix}/{spec.tensor}") for name, spec in side.fed.items()}
            chosen[key] = Named(PREDICT, inputs, outputs)

    choose_signatures(directory, meta_view.tags, chosen, prepare=prepare)


@dataclasses.dataclass(frozen=True)
class _Side:
    """A receiver's graph with one of its ways in: the tensors of the features, and what is fed."""

    graft: Graft
    features: Mapping[str, str]
    fed: Mapping[str, TensorSpec]


def _sides(build: ReceiverFunction) -> dict[str, _Side]:
    """Return the ways into a receiver by signature key, each with a graph of its own.

    In one graph, TensorFlow's optimizer would compute the default of a placeholder that is fed where functions use it.
    """
    import tensorflow as tf

    found: dict[str, _Side] = {}
    graph = tf.Graph()
    with graph.as_default():
        received: Received = build()
        # A feature may be fed as it is: what goes into the model is a tensor of its own.
        features = {name: tf.identity(value) for name, value in received.features.items()}
    sides = {DEFAULT: received.receiver_tensors}
    for name, tensors in received.receiver_tensors_alternatives.items():
        sides[signature_of(name)] = tensors
    for key, tensors in sides.items():
        part = ends_of(tensors, features)
        graft = graft_of(graph, [part])
        _take_defaults(graft, part)
        fed = {name: _spec(tensor) for name, tensor in tensors.items()}
        found[key] = _Side(graft, part.outputs, fed)
    return found


def _take_defaults(graft: Graft, part: Ends) -> None:
    """Make what is fed plain placeholders, and leave out what only made their defaults."""
    fed = {split_tensor(tensor)[0] for tensor in part.inputs.values()}
    for node in graft.meta_graph.graph_def.node:
        if node.name in fed and node.op == "PlaceholderWithDefault":
            node.op = "Placeholder"
            del node.input[:]
    ends = [split_tensor(tensor)[0] for tensor in (*part.inputs.values(), *part.outputs.values(), *graft.assets)]
    prune_to(graft.meta_graph, [*ends, *graft.initialisers])


def _at(spec: TensorSpec, tensor: str) -> TensorSpec:
    return dataclasses.replace(spec, tensor=tensor)


def _spec(tensor: Any) -> TensorSpec:
    shape = None if tensor.shape.rank is None else tuple(tensor.shape.as_list())
    return TensorSpec(tensor.name, tensor.dtype.name, shape)
