"""The penguin pipeline, run for real; then the metadata store is asked what happened."""

from __future__ import annotations

import dataclasses
import io
import json
from pathlib import Path
from typing import Any

import pytest

from tfx_savedmodel import versions

pytestmark = pytest.mark.tfx

SIGNATURES = ["classify", "predict_penguin", "serve_raw", "serving_default", "xai_model", "xai_preprocess"]
BEFORE_TRAINER = ("CsvExampleGen", "StatisticsGen", "SchemaGen", "ExampleValidator", "Transform")
VALIDATORS = ("ExportedModelValidator", "EstimatorModelValidator")


@dataclasses.dataclass(frozen=True)
class Ran:
    """A run as the metadata store tells it (`pipelines.penguin.runs.PipelineRun`), and its summary's text."""

    run: Any
    text: str

    def checks(self, validator: str) -> dict[str, dict[str, Any]]:
        return {check["code"]: check for check in self.run.reports()[validator]["checks"]}

    def cached(self) -> set[str]:
        return {name for name, component in self.run.components.items() if component.is_cached}


def run_pipeline(root: Path, sabotage: str | None = None) -> Ran:
    from rich.console import Console

    from pipelines.penguin.run import run
    from pipelines.penguin.summary import print_summary

    result = run(root, sabotage)
    text = io.StringIO()
    print_summary(result, Console(file=text, width=200))
    return Ran(result, text.getvalue())


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("penguin")


@pytest.fixture(scope="module")
def clean(root: Path) -> Ran:
    return run_pipeline(root)


@pytest.fixture(scope="module")
def nan(root: Path, clean: Ran) -> Ran:
    return run_pipeline(root, "nan")


@pytest.fixture(scope="module")
def signature(root: Path, clean: Ran) -> Ran:
    return run_pipeline(root, "signature")


def test_trainer_is_accurate(clean: Ran) -> None:
    metrics = Path(clean.run.output("Trainer", "model_run").uri) / "metrics.json"
    assert json.loads(metrics.read_text())["eval_accuracy"] > 0.95


def test_everything_ran_and_the_exported_model_was_pushed(clean: Ran) -> None:
    assert {component.state for component in clean.run.components.values()} == {"COMPLETE"}
    pushed = clean.run.output("Pusher", "pushed_model")
    assert pushed.type_name == "PushedModel"
    assert pushed.properties["pushed"] == 1
    destination = Path(pushed.properties["pushed_destination"])
    exported = Path(clean.run.output("SignatureExporter", "exported_model").uri) / "Format-Serving"
    assert (destination / "saved_model.pb").read_bytes() == (exported / "saved_model.pb").read_bytes()


def test_exported_model_carries_its_facts(clean: Ran) -> None:
    model = clean.run.output("SignatureExporter", "exported_model")
    assert model.type_name == "Model"
    assert sorted(json.loads(model.properties["signatures"])) == SIGNATURES
    assert model.properties["builder"]
    assert model.properties["tensorflow_version"].startswith("2.")
    reported = clean.run.reports()["ExportedModelValidator"]["model"]
    assert model.properties["fingerprint"] == reported["fingerprint"]


def test_what_lies_beside_the_exported_model(clean: Ran) -> None:
    from tensorflow_serving.apis import prediction_log_pb2

    exported = Path(clean.run.output("SignatureExporter", "exported_model").uri) / "Format-Serving"
    metadata = json.loads((exported / "explanation_metadata.json").read_text(encoding="utf-8"))
    assert metadata["outputs"] == {"probabilities": {"output_tensor_name": "probabilities"}}
    island = metadata["inputs"]["island_one_hot"]
    assert (island["encoding"], island["group_name"]) == ("indicator", "island")
    assert len(island["index_feature_mapping"]) == 3
    assert all(len(item["input_baselines"]) == 1 for item in metadata["inputs"].values())
    logs = [
        prediction_log_pb2.PredictionLog.FromString(record)
        for record in read_records(exported / "assets.extra" / "tf_serving_warmup_requests")
    ]
    kinds = [log.WhichOneof("log_type") for log in logs]
    assert kinds.count("classify_log") == 10 and kinds.count("predict_log") == 10 * (len(SIGNATURES) - 1)


def read_records(file: Path) -> list[bytes]:
    import tensorflow as tf

    return [record.numpy() for record in tf.data.TFRecordDataset(str(file))]


def test_estimator_model_carries_its_facts(clean: Ran) -> None:
    model = clean.run.output("KerasToEstimatorConverter", "estimator_model")
    has_estimators = versions.has_estimator(versions.installed("tensorflow") or "")
    way = "model_to_estimator" if has_estimators else "builder"
    assert (model.type_name, model.properties["way"]) == ("Model", way)
    assert sorted(json.loads(model.properties["signatures"])) == ["serve_raw", "serving_default"]
    assert 0 <= model.properties["parity_max_difference"] <= 1e-6
    if not has_estimators:
        assert set(clean.run.components["KerasToEstimatorConverter"].outputs) == {"estimator_model"}
        return
    checkpoint = clean.run.output("KerasToEstimatorConverter", "estimator_checkpoint")
    assert checkpoint.type_name == "ModelRun"
    assert list(Path(checkpoint.uri).rglob("*.index"))


