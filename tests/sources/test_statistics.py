"""Statistics read as StatisticsGen leaves them, without TensorFlow Data Validation."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from tfx_savedmodel.errors import ExamplesError, UnsupportedStackError
from tfx_savedmodel.sources.statistics import FeatureStatistics, read_statistics

pytestmark = pytest.mark.unit

TEXT = """
datasets {
  name: "island:Dream"
  features { name: "mass" type: FLOAT num_stats { common_stats { num_non_missing: 1 } median: 99 } }
}
datasets {
  name: "All Examples"
  num_examples: 10
  features {
    path { step: "mass" }
    type: FLOAT
    num_stats {
      common_stats { num_non_missing: 8 num_missing: 2 avg_num_values: 1 }
      mean: 5.5
      median: 4
    }
  }
  features {
    name: "island"
    type: STRING
    string_stats {
      common_stats { num_non_missing: 10 avg_num_values: 2 }
      top_values { value: "Dream" frequency: 6 }
      top_values { value: "Biscoe" frequency: 4 }
    }
  }
  features {
    name: "kind"
    type: INT
    string_stats { common_stats { num_non_missing: 10 } rank_histogram { buckets { label: "3" sample_count: 9 } } }
  }
  features {
    name: "photo"
    type: STRING
    string_stats {
      common_stats { num_non_missing: 10 }
      top_values { value: "__BYTES_VALUE__" frequency: 9 }
      top_values { value: "text" frequency: 1 }
    }
  }
  features { name: "raw" type: BYTES bytes_stats { common_stats { num_non_missing: 5 num_missing: 5 } } }
  features { name: "never" type: FLOAT num_stats { common_stats { num_missing: 10 } } }
  features { path { step: "box" step: "x" } type: FLOAT num_stats { common_stats { num_non_missing: 1 } } }
  features { name: "nothing" type: FLOAT }
}
"""
FOUND = {
    "mass": FeatureStatistics("mass", present=0.8, values=1.0, median=4.0, mean=5.5),
    "island": FeatureStatistics("island", present=1.0, values=2.0, mode="Dream"),
    "kind": FeatureStatistics("kind", present=1.0, values=0.0, mode="3"),
    "photo": FeatureStatistics("photo", present=1.0, values=0.0),
    "raw": FeatureStatistics("raw", present=0.5, values=0.0),
    "never": FeatureStatistics("never", present=0.0, values=0.0),
}


def serialized(text: str = TEXT) -> bytes:
    statistics_pb2 = pytest.importorskip(
        "tensorflow_metadata.proto.v0.statistics_pb2", reason="needs tensorflow-metadata, which comes with TFX"
    )
    from google.protobuf import text_format

    statistics: Any = text_format.Parse(text, statistics_pb2.DatasetFeatureStatisticsList())
    content: bytes = statistics.SerializeToString()
    return content


def record(content: bytes) -> bytes:
    return len(content).to_bytes(8, "little") + b"crc1" + content + b"crc2"


def test_what_is_typical_of_each_feature(tmp_path: Path) -> None:
    (tmp_path / "FeatureStats.pb").write_bytes(serialized())
    assert read_statistics(tmp_path / "FeatureStats.pb") == FOUND
    typical = {name: each.typical for name, each in FOUND.items()}
    assert typical == {"mass": 4.0, "island": "Dream", "kind": "3", "photo": None, "raw": None, "never": None}


def test_the_other_forms_of_the_file(tmp_path: Path) -> None:
    for name, content in (("a.pbtxt", TEXT.encode()), ("stats_tfrecord", record(serialized())), ("b", serialized())):
        (tmp_path / name).write_bytes(content)
        assert read_statistics(tmp_path / name) == FOUND
    assert read_statistics(tmp_path) == FOUND


@pytest.mark.parametrize(("splits", "wanted"), [(("eval", "train"), "train"), (("b", "a"), "a")])
def test_an_artifact_stands_for_its_training_data(tmp_path: Path, splits: tuple[str, ...], wanted: str) -> None:
    for split in splits:
        folder = tmp_path / f"Split-{split}"
        folder.mkdir()
        text = f'datasets {{ features {{ name: "{split}" num_stats {{ median: 1 }} }} }}'
        (folder / "FeatureStats.pb").write_bytes(serialized(text))
    assert list(read_statistics(tmp_path)) == [wanted]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("FeatureStats.pb", b"", "empty"),
        ("FeatureStats.pb", b"\xff\xff\xff", "cannot be read"),
        ("x.pbtxt", b"datasets { no_such_field: 1 }", "cannot be read"),
        ("x.pbtxt", b"\xff", "cannot be read"),
        ("other", None, "no statistics here"),
    ],
)
def test_what_is_no_statistics(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    serialized()
    file = tmp_path / name
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ExamplesError, match=message) as caught:
        read_statistics(file)
    assert caught.value.where == str(file)


def test_a_folder_without_any_says_what_it_should_have(tmp_path: Path) -> None:
    with pytest.raises(ExamplesError, match=r"FeatureStats\.pb or stats_tfrecord"):
        read_statistics(tmp_path)


def test_without_the_proto_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "FeatureStats.pb").write_bytes(b"x")
    monkeypatch.setitem(sys.modules, "tensorflow_metadata.proto.v0", None)
    with pytest.raises(UnsupportedStackError, match="tensorflow-metadata"):
        read_statistics(tmp_path)
