"""Where the launcher of a pipeline and its workers meet: what they load goes there, and the total comes back."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tfx_savedmodel.beam.carrying import Copies, carry, remove
from tfx_savedmodel.beam.reach import Workers, temp_location, workers_of
from tfx_savedmodel.beam.running.worker import WorkerSettings
from tfx_savedmodel.saved_model.local import is_remote
from tfx_savedmodel.saved_model.temporary import temporary_folder

_TOTAL = "total-"


@contextlib.contextmanager
def meeting_place(pipeline: Any, settings: WorkerSettings) -> Iterator[tuple[str, WorkerSettings, Copies]]:
    """Give a folder that the workers can write and we can read, and the settings with copies that they can read.

    It is in `--temp_location` where that is named, else on the local disk. Copies are made where workers may be
    other machines and a temp location is named. All of it is removed when the block ends.
    """
    place = temp_location(pipeline)
    if place is None:
        with temporary_folder() as directory:
            yield directory, settings, {}
        return
    if not is_remote(place):
        place = str(Path(place).absolute())  # a worker may run in another folder
    folder = f"{place.rstrip('/')}/tfx-savedmodel-{uuid.uuid4().hex}"
    copies: dict[str, tuple[str, ...]] = {}
    try:
        if workers_of(pipeline) is not Workers.HERE:
            settings = carry(settings, folder, copies)
        yield folder, settings, copies
    finally:
        written: list[str] = []
        with contextlib.suppress(Exception):
            written = totals(folder)
        remove(folder, copies, written)


def new_total(folder: str) -> str:
    """Return the file for one writer's total."""
    return f"{folder}/{_TOTAL}{uuid.uuid4().hex}"


def totals(folder: str) -> list[str]:
    """Return the files in which totals were written there."""
    from apache_beam.io.filesystems import FileSystems

    return [found.path for found in FileSystems.match([f"{folder}/{_TOTAL}*"])[0].metadata_list]
