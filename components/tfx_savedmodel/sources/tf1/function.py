"""A TF1 checkpoint and the author's function that builds its graph, through a session and TF1's Builder."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tfx_savedmodel.errors import UnsupportedModelError
from tfx_savedmodel.saved_model.meta_graph import tensor_names
from tfx_savedmodel.saved_model.quiet import no_deprecations
from tfx_savedmodel.saved_model.reachability import ancestors
from tfx_savedmodel.saved_model.view import VARIABLE_OPS, Shape
from tfx_savedmodel.sources.tf1.checkpoint_files import CheckpointFiles, refuse_misfits
from tfx_savedmodel.sources.tf1.cut import VARIABLES
from tfx_savedmodel.sources.tf1.estimator import DEFAULT, PREDICT, is_estimators, run_config, spec_signatures
from tfx_savedmodel.sources.tf1.features import feature_placeholders
from tfx_savedmodel.sources.tf1.feeds import BARE_PLACEHOLDERS, nodes_run
from tfx_savedmodel.sources.tf1.network import network_signature
from tfx_savedmodel.sources.tf1.normal_form import shapes_in
from tfx_savedmodel.sources.tf1.restore import fitting, session_config

_SHOWN = 8


@dataclasses.dataclass(frozen=True)
class GraphFunction:
    """The author's function: `call` takes what may be given to it, and gives it what its parameters name.

    `features` says what an Estimator's model_fn takes; it is asked only then.
    """

    call: Callable[[Mapping[str, Any]], Any]
    parameters: Mapping[str, Any]
    described: str
    features: Callable[[], Mapping[str, Any]]
    params: Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class _Built:
    """What the function built: signatures by key, who restores, what initialises, and notes."""

    signatures: Mapping[str, Any]
    saver: Any | None
    main_op: Any | None
    notes: Sequence[str]


def save_function(
    function: GraphFunction, checkpoint: CheckpointFiles, tags: Sequence[str], directory: Path
) -> tuple[str, ...]:
    """Build the graph, restore the checkpoint into it and write a TF1 SavedModel; return notes.

    Args:
      directory: must not exist.

    Raises:
      UnsupportedModelError: the function builds no graph, one that its inputs do not feed, or variables that the
        checkpoint does not hold.
      UsageError: the function raised.
      UnreadableModelError: the checkpoint cannot be read.
    """
    import tensorflow as tf

    v1 = tf.compat.v1
    held = shapes_in(checkpoint)
    prefix = str(checkpoint.prefix)
    with tf.Graph().as_default() as graph, v1.Session(config=session_config()) as session, no_deprecations():
        built = _build(function)
        _refuse_unfed(graph, built, function.described)
        _refuse_other_saver(built.saver, function.described)
        kept = _needed(graph, built)
        if built.saver is None:
            _refuse_missing(kept, held, function, prefix)
            refuse_misfits({item.op.name: _shape(item) for item in kept if hasattr(item, "shape")}, held, prefix)
        _keep_alone(kept)
        with fitting(prefix):
            saver = v1.train.Saver(kept, sharded=True) if kept else None
            restoring = built.saver or saver
            if restoring is not None:
                restoring.restore(session, checkpoint.named)
            builder = v1.saved_model.Builder(str(directory))
            builder.add_meta_graph_and_variables(
                session,
                list(tags),
                signature_def_map=dict(built.signatures),
                assets_collection=v1.get_collection(v1.GraphKeys.ASSET_FILEPATHS),
                main_op=built.main_op,
                clear_devices=True,
                saver=saver,
            )
            builder.save()
    return tuple(built.notes)


def _build(function: GraphFunction) -> _Built:
    """Call the function in the current graph."""
    import tensorflow as tf

    given: dict[str, Any] = {"params": dict(function.params)}
    if not is_estimators(function.parameters):
        made = function.call(given)
        signature = network_signature(made, function.described)
        saver = made.get("saver") if isinstance(made, Mapping) else None
        return _Built({DEFAULT: signature}, saver, _initialiser(), ())
    tf.compat.v1.train.create_global_step()
    features = feature_placeholders(function.features())
    given |= {"features": features, "labels": None, "mode": PREDICT}
    if "config" in function.parameters:
        given["config"] = run_config()
    spec = function.call(given)
    signatures, notes = spec_signatures(spec, features, function.described)
    scaffold = getattr(spec, "scaffold", None)
    own = getattr(scaffold, "local_init_op", None)
    return _Built(signatures, getattr(scaffold, "saver", None), own if own is not None else _initialiser(), notes)


def _initialiser() -> Any | None:
    """Return the op that fills tables and local variables, where there are any."""
    import tensorflow as tf

    v1 = tf.compat.v1
    collections = (v1.GraphKeys.TABLE_INITIALIZERS, v1.GraphKeys.LOCAL_VARIABLES)
    if not any(v1.get_collection(key) for key in collections):
        return None
    return tf.group(v1.tables_initializer(), v1.local_variables_initializer(), name="init_tables_and_local_variables")


def _needed(graph: Any, built: _Built) -> list[Any]:
    """Return the variables, and tables that a Saver saves, that signatures and the initialiser need."""
    import tensorflow as tf

    v1 = tf.compat.v1
    nodes = {node.name: node for node in graph.as_graph_def().node}
    infos = [info for item in built.signatures.values() for info in (*item.inputs.values(), *item.outputs.values())]
    starts = [tensor for info in infos for tensor in tensor_names(info)]
    if built.main_op is not None:
        starts.append(built.main_op.name)
    reached = ancestors(nodes, starts)
    variables = [item for item in v1.global_variables() if item.op.name in reached]
    loose = {name for name in reached if nodes[name].op in VARIABLE_OPS} - {item.op.name for item in variables}
    loose -= {item.op.name for item in v1.local_variables()}
    if loose:
        raise UnsupportedModelError(
            "a variable is in no collection, so that no Saver finds it",
            where=", ".join(sorted(loose)[:_SHOWN]),
            wanted="variables of tf.compat.v1.get_variable, tf.Variable or layers of TF1",
            next_step="make it with tf.compat.v1.get_variable",
        )
    return [*variables, *v1.get_collection(v1.GraphKeys.SAVEABLE_OBJECTS)]


def _refuse_unfed(graph: Any, built: _Built, described: str) -> None:
    """A signature whose outputs need a placeholder beside its inputs could never be called."""
    nodes = {node.name: node for node in graph.as_graph_def().node}
    for key, signature in built.signatures.items():
        fed, fetched = (
            [tensor for info in side.values() for tensor in tensor_names(info)]
            for side in (signature.inputs, signature.outputs)
        )
        run = nodes_run(nodes, fed, fetched)
        lacking = sorted(name for name in run if nodes[name].op in BARE_PLACEHOLDERS and f"{name}:0" not in fed)
        if lacking:
            raise UnsupportedModelError(
                "the outputs need placeholders that are no input",
                where=f"{described}, signature {key!r}",
                found=", ".join(f"{name}:0" for name in lacking[:_SHOWN]),
                wanted="each of them as an input",
                next_step="return it among the inputs, or give it a value with tf.compat.v1.placeholder_with_default",
            )


def _refuse_other_saver(saver: Any | None, described: str) -> None:
    import tensorflow as tf

    if saver is not None and not isinstance(saver, tf.compat.v1.train.Saver):
        raise UnsupportedModelError(
            "the function's saver is no Saver",
            where=described,
            found=type(saver).__name__,
            wanted="a tf.compat.v1.train.Saver",
            next_step="leave it out where variables have the names of the checkpoint",
        )


def _refuse_missing(kept: Sequence[Any], held: Mapping[str, Any], function: GraphFunction, prefix: str) -> None:
    missing = sorted({name for item in kept for name in _names(item)} - held.keys())
    if missing:
        raise UnsupportedModelError(
            "the checkpoint does not hold variables that the function builds",
            where=prefix,
            found=f"no {', '.join(missing[:_SHOWN])}"
            + (f" and {len(missing) - _SHOWN} more" if missing[_SHOWN:] else ""),
            wanted=f"names as the checkpoint has them: {', '.join(sorted(held)[:_SHOWN])}",
            next_step=f"build the graph that was trained, under the same names, in {function.described}",
        )


def _shape(variable: Any) -> Shape:
    return tuple(variable.shape.as_list()) if variable.shape.rank is not None else None


def _names(item: Any) -> list[str]:
    """Return the names under which a Saver looks for a variable, or for the parts of what is none."""
    if hasattr(item, "specs"):
        return [spec.name for spec in item.specs]
    return [item.to_proto().save_slice_info_def.full_name or item.op.name]


def _keep_alone(kept: Sequence[Any]) -> None:
    """Take the other variables out of the collections: nothing restores them, and loaders would have them."""
    import tensorflow as tf

    known = {id(item) for item in kept}
    for key in VARIABLES:
        if key != "local_variables":
            collection = tf.compat.v1.get_collection_ref(key)
            collection[:] = [item for item in collection if id(item) in known]
