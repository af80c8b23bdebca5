"""The KerasToEstimatorConverter component: its parameters, inputs and outputs."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from tfx import types
from tfx.components.util import udf_utils
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from tfx_savedmodel.errors import UsageError
from tfx_savedmodel.keras_to_estimator_converter import executor
from tfx_savedmodel.operations.conversion_options import (
    check_options,
    check_stack,
    has_estimators,
    read_feature_spec,
    read_outputs,
)
from tfx_savedmodel.operations.export import read_labels
from tfx_savedmodel.operations.extra_assets import digests_of, read_assets
from tfx_savedmodel.operations.targeting import check_consumer
from tfx_savedmodel.versions import __version__


class KerasToEstimatorConverterSpec(ComponentSpec):
    """What the component takes and gives."""

    PARAMETERS: ClassVar[dict[str, ExecutionParameter]] = {
        "receiver": ExecutionParameter(type=str),
        "options": ExecutionParameter(type=str),
        "tolerance": ExecutionParameter(type=float),
        "target": ExecutionParameter(type=str, optional=True),
        "module_file": ExecutionParameter(type=str, optional=True),
        "module_path": ExecutionParameter(type=str, optional=True),
        "tfx_savedmodel_version": ExecutionParameter(type=str),
    }
    INPUTS: ClassVar[dict[str, ChannelParameter]] = {
        "model": ChannelParameter(type=standard_artifacts.Model),
        "transform_graph": ChannelParameter(type=standard_artifacts.TransformGraph, optional=True),
        "schema": ChannelParameter(type=standard_artifacts.Schema, optional=True),
        "examples": ChannelParameter(type=standard_artifacts.Examples, optional=True),
    }
    OUTPUTS: ClassVar[dict[str, ChannelParameter]] = {
        "estimator_model": ChannelParameter(type=standard_artifacts.Model),
        "estimator_checkpoint": ChannelParameter(type=standard_artifacts.ModelRun, optional=True),
    }


class KerasToEstimatorConverter(base_component.BaseComponent):
    """Converts a Keras model to an Estimator SavedModel, with parity checked before it is published.

    Outputs: `estimator_model`, a `Model` whose SavedModel has a parsing receiver (serialized
    tf.Example, through the Transform graph where one is given) and a raw one (the Keras model's own
    inputs), and `estimator_checkpoint`, a `ModelRun` with the Estimator's checkpoint. Above TensorFlow 2.15 there
    are no Estimators: the same SavedModel is written by TF1's Builder, and there is no `estimator_checkpoint`.

    The least that is needed:

        converter = KerasToEstimatorConverter(model=trainer.outputs["model"])

    All of it:

        converter = KerasToEstimatorConverter(
            model=trainer.outputs["model"],
            receiver="both",
            transform_graph=transform.outputs["transform_graph"],
            examples=example_gen.outputs["examples"],
            module_file="layers.py",
            allow=["Attention"],
            outputs={
                "predict": {"kind": "predict"},
                "classification": {"kind": "classify", "scores": "species", "classes": {"vocabulary": "species"}},
                "regression": {"kind": "regress", "value": "mass"},
            },
            serving_default="classification",
            estimator_checkpoint=True,
            checkpoint_format="saver",
            tolerance=1e-6,
            target="tf-1.15",
        )
    """

    SPEC_CLASS = KerasToEstimatorConverterSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)

    def __init__(
        self,
        model: types.BaseChannel,
        receiver: str = "both",
        transform_graph: types.BaseChannel | None = None,
        schema: types.BaseChannel | None = None,
        examples: types.BaseChannel | None = None,
        tolerance: float = 1e-6,
        target: str | None = None,
        feature_spec: Mapping[str, Any] | str | os.PathLike[str] | None = None,
        module_file: str | os.PathLike[str] | None = None,
        allow: Sequence[str] = (),
        outputs: Mapping[str, Any] | str | os.PathLike[str] | None = None,
        serving_default: str | None = None,
        assets_extra: Mapping[str, str | os.PathLike[str]] | None = None,
        estimator_checkpoint: bool | None = None,
        checkpoint_format: str = "object",
    ) -> None:
        """Declare a conversion.

        Args:
          model: `Model` with a Keras model: a SavedModel that Keras wrote, or an H5 or `.keras` file.
          receiver: which signatures the result gets: "raw", "parsing" or "both"; or "module:NAME", a function of
            the module file that returns a ServingInputReceiver.
          transform_graph: `TransformGraph` that the parsing receiver applies.
          schema: `Schema` of the examples that the parsing receiver parses where there is no
            Transform graph; without either that follows from the model's inputs.
          examples: `Examples` on which both models must agree; all splits are read.
          tolerance: largest allowed difference, relative to the output's scale.
          target: the oldest TensorFlow that is to load `estimator_model`, "tf-1.15" or "tf-2.7".
          feature_spec: how examples are parsed, in the place of the schema or the Transform graph's raw spec;
            JSON, as `tfx_savedmodel.convert` takes it, or a file of it whose content is read now.
          module_file: a Python file with the model's own classes and functions, and the receiver; it is packaged
            as a wheel with every .py beside it, as Trainer's is.
          allow: names of custom classes and functions that may be loaded; "Lambda" allows Python code in the model.
          outputs: predict, classify and regress signatures, by key, as `tfx_savedmodel.convert` takes them.
          serving_default: the key of `outputs` that is `serving_default` too.
          assets_extra: files to lie in assets.extra, by their path there; a digest of each is taken now, and a
            file that is another when the component runs is an error.
          estimator_checkpoint: True asks for the checkpoint: it is an error where the model cannot go the way of
            `model_to_estimator`. None gives it where that way is gone, else the artifact is empty; its custom
            property `written` is 1 or 0. False, and TensorFlow above 2.15, leaves the output out.
          checkpoint_format: "object", or "saver" for TF1's own.

        Raises:
          UsageError, SchemaError: a parameter that cannot be used.
          UnsupportedStackError: a checkpoint or its format is asked for on a TensorFlow without Estimators.
        """
        check_options(receiver, tolerance, checkpoint_format, has_module=module_file is not None)
        check_stack(checkpoint=bool(estimator_checkpoint), checkpoint_format=checkpoint_format)
        if target is not None:
            check_consumer(target, "KerasToEstimatorConverter(target=…)")
        assets = read_assets(assets_extra)
        options = {
            "feature_spec": None if feature_spec is None else read_feature_spec(feature_spec),
            "allow": _names(allow),
            "outputs": _with_labels(
                read_outputs(outputs, serving_default, receiver, has_transform=transform_graph is not None)
            )
            or None,
            "serving_default": serving_default,
            "assets_extra": assets,
            "assets_extra_sha256": digests_of(assets),
            "checkpoint_format": checkpoint_format,
            "checkpoint_needed": bool(estimator_checkpoint),
        }
        wanted = has_estimators() if estimator_checkpoint is None else estimator_checkpoint
        super().__init__(
            spec=KerasToEstimatorConverterSpec(
                model=model,
                transform_graph=transform_graph,
                schema=schema,
                examples=examples,
                receiver=receiver,
                options=json.dumps(options, sort_keys=True),
                tolerance=float(tolerance),
                target=target,
                module_file=os.fspath(module_file) if module_file is not None else None,
                tfx_savedmodel_version=__version__,
                estimator_model=types.Channel(type=standard_artifacts.Model),
                estimator_checkpoint=types.Channel(type=standard_artifacts.ModelRun) if wanted else None,
            )
        )
        if module_file is not None and udf_utils.should_package_user_modules():
            udf_utils.add_user_module_dependency(self, "module_file", "module_path")


def _names(allow: Sequence[str]) -> list[str]:
    if isinstance(allow, str):
        raise UsageError("allow is a list", where="allow", found=repr(allow), wanted=repr([allow]))
    return list(allow)


def _with_labels(outputs: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return outputs with files of classes taken by content, for TFX's cache."""
    for item in outputs.values():
        classes = item.get("classes")
        if isinstance(classes, dict) and classes.get("file"):
            item["classes"] = {"labels": list(read_labels(classes["file"]))}
    return outputs
