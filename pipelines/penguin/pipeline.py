"""The penguin pipeline: its components, its signature plan and its policies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tfx import types
from tfx.components import CsvExampleGen, ExampleValidator, Pusher, SchemaGen, StatisticsGen, Trainer, Transform
from tfx.dsl.components.base import base_component
from tfx.orchestration import data_types, metadata, pipeline
from tfx.proto import example_gen_pb2, pusher_pb2, trainer_pb2

from tfx_savedmodel.keras_to_estimator_converter.component import KerasToEstimatorConverter
from tfx_savedmodel.saved_model_validator.component import SavedModelValidator
from tfx_savedmodel.signature_exporter.component import SignatureExporter

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
NAME = "penguin"
DATA = str(HERE / "data")

SIGNATURES: dict[str, dict[str, Any]] = {
    "serving_default": {"kind": "serve_examples"},
    "serve_raw": {"kind": "serve_features"},
    "xai_preprocess": {"kind": "preprocess", "receiver": "features"},
    "xai_model": {"kind": "model"},
    "predict_penguin": {"kind": "alias", "of": "serving_default"},
    "classify": {
        "kind": "classify",
        "of": "serving_default",
        "scores": "probabilities",
        "classes": {"vocabulary": "species"},
    },
}
#: The label, and what no feature is made of.
EXCLUDED_FEATURES = ["species", "year"]

EXPORTED_POLICY: dict[str, Any] = {
    "name": "penguin-exported",
    "required": ["SM10", "SM120", "SM2", "SM301", "SM302", "SM303", "SM305"],
    "parameters": {"SM103": {"required": list(SIGNATURES)}, "SM301": {"required": list(SIGNATURES)}},
}
ESTIMATOR_POLICY: dict[str, Any] = {
    "name": "penguin-estimator",
    "required": ["SM101", "SM103", "SM2", "SM301", "SM302", "SM303", "SM304"],
    "parameters": {check: {"required": ["serving_default", "serve_raw"]} for check in ("SM103", "SM301")},
}

#: FnApiRunner: DirectRunner would try to download Prism first. `--setup_file` tells TFX which package
#: workers need; without it TFX packs itself anew for every Beam component. In memory it is not read.
BEAM_ARGS = [
    "--runner=FnApiRunner",
    "--direct_running_mode=in_memory",
    f"--setup_file={REPOSITORY / 'setup.py'}",
]


def create_pipeline(root: Path, sabotage: str | None = None) -> pipeline.Pipeline:
    """Return the pipeline for this machine, which keeps everything it writes under `root`.

    Sabotaged runs share pipeline name and metadata store with the clean one: they take from its
    cache what comes before the sabotage, and leave its cached results as they are.
    """
    return pipeline.Pipeline(
        pipeline_name=NAME,
        pipeline_root=str(root / "artifacts"),
        components=create_components(DATA, push_to(str(root / "serving" / NAME)), sabotage=sabotage),
        enable_cache=True,
        metadata_connection_config=metadata.sqlite_metadata_connection_config(str(metadata_path(root))),
        beam_pipeline_args=BEAM_ARGS,
    )


def create_components(
    data: str | data_types.RuntimeParameter,
    push_destination: pusher_pb2.PushDestination | data_types.RuntimeParameter,
    train_args: trainer_pb2.TrainArgs | data_types.RuntimeParameter | None = None,
    *,
    sabotage: str | None = None,
) -> list[base_component.BaseComponent]:
    """Return the components, in the order in which they run.

    What may be a runtime parameter is known only when a job is submitted (`pipelines.kubeflow_v2`); a message of
    TFX is its JSON form there.

    Args:
      data: the folder of the CSV files.
      push_destination: where Pusher puts the model.
      train_args: how long to train; without steps as long as the module says.
      sabotage: "nan" puts a NaN into the trained weights, "signature" leaves signatures out.
    """
    before = _data_components(data)
    trainer = Trainer(
        module_file=str(HERE / "module" / "penguin_module.py"),
        examples=before["Transform"].outputs["transformed_examples"],
        transform_graph=before["Transform"].outputs["transform_graph"],
        train_args=train_args or trainer_pb2.TrainArgs(),
        eval_args=trainer_pb2.EvalArgs(),
        custom_config={"sabotage": "nan"} if sabotage == "nan" else {},
    )
    explained = sabotage != "signature"
    plan = {
        "exclude_features": EXCLUDED_FEATURES,
        "signatures": {key: kind for key, kind in SIGNATURES.items() if explained or not key.startswith("xai_")},
        "explanation": {"signature": "xai_model", "output": "probabilities"} if explained else None,
        "warmup": {"requests": 10},
    }
    after = _model_components(before, trainer.outputs["model"], plan, push_destination)
    return [*before.values(), trainer, *after]


def push_to(folder: str) -> pusher_pb2.PushDestination:
    """Return the destination for which Pusher writes `folder`/<version>, as TensorFlow Serving wants it."""
    return pusher_pb2.PushDestination(filesystem=pusher_pb2.PushDestination.Filesystem(base_directory=folder))


def metadata_path(root: Path) -> Path:
    """Return the path of the SQLite metadata store under `root`."""
    return root / "metadata.sqlite"


def _data_components(data: str | data_types.RuntimeParameter) -> dict[str, base_component.BaseComponent]:
    pattern = example_gen_pb2.Input(splits=[example_gen_pb2.Input.Split(name="all", pattern="*.csv")])
    example_gen = CsvExampleGen(input_base=data, input_config=pattern)
    examples = example_gen.outputs["examples"]
    statistics_gen = StatisticsGen(examples=examples)
    schema_gen = SchemaGen(statistics=statistics_gen.outputs["statistics"])
    schema = schema_gen.outputs["schema"]
    example_validator = ExampleValidator(statistics=statistics_gen.outputs["statistics"], schema=schema)
    transform = Transform(
        examples=examples,
        schema=schema,
        module_file=str(HERE / "module" / "penguin_module.py"),
        disable_analyzer_cache=True,
        disable_statistics=True,
    )
    components = (example_gen, statistics_gen, schema_gen, example_validator, transform)
    return {component.id: component for component in components}


def _model_components(
    data: dict[str, base_component.BaseComponent],
    model: types.BaseChannel,
    plan: dict[str, Any],
    push_destination: pusher_pb2.PushDestination | data_types.RuntimeParameter,
) -> list[base_component.BaseComponent]:
    examples = data["CsvExampleGen"].outputs["examples"]
    schema = data["SchemaGen"].outputs["schema"]
    transform_graph = data["Transform"].outputs["transform_graph"]
    exporter = SignatureExporter(
        model=model,
        signatures=plan,
        transform_graph=transform_graph,
        schema=schema,
        statistics=data["StatisticsGen"].outputs["statistics"],
        examples=examples,
    )
    exported_model = exporter.outputs["exported_model"]
    converter = KerasToEstimatorConverter(
        model=model, receiver="both", transform_graph=transform_graph, schema=schema, examples=examples
    )
    estimator_validator = SavedModelValidator(
        model=converter.outputs["estimator_model"],
        examples=examples,
        schema=schema,
        transform_graph=transform_graph,
        reference_model=exported_model,
        policy=ESTIMATOR_POLICY,
    ).with_id("EstimatorModelValidator")
    exported_validator = SavedModelValidator(
        model=exported_model,
        examples=examples,
        schema=schema,
        transform_graph=transform_graph,
        infra_blessing=estimator_validator.outputs["blessing"],
        policy=EXPORTED_POLICY,
    ).with_id("ExportedModelValidator")
    pusher = Pusher(
        model=exported_model,
        infra_blessing=exported_validator.outputs["blessing"],
        push_destination=push_destination,
    )
    return [exporter, converter, estimator_validator, exported_validator, pusher]
