"""Statistics of a data set, as StatisticsGen writes them: what is typical of each raw feature.

Only the proto is read; TensorFlow Data Validation is not needed.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tfx_savedmodel.errors import ExamplesError, UnsupportedStackError

_FILES = ("FeatureStats.pb", "stats_tfrecord")
_SPLIT = "Split-"
#: The data set of a sliced list that is no slice.
_WHOLE = "All Examples"
#: What TensorFlow Data Validation writes in place of values that are no text, or too long.
_PLACEHOLDERS = ("__BYTES_VALUE__", "__LARGE_BYTES__", "__LARGE_BYTES_PLACEHOLDER__")


@dataclasses.dataclass(frozen=True)
class FeatureStatistics:
    """What is known of a raw feature.

    `present` is the fraction of examples that have it, `values` how many values such an example holds on
    average. A number has `median` and `mean`; a string, or an integer that counts as a category, has
    `mode`, its most frequent value. What is not known is None.
    """

    name: str
    present: float
    values: float
    median: float | None = None
    mean: float | None = None
    mode: str | None = None

    @property
    def typical(self) -> float | str | None:
        """The mode of a category, else the median of a number, else its mean."""
        if self.mode is not None:
            return self.mode
        return self.median if self.median is not None else self.mean


def read_statistics(path: str | os.PathLike[str]) -> dict[str, FeatureStatistics]:
    """Return the statistics of each raw feature, by name.

    Args:
      path: an ExampleStatistics artifact (its split "train", else the first one), or a file with a
        DatasetFeatureStatisticsList: FeatureStats.pb, a TFRecord, or text (.pbtxt).

    Raises:
      ExamplesError: there are no statistics, or they cannot be read.
      UnsupportedStackError: tensorflow-metadata is not installed.
    """
    file = _file(Path(path))
    datasets = _read(file).datasets
    if not datasets or not any(data.features for data in datasets):
        raise ExamplesError("the statistics are empty", where=str(file), found="no feature", wanted=_WANTED)
    whole = next((data for data in datasets if data.name == _WHOLE), datasets[0])
    return {each.name: each for each in _features(whole)}


_WANTED = "a DatasetFeatureStatisticsList, as StatisticsGen writes it"


def _file(path: Path) -> Path:
    if path.is_file():
        return path
    splits = sorted(path.glob(f"{_SPLIT}*"), key=lambda each: (each.name != f"{_SPLIT}train", each.name))
    for folder in (path, *splits):
        for name in _FILES:
            if (folder / name).is_file():
                return folder / name
    raise ExamplesError(
        "no statistics here",
        where=str(path),
        found="no such path" if not path.exists() else f"a folder without {' or '.join(_FILES)}",
        wanted="the statistics output of StatisticsGen, or one of its files",
        next_step="check the path",
    )


def _read(file: Path) -> Any:
    from google.protobuf import text_format
    from google.protobuf.message import DecodeError

    statistics = _statistics_pb2().DatasetFeatureStatisticsList()
    try:
        if file.suffix == ".pbtxt":
            text_format.Parse(file.read_text(encoding="utf-8"), statistics)
        else:
            statistics.ParseFromString(_payload(file))
    except (DecodeError, text_format.ParseError, UnicodeDecodeError) as error:
        raise ExamplesError(
            "the statistics cannot be read", where=str(file), found=str(error), wanted=_WANTED
        ) from error
    return statistics


def _payload(file: Path) -> bytes:
    """Return the bytes of the proto, the first record where the file is a TFRecord."""
    content = file.read_bytes()
    # The frame of a record is 16 bytes: its length, that one's checksum, and the data's.
    length = int.from_bytes(content[:8], "little")
    if length and len(content) >= length + 16 and file.suffix != ".pb":
        return content[12 : 12 + length]
    return content


def _features(data: Any) -> Iterator[FeatureStatistics]:
    for feature in data.features:
        steps = list(feature.path.step)
        if len(steps) > 1:
            continue  # a field of a struct, which no tf.Example holds
        kind = feature.WhichOneof("stats")
        stats = getattr(feature, kind) if kind else None
        common = getattr(stats, "common_stats", stats)
        if common is None:
            continue
        total = common.num_non_missing + common.num_missing
        numbers = stats if kind == "num_stats" else None
        yield FeatureStatistics(
            name=feature.name or "".join(steps),
            present=common.num_non_missing / total if total else 0.0,
            values=common.avg_num_values,
            median=numbers.median if numbers and common.num_non_missing else None,
            mean=numbers.mean if numbers and common.num_non_missing else None,
            mode=_mode(stats) if kind == "string_stats" else None,
        )


def _mode(stats: Any) -> str | None:
    ranked = [each.value for each in stats.top_values] or [each.label for each in stats.rank_histogram.buckets]
    known = [value for value in ranked if value not in _PLACEHOLDERS]
    return known[0] if known and known[0] == ranked[0] else None


def _statistics_pb2() -> Any:
    try:
        from tensorflow_metadata.proto.v0 import statistics_pb2
    except ImportError as error:
        raise UnsupportedStackError(
            "tensorflow-metadata is not installed",
            wanted="it, to read statistics",
            next_step="install tfx-savedmodel[tfx]",
        ) from error
    return statistics_pb2
