"""The op table of the TensorFlow that runs here says what that registers."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from tfx_savedmodel.saved_model.op_tables import ArgumentDefinition, AttributeDefinition, OpDefinition, op_table

pytestmark = pytest.mark.tf

#: Registered here and in no table: TensorRT's and two copies in a build with CUDA, and a library of TFLite's.
BESIDES = {
    "AudioMicrofrontend",
    "CreateTRTResourceHandle",
    "GetCalibrationDataOp",
    "InitializeTRTResource",
    "SerializeTRTResource",
    "TRTEngineOp",
    "_CopyFromGpuToHost",
    "_CopyFromHostToGpu",
}
#: Of these the one that TF-TRT puts in the place of a part of the graph, and what it needs.
TENSORRT = {name for name in BESIDES if "TRT" in name}
CALL_PYTHON = {"EagerPyFunc", "PyFunc", "PyFuncStateless"}

ASK = """
import pathlib, sys
import tensorflow
from tensorflow.python.client import pywrap_tf_session as session
folder = pathlib.Path(sys.argv[1])
(folder / "ops").write_bytes(session.TF_GetBuffer(session.TF_GetAllOpList()))
(folder / "kernels").write_bytes(session.TF_GetBuffer(session.TF_GetAllRegisteredKernels()))
"""


@dataclasses.dataclass(frozen=True)
class Registered:
    """OpDefs by name, and the KernelDefs for the CPU, those with a label left out, by op."""

    ops: dict[str, Any]
    kernels: dict[str, list[Any]]


@pytest.fixture(scope="module")
def registered(tmp_path_factory: pytest.TempPathFactory) -> Registered:
    from tensorflow.core.framework import kernel_def_pb2, op_def_pb2

    # A Python of its own: other tests may have loaded libraries that register more.
    folder: Path = tmp_path_factory.mktemp("registered")
    subprocess.run([sys.executable, "-c", ASK, str(folder)], check=True, capture_output=True)
    ops = op_def_pb2.OpList.FromString((folder / "ops").read_bytes()).op
    kernels = defaultdict(list)
    for kernel in kernel_def_pb2.KernelList.FromString((folder / "kernels").read_bytes()).kernel:
        if kernel.device_type in ("CPU", "DEFAULT") and not kernel.label:
            kernels[kernel.op].append(kernel)
    return Registered({op.name: op for op in ops}, dict(kernels))


def running_version() -> str:
    import tensorflow as tf

    return str(tf.__version__).rpartition(".")[0]


def test_the_same_ops(registered: Registered) -> None:
    table = set(op_table(running_version()))
    # Since 2.12 only the Python package registers the ops that TensorFlow's own tests use.
    of_its_tests = set(op_table("2.11")) - set(op_table("2.12"))
    assert table - set(registered.ops) == set()
    assert set(registered.ops) - table <= BESIDES | of_its_tests


def test_an_op_of_tensorrt_has_no_kernel_that_every_machine_has(registered: Registered) -> None:
    """SM113 counts them among a library's: TensorFlow 2.15 for CUDA knows the names, 2.21 not even these."""
    assert TENSORRT & set(registered.ops) in (TENSORRT, set())
    assert TENSORRT & set(registered.kernels) == set()


def test_the_same_definitions(registered: Registered) -> None:
    table = op_table(running_version())
    different = [name for name in table if table.get(name) != definition(registered.ops[name])]
    assert different == []


def test_the_same_kernels(registered: Registered) -> None:
    table = op_table(running_version())
    with_kernel = {name for name in table if table.has_kernel(name)}
    assert with_kernel == (set(registered.kernels) & set(table)) - CALL_PYTHON
    for name in with_kernel:
        for kernel in registered.kernels[name]:
            asked = {constraint.name: values(constraint.allowed_values)[:1] for constraint in kernel.constraint}
            assert table.has_kernel(name, asked), (name, asked)


def definition(op: Any) -> OpDefinition:
    return OpDefinition(
        name=op.name,
        inputs=tuple(map(argument, op.input_arg)),
        outputs=tuple(map(argument, op.output_arg)),
        attributes={each.name: attribute(each) for each in op.attr},
        is_stateful=op.is_stateful,
        deprecated_from=op.deprecation.version or None,
    )


def argument(proto: Any) -> ArgumentDefinition:
    return ArgumentDefinition(
        name=proto.name,
        type=proto.type or None,
        type_attribute=proto.type_attr or None,
        types_attribute=proto.type_list_attr or None,
        number_attribute=proto.number_attr or None,
        is_reference=proto.is_ref,
    )


def attribute(proto: Any) -> AttributeDefinition:
    return AttributeDefinition(
        type=proto.type,
        default=proto.default_value.SerializeToString(deterministic=True) if proto.HasField("default_value") else None,
        allowed=values(proto.allowed_values) if proto.HasField("allowed_values") else None,
        minimum=proto.minimum if proto.has_minimum else None,
    )


def values(proto: Any) -> tuple[int | str, ...]:
    held = proto.list
    return (*held.type, *(item.decode() for item in held.s), *held.i, *held.b)
