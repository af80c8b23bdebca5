"""Every exception that this package raises on purpose.

Each says what is wrong, where, what was found, what was wanted and what to do next; each keeps
those as fields, so that a caller need not read the text, and each survives pickling, because Beam
and process pools send exceptions across processes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any


class TfxSavedModelError(Exception):
    """Base of all: `message` (what), `where`, `found`, `wanted` and `next_step`, all strings."""

    def __init__(
        self, message: str, *, where: str = "", found: str = "", wanted: str = "", next_step: str = ""
    ) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.found = found
        self.wanted = wanted
        self.next_step = next_step

    def __str__(self) -> str:
        lines = [self.message]
        named = (("where", self.where), ("found", self.found), ("wanted", self.wanted), ("next", self.next_step))
        lines += [f"  {name}: {text}" for name, text in named if text]
        return "\n".join(lines)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.args, self.__dict__.copy())


def _rebuild(cls: type[TfxSavedModelError], args: tuple[Any, ...], fields: dict[str, Any]) -> TfxSavedModelError:
    error = cls.__new__(cls)
    error.args = args
    error.__dict__.update(fields)
    return error


class UsageError(TfxSavedModelError):
    """The caller's arguments cannot be used: a wrong parameter, combination or file name."""


class UnreadableModelError(TfxSavedModelError):
    """A path that should hold a model holds none, or one that cannot be parsed."""


class UnsafeModelError(TfxSavedModelError):
    """A model would run code or touch files that its author did not allow by name."""


class UnsupportedModelError(TfxSavedModelError):
    """A readable model that this operation cannot take."""


class TargetError(TfxSavedModelError):
    """A model cannot be made to fit the consumer that it is exported for; nothing was published."""


class UnsupportedStackError(TfxSavedModelError):
    """The installed TensorFlow, Keras or TFX lacks what was asked for."""


class DestinationError(TfxSavedModelError):
    """The destination exists, or cannot be written."""


class TransformGraphError(TfxSavedModelError):
    """A Transform graph is missing, unreadable, or does not fit the model."""


class SchemaError(TfxSavedModelError):
    """A schema is missing, unreadable, or lacks a feature that is needed."""


class ExamplesError(TfxSavedModelError):
    """Examples are missing, unreadable, or not in the expected format."""


class WorkerError(TfxSavedModelError):
    """A process of ours that was to run a model ended or broke: the machine's fault or ours, not the model's."""


class PolicyError(TfxSavedModelError):
    """A validation policy cannot be read or names what does not exist; `problems` lists every mistake in it."""

    def __init__(
        self,
        message: str,
        *,
        where: str = "",
        found: str = "",
        wanted: str = "",
        next_step: str = "",
        problems: Sequence[Problem] = (),
    ) -> None:
        super().__init__(message, where=where, found=found, wanted=wanted, next_step=next_step)
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return "\n".join([super().__str__(), *(f"  - {problem}" for problem in self.problems)])


class ConversionError(TfxSavedModelError):
    """A Keras model could not be converted to an Estimator."""


class ParityError(TfxSavedModelError):
    """A converted model answers differently from its source; nothing was published."""


class NotBlessedError(TfxSavedModelError):
    """A model was not blessed and the caller asked for that to be a failure."""


class UndecidedError(TfxSavedModelError):
    """Validation could not tell: a required check ended in ERROR or was skipped."""


@dataclasses.dataclass(frozen=True)
class Problem:
    """One mistake in a plan or a policy: the place in it, what was found and wanted, what to do."""

    where: str
    message: str
    found: str = ""
    wanted: str = ""
    next_step: str = ""

    def __str__(self) -> str:
        text = f"{self.where}: {self.message}"
        named = (("found", self.found), ("wanted", self.wanted), ("next", self.next_step))
        return text + "".join(f"\n    {name}: {value}" for name, value in named if value)


class PlanError(TfxSavedModelError):
    """A signature plan has mistakes; `problems` lists every one of them."""

    def __init__(self, problems: Sequence[Problem], *, where: str = "the signature plan") -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        super().__init__(f"{count} mistake{'s' if count != 1 else ''} in the signature plan", where=where)

    def __str__(self) -> str:
        return "\n".join([super().__str__(), *(f"  - {problem}" for problem in self.problems)])
