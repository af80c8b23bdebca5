"""The files of a TF1 checkpoint: which there are, whether they are whole, and what they hold by name."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from tfx_savedmodel.errors import UnreadableModelError
from tfx_savedmodel.saved_model.bundle import read_bundle, shard_name
from tfx_savedmodel.saved_model.carry import carry_file
from tfx_savedmodel.saved_model.reader import VARIABLES_PREFIX

_OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
_WHOLE = "copy the checkpoint whole"


@dataclasses.dataclass(frozen=True)
class CheckpointFiles:
    """A checkpoint at a prefix: the names that it holds, None in the format before `.index` files."""

    prefix: Path
    names: frozenset[str] | None
    shards: int = 0

    @property
    def by_name(self) -> bool:
        """Whether variables are known by name alone, as TF1's Saver writes, not as parts of objects."""
        return self.names is None or _OBJECT_GRAPH not in self.names

    def carry(self, directory: Path) -> None:
        """Put the files where a SavedModel has them; hard-linked where that can be."""
        target = directory / VARIABLES_PREFIX
        target.parent.mkdir()
        for suffix in (".index", *(shard_name("", number, self.shards) for number in range(self.shards))):
            carry_file(_beside(self.prefix, suffix), _beside(target, suffix))


def read_checkpoint(prefix: Path) -> CheckpointFiles:
    """Return what lies at a checkpoint's prefix.

    Raises:
      UnreadableModelError: the index cannot be read, or a shard is missing or truncated.
    """
    if not _beside(prefix, ".index").is_file():
        return CheckpointFiles(prefix, None)
    found = read_bundle(prefix)
    if found.problem is not None:
        raise UnreadableModelError(
            "the checkpoint cannot be read",
            where=str(prefix),
            found=found.problem,
            wanted="an .index file and all its .data files",
            next_step=_WHOLE,
        )
    sizes = dict.fromkeys(range(found.shards), 0)
    for entry in found.entries:
        sizes[entry.shard] = max(sizes.get(entry.shard, 0), entry.offset + entry.size)
    for number, size in sizes.items():
        name = shard_name(prefix.name, number, found.shards)
        there = found.files.get(name)
        if there is None or there < size:
            raise UnreadableModelError(
                f"a shard of the checkpoint is {'missing' if there is None else 'truncated'}",
                where=str(prefix),
                found=f"{name} of {there} bytes" if there is not None else f"no {name}",
                wanted=f"{name} of {size} bytes",
                next_step=_WHOLE,
            )
    return CheckpointFiles(prefix, frozenset(entry.key for entry in found.entries), found.shards)


def _beside(prefix: Path, suffix: str) -> Path:
    return prefix.with_name(prefix.name + suffix)
