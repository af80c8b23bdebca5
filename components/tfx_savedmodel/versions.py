"""The version of this package and the versions that it works with, in one place."""

from __future__ import annotations

from typing import Final, NamedTuple

__version__: Final = "0.1.0.dev0"

#: Lowest and first unsupported version of what we stand on, as setup.py declares them.
SUPPORTED: Final[dict[str, tuple[str, str]]] = {
    "python": ("3.10", "3.14"),
    "tensorflow": ("2.15", "2.22"),
    "tfx": ("1.15.1", "1.22"),
    "apache-beam": ("2.74", "3"),
}


class Stack(NamedTuple):
    """Versions that are locked and tested together, and what can be done with them."""

    #: As `make test STACK=…` and requirements/ name it.
    name: str
    #: The Pythons it runs on, the preferred first.
    pythons: tuple[str, ...]
    #: The oldest C library that its wheels run on.
    glibc: str
    #: By distribution, as requirements/ locks them; no tfx is a stack without TFX.
    locked: dict[str, str]
    #: Of `FEATURES`.
    has: tuple[str, ...]


#: What one stack has and another has not, in words.
FEATURES: Final[dict[str, str]] = {
    "components": "the three components, the pipelines",
    "transform": "Transform graphs",
    "estimator": "`tf.estimator`: the output `estimator_checkpoint`, and the way `model_to_estimator`",
    "keras-2-saved-models": "SavedModels of Keras 2 as Keras models; without, by the functions that Keras 2 traced",
    "keras-3-files": "`.keras` files of Keras 3",
}

#: The newest first.
STACKS: Final = (
    Stack(
        name="tfx-1.21",
        pythons=("3.13", "3.12"),
        glibc="2.39",
        locked={"tfx": "1.21.0", "tensorflow": "2.21.0", "keras": "3.15.1", "apache-beam": "2.77.0"},
        has=("components", "transform", "keras-3-files"),
    ),
    Stack(
        name="tfx-1.15",
        pythons=("3.10",),
        glibc="2.28",
        locked={"tfx": "1.15.1", "tensorflow": "2.15.1", "keras": "2.15.0", "apache-beam": "2.74.0"},
        has=("components", "transform", "estimator", "keras-2-saved-models"),
    ),
    Stack(
        name="tf-2.21",
        pythons=("3.12",),
        glibc="2.28",
        locked={"tensorflow": "2.21.0", "keras": "3.15.1", "apache-beam": "2.77.0"},
        has=("keras-3-files",),
    ),
)

#: The last TensorFlow that has `tf.estimator`.
LAST_TENSORFLOW_WITH_ESTIMATOR: Final = "2.15"

#: The first TensorFlow whose Keras is Keras 3.
FIRST_TENSORFLOW_WITH_KERAS_3: Final = "2.16"


def stacks_with(feature: str) -> list[str]:
    """Return the names of the stacks that have a feature, the newest first."""
    return [stack.name for stack in STACKS if feature in stack.has]


def installed(distribution: str) -> str | None:
    """Return the installed version of a distribution without importing it, or None."""
    import importlib.metadata  # a tenth of what the command line takes to start

    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


#: No part of a version has more digits. A model's text may: Python refuses to read a number of thousands of them.
_MOST_DIGITS = 9


def release(version: str) -> tuple[int, ...]:
    """Return the leading numbers of a version: '2.15.1rc0' gives (2, 15, 1); a part of over 9 digits ends them."""
    numbers: list[int] = []
    for part in version.split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not 0 < len(digits) <= _MOST_DIGITS:
            break
        numbers.append(int(digits))
        if digits != part:
            break
    return tuple(numbers)


def has_estimator(tensorflow_version: str) -> bool:
    """Tell whether a TensorFlow of this version carries `tf.estimator`."""
    return release(tensorflow_version)[:2] <= release(LAST_TENSORFLOW_WITH_ESTIMATOR)
