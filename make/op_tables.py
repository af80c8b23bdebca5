"""Write the tables of TensorFlow's ops again: `make op-tables`, after a new release was added below.

Each release's wheel is downloaded, its library asked for what it registers, and the wheel thrown away. The answers
stay in `build/op-tables`, so that a run that was stopped goes on where it was. Runs in `.venv`; the releases up to
2.7 have no wheel for its Python and want Python 3.7 besides. The reader of what is written here, and its format, is
components/tfx_savedmodel/saved_model/op_tables.py.
"""

from __future__ import annotations

import dataclasses
import gzip
import json
import subprocess
import sys
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import interpreters
import uv

from tfx_savedmodel.saved_model import protos, wire


@dataclasses.dataclass(frozen=True)
class Release:
    """One release: the distribution whose wheel is read, its version ("2.7.4"), and the wheel's Python."""

    distribution: str
    version: str
    python: str


#: The last patch release of each minor version, the oldest first; of what runs without CUDA, which is smaller.
RELEASES = (
    Release("tensorflow", "1.15.5", "3.7"),
    Release("tensorflow", "2.0.4", "3.7"),
    Release("tensorflow-cpu", "2.1.4", "3.7"),
    Release("tensorflow-cpu", "2.2.3", "3.7"),
    Release("tensorflow-cpu", "2.3.4", "3.7"),
    Release("tensorflow-cpu", "2.4.4", "3.7"),
    Release("tensorflow-cpu", "2.5.3", "3.7"),
    Release("tensorflow-cpu", "2.6.5", "3.7"),
    Release("tensorflow-cpu", "2.7.4", "3.7"),
    Release("tensorflow-cpu", "2.8.4", "3.10"),
    Release("tensorflow-cpu", "2.9.3", "3.10"),
    Release("tensorflow-cpu", "2.10.1", "3.10"),
    Release("tensorflow-cpu", "2.11.1", "3.10"),
    Release("tensorflow-cpu", "2.12.1", "3.10"),
    Release("tensorflow-cpu", "2.13.1", "3.10"),
    Release("tensorflow-cpu", "2.14.1", "3.10"),
    Release("tensorflow-cpu", "2.15.1", "3.10"),
    Release("tensorflow-cpu", "2.16.2", "3.10"),
    Release("tensorflow-cpu", "2.17.1", "3.10"),
    Release("tensorflow-cpu", "2.18.1", "3.10"),
    Release("tensorflow-cpu", "2.19.1", "3.10"),
    Release("tensorflow-cpu", "2.20.0", "3.10"),
    Release("tensorflow-cpu", "2.21.0", "3.10"),
)
ANSWERS = uv.ROOT / "build" / "op-tables"
TABLES = uv.ROOT / "components" / "tfx_savedmodel" / "saved_model" / "op_tables.txt.gz"

#: pip takes wheels of just the platforms that it is told.
_PLATFORMS = [f"{name}_x86_64" for name in ("manylinux2010", "manylinux2014", "manylinux_2_17", "manylinux_2_27")]
#: The libraries in the order of loading: the framework; the ops, before 2.12 in a Python extension that wants the
#: symbols of its own Python; and the kernels that `import tensorflow` loads besides.
_LIBRARIES = (
    "libtensorflow_framework.so.*",
    "libtensorflow_cc.so.2",
    "python/_pywrap_tensorflow_internal.so",
    "core/kernels/*.so",
)
_ASK = """
import ctypes, sys

class Buffer(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("length", ctypes.c_size_t), ("deallocator", ctypes.c_void_p)]

ops, kernels, version = sys.argv[1:4]
for path in sys.argv[4:]:
    ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL)
loaded = ctypes.CDLL(None)

def ask(name, path, *arguments):
    function = getattr(loaded, name)
    function.restype = ctypes.POINTER(Buffer)
    answer = function(*arguments).contents
    with open(path, "wb") as file:
        file.write(ctypes.string_at(answer.data, answer.length))

loaded.TF_Version.restype = ctypes.c_char_p
found = loaded.TF_Version().decode()
if found != version:
    sys.exit("the library says that it is " + found)
loaded.TF_NewStatus.restype = ctypes.c_void_p
ask("TF_GetAllOpList", ops)
ask("TF_GetAllRegisteredKernels", kernels, ctypes.c_void_p(loaded.TF_NewStatus()))
"""
#: Their kernels call Python: no server has them, nor has the library of 2.12 and later.
_CALL_PYTHON = {"EagerPyFunc", "PyFunc", "PyFuncStateless"}


