"""Examples artifacts as TFX's own ExampleGens write them, of every payload, through the component's executor."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.beam.models import good_rows, save_scorer, write_records, write_rows
from tfx_savedmodel.beam.hosts.hosting import kept_hosts
from tfx_savedmodel.errors import ExamplesError

pytestmark = pytest.mark.tfx

Validated = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module", autouse=True)
def hosts() -> Iterator[None]:
    """The processes that run models stay for the next test: each has imported TensorFlow."""
    with kept_hosts():
        yield


@pytest.fixture(scope="module")
def scorer(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_scorer(tmp_path_factory.mktemp("scorer") / "Format-Serving")


def _gen(folder: Path, source: Path, payload: str = "FORMAT_TF_EXAMPLE", kind: str = "import", **output: Any) -> Any:
    """Run an ExampleGen's executor over the files of a folder, and return its artifact."""
    from tfx.components.example_gen.csv_example_gen import executor as of_csv
    from tfx.components.example_gen.import_example_gen import executor as of_import
    from tfx.proto import example_gen_pb2
    from tfx.types import standard_artifacts

    artifact = standard_artifacts.Examples()
    artifact.uri = str(folder)
    splits = [{"name": "train", "pattern": "train/*"}, {"name": "eval", "pattern": "eval/*"}]
    properties = {
        "input_base": str(source),
        "input_config": json.dumps({"splits": splits}),
        "output_config": "{}",
        "output_data_format": example_gen_pb2.PayloadFormat.Value(payload),
        **output,
    }
    executor = (of_csv if kind == "csv" else of_import).Executor()
    executor.Do({}, {"examples": [artifact]}, properties)
    return artifact


@pytest.fixture
def validated(scorer: str, tmp_path: Path) -> Validated:
    """Run the validator's executor over Examples artifacts; gives SM301 of the report."""

    def run(examples: list[Any], model: str = scorer, **exec_properties: Any) -> dict[str, Any]:
        from tfx.types import standard_artifacts

        from tfx_savedmodel.saved_model_validator.artifacts import ValidationReport
        from tfx_savedmodel.saved_model_validator.executor import Executor

        given, report, blessing = standard_artifacts.Model(), ValidationReport(), standard_artifacts.InfraBlessing()
        given.uri = str(Path(model).parent)
        report.uri, blessing.uri = str(tmp_path / "report"), str(tmp_path / "blessing")
        properties = {
            "policy": json.dumps({"select": ["SM301"], "required": ["SM301"], "trusted": True}),
            "splits": '["eval"]',
            "on_undecided": "not_blessed",
            **exec_properties,
        }
        outputs = {"report": [report], "blessing": [blessing]}
        Executor().Do({"model": [given], "examples": examples}, outputs, properties)
        checks = json.loads((tmp_path / "report" / "report.json").read_text())["checks"]
        return next(check for check in checks if check["code"] == "SM301")

    return run


def _source(folder: Path, write: Callable[[Path, int], Any], train: int = 7, evaluated: int = 30) -> Path:
    for split, count in (("train", train), ("eval", evaluated)):
        (folder / split).mkdir(parents=True)
        write(folder / split / "part", count)
    return folder


def test_spans_of_examples_and_their_splits(validated: Validated, tmp_path: Path) -> None:
    spans = []
    for span, count in ((1, 30), (2, 12)):
        source = _source(
            tmp_path / f"source-{span}", lambda path, n: write_rows(path.with_suffix(".gz"), good_rows(n)), 7, count
        )
        spans.append(_gen(tmp_path / f"span-{span}", source))
        spans[-1].span = span
    assert validated(spans, splits='["train", "eval"]')["measurements"]["ran"]["serving_default"] == 56
    found = validated(spans, sample="10", sample_seed=3, batch_size=4)
    assert found["measurements"]["ran"]["serve_raw"] == 10
    with pytest.raises(ExamplesError, match="no split 'test'"):
        validated(spans, splits='["test"]')


def test_csv(validated: Validated, tmp_path: Path) -> None:
    def write(path: Path, count: int) -> None:
        rows = "".join(f"{row['x']},{row['n']}\n" for row in good_rows(count))
        path.with_suffix(".csv").write_text("x,n\n0.25,3\n" + rows)

    examples = _gen(tmp_path / "examples", _source(tmp_path / "source", write), kind="csv")
    assert validated([examples])["measurements"]["ran"]["serving_default"] == 31


