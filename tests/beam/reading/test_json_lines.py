"""JSON lines of TensorFlow Serving's REST form: instances, requests, and lines that are neither."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tests.beam.models import good_rows, write_rows
from tests.beam.runs import read_all, run_files, values_of
from tfx_savedmodel.beam.reading.planning import look_at
from tfx_savedmodel.beam.reading.shards import Shard
from tfx_savedmodel.beam.reading.table import Wanted
from tfx_savedmodel.errors import ExamplesError
from tfx_savedmodel.validation.result import CheckVerdict

pytestmark = pytest.mark.tf

FED = ("serve_raw", "serving_default", "xai_model", "xai_preprocess")


def _write(path: Path, *documents: Any) -> str:
    lines = [each if isinstance(each, str) else json.dumps(each) for each in documents]
    path.write_text("".join(f"{line}\n" for line in lines))
    return str(path)


def _read(file: str, kinds: dict[str, str] | None = None, **shard: Any) -> Any:
    return read_all(Shard(file, **shard), "json", Wanted(kinds or {}, everything=True))


def test_instances_of_every_kind(tmp_path: Path) -> None:
    packed = base64.b64encode(b"\xff\x00").decode()
    file = _write(
        tmp_path / "lines",
        {"f": 0.5, "n": 1, "s": "é", "b": {"b64": packed}, "many": [1, 2]},
        {"f": [1.5], "n": True, "s": ["a", "b"], "b": [{"b64": packed}], "many": []},
        {"f": None, "s": "c", "b": {"b64": ""}, "many": [3]},
    )
    batches, faults = _read(file)
    assert faults == []
    assert values_of(batches, "f") == {0: [0.5], 1: [1.5], 2: []}
    assert values_of(batches, "n") == {0: [1], 1: [1], 2: []}
    assert values_of(batches, "s") == {0: ["é".encode()], 1: [b"a", b"b"], 2: [b"c"]}
    assert values_of(batches, "b") == {0: [b"\xff\x00"], 1: [b"\xff\x00"], 2: [b""]}
    assert values_of(batches, "many") == {0: [1, 2], 1: [], 2: [3]}


def test_the_forms_of_a_request(tmp_path: Path) -> None:
    file = _write(
        tmp_path / "lines",
        {"instances": [{"x": 1.0}, {"x": 2.0}]},
        {"signature_name": "score", "instances": [{"x": 3.0}]},
        {"signature_name": "score", "inputs": {"x": [4.0, 5.0], "y": [[6], [7]]}},
        {"x": 8.0},
    )
    batches, faults = _read(file)
    assert faults == []
    assert [(batch.signature, batch.first, batch.span, batch.numbers.tolist()) for batch in batches] == [
        (None, 0, 1, [0, 0]),
        ("score", 1, 2, [1, 2, 2]),
        (None, 3, 1, [3]),
    ]
    assert [batch.records.columns["x"].values.tolist() for batch in batches] == [[1.0, 2.0], [3.0, 4.0, 5.0], [8.0]]
    assert batches[1].records.columns["y"].lengths.tolist() == [0, 1, 1]
    assert batches[1].details["instance"].tolist() == [0, 0, 1]


def test_bare_values_feed_whatever_takes_one_input(tmp_path: Path) -> None:
    model = _two_inputs(tmp_path / "model")
    file = _write(tmp_path / "lines", [[1.0, 2.0]], {"inputs": [[[3.0, 4.0]], [[5.0, 6.0]]]})
    result = run_files(model, file)["SM301"]
    assert result.measurements["ran"] == {"one": 3}
    assert "one value without a name" in result.measurements["not_run"]["two"]


def test_the_shape_of_a_value_counts(tmp_path: Path) -> None:
    model = _two_inputs(tmp_path / "model")
    file = _write(tmp_path / "lines", {"x": [[1, 2.5]]}, {"x": [[1], [2]]}, {"x": [[1, 2], [3, 4]]}, {"x": [1, 2]})
    result = run_files(model, file)["SM301"]
    assert result.measurements["ran"] == {"one": 2}
    refused = result.measurements["refused"]["one"]["first"]
    assert [(each["record"], each["reason"].partition(",")[0]) for each in refused] == [
        (1, "the feature 'x' has the shape [2"),
        (3, "the feature 'x' has the shape [2]"),
    ]


def test_a_request_runs_the_signature_that_it_names(scorer: str, tmp_path: Path) -> None:
    rows = [{"x": [row["x"]], "n": [row["n"]]} for row in good_rows(3)]
    file = _write(
        tmp_path / "lines",
        {"signature_name": "serve_raw", "instances": rows},
        {"signature_name": "needs_depth", "inputs": {"depth": [[0.5], [1.5]]}},
        {"signature_name": "no_such", "instances": rows},
        *rows,
    )
    result = run_files(scorer, file)["SM301"]
    refused = {key: each["examples"] for key, each in result.measurements["refused"].items()}
    # The last three are for every signature that requests can feed, and have no depth.
    assert refused == {"needs_depth": 3}
    assert result.measurements["ran"] == {**dict.fromkeys(FED, 3), "serve_raw": 6, "needs_depth": 2}
    assert result.measurements["unreadable_records"] == 3
    assert "'no_such'" in result.findings[0].found


def test_lines_that_are_none_are_isolated(tmp_path: Path) -> None:
    file = _write(
        tmp_path / "lines",
        {"x": 1.0},
        '{"x": 2.0',
        '{"x": 3.0}, {"x": 3.5}',
        "1],[2",
        "",
        {"x": {"b64": "?"}},
        {"x": {"y": 1}},
        {"x": [[1.0], [2.0, 3.0]]},
        {"x": [1.0, None]},
        {"x": 2**70},
        {"x": "text"},
        {"signature_name": 7, "instances": []},
        {"instances": [{"x": 4.0}], "inputs": {"x": [4.0]}},
        {"inputs": {"x": 4.0}},
        {"inputs": {"x": [4.0], "y": [1, 2]}},
        {"instances": {"x": 1.0}},
        '{"x": "\\ud800"}',
        {"x": 5.0},
    )
    batches, faults = _read(file, {"x": "float"})
    assert values_of(batches, "x") == {0: [1.0], 17: [5.0]}
    reasons = {fault.record: fault.reason for fault in faults}
    wanted = {
        1: "no JSON",
        2: "no JSON",
        3: "no JSON",
        5: "'x' is no base64",
        6: "'x' holds dict",
        7: "'x' is not rectangular",
        8: "'x' holds a null",
        9: "more than 64 bits",
        10: "text, no number",
        11: "signature_name is no text",
        12: "instances and inputs",
        13: "no batch dimension",
        14: "different batch sizes",
        15: "instances are no list",
        16: "half a character",
    }
    assert sorted(reasons) == sorted(wanted)
    assert {record: text for record, text in wanted.items() if text not in reasons[record]} == {}
    assert not any(fault.rest_lost for fault in faults)
    offset = len('{"x": 1.0}\n')
    assert next(fault.at for fault in faults if fault.record == 1) == f"line 2, byte {offset}"


def test_a_batch_of_bad_rows_only_and_a_request_of_many(scorer: str, tmp_path: Path) -> None:
    rows = [{"x": [row["x"]], "n": [row["n"]]} for row in good_rows(40)]
    file = _write(tmp_path / "lines", *[{"x": [None], "n": 1}] * 20, {"instances": rows}, rows[0])
    result = run_files(scorer, file)["SM301"]
    assert result.measurements["ran"] == dict.fromkeys(FED, 41)
    assert result.measurements["unreadable_records"] == 20
    assert result.findings[0].where["record"] == 0


def test_a_large_file_is_split_at_lines(tmp_path: Path) -> None:
    from tfx_savedmodel.beam.reading import json_lines

    file = _write(tmp_path / "lines", *({"x": number, "pad": "p" * (number % 50)} for number in range(500)))
    shards = [shard for shard, _ in json_lines.json_shards(file, split_bytes=4000, chunk_bytes=1000)]
    assert len(shards) > 4
    parts = [read_all(shard, "json") for shard in shards]
    assert [fault for _, faults in parts for fault in faults] == []
    found = [values_of(batches, "x") for batches, _ in parts]
    assert sum(map(len, found)) == 500
    assert {number: value for part in found for number, value in part.items()} == {n: [n] for n in range(500)}
    # A part that was lost is read again without the byte it begins at.
    middle = shards[2]
    again, _ = _read(file, first_record=middle.first_record + 3, first_byte=-1, records=2)
    assert sorted(values_of(again, "x")) == [middle.first_record + 3, middle.first_record + 4]


def test_gzip_and_a_file_that_is_cut_off(tmp_path: Path) -> None:
    text = "".join(
        json.dumps({"x": number, "y": base64.b64encode(bytes([number] * 9)).decode()}) + "\n" for number in range(200)
    )
    whole = tmp_path / "whole.gz"
    whole.write_bytes(gzip.compress(text.encode()))
    batches, faults = _read(str(whole))
    assert len(values_of(batches, "x")) == 200 and faults == []
    short = tmp_path / "short.gz"
    short.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    batches, faults = _read(str(short))
    found = values_of(batches, "x")
    assert 0 < len(found) < 200
    assert [(fault.record, fault.rest_lost) for fault in faults] == [(len(found), True)]


def test_a_plain_file_that_is_cut_off_loses_its_last_line(tmp_path: Path) -> None:
    file = Path(_write(tmp_path / "lines", *({"x": number} for number in range(9))))
    file.write_bytes(file.read_bytes()[:-4])
    batches, faults = _read(str(file))
    assert sorted(values_of(batches, "x")) == list(range(8))
    assert [fault.record for fault in faults] == [8] and "no JSON" in faults[0].reason


def test_whole_numbers_and_fractions_under_one_name(scorer: str, tmp_path: Path) -> None:
    rows: list[Any] = [{"x": number % 3, "n": number} for number in range(300)]
    rows[290]["x"] = 0.5
    rows[291]["n"] = 1.0
    rows[295]["n"] = 1.5
    result = run_files(scorer, _write(tmp_path / "lines", *rows))["SM301"]
    assert result.measurements["ran"]["serve_raw"] == 299
    assert result.measurements["ran"]["serving_default"] == 299
    assert {
        each["record"]
        for key in ("serve_raw", "serving_default")
        for each in result.measurements["refused"][key]["first"]
    } == {295}


def test_requests_carry_serialized_examples(scorer: str, tmp_path: Path) -> None:
    from tests.beam.models import serialized

    packed = [{"examples": {"b64": base64.b64encode(serialized(row)).decode()}} for row in good_rows(5)]
    result = run_files(scorer, _write(tmp_path / "lines", {"signature_name": "serving_default", "instances": packed}))
    assert result["SM301"].measurements["ran"]["serving_default"] == 5
    assert result["SM301"].verdict is CheckVerdict.PASS


def _two_inputs(directory: Path) -> str:
    import tensorflow as tf

    class Model(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None, None, 2], tf.float32, "x")])
        def one(self, x: Any) -> Any:
            return {"sum": tf.reduce_sum(x, axis=[1, 2])}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "x"), tf.TensorSpec([None], tf.float32, "y")])
        def two(self, x: Any, y: Any) -> Any:
            return {"sum": x + y}

    model = Model()
    tf.saved_model.save(model, str(directory), signatures={"one": model.one, "two": model.two})
    return str(directory)


@pytest.mark.parametrize(
    ("document", "found"), [([{"x": 1.0}] * 3, "a list"), ({"instances": [{"x": 1.0}]}, "an object")]
)
def test_a_document_over_several_lines_is_refused(tmp_path: Path, document: Any, found: str) -> None:
    (tmp_path / "file").write_text(json.dumps(document, indent=2))
    with pytest.raises(ExamplesError, match="over several lines") as caught:
        look_at([str(tmp_path / "file")], "json")
    assert found in caught.value.found and "jq" in caught.value.next_step


def test_lines_the_first_of_which_is_broken_are_no_document(tmp_path: Path) -> None:
    assert set(look_at([_write(tmp_path / "lines", '{"x": ', {"x": 1.0})], "json").features) == {"x"}


def test_a_list_of_instances_says_how_to_write_them(tmp_path: Path) -> None:
    _, (fault,) = _read(_write(tmp_path / "lines", [{"x": 1.0}, {"x": 2.0}]))
    assert "list of instances" in fault.reason and "instances" in fault.reason


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "lines").write_text('{"x": 1.0}\n{"x": 2.0}\n', encoding="utf-8-sig")
    batches, faults = _read(str(tmp_path / "lines"))
    assert (values_of(batches, "x"), faults) == ({0: [1.0], 1: [2.0]}, [])


def test_a_file_that_is_no_text_is_one_fault(tmp_path: Path) -> None:
    _, (fault,) = _read(write_rows(tmp_path / "records.gz", good_rows(300)))
    assert fault.reason == "the file holds TFRecords; it is read as JSON lines" and fault.rest_lost


def test_an_unknown_signature_is_named_with_its_place(scorer: str, tmp_path: Path) -> None:
    lines = ({"x": [1.0], "n": [1]}, {"signature_name": "no_such", "instances": [{"x": [1.0]}]})
    (finding,) = run_files(scorer, _write(tmp_path / "lines", *lines))["SM301"].findings
    assert "(line 2, byte 23)" in finding.found
