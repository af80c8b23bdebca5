"""`diff`: what changed from one model to another, as its clients see it."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from typing import Any

from tfx_savedmodel.operations.contracts import ModelOrContract, Signatures, read_signatures
from tfx_savedmodel.saved_model.changes import Change, changes
from tfx_savedmodel.saved_model.remote import Staging

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


def diff(old: ModelOrContract, new: ModelOrContract) -> Diff:
    """Return what changed in the signatures; neither model is loaded.

    Args:
      old, new: each a SavedModel directory, a TFX Model artifact's, the JSON file that `inspect --format json`
        printed, or what `inspect` returned.

    Raises:
      UnreadableModelError: a model that cannot be read, or a contract that is malformed, with the place.
      UsageError: a remote path that cannot be fetched.
    """
    before, after = _signatures(old, "the old model"), _signatures(new, "the new model")
    found = []
    for tags in sorted({*before, *after}):
        if tags not in after or tags not in before:
            found.append(MetaGraphDiff(tags, "added" if tags in after else "removed"))
        else:
            found.append(MetaGraphDiff(tags, "both", tuple(changes(before[tags], after[tags]))))
    return Diff(_name(old), _name(new), tuple(found))


def _signatures(given: ModelOrContract, what: str) -> dict[tuple[str, ...], Signatures]:
    with Staging() as stage:
        return read_signatures(stage, given, what)


def _name(given: ModelOrContract) -> str:
    return "a contract" if isinstance(given, Mapping) else os.fspath(given)
