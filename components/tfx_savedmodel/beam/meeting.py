"""Where the launcher of a pipeline and its workers meet: what they load goes there, and the total comes back."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from tfx_savedmodel.beam.carrying import Parcel, carry, copies, remove
from tfx_savedmodel.beam.reach import Workers, temp_location, workers_of
from tfx_savedmodel.beam.worker import WorkerSettings
from tfx_savedmodel.saved_model.temporary import temporary_folder


@contextlib.contextmanager
def meeting_place(pipeline: Any, settings: WorkerSettings) -> Iterator[tuple[str, Mapping[str, Parcel]]]:
    """Give a folder that the workers can write and we can read, and copies there of what the workers load.

    It is in `--temp_location` where that is named, else on the local disk. Copies are made where workers may be
    other machines. Both are removed when the block ends.
    """
    from apache_beam.io.filesystems import FileSystems

    place = temp_location(pipeline)
    if place is None:
        with temporary_folder() as directory:
            yield directory, {}
        return
    folder = FileSystems.join(place, f"tfx-savedmodel-{uuid.uuid4().hex}")
    parcels: dict[str, Parcel] = {}
    try:
        if workers_of(pipeline) is not Workers.HERE:
            carry(settings, folder, parcels)
        yield folder, parcels
    finally:
        from tfx_savedmodel.beam.pipeline import totals

        found: list[str] = []
        with contextlib.suppress(Exception):
            found = totals(folder)
        remove(folder, [*copies(parcels), *found])
