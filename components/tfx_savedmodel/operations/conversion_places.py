"""Where a conversion writes: what may be there before, and the SavedModel and the checkpoint both or neither."""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath, PurePosixPath

from tfx_savedmodel.errors import DestinationError, UsageError
from tfx_savedmodel.saved_model import leftovers
from tfx_savedmodel.saved_model.local import is_remote, remote_uri
from tfx_savedmodel.saved_model.overlap import refuse_overlap
from tfx_savedmodel.saved_model.publish import check_destination, files_at, publishing, publishing_early
from tfx_savedmodel.saved_model.temporary import temporary_folder
from tfx_savedmodel.saved_model.upload import UPLOADING

PathLike = str | os.PathLike[str]

#: The file that says which checkpoint an Estimator goes on from.
_LATEST = "checkpoint"
_WEIGHTS = re.compile(r"model\.ckpt-\d+\.(index|meta|data-\d{5}-of-\d{5})")
#: What an Estimator writes into its model_dir besides: graphs, summaries, and model_to_estimator's first checkpoint.
_BESIDE = re.compile(
    r"graph\.pbtxt|(eval(_[^/]*)?/)?events\.out\.tfevents\.[^/]*|keras/(checkpoint|keras_model\.ckpt[^/]*)"
)


def place(path: PathLike) -> Path | str:
    """Return a destination as errors and results name it: a remote one as text, a local one with links followed."""
    return remote_uri(path) if is_remote(path) else Path(path).resolve()


def check_places(
    model: PathLike, source: str, destination: Path | str, checkpoint: Path | str | None, *, overwrite: bool
) -> None:
    """Let places pass that can be written without harm to the model or to anything else that is there.

    Args:
      model: as it was given; the model itself is at `source` in it.

    Raises:
      UsageError: one of the three lies in another that is written.
      DestinationError: a place is taken, or may be replaced but holds what no conversion writes.
    """
    places: dict[str, PurePath] = {"model": PurePosixPath(source), "destination": PurePosixPath(destination)}
    if checkpoint is not None:
        places["checkpoint"] = PurePosixPath(checkpoint)
    for name, path in places.items():
        for other, outer in places.items():
            if name != other and other != "model" and (path == outer or outer in path.parents):
                raise UsageError(
                    f"the {name} lies in the {other}",
                    where=str(outer),
                    found=str(path),
                    wanted="places of their own",
                    next_step=f"name another {other}",
                )
    refuse_overlap(model, destination)
    check_destination(destination, overwrite=overwrite)
    if checkpoint is not None:
        refuse_overlap(model, checkpoint)
        check_checkpoint(checkpoint, overwrite=overwrite)


def check_checkpoint(checkpoint: PathLike, *, overwrite: bool) -> None:
    """Raise DestinationError where a checkpoint's place is taken; with `overwrite` only a model_dir may be there."""
    if not overwrite:
        check_destination(checkpoint)
        return
    found = _no_model_dir(files_at(checkpoint))
    if found:
        raise DestinationError(
            "the checkpoint's place holds something else than a checkpoint",
            where=str(checkpoint),
            found=found,
            wanted="nothing, or a model_dir to replace: `checkpoint`, model.ckpt-…, and its summaries alone",
            next_step="name another checkpoint, or remove yourself what is there",
        )


def _no_model_dir(names: Iterable[str]) -> str:
    """Return why files are no Estimator's model_dir, or nothing where they are, or there are none."""
    ours: set[str] = set()
    for name in names:
        if not name:
            return "a file"
        if name == UPLOADING or leftovers.is_ours(name):
            continue
        if name != _LATEST and not _WEIGHTS.fullmatch(name) and not _BESIDE.fullmatch(name):
            return name
        ours.add(name)
    if ours and not (_LATEST in ours and any(map(_WEIGHTS.fullmatch, ours))):
        return ", ".join(sorted(ours)[:5])
    return ""


@contextlib.contextmanager
def publishing_both(
    destination: Path | str, checkpoint: Path | str | None, overwrite: bool
) -> Iterator[tuple[Path, Path]]:
    """Yield the directories that become the SavedModel and the model_dir: both of them, or neither.

    The checkpoint is published first; where the SavedModel then cannot be, what was at the checkpoint's place comes
    back. Old versions are removed when both are there, and an interrupt meanwhile undoes neither. A killed run leaves
    at each place the old version or the new one. Without `checkpoint` the second directory is a temporary one; where
    a checkpoint is not needed, it may stay empty: then what is at its place stays.
    """
    if checkpoint is None:
        with (
            temporary_folder() as folder,
            publishing(destination, overwrite=overwrite) as export,
        ):
            yield export, Path(folder)
        return
    settled = threading.Event()
    last = publishing_early(destination, overwrite=overwrite, settled=settled, restores=not is_remote(destination))
    with (
        publishing_early(checkpoint, overwrite=overwrite, settled=settled) as (model_dir, publish_checkpoint),
        last as (export, publish_export),
    ):
        yield export, model_dir
        if any(model_dir.iterdir()):
            publish_checkpoint()
        publish_export()
        settled.set()