@pytest.mark.parametrize("validator", VALIDATORS)
def test_report_and_blessing(clean: Ran, validator: str) -> None:
    report = clean.run.output(validator, "report")
    assert report.type_name == "tfx_savedmodel.ValidationReport"
    assert report.properties["verdict"] == "BLESSED"
    assert report.properties["checks_fail"] == report.properties["checks_error"] == 0
    assert report.properties["checks_pass"] >= 12
    assert (Path(report.uri) / "report.html").is_file()
    blessing = clean.run.output(validator, "blessing")
    assert (blessing.type_name, blessing.properties["blessed"]) == ("InfraBlessing", 1)
    assert (Path(blessing.uri) / "INFRA_BLESSED").is_file()


@pytest.mark.parametrize("validator", VALIDATORS)
def test_every_signature_ran_on_the_examples(clean: Ran, validator: str) -> None:
    checks = clean.checks(validator)
    for code in ("SM201", "SM202", "SM203", "SM204", "SM301", "SM302", "SM303"):
        assert checks[code]["verdict"] == "PASS", checks[code]
    signatures = clean.run.reports()[validator]["model"]["meta_graphs"][0]["signatures"]
    measured = checks["SM301"]["measurements"]
    assert measured["not_run"] == {}
    assert measured["examples"] > 50
    assert measured["ran"] == dict.fromkeys(signatures, measured["examples"])


def test_the_estimator_was_compared_and_the_explanation_chain_held(clean: Ran) -> None:
    assert clean.checks("EstimatorModelValidator")["SM304"]["verdict"] == "PASS"
    assert clean.checks("ExportedModelValidator")["SM305"]["verdict"] == "PASS"


def test_lineage_from_trainer_to_pushed_model(clean: Ran) -> None:
    components = clean.run.components

    def came_from(component: str, key: str, producer: str, output: str) -> bool:
        (artifact,) = components[component].inputs[key]
        return bool(artifact.id == clean.run.output(producer, output).id)

    assert came_from("SignatureExporter", "model", "Trainer", "model")
    assert came_from("KerasToEstimatorConverter", "model", "Trainer", "model")
    assert came_from("EstimatorModelValidator", "model", "KerasToEstimatorConverter", "estimator_model")
    assert came_from("EstimatorModelValidator", "reference_model", "SignatureExporter", "exported_model")
    assert came_from("ExportedModelValidator", "model", "SignatureExporter", "exported_model")
    assert came_from("ExportedModelValidator", "infra_blessing", "EstimatorModelValidator", "blessing")
    assert came_from("Pusher", "model", "SignatureExporter", "exported_model")
    assert came_from("Pusher", "infra_blessing", "ExportedModelValidator", "blessing")


def test_summary_tells_the_clean_run(clean: Ran) -> None:
    for component in clean.run.components:
        assert component in clean.text
    for signature in SIGNATURES:
        assert signature in clean.text
    for code in clean.checks("ExportedModelValidator"):
        assert code in clean.text
    assert clean.run.output("Pusher", "pushed_model").properties["pushed_destination"] in clean.text
    *_, report, verdict = clean.text.rstrip().splitlines()
    assert report.endswith("report.html")
    assert verdict.split() == ["Verdict", "BLESSED"]


def test_second_run_is_cached(root: Path, clean: Ran) -> None:
    again = run_pipeline(root)
    assert again.cached() == set(clean.run.components)
    assert again.run.run_id != clean.run.run_id
    assert "cached" in again.text


def test_nan_weights_are_not_pushed(nan: Ran) -> None:
    assert nan.cached() == set(BEFORE_TRAINER)
    assert {component.state for component in nan.run.components.values()} == {"COMPLETE", "CACHED"}
    assert nan.run.output("Pusher", "pushed_model").properties["pushed"] == 0
    for validator in VALIDATORS:
        assert nan.checks(validator)["SM302"]["verdict"] == "FAIL"
        assert nan.run.output(validator, "blessing").properties["blessed"] == 0
    assert "Nothing was pushed" in nan.text
    assert "SM302" in nan.text.split("Nothing was pushed")[1]
    assert nan.text.rstrip().endswith("NOT_BLESSED")


def test_missing_signature_is_not_pushed(signature: Ran) -> None:
    assert {*BEFORE_TRAINER, "Trainer", "KerasToEstimatorConverter"} <= signature.cached()
    assert signature.run.output("Pusher", "pushed_model").properties["pushed"] == 0
    check = signature.checks("ExportedModelValidator")["SM103"]
    assert check["verdict"] == "FAIL"
    assert "SM103" in signature.text.split("Nothing was pushed")[1]
    assert "xai_model" in signature.text.split("Nothing was pushed")[1]
    assert (Path(signature.run.output("ExportedModelValidator", "blessing").uri) / "INFRA_NOT_BLESSED").is_file()


def test_sabotage_leaves_the_clean_cache_alone(root: Path, clean: Ran, nan: Ran, signature: Ran) -> None:
    again = run_pipeline(root)
    assert again.cached() == set(clean.run.components)
    assert again.run.output("Pusher", "pushed_model").id == clean.run.output("Pusher", "pushed_model").id
