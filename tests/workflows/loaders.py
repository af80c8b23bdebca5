"""An export asked by every loader there is: TF1's, TF2's, the C++ one through TensorFlow's C API, saved_model_cli.

Source: tensorflow/c/c_api.h, tf_tensor.h and tf_tstring.h.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfx_savedmodel.saved_model.native import library
from tfx_savedmodel.saved_model.reader import read_saved_model
from tfx_savedmodel.saved_model.session import ServingSession

Arrays = dict[str, np.ndarray[Any, Any]]

DEFAULT = "serving_default"

_STRING = 7
_TSTRING_SIZE = 24


def answers(model: Path, key: str = DEFAULT, inputs: Mapping[str, Any] | None = None, tags: str = "serve") -> Arrays:
    """Return what a signature answers, which must be the same of TF1, TF2, the C++ loader and saved_model_cli.

    `tags` are separated by commas.
    """
    import tensorflow as tf

    given = {name: _array(value) for name, value in (inputs or {}).items()}
    with ServingSession(model, tuple(tags.split(","))) as session:
        of_tf1 = session.run(key, given)
    loaded = tf.saved_model.load(str(model), tags=tags.split(","))
    tensors = {name: tf.constant(value) for name, value in given.items()}
    of_tf2 = {name: value.numpy() for name, value in loaded.signatures[key](**tensors).items()}
    of_cpp = run_natively(model, key, given, tags.split(","))
    of_cli = run_with_cli(model, key, given, tags)
    for others in (of_tf2, of_cpp, of_cli):
        same(others, of_tf1)
    return of_tf1


def same(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Assert that two sets of tensors have the same names and numbers, floats but for rounding."""
    assert sorted(found) == sorted(wanted)
    for name in wanted:
        left, right = _array(found[name]), _array(wanted[name])
        assert left.shape == right.shape, name
        if right.dtype.kind == "f":
            assert left.dtype == right.dtype, name
            np.testing.assert_allclose(left, right, rtol=1e-5, atol=1e-6, err_msg=name)
        else:
            assert left.tolist() == right.tolist(), name


def run_natively(model: Path, key: str, inputs: Mapping[str, Any], tags: Sequence[str] = ("serve",)) -> Arrays:
    """Load with the C++ loader and run a signature in its session; ops move to devices that are there.

    Raises:
      RuntimeError: the loader's or the session's own words.
    """
    import tensorflow as tf

    (signature,) = (
        meta_graph.signatures[key]
        for meta_graph in read_saved_model(model).meta_graphs
        if sorted(meta_graph.tags) == sorted(tags)
    )
    api = _api()
    with contextlib.ExitStack() as stack:
        status = stack.enter_context(_made(api, "TF_NewStatus", "TF_DeleteStatus"))
        graph = stack.enter_context(_made(api, "TF_NewGraph", "TF_DeleteGraph"))
        options = stack.enter_context(_made(api, "TF_NewSessionOptions", "TF_DeleteSessionOptions"))
        config = tf.compat.v1.ConfigProto(allow_soft_placement=True).SerializeToString()
        api.TF_SetConfig(options, config, ctypes.c_size_t(len(config)), status)
        names = (ctypes.c_char_p * len(tags))(*(tag.encode() for tag in tags))
        session = ctypes.c_void_p(
            api.TF_LoadSessionFromSavedModel(
                options, None, str(model).encode(), names, ctypes.c_int(len(tags)), graph, None, status
            )
        )
        _ok(api, status)
        stack.callback(api.TF_DeleteSession, session, status)
        stack.callback(api.TF_CloseSession, session, status)
        fed = [_tensor(api, inputs[name], spec.dtype) for name, spec in signature.inputs.items()]
        for tensor in fed:
            stack.callback(api.TF_DeleteTensor, tensor)
        sources = _ends(api, graph, [spec.tensor for spec in signature.inputs.values()])
        targets = _ends(api, graph, [spec.tensor for spec in signature.outputs.values()])
        results = (ctypes.c_void_p * len(targets))()
        values = (ctypes.c_void_p * len(fed))(*fed)
        counts = ctypes.c_int(len(fed)), ctypes.c_int(len(targets))
        api.TF_SessionRun(
            *(session, None, sources, values, counts[0], targets, results, counts[1], None, ctypes.c_int(0), None),
            status,
        )
        _ok(api, status)
        found = {}
        for name, result in zip(signature.outputs, results, strict=True):
            stack.callback(api.TF_DeleteTensor, ctypes.c_void_p(result))
            found[name] = _values(api, ctypes.c_void_p(result))
        return found


def run_with_cli(model: Path, key: str, inputs: Mapping[str, Any], tags: str = "serve") -> Arrays:
    """Show the whole model and run a signature with saved_model_cli, in this process: its start takes seconds."""
    shown = saved_model_cli("show", "--dir", str(model), "--all")
    assert f"signature_def['{key}']" in shown
    with tempfile.TemporaryDirectory() as folder:
        files, texts = [], []
        for name, value in inputs.items():
            if value.dtype == object:  # a file of objects would be a pickle, which it does not read
                texts.append(f"{name}={value.tolist()!r}".replace(";", "\\x3b"))
                continue
            np.save(Path(folder) / f"{name}.npy", value)
            files.append(f"{name}={folder}/{name}.npy")
        command = ["run", "--dir", str(model), "--tag_set", tags, "--signature_def", key]
        given = ["--inputs", ";".join(files), "--input_exprs", ";".join(texts)]
        saved_model_cli(*command, *given, "--outdir", f"{folder}/out")
        return {file.stem: np.load(file, allow_pickle=True) for file in Path(folder, "out").glob("*.npy")}


