"""Keras 3's variables in a SavedModel, as TensorFlow saves them from whatever object holds them."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator
from typing import Any

_EXPORT = "_export_to_saved_model_graph"
_patching = threading.Lock()


@contextlib.contextmanager
def saved_once() -> Iterator[None]:
    """Save each Keras 3 variable as the tf.Variable that it wraps.

    Keras 3 gives its wrapper a variable of its own in the saved graph, the one that is restored, and functions
    read the other: TF2 loads and runs such a model, but in TF1, in the C++ loader and in TensorFlow Serving its
    first call fails with "Could not find variable" (tensorflow#72963, keras#20095, serving#2250). Keras's own
    `export` avoids that by saving every variable twice.
    """
    of_keras = getattr(sys.modules.get("keras"), "Variable", None)
    holders = [each for each in getattr(of_keras, "__mro__", ()) if each.__module__.startswith("keras.")]
    variable = next((each for each in holders if _EXPORT in vars(each)), None)
    if variable is None:  # Keras 2, or no Keras
        yield
        return
    original = vars(variable)[_EXPORT]

    def export(self: Any, object_map: Any, tensor_map: Any, options: Any, **kwargs: Any) -> Any:
        resources = self.value._export_to_saved_model_graph(object_map, tensor_map, options, **kwargs)
        object_map[self] = object_map[self.value]
        return resources

    with _patching:
        setattr(variable, _EXPORT, export)
        try:
            yield
        finally:
            setattr(variable, _EXPORT, original)
