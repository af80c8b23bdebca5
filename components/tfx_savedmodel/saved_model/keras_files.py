"""Keras files read as data: form, version, configuration. Nothing of them is deserialised."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from tfx_savedmodel.errors import UnreadableModelError, UnsafeModelError
from tfx_savedmodel.saved_model.keras_npz import MEMBER, pickled_arrays
from tfx_savedmodel.saved_model.locate import KERAS_ENDINGS

#: The forms of a Keras file, in words.
KERAS_ZIP = "a .keras file"
H5_MODEL = "an H5 model"
H5_WEIGHTS = "H5 weights"
V3_WEIGHTS = "weights of Keras's newer layout"

_ZIP_MAGIC = b"PK\x03\x04"
_HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
_LFS_MAGIC = b"version https://git-lfs"
_CONFIG, _METADATA, _WEIGHTS = "config.json", "metadata.json", "model.weights.h5"

#: Bytes: what a configuration may hold, and what an archive may hold before it must not be far more than its file.
_LARGEST_CONFIG = 256 << 20
_LARGEST_UNCOMPARED = 1 << 30
_LARGEST_RATIO = 100

#: Groups of which the newer layout of weights has one at least.
_V3_GROUPS = {"layers", "vars", "_layer_checkpoint_dependencies"}


@dataclasses.dataclass(frozen=True)
class KerasFile:
    """What a Keras file says of itself.

    `config` is the model's configuration, None in a file of weights; `training_config` what it was compiled
    with, if anything. `keras_version` and `backend` are empty where the file does not name them.
    """

    path: Path
    form: str
    keras_version: str = ""
    backend: str = ""
    config: Mapping[str, Any] | None = None
    training_config: Mapping[str, Any] | None = None
    has_weights: bool = True
    has_optimizer: bool = False
    pickled: tuple[str, ...] = ()
    """Arrays of the weights that are pickled Python objects."""

    @property
    def described(self) -> str:
        """The form, and the version that wrote it."""
        return f"{self.form} of Keras {self.keras_version}" if self.keras_version else self.form


def is_keras_file(path: Path) -> bool:
    """Tell whether a file's first bytes or its name make it a Keras file, readable or not."""
    if not path.is_file():
        return False
    return path.suffix.lower() in KERAS_ENDINGS or _magic(path).startswith((_ZIP_MAGIC, _HDF5_MAGIC))


def read_keras_file(path: Path) -> KerasFile:
    """Read a `.keras` or HDF5 file, whichever its bytes say, whatever its name.

    Raises:
      UnreadableModelError: neither, damaged, or made to exhaust its reader.
      UnsafeModelError: the HDF5 in it takes data from other files.
    """
    try:
        magic = _magic(path)
        if magic.startswith(_HDF5_MAGIC):
            return _read_hdf5(path)
        if magic.startswith(_ZIP_MAGIC):
            return _read_zip(path)
    except (OSError, ValueError, KeyError, RecursionError, RuntimeError, NotImplementedError) as error:
        # zipfile raises the last two for encrypted members and unknown compression.
        raise _unreadable(path, "the Keras file cannot be read", f"{type(error).__name__}: {error}") from error
    except zipfile.BadZipFile as error:
        raise _unreadable(path, "the archive cannot be read", str(error)) from error
    if magic.startswith(_LFS_MAGIC):
        raise UnreadableModelError(
            "a Git LFS pointer, not the model",
            where=str(path),
            found="a pointer of Git LFS",
            wanted="the file that it stands for",
            next_step="git lfs pull",
        )
    raise _unreadable(path, "not a Keras file", f"a file that starts with {magic[:8]!r}")


def _unreadable(path: Path, message: str, found: str, next_step: str = "save the model again") -> UnreadableModelError:
    return UnreadableModelError(
        message, where=str(path), found=found, wanted="a whole .keras or HDF5 file", next_step=next_step
    )


