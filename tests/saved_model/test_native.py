"""TensorFlow's C API: tensors there and back, and signatures run without Python's TensorFlow."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import ROOT
from tests.saved_model.graphs import FLOAT, STRING, node, save
from tfx_savedmodel.saved_model import native_tensors
from tfx_savedmodel.saved_model.dtypes import numpy_dtype
from tfx_savedmodel.saved_model.native import NativeLoadError, NativeRunError, NativeSession, _with_tensors, has_kernel

pytestmark = pytest.mark.tf

LONG = b"\0 longer than a string that lies in its own struct \0"


@pytest.fixture
def session(tmp_path: Path) -> Iterator[NativeSession]:
    """x -> y = x + x; words -> said = words."""
    model = save(
        tmp_path / "m",
        [
            node("x", "Placeholder", dtype=FLOAT),
            node("y", "AddV2", "x", "x", T=FLOAT),
            node("words", "Placeholder", dtype=STRING),
            node("said", "Identity", "words", T=STRING),
        ],
    )
    with NativeSession(model, ["serve"]) as loaded:
        yield loaded


@pytest.mark.parametrize(
    "dtype",
    [
        *("bool", "float16", "bfloat16", "float32", "float64", "complex64", "complex128"),
        *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "qint8", "quint8", "qint32"),
    ],
)
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0, 4)])
def test_numbers_come_back_as_they_went(dtype: str, shape: tuple[int, ...]) -> None:
    api, wanted = _with_tensors(), numpy_dtype(dtype)
    numbers = np.arange(int(np.prod(shape))).reshape(shape) % 2
    array = numbers.astype(wanted[0]).view(wanted) if wanted.names else numbers.astype(wanted)
    tensor = native_tensors.to_tensor(api, array, dtype)
    found = native_tensors.from_tensor(api, tensor)
    api.TF_DeleteTensor(tensor)
    assert (found.dtype, found.shape) == (wanted, shape)
    assert found.tobytes() == array.tobytes()


def test_strings_come_back_as_they_went_and_are_freed() -> None:
    api = _with_tensors()
    array = np.empty((2, 2), dtype=object)
    array[:] = [[b"", b"short"], [LONG, LONG * 1000]]
    tensor = native_tensors.to_tensor(api, array, "string")
    assert native_tensors._held
    assert native_tensors.from_tensor(api, tensor).tolist() == array.tolist()
    api.TF_DeleteTensor(tensor)
    assert not native_tensors._held


def test_a_dtype_without_numbers_is_refused() -> None:
    with pytest.raises(ValueError, match="resource has no NumPy form"):
        numpy_dtype("resource")


def test_a_session_runs_numbers_and_strings(session: NativeSession) -> None:
    x = np.array([[1.0, 2.0]], dtype=np.float32)
    words = np.array([b"a", LONG], dtype=object)
    y, said = session.run({"x:0": (x, "float32"), "words:0": (words, "string")}, ["y:0", "said:0"])
    assert y.tolist() == [[2.0, 4.0]]
    assert said.tolist() == [b"a", LONG]


def test_what_is_fed_can_be_fetched_and_one_output_has_several_names(session: NativeSession) -> None:
    x = np.array([3.0], dtype=np.float32)
    assert [value.tolist() for value in session.run({"x:0": (x, "float32")}, ["x:0", "y:0", "y:0"])] == [[3], [6], [6]]


@pytest.mark.parametrize(
    ("inputs", "outputs", "words"),
    [
        ({"x:0": (np.zeros(2), "float64")}, ["y:0"], "float"),
        ({}, ["y:0"], "x"),
        ({"nothing:0": (np.zeros(2), "float32")}, ["y:0"], "nothing:0"),
        ({"x:0": (np.zeros(2), "variant")}, ["y:0"], "variant has no NumPy form"),
    ],
)
def test_a_run_that_fails_says_its_kind(
    session: NativeSession, inputs: dict[str, Any], outputs: list[str], words: str
) -> None:
    with pytest.raises(NativeRunError, match=words) as caught:
        session.run(inputs, outputs)
    assert caught.value.kind == "InvalidArgumentError"
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.kind) == (str(caught.value), caught.value.kind)


def test_a_load_that_fails_says_its_kind(tmp_path: Path) -> None:
    with pytest.raises(NativeLoadError) as caught:
        NativeSession(save(tmp_path / "m", [node("x", "NoSuchOp")]), ["serve"])
    assert caught.value.kind == "NotFoundError"


def test_ops_without_a_kernel_are_known() -> None:
    # Registered for old graphs, but nothing runs it any more; and one that no TensorFlow has.
    assert [has_kernel(op) for op in ("AddV2", "BoostedTreesBucketize", "NoSuchOp")] == [True, False, False]


def test_the_library_may_be_opened_before_anything_else(tmp_path: Path) -> None:
    """Protobuf and TensorFlow must find their own symbols, whoever comes first."""
    save(tmp_path / "m", [node("x", "Placeholder", dtype=FLOAT), node("y", "AddV2", "x", "x", T=FLOAT)])
    code = (
        "import sys, numpy\n"
        "from tfx_savedmodel.saved_model.native import NativeSession\n"
        "session = NativeSession(sys.argv[1], ['serve'])\n"
        "print(session.run({'x:0': (numpy.ones(1), 'float32')}, ['y:0'])[0], 'tensorflow' in sys.modules)\n"
        "import tensorflow\n"
        "print(int(tensorflow.add(1, 2)))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "components"), "CUDA_VISIBLE_DEVICES": "-1"}
    command = [sys.executable, "-c", code, str(tmp_path / "m")]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.stdout.splitlines() == ["[2.] False", "3"], done.stderr[-2000:]