def main() -> int:
    answers, faults = [], []
    try:
        uv.ensure_uv()
        for release in RELEASES:
            try:
                answers.append(registered(release))
            except uv.SetupError as error:
                faults.append(f"{release.distribution} {release.version}: {error}")
    except uv.SetupError as error:
        faults.append(str(error))
    if faults:
        print("\nNothing is written, for these could not be read:", *faults, sep="\n  ", file=sys.stderr)
        return 1
    text = "\n".join(_lines(answers)) + "\n"
    # Neither a name nor a time in the header: the same answers give the same bytes.
    TABLES.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    uv.say(f"{TABLES.relative_to(uv.ROOT)}: {len(RELEASES)} releases, {TABLES.stat().st_size} bytes")
    return 0


def registered(release: Release) -> tuple[bytes, bytes]:
    """Return the release's serialized OpList and KernelList.

    Raises:
      uv.SetupError: its Python is not here, its wheel cannot be downloaded, or its library cannot be read.
    """
    ops, kernels = (ANSWERS / f"{release.version}.{name}" for name in ("ops", "kernels"))
    if not (ops.is_file() and kernels.is_file()):
        _read(release, ops, kernels)
    return ops.read_bytes(), kernels.read_bytes()


def _read(release: Release, ops: Path, kernels: Path) -> None:
    python = interpreters.find(release.python, needs_headers=False)
    if python is None:
        raise uv.SetupError(f"no Python {release.python} is here; for example: pyenv install {release.python}")
    ANSWERS.mkdir(parents=True, exist_ok=True)
    # Beside the answers, which are moved there in one step; not every /tmp has room for a gigabyte.
    with tempfile.TemporaryDirectory(dir=ANSWERS, prefix="wheel-") as name:
        folder = Path(name)
        uv.say(f"{release.distribution} {release.version}")
        libraries = _unpack(_download(release, folder), folder)
        written = folder / "ops", folder / "kernels"
        command = [python.executable, "-c", _ASK, *written, release.version, *libraries]
        if subprocess.run([str(word) for word in command]).returncode:
            raise uv.SetupError("its library could not be read; its own words are above")
        written[0].replace(ops)
        written[1].replace(kernels)


def _download(release: Release, folder: Path) -> Path:
    command = [str(uv.HOME / "bin" / "python"), "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-cache-dir", "--no-deps", "--only-binary=:all:", "--dest", str(folder)]
    command += ["--python-version", release.python]
    for platform in _PLATFORMS:
        command += ["--platform", platform]
    if subprocess.run([*command, f"{release.distribution}=={release.version}"]).returncode:
        raise uv.SetupError("pip could not download it; its own words are above")
    return next(folder.glob("*.whl"))


def _unpack(wheel: Path, folder: Path) -> list[Path]:
    """Unpack the libraries that hold ops and kernels, and return them in the order of loading."""
    with zipfile.ZipFile(wheel) as archive:
        members = [Path(name) for name in archive.namelist()]
        # The folder is tensorflow_core before 2.1; deeper ones hold other libraries of the same names.
        found = [[member for member in members if _is(member, f"tensorflow*/{name}")] for name in _LIBRARIES]
        _, cplusplus, extension, _ = found
        if cplusplus:
            extension.clear()
        libraries = [Path(archive.extract(str(member), folder)) for group in found for member in sorted(group)]
    wheel.unlink()
    return libraries


def _is(member: Path, pattern: str) -> bool:
    return len(member.parts) == pattern.count("/") + 1 and member.match(pattern)


def _lines(answers: Sequence[tuple[bytes, bytes]]) -> Iterable[str]:
    """Yield the releases, then each op with its definitions and its kernels; bit n of a mask is release n."""
    definitions: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    kernels: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for number, (op_list, kernel_list) in enumerate(answers):
        for name, definition in _definitions(op_list):
            definitions[name][_json(definition)] |= 1 << number
        for name, constraints in _kernels(kernel_list):
            kernels[name][_json(constraints)] |= 1 << number
    yield _json([release.version for release in RELEASES])
    for name in sorted(definitions):
        yield "\t".join([name, *_masked(definitions[name]), *_masked(kernels.get(name, {}))])