def _magic(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(len(_LFS_MAGIC))


def _mapping(path: Path, place: str, data: bytes | str) -> dict[str, Any]:
    """Return the JSON object in `data`, read as Keras reads it: bytes may be in any UTF."""
    value = json.loads(data)
    if not isinstance(value, dict):
        raise _unreadable(path, f"{place} is no configuration", type(value).__name__)
    return value


def _read_zip(path: Path) -> KerasFile:
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        _check_members(path, members)
        names = {member.filename for member in members}
        if _CONFIG not in names:
            raise _unreadable(path, "an archive that is no Keras model", f"no {_CONFIG} among {_first(names)}")
        config = _mapping(path, _CONFIG, archive.read(_CONFIG))
        metadata = _mapping(path, _METADATA, archive.read(_METADATA)) if _METADATA in names else {}
        if _WEIGHTS in names:
            # HDF5 reads to and fro; a member of an archive is read again from its start for each step back.
            with archive.open(_WEIGHTS) as member, tempfile.TemporaryFile() as file:
                shutil.copyfileobj(member, file, 1 << 20)
                _check_weights(path, file)
        pickled: tuple[str, ...] = ()
        if MEMBER in names:
            with archive.open(MEMBER) as member:
                pickled = pickled_arrays(member)
    training = config.get("compile_config")
    return KerasFile(
        path=path,
        form=KERAS_ZIP,
        keras_version=str(metadata.get("keras_version") or ""),
        backend=str(metadata.get("backend") or ""),
        config=config,
        training_config=training if isinstance(training, dict) and training else None,
        has_weights=any(name.startswith("model.weights") for name in names),
        has_optimizer=isinstance(training, dict) and bool(training.get("optimizer")),
        pickled=pickled,
    )


def _check_members(path: Path, members: list[zipfile.ZipInfo]) -> None:
    names = [member.filename for member in members]
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise _unreadable(path, "the archive has a member twice: readers disagree which counts", ", ".join(twice[:5]))
    straying = [name for name in names if name.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", name)]
    if straying:
        raise _unreadable(path, "the archive has members whose names leave it", ", ".join(straying[:5]))
    size = sum(member.file_size for member in members)
    if size > _LARGEST_UNCOMPARED and size > _LARGEST_RATIO * path.stat().st_size:
        found = f"{path.stat().st_size} bytes that unpack to {size}"
        raise _unreadable(path, "the archive unpacks to far more than a model", found)
    for member in members:
        if member.filename in (_CONFIG, _METADATA) and member.file_size > _LARGEST_CONFIG:
            raise _unreadable(path, "the configuration is too large", f"{member.filename}: {member.file_size} bytes")


def _read_hdf5(path: Path) -> KerasFile:
    with _hdf5(path) as file:
        _refuse_external(path, file)
        groups = set(file)
        config, training = _attribute(file, "model_config"), _attribute(file, "training_config")
        legacy = file.get("model_weights", file)
        names = sorted(groups)
        version = _attribute(file, "keras_version") or _attribute(legacy, "keras_version")
        backend = _attribute(file, "backend") or _attribute(legacy, "backend")
        weights_only = "layer_names" in file.attrs
    if config:
        return KerasFile(
            path=path,
            form=H5_MODEL,
            keras_version=version,
            backend=backend,
            config=_mapping(path, "model_config", config),
            training_config=_mapping(path, "training_config", training) if training else None,
            has_weights="model_weights" in groups,
            has_optimizer="optimizer_weights" in groups,
        )
    if weights_only:
        return KerasFile(path, H5_WEIGHTS, version, backend)
    if groups & _V3_GROUPS:
        return KerasFile(path, V3_WEIGHTS, version, backend, has_optimizer="optimizer" in groups)
    raise _unreadable(path, "HDF5 that is no Keras file", f"groups {_first(names) or 'none'}")


def _first(names: Any) -> str:
    listed = sorted(names)
    return ", ".join(listed[:8]) + (", …" if len(listed) > 8 else "")


def _attribute(file: Any, name: str) -> str:
    value = file.attrs.get(name, "")
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)


@contextlib.contextmanager
def _hdf5(source: Path | BinaryIO) -> Iterator[Any]:
    import h5py

    with h5py.File(source, "r") as file:
        yield file


def _check_weights(path: Path, file: Any) -> None:
    with _hdf5(file) as weights:
        _refuse_external(path, weights)


def _refuse_external(path: Path, file: Any) -> None:
    """Refuse links and datasets whose data lie in other files: Keras would read them as weights."""
    import h5py

    stack, seen = [file], set()
    while stack:
        group = stack.pop()
        for name in group:
            link = group.get(name, getlink=True)
            outside = link.filename if isinstance(link, h5py.ExternalLink) else None
            child = group[name] if isinstance(link, h5py.HardLink) else None
            if isinstance(child, h5py.Dataset) and (child.external or child.is_virtual):
                outside = child.external[0][0] if child.external else "a virtual dataset"
            if outside is not None:
                raise UnsafeModelError(
                    "the file takes its weights from other files",
                    where=f"{path}: {group.name.rstrip('/')}/{name}",
                    found=str(outside),
                    wanted="weights in the file itself",
                    next_step="save the model again",
                )
            # A hard link may lead back to a group above.
            if isinstance(child, h5py.Group) and child.id.id is not None:
                address = h5py.h5o.get_info(child.id).addr
                if address not in seen:
                    seen.add(address)
                    stack.append(child)
