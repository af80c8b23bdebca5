"""A receiver of the author's own: a function of the module file that returns a ServingInputReceiver, or its like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfx_savedmodel.errors import UsageError
from tfx_savedmodel.estimators.features import fit_feature
from tfx_savedmodel.estimators.keras_model import ModelInput
from tfx_savedmodel.estimators.receivers import DEFAULT, OWN, Received, ReceiverFunction, signature_of
from tfx_savedmodel.sources.module_file import ModuleFile

#: What an Estimator calls the only tensor of a receiver that has no name.
_ONLY_TENSOR = "input"

_VARIABLES = ("VarHandleOp", "VariableV2", "Variable")


def own_receiver_fn(
    receiver: str, module: ModuleFile, inputs: Sequence[ModelInput], given: Mapping[str, Any]
) -> ReceiverFunction:
    """Return what calls the author's function in the current graph and fits its features to the model's inputs.

    Args:
      receiver: "module:NAME".
      given: what the function may take, by parameter.

    Raises (the result):
      UsageError: the function raised or returned something else, or a feature is missing, unknown or unfit, or it
        holds variables.
    """
    name = receiver.removeprefix(OWN)
    where = f"{module.where}, {name}"

    def build() -> Received:
        import tensorflow as tf

        graph = tf.compat.v1.get_default_graph()
        before = len(graph.get_operations())
        made = module.call(name, given)
        _refuse_variables(graph.get_operations()[before:], where)
        for part in ("features", "receiver_tensors"):
            if not hasattr(made, part):
                raise UsageError(
                    "the receiver returned something else",
                    where=where,
                    found=f"{type(made).__name__}, without {part!r}",
                    wanted="a tf.estimator.export.ServingInputReceiver, or an object with `features` and "
                    "`receiver_tensors`, dictionaries of tensors",
                )
        features = made.features
        if isinstance(features, (tf.Tensor, tf.SparseTensor, tf.RaggedTensor)) and len(inputs) == 1:
            features = {inputs[0].name: features}
        _check_names(features, inputs, where)
        fitted = {each.name: fit_feature(features[each.name], each, _complaint(where)) for each in inputs}
        others = getattr(made, "receiver_tensors_alternatives", None) or {}
        return Received(
            fitted,
            _by_name(made.receiver_tensors, where),
            {alternative: _by_name(tensors, where) for alternative, tensors in others.items()},
        )

    return build


def save_receiver(build: ReceiverFunction, directory: Path) -> None:
    """Save a receiver as a TF1 SavedModel of its own, whose signatures give the model's inputs; nothing of it is run.

    The SavedModel says what the features are that the Keras model is to be asked with.
    """
    import tensorflow as tf

    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        received = build()
        features = {name: tf.identity(value) for name, value in received.features.items()}
        sides = {"": received.receiver_tensors, **received.receiver_tensors_alternatives}
        keys = {signature_of(name) if name else DEFAULT: name for name in sides}
        define = v1.saved_model.predict_signature_def
        builder = v1.saved_model.Builder(str(directory))
        builder.add_meta_graph_and_variables(
            session,
            ["serve"],
            {key: define(dict(sides[name]), features) for key, name in keys.items()},
            main_op=v1.tables_initializer(),
            # What a table reads is an asset of the model then, and no file of somebody's choosing.
            assets_collection=v1.get_collection(v1.GraphKeys.ASSET_FILEPATHS),
        )
        builder.save()


def _refuse_variables(ops: Sequence[Any], where: str) -> None:
    found = [op.name for op in ops if op.type in _VARIABLES]
    if found:
        raise UsageError(
            "the receiver holds variables, which have no weights in the model",
            where=where,
            found=", ".join(found[:5]),
            wanted="a receiver of placeholders, ops, constants and lookup tables",
            next_step="make the variables constants, or layers of the Keras model",
        )


def _check_names(features: Any, inputs: Sequence[ModelInput], where: str) -> None:
    wanted = [each.name for each in inputs]
    if not isinstance(features, Mapping):
        raise UsageError(
            "the receiver's features have no names",
            where=where,
            found=type(features).__name__,
            wanted=f"a dictionary of tensors: {', '.join(wanted)}",
        )
    missing, unknown = sorted(set(wanted) - set(features)), sorted(set(features) - set(wanted))
    if missing or unknown:
        first = (missing or unknown)[0]
        raise UsageError(
            f"the receiver does not give the model's input {first!r}"
            if missing
            else f"the receiver gives a feature {first!r} that the model does not take",
            where=f"{where}: feature {first!r}",
            found=", ".join(sorted(features)),
            wanted=", ".join(sorted(wanted)),
            next_step="return exactly the model's inputs as features, by their names",
        )


def _by_name(tensors: Any, where: str) -> dict[str, Any]:
    import tensorflow as tf

    named = dict(tensors) if isinstance(tensors, Mapping) else {_ONLY_TENSOR: tensors}
    if not named:
        raise UsageError("the receiver takes nothing", where=where, wanted="at least one receiver tensor")
    for name, tensor in named.items():
        if not isinstance(tensor, tf.Tensor):
            raise UsageError(
                "a receiver tensor is not dense",
                where=f"{where}: receiver tensor {name!r}",
                found=type(tensor).__name__,
                wanted="a placeholder of a dense tensor",
            )
    return named


def _complaint(where: str) -> Any:
    def complain(wanted: ModelInput, found: str) -> UsageError:
        return UsageError(
            "a feature of the receiver does not fit the model's input",
            where=f"{where}: feature {wanted.name!r}",
            found=found,
            wanted=str(wanted),
            next_step="return the feature as the model takes it",
        )

    return complain
