"""What a worker loads comes to it: also what decodes the examples."""

from __future__ import annotations

from pathlib import Path

import pytest

from tfx_savedmodel.beam.carrying import carry, fetched
from tfx_savedmodel.beam.running.feeding import FeedPlan
from tfx_savedmodel.beam.running.worker import ModelSettings, WorkerSettings

pytestmark = pytest.mark.tfx


def test_the_data_view_comes_too(tmp_path: Path) -> None:
    for name in ("model", "view"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "saved_model.pb").write_text(name)
    model = ModelSettings(str(tmp_path / "model"), ("serve",), FeedPlan({}, {}))
    settings = WorkerSettings(model, (), None, format="proto", data_view=str(tmp_path / "view"))
    copies: dict[str, tuple[str, ...]] = {}
    carried = carry(settings, str(tmp_path / "place"), copies)
    (tmp_path / "view" / "saved_model.pb").unlink()
    with fetched(carried, copies) as local:
        assert local.data_view is not None
        assert (Path(local.data_view) / "saved_model.pb").read_text() == "view"
        assert (Path(local.model.directory) / "saved_model.pb").read_text() == "model"
