"""A pipeline whose root and inputs lie under a scheme that is not local."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.tfx

ROOT = "elsewhere://root"
SIGNATURES = {"again": {"kind": "alias", "of": "serving_default"}}
POLICY = {"required": ["SM101", "SM103", "SM2", "SM301"], "parameters": {"SM103": {"required": ["again"]}}}
BEAM_ARGS = ["--runner=FnApiRunner", "--direct_running_mode=in_memory", "--setup_file=/unused/setup.py"]


def write_inputs(folder: Path) -> None:
    """Write a Model and an Examples artifact with a few examples in a split."""
    import tensorflow as tf

    from tests.operations.models import example, save_keras

    save_keras(folder / "trained" / "Format-Serving")
    split = folder / "examples" / "Split-eval"
    split.mkdir(parents=True)
    with tf.io.TFRecordWriter(str(split / "data-00000-of-00001")) as writer:
        for number in range(5):
            writer.write(example(bill=[float(number)], island=[1.0, 0.0, 0.0]))


def run_pipeline(folder: Path) -> None:
    from tfx.components import Pusher
    from tfx.dsl.components.common.importer import Importer
    from tfx.orchestration import metadata, pipeline
    from tfx.orchestration.local.local_dag_runner import LocalDagRunner
    from tfx.proto import pusher_pb2
    from tfx.types import standard_artifacts

    from tfx_savedmodel.saved_model_validator.component import SavedModelValidator
    from tfx_savedmodel.signature_exporter.component import SignatureExporter

    model = Importer("elsewhere://trained", standard_artifacts.Model).with_id("Trained")
    examples = Importer(
        "elsewhere://examples", standard_artifacts.Examples, properties={"split_names": '["eval"]'}
    ).with_id("Examples")
    exporter = SignatureExporter(model=model.outputs["result"], signatures=SIGNATURES, keep="all")
    validator = SavedModelValidator(
        model=exporter.outputs["exported_model"],
        examples=examples.outputs["result"],
        policy=POLICY,
        report_dir="elsewhere://reports",
    )
    pusher = Pusher(
        model=exporter.outputs["exported_model"],
        infra_blessing=validator.outputs["blessing"],
        push_destination=pusher_pb2.PushDestination(
            filesystem=pusher_pb2.PushDestination.Filesystem(base_directory="elsewhere://pushed")
        ),
    )
    LocalDagRunner().run(
        pipeline.Pipeline(
            pipeline_name="remote",
            pipeline_root=ROOT,
            components=[model, examples, exporter, validator, pusher],
            metadata_connection_config=metadata.sqlite_metadata_connection_config(str(folder / "metadata.sqlite")),
            beam_pipeline_args=BEAM_ARGS,
        )
    )


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The file system after the pipeline has run."""
    from tests.pipelines.remote_root import register

    folder = tmp_path_factory.mktemp("elsewhere")
    system = register(folder)
    write_inputs(folder)
    run_pipeline(tmp_path_factory.mktemp("local"))
    return system


def only(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found


def test_the_exported_model_is_there_and_its_graph_came_last(elsewhere: Any) -> None:
    serving = only(elsewhere.folder, "root/SignatureExporter/exported_model/*/Format-Serving")
    assert (serving / "saved_model.pb").is_file()
    assert (serving / "variables" / "variables.index").is_file()
    assert not [child.name for child in serving.iterdir() if child.name.startswith(".")]
    written = [name for name in elsewhere.written if "exported_model/" in name and "Format-Serving/" in name]
    assert written[-1].endswith("/Format-Serving/saved_model.pb")
    assert len(written) > 3


def test_the_validator_blessed_it_on_the_examples(elsewhere: Any) -> None:
    report = json.loads(only(elsewhere.folder, "root/SavedModelValidator/report/*/report.json").read_text())
    assert report["verdict"] == "BLESSED"
    assert report["model"]["uri"].startswith(f"{ROOT}/SignatureExporter/exported_model/")
    assert "/tmp/" not in json.dumps(report)
    (ran,) = [check for check in report["checks"] if check["code"] == "SM301"]
    assert ran["measurements"]["examples"] == 5
    assert only(elsewhere.folder, "root/SavedModelValidator/blessing/*/INFRA_BLESSED").is_file()
    assert json.loads((elsewhere.folder / "reports" / "report.json").read_text()) == report


def test_it_was_pushed(elsewhere: Any) -> None:
    assert only(elsewhere.folder, "pushed/*/saved_model.pb").is_file()
