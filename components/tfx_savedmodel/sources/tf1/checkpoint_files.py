"""The files of a TF1 checkpoint: which there are, whether they are whole, and what they hold by name."""

from __future__ import annotations

import dataclasses
import glob
from collections.abc import Mapping, Sequence
from pathlib import Path

from tfx_savedmodel.errors import UnreadableModelError, UnsupportedModelError
from tfx_savedmodel.saved_model.bundle import read_bundle, shard_name
from tfx_savedmodel.saved_model.carry import carry_file
from tfx_savedmodel.saved_model.reader import VARIABLES_PREFIX
from tfx_savedmodel.saved_model.tensors import compatible
from tfx_savedmodel.saved_model.view import Shape

_OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
_SHOWN = 8
_WHOLE = "copy the checkpoint whole"


@dataclasses.dataclass(frozen=True)
class CheckpointFiles:
    """A checkpoint at a prefix; `shapes` and `dtypes` by name of what it holds.

    In the format before `.index` files `shapes` is None.
    """

    prefix: Path
    shapes: Mapping[str, Shape] | None
    shards: int = 0
    dtypes: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def by_name(self) -> bool:
        """Whether variables are known by name alone, as TF1's Saver writes, not as parts of objects."""
        return self.shapes is None or _OBJECT_GRAPH not in self.shapes

    @property
    def named(self) -> str:
        """What TensorFlow calls it: the prefix, or for several files of old a pattern."""
        if self.shapes is not None or self.prefix.is_file():
            return str(self.prefix)
        shards = sorted(self.prefix.parent.glob(f"{glob.escape(self.prefix.name)}-00000-of-?????"))
        return f"{self.prefix}-?????{shards[-1].name[-9:]}" if shards else str(self.prefix)

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
    sizes: dict[int, int] = {}
    for entry in found.entries:
        sizes[entry.shard] = max(sizes.get(entry.shard, 0), entry.offset + entry.size)
    for number in range(found.shards):  # an index may claim what it likes: the first that is missing ends it
        size = sizes.get(number, 0)
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
    shapes = {entry.key: entry.shape for entry in found.entries}
    return CheckpointFiles(prefix, shapes, found.shards, {entry.key: entry.dtype for entry in found.entries})


def refuse_misfits(wanted: Mapping[str, Shape], held: Mapping[str, Shape], where: str) -> None:
    """Let variables pass whose shapes are those in the checkpoint: a resource variable would take any.

    Args:
      wanted: shapes in the graph, by the checkpoint's names; an open size fits all.

    Raises:
      UnsupportedModelError: the shapes of some are not.
    """
    misfits = [
        f"{name} {held[name]}, which is {shape} in the graph"
        for name, shape in sorted(wanted.items())
        if name in held and not compatible(shape, held[name])
    ]
    _refuse_misfits("shapes", misfits, where)


def refuse_other_dtypes(wanted: Mapping[str, str], held: Mapping[str, str], where: str) -> None:
    """Let variables pass whose dtypes are those in the checkpoint: a saver restores no others.

    Raises:
      UnsupportedModelError: the dtypes of some are not.
    """
    misfits = [
        f"{name} {held[name]}, which is {dtype} in the graph"
        for name, dtype in sorted(wanted.items())
        if name in held and held[name] != dtype
    ]
    _refuse_misfits("dtypes", misfits, where)


def _refuse_misfits(what: str, misfits: Sequence[str], where: str) -> None:
    if misfits:
        raise UnsupportedModelError(
            f"the checkpoint's variables have other {what} than the graph's",
            where=where,
            found=", ".join(misfits[:_SHOWN]),
            wanted=f"the same {what}",
            next_step="name the graph that the checkpoint was written with",
        )


def _beside(prefix: Path, suffix: str) -> Path:
    return prefix.with_name(prefix.name + suffix)
