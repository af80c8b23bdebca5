"""The template's runner for Beam on a real engine: a Flink cluster on loopback, its workers apart from the launcher."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.engines.flink import FlinkCluster
from tests.runners.conftest import require_java
from tests.templates.conftest import call

pytestmark = [pytest.mark.tfx, pytest.mark.full]

#: Each of these steps is one job of Beam's; what is light runs here.
HEAVY = ("CsvExampleGen", "StatisticsGen", "Transform", "SavedModelValidator")


@pytest.fixture
def flink(tmp_path: Path) -> Iterator[FlinkCluster]:
    require_java()
    with FlinkCluster(tmp_path / "flink") as cluster:
        yield cluster


def test_heavy_steps_run_on_flink_and_the_model_is_pushed(made: Path, flink: FlinkCluster, tmp_path: Path) -> None:
    places = ("--root", tmp_path / "root", "--data", made / "data", "--push-to", tmp_path / "serving")
    python, build = made / ".venv" / "bin" / "python", tmp_path / "build"
    done = call(python, "-m", "runners.beam", *places, "--build", build, "--", *flink.beam_args, cwd=made)
    log = build / "pipeline.log"
    assert done.returncode == 0, done.stdout + (log.read_text()[-5000:] if log.is_file() else "")
    assert "Verdict  BLESSED" in done.stdout.splitlines()
    (pushed,) = (tmp_path / "serving").iterdir()
    assert (pushed / "saved_model.pb").is_file()
    jobs = flink.rest("/jobs/overview")["jobs"]
    assert {job["state"] for job in jobs} == {"FINISHED"}
    assert len(jobs) == len(HEAVY)
