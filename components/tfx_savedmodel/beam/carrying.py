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
    from tfx_savedmodel.beam.running.worker import WorkerSettings

#: Directories by their URI, each with its files by their relative paths.
Copies = Mapping[str, tuple[str, ...]]


def carry(settings: WorkerSettings, place: str, copies: dict[str, tuple[str, ...]]) -> WorkerSettings:
    """Copy every directory that the settings name to `place`, in Beam's file systems, and return them with the copies.

    Args:
      copies: gets each copy before it is begun, so that also what was begun can be removed.
    """
    moved = {}
    for number, directory in enumerate(_directories(settings)):
        root, uri = Path(directory), f"{place}/{number}"
        copies[uri] = tuple(sorted(file.relative_to(root).as_posix() for file in root.rglob("*") if file.is_file()))
        for name in copies[uri]:
            with (root / name).open("rb") as source, _create(f"{uri}/{name}") as target:
                shutil.copyfileobj(source, target)
        moved[directory] = uri
    return _moved(settings, moved)


@contextlib.contextmanager
def fetched(settings: WorkerSettings, copies: Copies) -> Iterator[WorkerSettings]:
    """Give the settings with directories of this machine, the copies fetched for as long as the block runs.

    Raises:
      WorkerError: a directory that was not copied is not on this machine.
    """
    with contextlib.ExitStack() as stack:
        local = {directory: directory for directory in _directories(settings)}
        for uri, names in copies.items():
            local[uri] = stack.enter_context(temporary_folder())
            for name in names:
                target = Path(local[uri]) / name
                target.parent.mkdir(parents=True, exist_ok=True)
                with _open(f"{uri}/{name}") as source, target.open("wb") as copy:
                    shutil.copyfileobj(source, copy)
        for directory in local.values():
            check_seen(directory, settings.folder)
        yield _moved(settings, local)


def check_seen(path: str, folder: str = "") -> None:
    """Raise WorkerError where a path of the launcher's machine, which ran in `folder`, is not there on this one."""
    if is_remote(path) or Path(folder, path).exists():
        return
    raise WorkerError(
        "a worker does not see what lies on the disk of the machine that launched the pipeline",
        where=str(Path(folder, path)),
        wanted="a place that every worker sees",
        next_step="give examples on remote storage, and --temp_location=gs://BUCKET/tmp, through which the model comes",
    )


def remove(place: str, copies: Copies, others: Sequence[str] = ()) -> None:
    """Remove the copies, other files, and their directory; what cannot be removed stays: the place is temporary."""
    from apache_beam.io.filesystems import FileSystems

    files = [f"{uri}/{name}" for uri, names in copies.items() for name in names]
    for file in (*files, *others):  # one by one: in object stores a directory is no thing that could be removed
        with contextlib.suppress(Exception):
            FileSystems.delete([file])
    if not is_remote(place):
        shutil.rmtree(place, ignore_errors=True)


def _directories(settings: WorkerSettings) -> list[str]:
    """Return the directories that a worker loads, each once."""
    reference = settings.reference.directory if settings.reference is not None else None
    named = (settings.model.directory, reference, settings.transform_graph, settings.data_view)
    return list(dict.fromkeys(directory for directory in named if directory is not None))


def _moved(settings: WorkerSettings, places: Mapping[str, str]) -> WorkerSettings:
    reference, transform, view = settings.reference, settings.transform_graph, settings.data_view
    return dataclasses.replace(
        settings,
        model=dataclasses.replace(settings.model, directory=places[settings.model.directory]),
        reference=reference and dataclasses.replace(reference, directory=places[reference.directory]),
        transform_graph=transform and places[transform],
        data_view=view and places[view],
    )


# What a file is named says nothing of how it is to be read: an asset may end in .gz.
def _create(path: str) -> Any:
    from apache_beam.io.filesystem import CompressionTypes
    from apache_beam.io.filesystems import FileSystems

    return FileSystems.create(path, compression_type=CompressionTypes.UNCOMPRESSED)


def _open(path: str) -> Any:
    from apache_beam.io.filesystem import CompressionTypes
    from apache_beam.io.filesystems import FileSystems

    return FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED)
