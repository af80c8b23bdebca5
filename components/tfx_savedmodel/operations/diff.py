"""`diff`: what changed from one model to another, as its clients see it."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from typing import Any

from tfx_savedmodel.errors import UnreadableModelError
from tfx_savedmodel.operations.inspect import inspect
from tfx_savedmodel.saved_model.changes import Change, changes
from tfx_savedmodel.saved_model.remote import WEIGHTS, Staging
from tfx_savedmodel.saved_model.saved_contract import read_contract

__all__ = ["Change", "Diff", "MetaGraphDiff", "diff"]

SCHEMA_VERSION = 1


@dataclasses.dataclass(frozen=True)
class MetaGraphDiff:
    """The changes of one MetaGraph, by its tags; `state` is "both", "added" or "removed"."""

    tags: tuple[str, ...]
    state: str
    changes: tuple[Change, ...] = ()

    @property
    def breaking(self) -> bool:
        """Whether a client of the old MetaGraph may fail on the new one."""
        return self.state == "removed" or any(change.breaking for change in self.changes)


@dataclasses.dataclass(frozen=True)
class Diff:
    """The changes from `old` to `new`, MetaGraph by MetaGraph."""

    old: str
    new: str
    meta_graphs: tuple[MetaGraphDiff, ...]

    @property
    def breaking(self) -> bool:
        """Whether a client of the old model may fail on the new one."""
        return any(item.breaking for item in self.meta_graphs)

    def to_json(self) -> dict[str, Any]:
        return {
            "schema_version": SCHEMA_VERSION,
            "old": self.old,
            "new": self.new,
            "breaking": self.breaking,
            "meta_graphs": [
                {"tags": list(item.tags), "state": item.state, "changes": [change.to_json() for change in item.changes]}
                for item in self.meta_graphs
            ],
        }


def diff(old: str | os.PathLike[str], new: str | os.PathLike[str]) -> Diff:
    """Return what changed in the signatures; neither model is loaded.

    Args:
      old, new: each a SavedModel directory, a TFX Model artifact's, or the JSON that `inspect` prints.

    Raises:
      UnreadableModelError: a model that cannot be read, or a contract that is malformed, with the place.
      UsageError: a remote path that cannot be fetched.
    """
    before, after = _signatures(old), _signatures(new)
    found = []
    for tags in sorted({*before, *after}):
        if tags not in after or tags not in before:
            found.append(MetaGraphDiff(tags, "added" if tags in after else "removed"))
        else:
            found.append(MetaGraphDiff(tags, "both", tuple(changes(before[tags], after[tags]))))
    return Diff(os.fspath(old), os.fspath(new), tuple(found))


def _signatures(model: str | os.PathLike[str]) -> dict[tuple[str, ...], Mapping[str, Any]]:
    """Return signatures in JSON form by the MetaGraph's tags."""
    with Staging() as stage:
        path = stage.path(model, "the model", hollow=WEIGHTS)
        facts = read_contract(path, os.fspath(model)) if path.is_file() else inspect(path)
    if facts.get("fault"):
        raise UnreadableModelError(
            "the model cannot be read",
            where=os.fspath(model),
            found=str(facts["fault"]),
            wanted="a SavedModel whose graph can be read, or a contract of one",
            next_step="export the model again",
        )
    return {tuple(sorted(item["tags"])): item["signatures"] for item in facts["meta_graphs"]}
