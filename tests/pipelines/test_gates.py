"""What gates Pusher besides the checks: the last model that was pushed, and an Evaluator's blessing."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.tfx

BEAM_ARGS = ["--runner=FnApiRunner", "--direct_running_mode=in_memory", "--setup_file=/unused/setup.py"]
SERVED = {"serving_default": {"kind": "model"}, "again": {"kind": "alias", "of": "serving_default"}}
RENAMED = {**SERVED, "again": {"kind": "alias", "of": "serving_default", "inputs": {"beak": "bill", "isle": "island"}}}
GRAPH_CHECKS = {"select": ["SM10"], "required": ["SM101", "SM103"]}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.operations.models import save_keras

    folder = tmp_path_factory.mktemp("trained")
    save_keras(folder / "Format-Serving")
    return folder


class Runs:
    """Runs of one pipeline over one metadata store; each gives what its executions were and wrote."""

    def __init__(self, folder: Path, components: Callable[..., list[Any]]) -> None:
        self._folder, self._components = folder, components

    def run(self, **arguments: Any) -> None:
        from tfx.orchestration import metadata, pipeline
        from tfx.orchestration.local.local_dag_runner import LocalDagRunner

        LocalDagRunner().run(
            pipeline.Pipeline(
                pipeline_name="gates",
                pipeline_root=str(self._folder / "root"),
                components=self._components(**arguments),
                enable_cache=True,
                metadata_connection_config=metadata.sqlite_metadata_connection_config(str(self._database)),
                beam_pipeline_args=BEAM_ARGS,
            )
        )

    @property
    def _database(self) -> Path:
        return self._folder / "metadata.sqlite"

    @contextlib.contextmanager
    def _store(self) -> Iterator[Any]:
        from tfx.orchestration import metadata

        with metadata.Metadata(metadata.sqlite_metadata_connection_config(str(self._database))) as handle:
            yield handle.store

    def artifacts(self, type_name: str) -> list[dict[str, Any]]:
        """Return the artifacts of a type, oldest first: their URIs and custom properties."""
        with self._store() as store:
            found = sorted(store.get_artifacts_by_type(type_name), key=lambda artifact: artifact.id)
            return [
                {
                    "uri": artifact.uri,
                    **{
                        key: getattr(value, value.WhichOneof("value"))
                        for key, value in artifact.custom_properties.items()
                    },
                }
                for artifact in found
            ]

    def reports(self) -> list[dict[str, Any]]:
        import json

        found = self.artifacts("tfx_savedmodel.ValidationReport")
        return [json.loads((Path(item["uri"]) / "report.json").read_text(encoding="utf-8")) for item in found]


def check(report: dict[str, Any], code: str) -> dict[str, Any]:
    return next(item for item in report["checks"] if item["code"] == code)


def baseline_components(trained: Path, folder: Path, signatures: dict[str, Any]) -> list[Any]:
    from tfx.components import Pusher
    from tfx.dsl.components.common.importer import Importer
    from tfx.dsl.components.common.resolver import Resolver
    from tfx.dsl.experimental.conditionals.conditional import Cond
    from tfx.dsl.input_resolution.strategies.latest_artifact_strategy import LatestArtifactStrategy
    from tfx.proto import pusher_pb2
    from tfx.types import Channel, standard_artifacts

    from tfx_savedmodel import SavedModelValidator, SignatureExporter

    model = Importer(str(trained), standard_artifacts.Model).with_id("Trained")
    exporter = SignatureExporter(model=model.outputs["result"], signatures=signatures)
    last = Resolver(LatestArtifactStrategy, model=Channel(type=standard_artifacts.PushedModel)).with_id("LastPushed")
    validator = SavedModelValidator(
        model=exporter.outputs["exported_model"], baseline_model=last.outputs["model"], policy=GRAPH_CHECKS
    )
    blessing = validator.outputs["blessing"]
    destination = pusher_pb2.PushDestination.Filesystem(base_directory=str(folder / "serving"))
    with Cond(blessing.future()[0].custom_property("blessed") == 1):
        pusher = Pusher(
            model=exporter.outputs["exported_model"],
            infra_blessing=blessing,
            push_destination=pusher_pb2.PushDestination(filesystem=destination),
        )
    return [model, exporter, last, validator, pusher]


def test_a_model_that_breaks_clients_of_the_last_pushed_one_is_not_pushed(trained: Path, tmp_path: Path) -> None:
    runs = Runs(tmp_path, lambda signatures: baseline_components(trained, tmp_path, signatures))
    runs.run(signatures=SERVED)
    runs.run(signatures=RENAMED)
    runs.run(signatures={**SERVED, "more": {"kind": "alias", "of": "serving_default"}})
    first, second, third = runs.reports()
    assert (first["verdict"], check(first, "SM106")["verdict"]) == ("BLESSED", "SKIP")
    assert check(first, "SM106")["reason"] == "no baseline was given"
    assert (second["verdict"], check(second, "SM106")["verdict"]) == ("NOT_BLESSED", "FAIL")
    places = [finding["where"] for finding in check(second, "SM106")["findings"]]
    assert {"signature": "again", "input": "bill"} in places and {"signature": "again", "input": "beak"} in places
    assert (third["verdict"], check(third, "SM106")["verdict"]) == ("BLESSED", "PASS")
    assert [item["blessed"] for item in runs.artifacts("InfraBlessing")] == [1, 0, 1]
    assert [item["pushed"] for item in runs.artifacts("PushedModel")] == [1, 1]


def evaluated_components(trained: Path, examples: Path, least: float) -> list[Any]:
    import tensorflow_model_analysis as tfma
    from tfx.components import Evaluator
    from tfx.dsl.components.common.importer import Importer
    from tfx.types import standard_artifacts

    from tfx_savedmodel import SavedModelValidator, SignatureExporter

    model = Importer(str(trained), standard_artifacts.Model).with_id("Trained")
    data = Importer(str(examples), standard_artifacts.Examples, properties={"split_names": '["eval"]'})
    given = data.with_id("Examples").outputs["result"]
    plan = {"serving_default": {"kind": "serve_examples"}, "raw": {"kind": "model"}}
    exporter = SignatureExporter(model=model.outputs["result"], signatures=plan)
    bound = tfma.MetricThreshold(value_threshold=tfma.GenericValueThreshold(lower_bound={"value": least}))
    config = tfma.EvalConfig(
        model_specs=[tfma.ModelSpec(signature_name="serving_default")],
        slicing_specs=[tfma.SlicingSpec()],
        metrics_specs=[
            tfma.MetricsSpec(metrics=[tfma.MetricConfig(class_name="ExampleCount", threshold=bound)]),
        ],
    )
    exported = exporter.outputs["exported_model"]
    evaluator = Evaluator(examples=given, model=exported, eval_config=config, example_splits=["eval"])
    validator = SavedModelValidator(model=exported, model_blessing=evaluator.outputs["blessing"], policy=GRAPH_CHECKS)
    return [model, data, exporter, evaluator, validator]


def test_tfxs_evaluator_takes_the_exported_model_and_its_blessing_counts(trained: Path, tmp_path: Path) -> None:
    import tensorflow as tf

    from tests.operations.models import example

    split = tmp_path / "examples" / "Split-eval"
    split.mkdir(parents=True)
    with tf.io.TFRecordWriter(str(split / "data-00000-of-00001")) as writer:
        for number in range(5):
            writer.write(example(bill=[float(number)], island=[1.0, 0.0, 0.0]))
    runs = Runs(tmp_path, lambda least: evaluated_components(trained, tmp_path / "examples", least))
    runs.run(least=5.0)
    runs.run(least=6.0)
    assert [item["blessed"] for item in runs.artifacts("ModelBlessing")] == [1, 0]
    first, second = runs.reports()
    assert (first["verdict"], second["verdict"]) == ("BLESSED", "NOT_BLESSED")
    assert [item["blessed"] for item in first["upstream"]] == [True]
    assert [(item["type"], item["blessed"]) for item in second["upstream"]] == [("ModelBlessing", False)]
    assert [item["blessed"] for item in runs.artifacts("InfraBlessing")] == [1, 0]
    assert {item["verdict"] for item in second["checks"]} <= {"PASS", "SKIP"}
