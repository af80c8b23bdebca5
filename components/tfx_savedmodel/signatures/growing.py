"""The part of a TF1 export that TensorFlow builds: receivers before the model, and what is computed after it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from tfx_savedmodel.errors import TransformGraphError
from tfx_savedmodel.saved_model.graft import Graft
from tfx_savedmodel.saved_model.pruning import prune_to
from tfx_savedmodel.saved_model.quiet import no_deprecations
from tfx_savedmodel.saved_model.view import Shape
from tfx_savedmodel.signatures.finishing import finished
from tfx_savedmodel.signatures.ingredients import Ingredients
from tfx_savedmodel.signatures.parsing_of_tf1 import parse_as_tf1
from tfx_savedmodel.signatures.receiving import Receiver
from tfx_savedmodel.signatures.resolved import ResolvedSignature

Specs = Mapping[str, tuple[str, Shape]]


@dataclasses.dataclass(frozen=True)
class Ends:
    """Inputs and outputs of a part of a graph: names -> tensors."""

    inputs: Mapping[str, str]
    outputs: Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class Grown:
    """A graft and its parts.

    `receivers` have what is fed as inputs ("examples", or the raw features) and the model's inputs as
    outputs, by "examples" or "features". `finishers` have by signature key placeholders as inputs, by the
    source names of the signature's outputs, and as outputs what the signature exports.
    """

    graft: Graft
    receivers: Mapping[str, Ends]
    finishers: Mapping[str, Ends]


def grow(
    ingredients: Callable[[], Ingredients],
    ways: Collection[str],
    finishers: Mapping[str, tuple[ResolvedSignature, Specs]],
) -> Grown:
    """Build the graft.

    Args:
      ingredients: called where there is a receiver.
      ways: the receivers that are wanted, "examples", "features" or both.
      finishers: by key a signature that computes, and dtype and shape of what it computes with, by source name.

    Raises:
      TransformGraphError: the Transform graph holds variables, which have no weights in the model.
    """
    import tensorflow as tf

    v1, graph = tf.compat.v1, tf.Graph()
    with graph.as_default(), no_deprecations():
        receivers = _receivers(ingredients(), ways) if ways else {}
        after = {}
        for number, (key, (signature, specs)) in enumerate(sorted(finishers.items())):
            with v1.name_scope(f"after_{number}"):
                after[key] = _finisher(signature, specs)
    return Grown(graft_of(graph, [*receivers.values(), *after.values()]), receivers, after)


def graft_of(graph: Any, parts: Collection[Ends]) -> Graft:
    """Return what of a graph of TF1's kind its parts need, with its tables and their files.

    Raises:
      TransformGraphError: the graph holds variables, which have no weights in the model.
    """
    import tensorflow as tf

    v1 = tf.compat.v1
    with graph.as_default():
        _refuse_variables(graph)
        tables = [_name(item) for item in v1.get_collection(v1.GraphKeys.TABLE_INITIALIZERS)]
        assets = v1.get_collection(v1.GraphKeys.ASSET_FILEPATHS)
        meta_graph = v1.train.export_meta_graph(graph=graph, strip_default_attrs=True, collection_list=[])
    made = [tensor.partition(":")[0] for part in parts for tensor in (*part.inputs.values(), *part.outputs.values())]
    prune_to(meta_graph, [*made, *tables])
    files = {item.name: Path(item.op.get_attr("value").string_val[0].decode()) for item in assets}
    left = {node.name for node in meta_graph.graph_def.node}
    files = {tensor: file for tensor, file in files.items() if tensor.partition(":")[0] in left}
    return Graft(meta_graph, tuple(dict.fromkeys(tables)), files)


def _receivers(ingredients: Ingredients, ways: Collection[str]) -> dict[str, Ends]:
    import tensorflow as tf

    v1, transform = tf.compat.v1, ingredients.transform
    receiver = Receiver(ingredients, transform.in_graph() if transform is not None else None, parse_as_tf1)
    found = {}
    for way in sorted(ways):
        with v1.name_scope(way):
            if way == "examples":
                fed = {way: v1.placeholder(tf.string, [None], name=way)}
                made = receiver.from_examples(fed[way])
            else:
                raw = ingredients.raw
                fed = {name: v1.placeholder(item.dtype, item.shape, _plain(name)) for name, item in raw.items()}
                made = receiver.from_features(fed)
            # An input may be a feature as it is: the signature's output is a tensor of its own.
            given = {name: tf.identity(value, _plain(name)) for name, value in made.items()}
        found[way] = ends_of(fed, given)
    return found


def _finisher(signature: ResolvedSignature, specs: Specs) -> Ends:
    import tensorflow as tf

    fed = {name: tf.compat.v1.placeholder(*spec, _plain(name)) for name, spec in specs.items()}
    return ends_of(fed, {name: tf.identity(value, _plain(name)) for name, value in finished(signature, fed).items()})


def ends_of(inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> Ends:
    """Return the names of tensors by theirs in a part of a graph."""
    return Ends(*({name: value.name for name, value in side.items()} for side in (inputs, outputs)))


def _refuse_variables(graph: Any) -> None:
    found = [node.name for node in graph.get_operations() if node.type in ("VarHandleOp", "VariableV2", "Variable")]
    if found:
        raise TransformGraphError(
            "the Transform graph holds variables, which cannot be put into a TF1 model",
            found=", ".join(found[:5]),
            wanted="a Transform graph of constants and vocabularies",
            next_step="export the model from its TF2 form, or apply the trained part of the preprocessing elsewhere",
        )


def _name(item: Any) -> str:
    """Return the op of what a collection holds, an op or a tensor."""
    return str(item.name).partition(":")[0]


def _plain(name: str) -> str:
    """Return a name that a graph can have."""
    return re.sub(r"[^A-Za-z0-9_.\-]|^[^A-Za-z0-9.]", "_", name).lstrip("_") or "feature"
