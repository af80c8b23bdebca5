"""What a conversion may be asked for: told before any work, at construction of the component too."""

from __future__ import annotations

import importlib.util
import math
import numbers
from pathlib import Path
from typing import Any

from tfx_savedmodel import versions
from tfx_savedmodel.errors import PlanError, UnsupportedStackError, UsageError
from tfx_savedmodel.estimators import outputs as own_outputs
from tfx_savedmodel.estimators.conversion import CHECKPOINT_FORMATS
from tfx_savedmodel.estimators.feature_spec import FeatureSpecLike, read_feature_spec
from tfx_savedmodel.estimators.outputs import OutputsLike
from tfx_savedmodel.estimators.receivers import DEFAULT, OWN, check_receiver, signatures_of
from tfx_savedmodel.saved_model.local import is_remote
from tfx_savedmodel.signatures.plan import read_plan

__all__ = [
    "FeatureSpecLike",
    "OutputsLike",
    "check_options",
    "check_stack",
    "has_estimators",
    "read_feature_spec",
    "read_outputs",
]

#: The distributions that bring the package `tensorflow`.
_TENSORFLOWS = ("tensorflow", "tensorflow-cpu", "tensorflow-gpu", "tensorflow-intel", "tensorflow-macos")

#: Of a checkpoint's formats the one that nobody has to ask for.
_PLAIN_FORMAT = "object"


def has_estimators() -> bool:
    """Tell whether the installed TensorFlow has tf.estimator, without importing it."""
    version = _installed()
    return version is not None and versions.has_estimator(version)


def check_stack(*, checkpoint: bool, checkpoint_format: str = _PLAIN_FORMAT) -> None:
    """Let a conversion pass that the installed TensorFlow can make.

    Raises:
      UnsupportedStackError: there is no TensorFlow, or a checkpoint or its format is asked for where no Estimators are.
    """
    installed = _installed()
    last = versions.LAST_TENSORFLOW_WITH_ESTIMATOR
    if installed is None and importlib.util.find_spec("tensorflow") is None:
        raise UnsupportedStackError(
            "TensorFlow is not installed",
            wanted=f"TensorFlow; {last} or older for an Estimator's checkpoint",
            next_step="install tfx-savedmodel[tensorflow]",
        )
    if installed is None or versions.has_estimator(installed):
        return
    asked = "the Estimator checkpoint" if checkpoint else f"checkpoint_format {checkpoint_format!r}"
    if checkpoint or checkpoint_format != _PLAIN_FORMAT:
        stacks = " or ".join(versions.stacks_with("estimator"))
        raise UnsupportedStackError(
            "this TensorFlow has no Estimators, and so no checkpoint of one",
            where=asked,
            found=f"TensorFlow {installed}",
            wanted=f"TensorFlow {last} or older, the last with tf.estimator",
            next_step=f"convert without {asked}, or in an environment of the {stacks} stack",
        )


def check_options(receiver: str, tolerance: float, checkpoint_format: str, *, has_module: bool) -> None:
    """Let options pass that can be used.

    Raises:
      UsageError: one cannot.
    """
    check_receiver(receiver, has_module=has_module)
    is_number = isinstance(tolerance, numbers.Real) and not isinstance(tolerance, bool)
    if not (is_number and tolerance >= 0 and math.isfinite(tolerance)):
        raise UsageError(
            "a tolerance that cannot be used", where="tolerance", found=repr(tolerance), wanted="a number >= 0"
        )
    if checkpoint_format not in CHECKPOINT_FORMATS:
        wanted = " or ".join(CHECKPOINT_FORMATS)
        raise UsageError("no such format", where="checkpoint_format", found=repr(checkpoint_format), wanted=wanted)


def read_outputs(
    given: OutputsLike | None, default: str | None, receiver: str, *, has_transform: bool
) -> dict[str, dict[str, Any]]:
    """Return export outputs as plain data, by signature key, that a receiver can have.

    Args:
      default: the key that is `serving_default` too.
      receiver: what `check_receiver` let pass.
      has_transform: whether there is a Transform graph, which has the vocabularies.

    Raises:
      UsageError: a mistake that shows without the model; its place is named.
    """
    outputs = own_outputs.read_outputs(given, default)
    if not outputs:
        return outputs
    reserved = (
        {own_outputs.BASE} if receiver.startswith(OWN) else {own_outputs.BASE, *signatures_of(receiver)} - {DEFAULT}
    )
    for key, item in outputs.items():
        if key in reserved:
            wanted = f"another key than {', '.join(sorted(reserved))}"
            raise _wrong(f"outputs.{key}", f"the key {key!r}, which is a signature of the receiver itself", wanted)
        if item["kind"] != "predict" and receiver == "raw":
            raise _wrong(
                f"outputs.{key}",
                f"kind {item['kind']!r} beside receiver {receiver!r}",
                'receiver "parsing" or "both": TensorFlow Serving\'s Classify and Regress send serialized examples',
            )
        classes, where = item.get("classes"), f"outputs.{key}.classes"
        if isinstance(classes, dict) and "vocabulary" in classes and not has_transform:
            raise _wrong(where, "a vocabulary without a Transform graph", 'transform_graph, or "labels"')
        if isinstance(classes, dict) and "file" in classes:
            file = classes["file"]
            if not is_remote(file) and not Path(file).is_file():
                raise _wrong(f"{where}.file", str(file), "a text file with a class a line")
    try:
        read_plan(own_outputs.plan_of(outputs, default, []))
    except PlanError as error:
        problem = error.problems[0]
        where = problem.where.replace("signatures.", "outputs.", 1)
        raise _wrong(where, problem.found or problem.message, problem.wanted or problem.message) from error
    return outputs


def _wrong(where: str, found: str, wanted: str) -> UsageError:
    return UsageError("the outputs have a mistake", where=where, found=found, wanted=wanted)


def _installed() -> str | None:
    return next(filter(None, map(versions.installed, _TENSORFLOWS)), None)
