"""SavedModelValidator in a pipeline of TFX, its examples run on Flink."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.engines.example import save_model, write_examples
from pipelines.engines.flink import FlinkCluster
from tfx_savedmodel.beam.launch import IN_MEMORY

pytestmark = [pytest.mark.tfx, pytest.mark.full]

FILES, EXAMPLES = 8, 500_000
#: TFX would pack itself for the workers, unless an argument says what brings their packages: here nothing needs to.
NO_PACKAGES = "--sdk_container_image=none"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    save_model(folder / "model" / "Format-Serving")
    (folder / "examples" / "Split-eval").mkdir(parents=True)
    for part in range(FILES):
        write_examples(folder / "examples" / "Split-eval" / f"part-{part}.gz", EXAMPLES // FILES)
    return folder


def run(trained: Path, root: Path, beam_args: list[str]) -> dict[str, Any]:
    """Run a pipeline whose validator gets these arguments of Beam, and return its report without its times."""
    from tfx.dsl.components.common.importer import Importer
    from tfx.orchestration import metadata, pipeline
    from tfx.orchestration.local.local_dag_runner import LocalDagRunner
    from tfx.types import standard_artifacts

    from tfx_savedmodel import SavedModelValidator

    model = Importer(str(trained / "model"), standard_artifacts.Model).with_id("Trained")
    split = {"split_names": '["eval"]'}
    data = Importer(str(trained / "examples"), standard_artifacts.Examples, properties=split).with_id("Data")
    validator = SavedModelValidator(
        model=model.outputs["result"],
        examples=data.outputs["result"],
        policy={"select": ["SM101", "SM301", "SM302", "SM303", "SM307"], "required": ["SM3"]},
    ).with_beam_pipeline_args([*beam_args, NO_PACKAGES])
    LocalDagRunner().run(
        pipeline.Pipeline(
            pipeline_name="runners",
            pipeline_root=str(root / "root"),
            components=[model, data, validator],
            metadata_connection_config=metadata.sqlite_metadata_connection_config(str(root / "metadata.sqlite")),
        )
    )
    (file,) = root.glob("root/SavedModelValidator/report/*/report.json")
    report: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    for check in report["checks"]:
        del check["seconds"]
    return {key: report[key] for key in ("verdict", "model", "policy", "checks", "notes")}


def test_half_a_million_examples_give_the_same_report_on_flink(
    trained: Path, tmp_path: Path, flink: FlinkCluster
) -> None:
    here = run(trained, tmp_path / "here", list(IN_MEMORY))
    assert here["verdict"] == "BLESSED"
    assert here["checks"][1]["measurements"]["ran"] == {"serve_raw": EXAMPLES, "serving_default": EXAMPLES}
    assert run(trained, tmp_path / "flink", flink.beam_args) == here
    assert [job["status"] for job in flink.rest("/jobs")["jobs"]].count("FINISHED") >= 1
