"""TensorFlow's C++ loader through its C API: the loader of TensorFlow Serving, without Python's.

Source: tensorflow/c/c_api.h, TF_LoadSessionFromSavedModel.
"""

from __future__ import annotations

import ctypes
import functools
import importlib.util
from collections.abc import Sequence
from pathlib import Path

from tfx_savedmodel.errors import UnsupportedStackError


class NativeLoadError(Exception):
    """The loader refused the model; the text is its own."""


@functools.cache
def library() -> ctypes.CDLL:
    """Return TensorFlow's C API from the installed wheel.

    Raises:
      UnsupportedStackError: TensorFlow is not installed, or its libraries cannot be opened.
    """
    spec = importlib.util.find_spec("tensorflow")
    if spec is None or not spec.submodule_search_locations:
        raise UnsupportedStackError("TensorFlow is not installed", next_step="install tfx-savedmodel[tensorflow]")
    root = Path(next(iter(spec.submodule_search_locations)))
    try:
        ctypes.CDLL(str(root / "libtensorflow_framework.so.2"), mode=ctypes.RTLD_GLOBAL)
        loaded = ctypes.CDLL(str(root / "libtensorflow_cc.so.2"), mode=ctypes.RTLD_GLOBAL)
    except OSError as error:
        raise UnsupportedStackError(
            "TensorFlow's native libraries cannot be opened", where=str(root), found=str(error)
        ) from error
    for name in ("TF_NewStatus", "TF_NewGraph", "TF_NewSessionOptions", "TF_NewBuffer", "TF_LoadSessionFromSavedModel"):
        getattr(loaded, name).restype = ctypes.c_void_p
    loaded.TF_Message.restype = ctypes.c_char_p
    loaded.TF_GetCode.restype = ctypes.c_int
    return loaded


def load_natively(directory: Path, tags: Sequence[str]) -> None:
    """Load and initialise a SavedModel with the C++ loader, then close it.

    This runs the model's initialisers in this process: call it in one that may die.

    Raises:
      NativeLoadError: the loader's own words.
    """
    api = library()
    status, graph = (ctypes.c_void_p(make()) for make in (api.TF_NewStatus, api.TF_NewGraph))
    options = ctypes.c_void_p(api.TF_NewSessionOptions())
    names = (ctypes.c_char_p * len(tags))(*(tag.encode() for tag in tags))
    session = ctypes.c_void_p(
        api.TF_LoadSessionFromSavedModel(
            options, None, str(directory).encode(), names, ctypes.c_int(len(tags)), graph, None, status
        )
    )
    if api.TF_GetCode(status) != 0:
        raise NativeLoadError((api.TF_Message(status) or b"").decode("utf-8", "replace"))
    api.TF_CloseSession(session, status)
    api.TF_DeleteSession(session, status)
    api.TF_DeleteGraph(graph)
    api.TF_DeleteSessionOptions(options)
    api.TF_DeleteStatus(status)
