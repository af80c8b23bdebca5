"""The total that comes back from the workers, and what is left in the place that it came through."""

from __future__ import annotations

import pickle
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from tfx_savedmodel.beam.meeting import meeting_place, new_total
from tfx_savedmodel.beam.pipeline import read_total
from tfx_savedmodel.beam.running.feeding import FeedPlan
from tfx_savedmodel.beam.running.tally import Tally
from tfx_savedmodel.beam.running.worker import ModelSettings, WorkerSettings
from tfx_savedmodel.errors import WorkerError

pytestmark = pytest.mark.tfx

TOTAL = Tally(checks=(), examples=7)


def settings(directory: Path) -> WorkerSettings:
    return WorkerSettings(ModelSettings(str(directory), ("serve",), FeedPlan({}, {})), (), 8)


def test_a_total_that_was_cut_off_is_passed_over(tmp_path: Path) -> None:
    whole = pickle.dumps(TOTAL)
    for size in (0, 1, len(whole) // 2, len(whole) - 1):
        Path(new_total(str(tmp_path))).write_bytes(whole[:size])
    with pytest.raises(WorkerError, match="none of its workers wrote a result") as caught:
        read_total(str(tmp_path))
    assert caught.value.where == str(tmp_path) and "--temp_location" in caught.value.next_step
    Path(new_total(str(tmp_path))).write_bytes(whole)
    assert read_total(str(tmp_path)) == TOTAL


def test_what_was_copied_goes_also_where_the_run_or_a_copy_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "saved_model.pb").write_bytes(b"graph")
    shared = tmp_path / "shared"
    arguments = ["--runner=FlinkRunner", "--environment_type=PROCESS", '--environment_config={"command": "boot"}']
    pipeline = beam.Pipeline(options=PipelineOptions([*arguments, f"--temp_location={shared}"]))
    with pytest.raises(OSError, match="lost"), meeting_place(pipeline, settings(tmp_path / "model")) as (_, moved, __):
        assert (Path(moved.model.directory) / "saved_model.pb").read_bytes() == b"graph"
        raise OSError("lost")
    assert list(shared.iterdir()) == []
    monkeypatch.setattr("tfx_savedmodel.beam.carrying.shutil.copyfileobj", _full)
    with pytest.raises(OSError, match="disk full"), meeting_place(pipeline, settings(tmp_path / "model")):
        pass
    assert list(shared.iterdir()) == []


def _full(source: object, target: object) -> None:
    raise OSError("disk full")
