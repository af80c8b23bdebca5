"""The version of this package and the versions that it works with, in one place."""

from __future__ import annotations

from typing import Final

__version__: Final = "0.1.0.dev0"

#: Lowest and first unsupported version of what we stand on, as setup.py declares them.
SUPPORTED: Final[dict[str, tuple[str, str]]] = {
    "python": ("3.10", "3.14"),
    "tensorflow": ("2.15", "2.22"),
    "tfx": ("1.15.1", "1.22"),
    "apache-beam": ("2.74", "3"),
}

#: The last TensorFlow that has `tf.estimator`.
LAST_TENSORFLOW_WITH_ESTIMATOR: Final = "2.15"

#: The first TensorFlow whose Keras is Keras 3.
FIRST_TENSORFLOW_WITH_KERAS_3: Final = "2.16"


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
