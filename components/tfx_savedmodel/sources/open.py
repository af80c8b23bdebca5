"""Opening what `find_trained_model` found: Keras files, weights and checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from tfx_savedmodel.errors import UsageError
from tfx_savedmodel.saved_model.keras_files import read_keras_file
from tfx_savedmodel.sources.find import CHECKPOINT, KERAS_FILE, Found
from tfx_savedmodel.sources.keras import KerasSource
from tfx_savedmodel.sources.module_file import ModuleFile
from tfx_savedmodel.sources.source import TrainedModel
from tfx_savedmodel.sources.weights import from_checkpoint, from_weights


def open_found(
    found: Found,
    *,
    build: Callable[[], Any] | None = None,
    custom_objects: Collection[str] = (),
    allow_lambda: bool = False,
    module: ModuleFile | None = None,
) -> TrainedModel:
    """Open a Keras file, weights or a checkpoint; SavedModels are opened by whoever judged their graph.

    Args:
      build: the author's function that builds the model, with its arguments; needed for weights and
        checkpoints. With it a whole Keras model's file gives its weights alone.
      custom_objects: names of classes and functions that the file may ask for.
      allow_lambda: whether Python code inside the file may be unpacked.
      module: where custom objects come from.

    Raises:
      UsageError: weights without `build`, or a SavedModel.
      UnreadableModelError, UnsafeModelError, UnsupportedModelError: what the file is.
    """
    if found.form == CHECKPOINT:
        if build is None:
            raise no_graph(found)
        return from_checkpoint(found.path, build)
    if found.form != KERAS_FILE:
        raise UsageError("a SavedModel is judged before it is opened", where=str(found.path))
    file = read_keras_file(found.path)
    if build is not None:
        return from_weights(file, build)
    if file.config is None:
        raise _no_model(found, file.form, "a function of the module file that builds the model")
    return KerasSource.of_file(file, custom_objects=custom_objects, allow_lambda=allow_lambda, module=module)


def no_graph(found: Found) -> UsageError:
    """Return the error of a checkpoint with neither a function that builds its model nor its graph."""
    beside = f"its graph as {found.path.name}.meta or as source.graph"
    return _no_model(found, "a checkpoint", f"{beside}, or a function of the module file that builds the model")


def _no_model(found: Found, what: str, wanted: str) -> UsageError:
    return UsageError(
        f"{what} holds no model",
        where=str(found.path),
        found="weights alone",
        wanted=wanted,
        next_step="name the function as source.model_fn in the plan, and give --module FILE.py",
    )
