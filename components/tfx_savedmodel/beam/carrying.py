"""Brings what a worker loads to workers on other machines: copies in a place that both reach."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfx_savedmodel.errors import WorkerError
from tfx_savedmodel.saved_model.local import is_remote
from tfx_savedmodel.saved_model.temporary import temporary_folder

if TYPE_CHECKING:
    from tfx_savedmodel.beam.worker import WorkerSettings


@dataclasses.dataclass(frozen=True)
class Parcel:
    """A directory's copy: its URI, and the files in it by their relative paths."""

    uri: str
    files: tuple[str, ...]


def carry(settings: WorkerSettings, place: str, parcels: dict[str, Parcel]) -> None:
    """Copy every directory that the settings name to `place`, in Beam's file systems.

    Args:
      parcels: gets each directory's copy before it is begun, so that also what was begun can be removed.
    """
    from apache_beam.io.filesystems import FileSystems

    for number, directory in enumerate(directories(settings)):
        root = Path(directory)
        names = tuple(sorted(file.relative_to(root).as_posix() for file in root.rglob("*") if file.is_file()))
        parcels[directory] = Parcel(FileSystems.join(place, str(number)), names)
        for name in names:
            with (root / name).open("rb") as source, _create(_within(parcels[directory].uri, name)) as target:
                shutil.copyfileobj(source, target)


@contextlib.contextmanager
def fetched(settings: WorkerSettings, parcels: Mapping[str, Parcel]) -> Iterator[WorkerSettings]:
    """Give the settings with directories of this machine, the copies fetched for as long as the block runs.

    Raises:
      WorkerError: a directory that was not copied is not on this machine.
    """
    with contextlib.ExitStack() as stack:
        local = {directory: directory for directory in directories(settings)}
        for directory, parcel in parcels.items():
            local[directory] = stack.enter_context(temporary_folder())
            for name in parcel.files:
                target = Path(local[directory]) / name
                target.parent.mkdir(parents=True, exist_ok=True)
                with _open(_within(parcel.uri, name)) as source, target.open("wb") as copy:
                    shutil.copyfileobj(source, copy)
        for directory in local.values():
            check_seen(directory)
        yield _moved(settings, local)


def check_seen(path: str) -> None:
    """Raise WorkerError where a path of the machine that launched the pipeline is not there on this one."""
    if is_remote(path) or Path(path).exists():
        return
    raise WorkerError(
        "a worker does not see what lies on the disk of the machine that launched the pipeline",
        where=path,
        wanted="a place that every worker sees",
        next_step="give examples on remote storage, and --temp_location=gs://BUCKET/tmp, through which the model comes",
    )


def directories(settings: WorkerSettings) -> list[str]:
    """Return the directories that a worker loads, each once."""
    models = [settings.model, *([settings.reference] if settings.reference is not None else [])]
    named = [model.directory for model in models]
    return list(dict.fromkeys([*named, *([settings.transform_graph] if settings.transform_graph else [])]))


def remove(place: str, files: Sequence[str]) -> None:
    """Remove files and the directory that they were in; what cannot be removed stays, for it is a temporary place."""
    from apache_beam.io.filesystems import FileSystems

    for file in files:  # one by one: in object stores a directory is no thing that could be removed
        with contextlib.suppress(Exception):
            FileSystems.delete([file])
    if not is_remote(place):
        shutil.rmtree(place, ignore_errors=True)


def copies(parcels: Mapping[str, Parcel]) -> list[str]:
    """Return the URIs of all copied files."""
    return [_within(parcel.uri, name) for parcel in parcels.values() for name in parcel.files]


def _moved(settings: WorkerSettings, local: Mapping[str, str]) -> WorkerSettings:
    reference, transform = settings.reference, settings.transform_graph
    return dataclasses.replace(
        settings,
        model=dataclasses.replace(settings.model, directory=local[settings.model.directory]),
        reference=reference and dataclasses.replace(reference, directory=local[reference.directory]),
        transform_graph=transform and local[transform],
    )


def _within(uri: str, name: str) -> str:
    return f"{uri}/{name}"


# What a file is named says nothing of how it is to be read: an asset may end in .gz.
def _create(path: str) -> Any:
    from apache_beam.io.filesystem import CompressionTypes
    from apache_beam.io.filesystems import FileSystems

    return FileSystems.create(path, compression_type=CompressionTypes.UNCOMPRESSED)


def _open(path: str) -> Any:
    from apache_beam.io.filesystem import CompressionTypes
    from apache_beam.io.filesystems import FileSystems

    return FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED)
