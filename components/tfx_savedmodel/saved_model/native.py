"""TensorFlow's C++ loader and session through its C API: those of TensorFlow Serving, without Python's.

Source: tensorflow/c/c_api.h, TF_LoadSessionFromSavedModel and TF_SessionRun.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import importlib.util
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfx_savedmodel.errors import UnsupportedStackError

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

#: TF_Code -> the name that Python's TensorFlow gives the same error. Source: tensorflow/c/tf_status.h.
_ERRORS = {
    1: "CancelledError",
    2: "UnknownError",
    3: "InvalidArgumentError",
    4: "DeadlineExceededError",
    5: "NotFoundError",
    6: "AlreadyExistsError",
    7: "PermissionDeniedError",
    8: "ResourceExhaustedError",
    9: "FailedPreconditionError",
    10: "AbortedError",
    11: "OutOfRangeError",
    12: "UnimplementedError",
    13: "InternalError",
    14: "UnavailableError",
    15: "DataLossError",
    16: "UnauthenticatedError",
}


class NativeError(Exception):
    """What the C API answers in place of a result: `kind` as Python's TensorFlow names it; the text is its own."""

    def __init__(self, message: str, kind: str = "UnknownError") -> None:
        super().__init__(message)
        self.kind = kind

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.kind)


class NativeLoadError(NativeError):
    """The loader refused the model."""


class NativeRunError(NativeError):
    """The session did not run the signature."""


class _Output(ctypes.Structure):
    """TF_Output: an operation and the number of one of its outputs."""

    _fields_ = (("operation", ctypes.c_void_p), ("index", ctypes.c_int))


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
        ctypes.CDLL(str(root / "libtensorflow_framework.so.2"))
        loaded = ctypes.CDLL(str(root / "libtensorflow_cc.so.2"))
    except OSError as error:
        raise UnsupportedStackError(
            "TensorFlow's native libraries cannot be opened", where=str(root), found=str(error)
        ) from error
    for name in (
        *("TF_NewStatus", "TF_NewGraph", "TF_NewSessionOptions", "TF_NewBuffer", "TF_LoadSessionFromSavedModel"),
        *("TF_GraphOperationByName", "TF_GetRegisteredKernelsForOp"),
    ):
        getattr(loaded, name).restype = ctypes.c_void_p
    loaded.TF_Message.restype = ctypes.c_char_p
    loaded.TF_GetCode.restype = ctypes.c_int
    return loaded


@functools.cache
def _with_tensors() -> ctypes.CDLL:
    """Return the C API, ready for tensors; only who runs something needs NumPy."""
    from tfx_savedmodel.saved_model.native_tensors import PROTOTYPES

    api = library()
    for name, (result, arguments) in PROTOTYPES.items():
        function = getattr(api, name)
        function.restype, function.argtypes = result, arguments
    return api


