"""What every form of trained model is, once it is opened: something that can be exported."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tfx_savedmodel.saved_model.view import Shape, SignatureView
from tfx_savedmodel.sources.keras_variables import saved_once


@dataclasses.dataclass(frozen=True)
class ModelFunction:
    """A forward pass: inputs and outputs by name, each (dtype, shape), and a callable.

    `call` takes a mapping of tensors by input name and returns one by output name.
    """

    inputs: Mapping[str, tuple[str, Shape]]
    outputs: Mapping[str, tuple[str, Shape]]
    call: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    described: str


class TrainedModel(abc.ABC):
    """A trained model that was opened: nothing is loaded before `root` or `model` is first asked for.

    `described` says what it is and where it lies; `notes` say what exporting it leaves out.
    """

    described: str

    @property
    @abc.abstractmethod
    def root(self) -> Any:
        """The trackable object that is saved: a restored SavedModel, a Keras model, a tf.Module."""

    @property
    @abc.abstractmethod
    def model(self) -> ModelFunction:
        """The forward pass.

        Raises:
          UnsupportedModelError: it cannot be told which function is the model.
        """

    @property
    def signatures(self) -> Mapping[str, SignatureView]:
        """The signatures that the source has, which a plan may keep or name again; none by default."""
        return {}

    def signature(self, key: str) -> ModelFunction:
        """Return a signature of the source as a function."""
        raise KeyError(key)

    @property
    def notes(self) -> tuple[str, ...]:
        return ()

    def save(self, directory: Path, functions: Mapping[str, Any], options: Any) -> None:
        """Save `root` with these signatures (concrete functions by key); `options` is a tf.saved_model.SaveOptions."""
        import tensorflow as tf

        with saved_once():
            tf.saved_model.save(self.root, str(directory), signatures=dict(functions), options=options)
