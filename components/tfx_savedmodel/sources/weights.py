"""Weights without a model: a function of the author's builds the model, and the weights are put into it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tfx_savedmodel.errors import UnsupportedModelError
from tfx_savedmodel.saved_model.keras_files import KerasFile
from tfx_savedmodel.sources.checkpoint import restore_checkpoint
from tfx_savedmodel.sources.keras_load import is_keras_object, properly_named, unbuilt
from tfx_savedmodel.sources.live import open_object
from tfx_savedmodel.sources.source import TrainedModel

BuildModel = Callable[[], Any]


def from_weights(file: KerasFile, build: BuildModel) -> TrainedModel:
    """Build a Keras model and load a file's weights into it; a whole model's file is as good.

    Nothing of the file's configuration is deserialised.

    Raises:
      UnsupportedModelError: no built Keras model, or the weights do not fit it.
    """
    model = build()
    described = f"the model of model_fn with {file.described}, {file.path}"
    _check_built(model, described)
    if not is_keras_object(model):
        raise UnsupportedModelError(
            "weights of Keras for what is no Keras model",
            where=described,
            found=type(model).__name__,
            wanted="a tf.keras.Model from the function",
            next_step="return a Keras model, or give a checkpoint",
        )
    with properly_named(file) as path:
        try:
            model.load_weights(path)
        except Exception as error:  # Keras raises every kind.
            raise _misfit(file, error) from error
    return open_object(model, described)


def _misfit(file: KerasFile, error: Exception) -> UnsupportedModelError:
    return UnsupportedModelError(
        "the weights do not fit the model that model_fn builds",
        where=str(file.path),
        found=f"{file.described}; {type(error).__name__}: {error}",
        wanted="weights of the same layers with the same shapes, in the form of the Keras that runs",
        next_step="mend the function that source.model_fn names, or name the one that built the trained model",
    )


def from_checkpoint(prefix: Path, build: BuildModel) -> TrainedModel:
    """Build an object and restore a checkpoint into it.

    Raises:
      UnsupportedModelError: an unbuilt model, or as `restore_checkpoint`.
    """
    model = build()
    described = f"the model of model_fn with the checkpoint {prefix}"
    _check_built(model, described)
    source = open_object(model, described)
    restore_checkpoint(model, prefix)
    return source


def _check_built(model: Any, described: str) -> None:
    if model is None:
        raise UnsupportedModelError(
            "the function built nothing",
            where=described,
            found="None",
            wanted="the model",
            next_step="return the model from the function",
        )
    if is_keras_object(model) and not model.built:
        raise unbuilt(described, type(model).__name__)
