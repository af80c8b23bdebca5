"""What passes between a loader's process and who asks it: runs, events, and the words of errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from tfx_savedmodel.saved_model.view import SignatureView
    from tfx_savedmodel.validation.loading.candidates import Inputs

    Array = np.ndarray[Any, Any]

Tell = Callable[[Mapping[str, Any]], None]
#: Runs a signature on inputs by name; a sparse or composite one is a tuple of its parts, in the order of
#: `TensorSpec.parts`. Returns outputs by name, those of several parts as "NAME[0]" and so on.
Run = Callable[["SignatureView", "Inputs"], "Mapping[str, Array]"]


def error_kind(error: Exception) -> str:
    """Return the error's kind, which is the same of all loaders: `InvalidArgumentError`."""
    return str(getattr(error, "kind", type(error).__name__))


def error_words(error: Exception, most: int) -> str:
    """Return an error as its kind and its words."""
    return f"{error_kind(error)}: {error}"[:most]
