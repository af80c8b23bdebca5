"""Serialized tf.Examples in TFRecord files: found by path, folder, artifact or glob, and read in batches."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfx_savedmodel.errors import ExamplesError

if TYPE_CHECKING:
    import numpy as np

_SPLIT = "Split-"


def find_example_files(patterns: Sequence[str | os.PathLike[str]]) -> list[str]:
    """Return the TFRecord files that paths, folders or globs name, in order.

    An Examples artifact, a folder with a folder for each split, stands for all its splits, `train` first.

    Raises:
      ExamplesError: one of them names no file.
    """
    files: list[str] = []
    for pattern in patterns:
        text = os.fspath(pattern)
        path = Path(text)
        found = _in_folder(path) if path.is_dir() else sorted(glob.glob(text))  # noqa: PTH207
        found = [name for name in found if Path(name).is_file()]
        if not found:
            raise ExamplesError(
                "no examples here",
                where=text,
                found="no file",
                wanted="TFRecord files",
                next_step="check the path or glob",
            )
        files += found
    return files


def read_batches(files: Sequence[str], *, batch: int, limit: int) -> Iterator[np.ndarray[Any, Any]]:
    """Yield serialized examples, object arrays [batch], from plain and gzip TFRecord files, `limit` at most.

    Raises:
      ExamplesError: a file is no TFRecord file, or there is no example in any.
    """
    import numpy as np
    import tensorflow as tf

    waiting: list[bytes] = []
    seen = 0
    for name in files:
        try:
            for record in tf.data.TFRecordDataset(name, compression_type=_compression(name)):
                waiting.append(record.numpy())
                seen += 1
                if len(waiting) == batch or seen == limit:
                    yield np.array(waiting, dtype=object)
                    waiting = []
                if seen == limit:
                    return
        except tf.errors.OpError as error:
            raise ExamplesError(
                "not readable as TFRecords", where=name, found=str(error.message), wanted="plain or gzip TFRecords"
            ) from error
    if not seen:
        raise ExamplesError("the files hold no example", where=", ".join(files), found="0 records")
    if waiting:
        yield np.array(waiting, dtype=object)


def first_examples(patterns: Sequence[str | os.PathLike[str]], count: int) -> list[bytes]:
    """Return the first `count` serialized examples, or all there are, of the files that `patterns` name.

    Raises:
      ExamplesError: no file, no TFRecord file, or no example.
    """
    return [
        bytes(one) for batch in read_batches(find_example_files(patterns), batch=count, limit=count) for one in batch
    ]


def _in_folder(path: Path) -> list[str]:
    splits = [each for each in path.iterdir() if each.is_dir() and each.name.startswith(_SPLIT)]
    splits.sort(key=lambda each: (each.name != f"{_SPLIT}train", each.name))
    return [str(each) for folder in splits or [path] for each in sorted(folder.iterdir())]


def _compression(name: str) -> str:
    with Path(name).open("rb") as file:
        return "GZIP" if file.read(2) == b"\x1f\x8b" else ""
