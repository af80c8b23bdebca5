"""`--report` writes nowhere where it would change a model that is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.models import write_model
from tfx_savedmodel.cli.main import run
from tfx_savedmodel.cli.report_place import report_place
from tfx_savedmodel.errors import DestinationError

pytestmark = pytest.mark.unit


@pytest.fixture
def model(tmp_path: Path) -> Path:
    model = write_model(tmp_path / "model")
    (model / "assets").mkdir()
    (tmp_path / "link").symlink_to(model)
    (tmp_path / "below").symlink_to(model / "assets")
    return model


@pytest.mark.parametrize(
    "place", ["model", "model/report", "model/assets/a/b", "link", "link/new", "below/new", "x/../model", "model/."]
)
@pytest.mark.parametrize("named", ["model", "link"])
def test_a_place_in_the_model_is_refused_also_by_links(model: Path, tmp_path: Path, place: str, named: str) -> None:
    with pytest.raises(DestinationError, match="would change what it is about"):
        report_place(str(tmp_path / place), {"MODEL": str(tmp_path / named)})


def test_what_is_refused_is_not_written(model: Path, tmp_path: Path) -> None:
    before = sorted(model.rglob("*"))
    assert run(["validate", str(model), "--select", "SM101", "--report", str(tmp_path / "link" / "new")]) == 4
    assert sorted(model.rglob("*")) == before


def test_a_place_is_the_same_however_it_is_named(model: Path, tmp_path: Path) -> None:
    for place, named in ((f"file://{model}/report", model), (str(model / "report"), f"file://{model}")):
        with pytest.raises(DestinationError, match="would change what it is about"):
            report_place(place, {"MODEL": str(named)})


def test_the_error_says_of_which_model_it_is(model: Path) -> None:
    with pytest.raises(DestinationError, match="would change what it is about") as caught:
        report_place(str(model / "report"), {"MODEL": "elsewhere", "--reference": str(model), "--baseline": None})
    assert f"--reference {model}" in caught.value.found


def test_a_place_beside_the_model_is_taken(model: Path, tmp_path: Path) -> None:
    for place in ("report", "model2/report", "modelreport"):
        assert report_place(str(tmp_path / place), {"MODEL": str(model)}) == tmp_path / place
    assert run(["validate", str(model), "--select", "SM101", "--report", str(tmp_path / "report")]) == 0
    assert (tmp_path / "report" / "report.html").is_file()


def test_remote_places_are_compared_as_such() -> None:
    for place in ("gs://bucket/model", "gs://bucket/model/", "gs://bucket/model/report"):
        with pytest.raises(DestinationError):
            report_place(place, {"MODEL": "gs://bucket/model/"})
    for place in ("GS://bucket/model/report", "gs://bucket/x/../model/report"):
        with pytest.raises(DestinationError):
            report_place(place, {"MODEL": "gs://bucket/model"})
    assert report_place("gs://bucket/model2", {"MODEL": "gs://bucket/model"}) == "gs://bucket/model2"
    assert report_place("gs://bucket/model", {"MODEL": "/bucket/model"}) == "gs://bucket/model"
