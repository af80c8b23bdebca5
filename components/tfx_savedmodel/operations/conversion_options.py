"""What a conversion may be asked for: told before any work, at construction of the component too."""

from __future__ import annotations

import importlib.util
import math
import shutil
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from tfx_savedmodel import versions
from tfx_savedmodel.errors import UnsupportedStackError, UsageError
from tfx_savedmodel.estimators.conversion import CHECKPOINT_FORMATS
from tfx_savedmodel.estimators.feature_spec import FeatureSpecLike, read_feature_spec
from tfx_savedmodel.estimators.outputs import OutputsLike, read_outputs
from tfx_savedmodel.estimators.receivers import check_receiver

__all__ = [
    "FeatureSpecLike",
    "OutputsLike",
    "check_assets",
    "check_options",
    "check_stack",
    "has_estimators",
    "put_assets",
    "read_feature_spec",
    "read_outputs",
]

#: The distributions that bring the package `tensorflow`.
_TENSORFLOWS = ("tensorflow", "tensorflow-cpu", "tensorflow-gpu", "tensorflow-intel", "tensorflow-macos")
_EXTRA = "assets.extra"


def has_estimators() -> bool:
    """Tell whether the installed TensorFlow has tf.estimator, without importing it."""
    version = _installed()
    return version is not None and versions.has_estimator(version)


def check_stack(*, checkpoint: bool) -> None:
    """Let a conversion pass that the installed TensorFlow can make.

    Raises:
      UnsupportedStackError: there is no TensorFlow, or a checkpoint is asked for where no Estimators are.
    """
    installed = _installed()
    last = versions.LAST_TENSORFLOW_WITH_ESTIMATOR
    if installed is None and importlib.util.find_spec("tensorflow") is None:
        raise UnsupportedStackError("TensorFlow is not installed", wanted=f"TensorFlow, {last} for Estimators")
    if checkpoint and installed is not None and not versions.has_estimator(installed):
        raise UnsupportedStackError(
            "this TensorFlow has no Estimators, and so no checkpoint of one",
            where="the Estimator checkpoint",
            found=f"TensorFlow {installed}",
            wanted=f"TensorFlow {last} or older, the last with tf.estimator",
            next_step="convert without the checkpoint, or in an environment of the tfx-1.15 stack",
        )


def check_options(receiver: str, tolerance: float, checkpoint_format: str, *, has_module: bool) -> None:
    """Let options pass that can be used.

    Raises:
      UsageError: one cannot.
    """
    check_receiver(receiver, has_module=has_module)
    if not (tolerance >= 0 and math.isfinite(tolerance)):
        raise UsageError(
            "a tolerance that cannot be used", where="tolerance", found=repr(tolerance), wanted="a number >= 0"
        )
    if checkpoint_format not in CHECKPOINT_FORMATS:
        wanted = " or ".join(CHECKPOINT_FORMATS)
        raise UsageError("no such format", where="checkpoint_format", found=repr(checkpoint_format), wanted=wanted)


def check_assets(extra: Mapping[str, Path]) -> None:
    """Let files pass that can lie in assets.extra.

    Raises:
      UsageError: a name that leads out of it, or no such file.
    """
    for name, path in extra.items():
        place = PurePosixPath(name)
        if not name or place.is_absolute() or ".." in place.parts:
            raise UsageError(
                "no place in assets.extra", where="assets_extra", found=repr(name), wanted="a relative path without .."
            )
        if not path.is_file():
            raise UsageError("no such file", where=f"assets_extra: {name}", found=str(path), wanted="a file")


def put_assets(extra: Mapping[str, Path], model: Path) -> None:
    """Copy files into a SavedModel's assets.extra."""
    for name, path in extra.items():
        target = model / _EXTRA / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


def _installed() -> str | None:
    return next(filter(None, map(versions.installed, _TENSORFLOWS)), None)
