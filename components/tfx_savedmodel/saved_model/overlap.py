"""A model and the place of what is made of it: neither inside the other."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from tfx_savedmodel.errors import DestinationError, UnreadableModelError
from tfx_savedmodel.saved_model.local import is_remote, remote_uri
from tfx_savedmodel.saved_model.locate import GRAPH_FILES, find_saved_model
from tfx_savedmodel.saved_model.publish import files_at

PathLike = str | os.PathLike[str]


def refuse_overlap(source: PathLike, destination: PathLike) -> None:
    """Raise DestinationError where one of the two lies inside the other, links followed.

    An export into its own model would carry itself, and one in the model's place would take the model along.
    Both may be one SavedModel: it is replaced when it is no longer read.

    Args:
      source: a model, or a directory around it.
    """
    if is_remote(source) != is_remote(destination):
        return
    place, target = _place(source), _place(destination)
    below = target == place or place in target.parents
    graphs = _graphs(source) if below or not is_remote(source) else []  # remote ones are listed
    for model in graphs or [place]:
        if target in model.parents:
            raise DestinationError(
                "the model lies inside the destination",
                where=os.fspath(destination),
                found=f"the model {os.fspath(source)}, which would be removed",
                wanted="a path that does not hold the model",
                next_step="name another destination, or move the model out of it",
            )
        if graphs and model in target.parents:
            raise DestinationError(
                "the destination lies inside the model",
                where=os.fspath(destination),
                found=f"the model {os.fspath(source)}",
                wanted="a path outside of it",
                next_step="name another destination",
            )


def _place(path: PathLike) -> PurePosixPath:
    return PurePosixPath(remote_uri(path).replace("://", "/", 1) if is_remote(path) else os.path.realpath(path))


def _graphs(source: PathLike) -> list[PurePosixPath]:
    """Return where SavedModels are at `source`; other models are single files, beside which there may be others."""
    if is_remote(source):
        try:
            places = [_place(source) / name for name in files_at(source)]
        except DestinationError:  # whoever fetches it says that better
            return []
        return [place.parent for place in places if place.name in GRAPH_FILES]
    path = Path(source)
    if path.name in GRAPH_FILES:
        path = path.parent
    try:
        return [_place(find_saved_model(path))]
    except UnreadableModelError:
        return []