def saved_model_cli(*arguments: str) -> str:
    """Return what saved_model_cli prints, run in this process as its `main` runs it."""
    from absl.testing import flagsaver
    from tensorflow.python.tools import saved_model_cli as cli

    with flagsaver.flagsaver(), contextlib.redirect_stdout(io.StringIO()) as printed:
        cli.create_parser().parse_args(list(arguments)).func()
    return printed.getvalue()


class _End(ctypes.Structure):
    """TF_Output: an operation and the number of one of its outputs."""

    _fields_ = (("operation", ctypes.c_void_p), ("index", ctypes.c_int))


def _api() -> ctypes.CDLL:
    """Return the C API, apart from the package's own handle of it."""
    api = ctypes.CDLL(library()._name)
    for name in (
        *("TF_NewStatus", "TF_NewGraph", "TF_NewSessionOptions", "TF_LoadSessionFromSavedModel"),
        *("TF_GraphOperationByName", "TF_AllocateTensor", "TF_TensorData", "TF_StringGetDataPointer"),
    ):
        getattr(api, name).restype = ctypes.c_void_p
    for name in ("TF_Dim", "TF_TensorByteSize", "TF_StringGetSize"):
        getattr(api, name).restype = ctypes.c_int64
    api.TF_Message.restype = ctypes.c_char_p
    return api


@contextlib.contextmanager
def _made(api: ctypes.CDLL, make: str, delete: str) -> Any:
    value = ctypes.c_void_p(getattr(api, make)())
    yield value
    getattr(api, delete)(value)


def _ok(api: ctypes.CDLL, status: ctypes.c_void_p) -> None:
    if api.TF_GetCode(status) != 0:
        raise RuntimeError((api.TF_Message(status) or b"").decode("utf-8", "replace"))


def _ends(api: ctypes.CDLL, graph: ctypes.c_void_p, tensors: Sequence[str]) -> Any:
    ends = (_End * len(tensors))()
    for end, tensor in zip(ends, tensors, strict=True):
        operation, _, index = tensor.partition(":")
        end.operation = api.TF_GraphOperationByName(graph, operation.encode())
        end.index = int(index)
        assert end.operation, tensor
    return ends


def _tensor(api: ctypes.CDLL, value: Any, dtype: str) -> ctypes.c_void_p:
    import tensorflow as tf

    array = _array(value)
    kind = tf.as_dtype(dtype)
    sizes = (ctypes.c_int64 * array.ndim)(*array.shape)
    if kind != tf.string:
        array = np.asarray(array, kind.as_numpy_dtype, order="C")  # ascontiguousarray makes a scalar a vector
    length = array.size * _TSTRING_SIZE if kind == tf.string else array.nbytes
    made = api.TF_AllocateTensor(kind.as_datatype_enum, sizes, ctypes.c_int(array.ndim), ctypes.c_size_t(length))
    tensor = ctypes.c_void_p(made)
    data = api.TF_TensorData(tensor)
    if kind != tf.string:
        ctypes.memmove(data, array.ctypes.data, length)
        return tensor
    for index, text in enumerate(array.ravel()):
        place = ctypes.c_void_p(data + index * _TSTRING_SIZE)
        api.TF_StringInit(place)
        api.TF_StringCopy(place, bytes(text), ctypes.c_size_t(len(text)))
    return tensor


def _values(api: ctypes.CDLL, tensor: ctypes.c_void_p) -> np.ndarray[Any, Any]:
    import tensorflow as tf

    shape = [api.TF_Dim(tensor, ctypes.c_int(axis)) for axis in range(api.TF_NumDims(tensor))]
    data = api.TF_TensorData(tensor)
    if api.TF_TensorType(tensor) != _STRING:
        content = ctypes.string_at(data, api.TF_TensorByteSize(tensor))
        dtype = tf.as_dtype(api.TF_TensorType(tensor)).as_numpy_dtype
        return np.frombuffer(content, dtype).reshape(shape)
    texts = []
    for index in range(int(np.prod(shape))):
        place = ctypes.c_void_p(data + index * _TSTRING_SIZE)
        texts.append(ctypes.string_at(api.TF_StringGetDataPointer(place), api.TF_StringGetSize(place)))
    found = np.empty(len(texts), object)
    found[:] = texts
    return found.reshape(shape)


def _array(value: Any) -> np.ndarray[Any, Any]:
    array = np.asarray(value.numpy() if hasattr(value, "numpy") else value)
    # Straight from the bytes: numpy's own form of them drops NULs at their end, which serialized examples have.
    return np.array(value, dtype=object) if array.dtype.kind == "S" else array
