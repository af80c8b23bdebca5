"""Mistakes in local inputs, found without Beam and TensorFlow; what cannot be told for certain passes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.models import write_model
from tests.conftest import require_module
from tfx_savedmodel.errors import ExamplesError, SchemaError, TransformGraphError, UnreadableModelError
from tfx_savedmodel.operations.beside_model import Inputs
from tfx_savedmodel.operations.local_mistakes import refuse_local_mistakes

pytestmark = pytest.mark.unit

RUNS = ("SM101", "SM301")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_model(tmp_path / "model")
    data = tmp_path / "data" / "Split-eval"
    data.mkdir(parents=True)
    for name in ("a-00.gz", "b.gz", ".hidden"):
        (data / name).touch()
    (tmp_path / "schema.pbtxt").write_text("feature { name: 'x' type: FLOAT }")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refuse(model: str = "model", codes: tuple[str, ...] = RUNS, **given: object) -> None:
    names = ("schema", "transform_graph", "reference", "baseline", "plan", "target")
    inputs = {"examples": (), **dict.fromkeys(names), **given}
    refuse_local_mistakes(model, Inputs(**inputs), codes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "pattern",
    [
        "data/Split-eval/*.gz",
        "data/Split-eval",
        "data/Split-eval/b.gz",
        "data/*/b.gz",
        "*/Split-eval/*",
        "data/**/b.gz",
        "data/Split-eval/.h*",
        "data/Split-eval/a-[0-9]*.gz",
        "data/Split-eval/{a-00,b}.gz",
        "gs://nobody/has/this*",
    ],
)
def test_what_may_match_passes(folder: Path, pattern: str) -> None:
    refuse(examples=[pattern])
    if "://" not in pattern:
        refuse(examples=str(folder / pattern))


def test_examples_may_be_a_path_or_none(folder: Path) -> None:
    for given in (None, "", Path("data/Split-eval"), [Path("data/Split-eval/b.gz")]):
        refuse(examples=given)
    with pytest.raises(ExamplesError):
        refuse(examples=Path("data/Split-train/*"))


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("data/Split-eval/*.tfrecord", "in data/Split-eval: .hidden, a-00.gz, b.gz"),
        ("data/Split-eval/c.gz", "in data/Split-eval: .hidden, a-00.gz, b.gz"),
        ("data/Split-train/*", "no folder data/Split-train; in data: Split-eval"),
        ("nowhere/*/*.gz", "no folder nowhere; in .: data, model, schema.pbtxt"),
        ("nothing*", "in .: data, model, schema.pbtxt"),
    ],
)
def test_examples_that_certainly_are_not_there_are_refused_with_what_is(folder: Path, pattern: str, found: str) -> None:
    with pytest.raises(ExamplesError) as caught:
        refuse(examples=("data/Split-eval/b.gz", pattern))
    assert (caught.value.where, caught.value.found) == (pattern, found)


def test_the_other_inputs_are_looked_at_as_far_as_a_check_will(folder: Path) -> None:
    refuse(transform_graph="data", schema="schema.pbtxt", codes=("SM101",))
    with pytest.raises(TransformGraphError, match="no Transform graph here"):
        refuse(transform_graph="data")
    with pytest.raises(TransformGraphError, match="is not there"):
        refuse(transform_graph="nowhere", codes=("SM101",))
    with pytest.raises(SchemaError, match="the schema is not there"):
        refuse(schema="schema.pb")
    with pytest.raises(UnreadableModelError, match="no such path"):
        refuse(model="nowhere")
    with pytest.raises(UnreadableModelError, match="no such path"):
        refuse(reference="nowhere")
    refuse(model="gs://nobody/model", reference="gs://nobody/model", schema="gs://nobody/schema.pbtxt")


def test_a_schema_that_is_none_is_refused_before_the_model_is_run(folder: Path) -> None:
    require_module("tensorflow_metadata", "it comes with TFX")
    refuse(schema="schema.pbtxt")
    (folder / "schema.json").write_text('{"feature": []}')
    with pytest.raises(SchemaError, match="the schema cannot be read") as caught:
        refuse(schema="schema.json")
    assert caught.value.where == "schema.json"