def _masked(texts: dict[str, int]) -> tuple[str, str]:
    """Return in which releases there is any, and each with its own."""
    return f"{sum(texts.values()):x}", "[%s]" % ",".join(f"[{mask},{text}]" for text, mask in texts.items())


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _definitions(op_list: bytes) -> Iterable[tuple[str, Any]]:
    ops = protos.meta_graph_pb2().MetaGraphDef.MetaInfoDef().stripped_op_list
    ops.ParseFromString(op_list)
    for op in ops.op:
        inputs, outputs = ([_argument(argument) for argument in group] for group in (op.input_arg, op.output_arg))
        attributes = [_attribute(attribute) for attribute in op.attr]
        yield op.name, [inputs, outputs, attributes, int(op.is_stateful), op.deprecation.version]


def _argument(argument: Any) -> str:
    """ "x:T", "x:1" of a fixed type, "x:N*T" for several, "x:[T]" for a list of types, "x:&T" for a reference."""
    kind = argument.type_attr or str(argument.type)
    kind = f"[{argument.type_list_attr}]" if argument.type_list_attr else kind
    number = f"{argument.number_attr}*" if argument.number_attr else ""
    return f"{argument.name}:{'&' if argument.is_ref else ''}{number}{kind}"


def _attribute(attribute: Any) -> list[Any]:
    default = attribute.default_value.SerializeToString(deterministic=True).hex()
    return [
        attribute.name,
        attribute.type,
        default if attribute.HasField("default_value") else None,
        _values(attribute.allowed_values) if attribute.HasField("allowed_values") else None,
        attribute.minimum if attribute.has_minimum else None,
    ]


def _values(value: Any) -> list[Any]:
    held = value.list
    return [*held.type, *(item.decode() for item in held.s), *held.i, *map(int, held.b)]


def _kernels(kernel_list: bytes) -> Iterable[tuple[str, Any]]:
    """Yield each op that has a kernel for the CPU, with what its kernels ask of attributes.

    One with a label is chosen by who asks for it by name, which no graph of ours does.
    """
    found: dict[str, list[dict[str, list[Any]]]] = defaultdict(list)
    for _, kernel in wire.fields(kernel_list):
        parts: dict[int, list[Any]] = defaultdict(list)
        for number, value in wire.fields(kernel if isinstance(kernel, bytes) else b""):
            parts[number].append(value)
        name, device = (parts[number][0].decode() for number in (1, 2))
        if device in ("CPU", "DEFAULT") and not parts[5] and name not in _CALL_PYTHON:
            found[name].append(dict(_constraint(part) for part in parts[3]))
    for name, kernels in found.items():
        yield name, _merged(kernels)


def _constraint(part: bytes) -> tuple[str, list[Any]]:
    parts = dict(wire.fields(part))
    name, value = parts[1], protos.meta_graph_pb2().MetaGraphDef().graph_def.node.add().attr["value"]
    value.ParseFromString(parts[2])
    assert isinstance(name, bytes)
    return name.decode(), _values(value)


def _merged(kernels: list[dict[str, list[Any]]]) -> list[dict[str, list[Any]]]:
    """Join kernels that differ in what they ask of one attribute: there is one for each type."""
    if not all(kernels):
        return [{}]
    for attribute in sorted({attribute for kernel in kernels for attribute in kernel}):
        groups: dict[str, dict[str, list[Any]]] = {}
        for kernel in kernels:
            key = _json(sorted((name, values if name != attribute else 0) for name, values in kernel.items()))
            group = groups.setdefault(key, dict(kernel))
            if attribute in kernel:
                group[attribute] = sorted({*group[attribute], *kernel[attribute]})
        kernels = list(groups.values())
    return [
        dict(sorted(kernel.items())) for kernel in sorted(kernels, key=lambda kernel: _json(sorted(kernel.items())))
    ]


if __name__ == "__main__":
    sys.exit(main())
