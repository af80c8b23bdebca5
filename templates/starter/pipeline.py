"""The components of the pipeline; the runners say where they run."""

from __future__ import annotations

import json
from typing import Any

from tfx.components import CsvExampleGen, ExampleValidator, Pusher, SchemaGen, StatisticsGen, Trainer, Transform
from tfx.orchestration import pipeline
from tfx.proto import example_gen_pb2, pusher_pb2, trainer_pb2
from tfx_savedmodel import SavedModelValidator, SignatureExporter

import configs
from csv_schema import CsvSchema
from runners.data import COLUMNS


def push_destination(folder: str) -> pusher_pb2.PushDestination:
    """Return what Pusher is told: to copy a model into a new folder of this one, which is named after the time."""
    return pusher_pb2.PushDestination(filesystem=pusher_pb2.PushDestination.Filesystem(base_directory=folder))


def create_pipeline(root: str, *, data: Any, push_to: Any, **options: Any) -> pipeline.Pipeline:
    """Return the pipeline.

    Args:
      root: where its artifacts are written.
      data: a folder of CSV files, or a runtime parameter that names one.
      push_to: where a model that was blessed is copied to: a `push_destination`, or a runtime parameter that is one's
        JSON form.
      options: of `tfx.orchestration.pipeline.Pipeline`: the metadata store, Beam's arguments.
    """
    csv_files = example_gen_pb2.Input(splits=[example_gen_pb2.Input.Split(name="all", pattern="*.csv")])
    example_gen = CsvExampleGen(input_base=data, input_config=csv_files)
    statistics_gen = StatisticsGen(examples=example_gen.outputs["examples"])
    # Without shapes: in serving, every feature may be missing, whatever today's data is like.
    schema_gen = SchemaGen(statistics=statistics_gen.outputs["statistics"], infer_feature_shape=False)
    csv_schema = CsvSchema(inferred=schema_gen.outputs["schema"], columns=json.dumps(COLUMNS))
    example_validator = ExampleValidator(
        statistics=statistics_gen.outputs["statistics"], schema=csv_schema.outputs["schema"]
    )
    transform = Transform(
        examples=example_gen.outputs["examples"],
        schema=csv_schema.outputs["schema"],
        module_file=str(configs.PREPROCESSING),
        custom_config=configs.preprocessing_settings(),
        disable_statistics=True,
    )
    trainer = Trainer(
        module_file=str(configs.MODEL),
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        train_args=trainer_pb2.TrainArgs(),
        eval_args=trainer_pb2.EvalArgs(),
        custom_config=configs.training_settings(),
    )
    exporter = SignatureExporter(
        model=trainer.outputs["model"],
        plan_file=configs.PLAN,
        transform_graph=transform.outputs["transform_graph"],
        schema=csv_schema.outputs["schema"],
        statistics=statistics_gen.outputs["statistics"],
        examples=example_gen.outputs["examples"],
    )
    validator = SavedModelValidator(
        model=exporter.outputs["exported_model"],
        examples=example_gen.outputs["examples"],
        schema=csv_schema.outputs["schema"],
        transform_graph=transform.outputs["transform_graph"],
        contract=configs.CONTRACT if configs.CONTRACT.is_file() else None,
        policy=json.loads(configs.POLICY.read_text(encoding="utf-8")),
    )
    pusher = Pusher(
        model=exporter.outputs["exported_model"],
        infra_blessing=validator.outputs["blessing"],
        push_destination=push_to,
    )
    data_components = [example_gen, statistics_gen, schema_gen, csv_schema, example_validator, transform]
    return pipeline.Pipeline(
        pipeline_name=configs.NAME,
        pipeline_root=root,
        components=[*data_components, trainer, exporter, validator, pusher],
        enable_cache=True,
        **options,
    )
