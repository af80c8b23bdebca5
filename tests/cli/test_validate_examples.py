"""What the command line says of examples: their format, splits, and a sample of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.beam.models import good_rows, save_scorer, write_rows
from tfx_savedmodel.cli.validate import command
from tfx_savedmodel.errors import ExamplesError, TfxSavedModelError, UsageError

pytestmark = pytest.mark.tfx


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_scorer(tmp_path_factory.mktemp("scorer") / "model")


def _ran(model: str, *arguments: str) -> Any:
    line = [model, "--select", "SM301", "--format", "json", *arguments]
    result = CliRunner().invoke(command, line, standalone_mode=False)
    if isinstance(result.exception, TfxSavedModelError):
        raise result.exception
    (check,) = json.loads(result.stdout)["checks"]
    return check["measurements"]["ran"]["serve_raw"]


def test_a_sample_of_a_split_and_lines_of_json(model: str, tmp_path: Path) -> None:
    for split in ("train", "eval"):
        (tmp_path / f"artifact/Split-{split}").mkdir(parents=True)
        write_rows(tmp_path / f"artifact/Split-{split}/data.gz", good_rows(20))
    artifact = str(tmp_path / "artifact")
    assert _ran(model, "--examples", artifact) == 20
    assert _ran(model, "--examples", artifact, "--split", "train", "--split", "eval", "--sample", "33") == 33
    lines = tmp_path / "lines"
    lines.write_text("\n" + "".join(json.dumps(row) + "\n" for row in good_rows(4)))
    assert _ran(model, "--examples", str(lines), "--examples-format", "json") == 4
    with pytest.raises(ExamplesError, match="no split 'test'"):
        _ran(model, "--examples", artifact, "--split", "test")


def test_mistakes_are_told(model: str, tmp_path: Path) -> None:
    file = write_rows(tmp_path / "file", good_rows(1))
    with pytest.raises(UsageError, match="not a sample"):
        _ran(model, "--examples", file, "--sample", "some")
    with pytest.raises(UsageError, match="need one"):
        _ran(model, "--examples", file, "--examples-format", "proto")
    with pytest.raises(ExamplesError, match="the DataView is not there"):
        _ran(model, "--examples", file, "--data-view", str(tmp_path / "none"))