def test_parquet(validated: Validated, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    def write(path: Path, count: int) -> None:
        rows = good_rows(count)
        table = pa.table({name: [row[name] for row in rows] for name in ("x", "n")})
        pq.write_table(table, str(path.with_suffix(".parquet")))

    schema = pa.schema([("x", pa.float64()), ("n", pa.int64())])
    source = _source(tmp_path / "source", write)
    examples = _gen(tmp_path / "examples", source, "FORMAT_PARQUET", pyarrow_schema=schema)
    found = validated([examples])
    assert found["verdict"] == "PASS"
    assert found["measurements"]["ran"]["serving_default"] == 30


def test_sequences(validated: Validated, tmp_path: Path) -> None:
    import tensorflow as tf

    model = tf.Module()

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int64, "steps")])
    def count(steps: Any) -> Any:
        return {"sum": tf.reduce_sum(steps, axis=1)}

    tf.saved_model.save(model, str(tmp_path / "model" / "Format-Serving"), signatures={"serving_default": count})

    def record(number: int) -> bytes:
        example = tf.train.SequenceExample()
        for step in range(number % 3):
            example.feature_lists.feature_list["steps"].feature.add().int64_list.value.append(step)
        return bytes(example.SerializeToString())

    def write(path: Path, count: int) -> None:
        write_records(path.with_suffix(".gz"), map(record, range(1, count + 1)))

    source = _source(tmp_path / "source", write)
    examples = _gen(tmp_path / "examples", source, "FORMAT_TF_SEQUENCE_EXAMPLE")
    found = validated([examples], str(tmp_path / "model" / "Format-Serving"))
    assert found["measurements"]["ran"]["serving_default"] == 30


def test_protos_with_and_without_a_view(validated: Validated, tmp_path: Path) -> None:
    import tensorflow as tf

    from tests.beam.reading.test_data_view import save_lines_view

    model = tf.Module()

    @tf.function(input_signature=[tf.TensorSpec([None, None, 2], tf.float32, "pairs")])
    def total(pairs: Any) -> Any:
        return {"sum": tf.reduce_sum(pairs, axis=[1, 2])}

    tf.saved_model.save(model, str(tmp_path / "model" / "Format-Serving"), signatures={"serving_default": total})

    def tensors(path: Path, count: int) -> None:
        made = [tf.io.serialize_tensor(tf.fill([1 + number % 2, 2], 0.5)).numpy() for number in range(count)]
        write_records(path.with_suffix(".gz"), made)

    def lines(path: Path, count: int) -> None:
        write_records(path.with_suffix(".gz"), [b"1,2,3,4;word"] * count)

    plain = _gen(tmp_path / "plain", _source(tmp_path / "tensors", tensors), "FORMAT_PROTO")
    ran = validated([plain], str(tmp_path / "model" / "Format-Serving"))["measurements"]["ran"]
    assert ran == {"serving_default": 30}

    bound = _gen(tmp_path / "bound", _source(tmp_path / "lines", lines, evaluated=20), "FORMAT_PROTO")
    bound.set_string_custom_property("data_view_uri", save_lines_view(tmp_path / "view"))
    bound.set_string_custom_property("data_view_create_time_since_epoch", "1")
    ran = validated([bound], str(tmp_path / "model" / "Format-Serving"))["measurements"]["ran"]
    assert ran == {"serving_default": 20}

    with pytest.raises(ExamplesError, match="only some"):
        validated([plain, bound], str(tmp_path / "model" / "Format-Serving"))


def test_payloads_that_differ_or_are_not_known(tmp_path: Path) -> None:
    from tfx.components.util import examples_utils
    from tfx.proto import example_gen_pb2
    from tfx.types import standard_artifacts

    from tfx_savedmodel.saved_model_validator.payloads import payload_of

    def artifact(name: str, payload: int, files: str | None = None) -> Any:
        made = standard_artifacts.Examples()
        made.uri = name
        examples_utils.set_payload_format(made, payload)
        if files is not None:
            examples_utils.set_file_format(made, files)
        return made

    examples = artifact("a", example_gen_pb2.FORMAT_TF_EXAMPLE, "tfrecords_gzip")
    parquet = artifact("b", example_gen_pb2.FORMAT_PARQUET, "parquet")
    assert payload_of([]) == ("auto", None)
    assert payload_of([standard_artifacts.Examples()]) == ("example", None)
    assert payload_of([examples]) == ("example", None)
    assert payload_of([parquet]) == ("parquet", None)
    with pytest.raises(ExamplesError, match="different payload formats"):
        payload_of([examples, parquet])
    for payload, files in (
        (example_gen_pb2.FORMAT_UNSPECIFIED, None),
        (example_gen_pb2.FORMAT_TF_EXAMPLE, "parquet"),
        (example_gen_pb2.FORMAT_TF_EXAMPLE, "recordio"),
    ):
        with pytest.raises(ExamplesError, match="not known") as caught:
            payload_of([artifact("c", payload, files)])
        assert caught.value.where == "c"