class NativeSession:
    """A SavedModel loaded and initialised by the C++ loader, whose tensors can be fed and fetched.

    This runs the model's initialisers in this process: make one where a crash may happen.

    Args:
      directory: the SavedModel.
      tags: exactly the MetaGraph's tags.

    Raises:
      NativeLoadError: the loader's own words.
      UnsupportedStackError: TensorFlow's libraries are not there.
    """

    def __init__(self, directory: Path, tags: Sequence[str]) -> None:
        self._api = api = library()
        self._status, self._graph = (ctypes.c_void_p(make()) for make in (api.TF_NewStatus, api.TF_NewGraph))
        options = ctypes.c_void_p(api.TF_NewSessionOptions())
        names = (ctypes.c_char_p * len(tags))(*(tag.encode() for tag in tags))
        self._session: ctypes.c_void_p | None = ctypes.c_void_p(
            api.TF_LoadSessionFromSavedModel(
                *(options, None, str(directory).encode(), names, ctypes.c_int(len(tags))),
                *(self._graph, None, self._status),
            )
        )
        api.TF_DeleteSessionOptions(options)
        try:
            self._settle(NativeLoadError)
        except NativeLoadError:
            self._session = None
            self.close()
            raise

    def run(self, inputs: Mapping[str, tuple[Array, str]], outputs: Sequence[str]) -> list[Array]:
        """Return the output tensors in their order, each a copy.

        Args:
          inputs: graph tensor's name ("x:0") -> its value and TensorFlow's short name of its dtype.
          outputs: graph tensors' names; one may be an input, and one may be named twice.

        Raises:
          NativeRunError: the session's own words; a tensor that the graph has not; a dtype that has no NumPy form.
        """
        wanted = [name for name in dict.fromkeys(outputs) if name not in inputs]
        found = dict(zip(wanted, self._run(inputs, wanted), strict=True))
        # A session refuses to give back what it is fed.
        return [found[name] if name in found else inputs[name][0] for name in outputs]

    def _run(self, inputs: Mapping[str, tuple[Array, str]], outputs: Sequence[str]) -> list[Array]:
        from tfx_savedmodel.saved_model.native_tensors import from_tensor, to_tensor

        api = _with_tensors()
        fed, results = (ctypes.c_void_p * len(inputs))(), (ctypes.c_void_p * len(outputs))()
        with self._freeing(fed), self._freeing(results):
            try:
                for place, (array, dtype) in enumerate(inputs.values()):
                    fed[place] = to_tensor(api, array, dtype).value
                api.TF_SessionRun(
                    *(self._session, None, self._ends(inputs), fed, ctypes.c_int(len(inputs))),
                    *(self._ends(outputs), results, ctypes.c_int(len(outputs)), None, ctypes.c_int(0), None),
                    self._status,
                )
                self._settle(NativeRunError)
                return [from_tensor(api, ctypes.c_void_p(result)) for result in results]
            except (ValueError, TypeError) as error:
                raise NativeRunError(str(error), "InvalidArgumentError") from error

    def close(self) -> None:
        """Free the session and its variables; twice is once."""
        api, status = self._api, self._status
        if self._session is not None:
            api.TF_CloseSession(self._session, status)
            api.TF_DeleteSession(self._session, status)
            self._session = None
        if self._graph is not None:
            api.TF_DeleteGraph(self._graph)
            api.TF_DeleteStatus(status)
            self._graph = None  # type: ignore[assignment]

    def __enter__(self) -> NativeSession:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ends(self, tensors: Iterator[str] | Sequence[str] | Mapping[str, Any]) -> Any:
        from tfx_savedmodel.saved_model.tensors import split_tensor

        names = list(tensors)
        ends = (_Output * len(names))()
        for end, name in zip(ends, names, strict=True):
            node, index = split_tensor(name)
            end.operation = self._api.TF_GraphOperationByName(self._graph, node.encode())
            end.index = index
            if not end.operation:
                raise NativeRunError(f"the graph has no tensor {name!r}", "InvalidArgumentError")
        return ends

    @contextlib.contextmanager
    def _freeing(self, tensors: Any) -> Iterator[None]:
        try:
            yield
        finally:
            for tensor in filter(None, tensors):
                self._api.TF_DeleteTensor(tensor)

    def _settle(self, error: type[NativeError]) -> None:
        code = self._api.TF_GetCode(self._status)
        if code:
            words = (self._api.TF_Message(self._status) or b"").decode("utf-8", "replace")
            raise error(words, _ERRORS.get(code, "UnknownError"))


def load_natively(directory: Path, tags: Sequence[str]) -> None:
    """Load and initialise a SavedModel with the C++ loader, then close it.

    This runs the model's initialisers in this process: call it in one that may die.

    Raises:
      NativeLoadError: the loader's own words.
    """
    NativeSession(directory, tags).close()


def has_kernel(op: str) -> bool:
    """Tell whether this TensorFlow can run an op at all: one may be registered without a kernel.

    Raises:
      UnsupportedStackError: TensorFlow's libraries are not there.
    """
    api = library()
    status = ctypes.c_void_p(api.TF_NewStatus())
    kernels = ctypes.c_void_p(api.TF_GetRegisteredKernelsForOp(op.encode(), status))
    try:
        return bool(api.TF_GetCode(status) == 0 and _length(kernels))
    finally:
        api.TF_DeleteBuffer(kernels)
        api.TF_DeleteStatus(status)


class _Buffer(ctypes.Structure):
    """TF_Buffer: bytes that C owns."""

    _fields_ = (("data", ctypes.c_void_p), ("length", ctypes.c_size_t), ("deallocator", ctypes.c_void_p))


def _length(buffer: ctypes.c_void_p) -> int:
    """Return the size of a serialized KernelList; one without kernels is empty."""
    return int(ctypes.cast(buffer, ctypes.POINTER(_Buffer)).contents.length) if buffer.value else 0
