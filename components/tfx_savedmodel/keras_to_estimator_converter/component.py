"""The KerasToEstimatorConverter component: its parameters, inputs and outputs."""

from __future__ import annotations

import math
from typing import ClassVar

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from tfx_savedmodel.errors import UsageError
from tfx_savedmodel.keras_to_estimator_converter import executor
from tfx_savedmodel.operations.targeting import check_consumer
from tfx_savedmodel.versions import __version__

RECEIVERS = ("raw", "parsing", "both")


class KerasToEstimatorConverterSpec(ComponentSpec):
    """What the component takes and gives."""

    PARAMETERS: ClassVar[dict[str, ExecutionParameter]] = {
        "receiver": ExecutionParameter(type=str),
        "tolerance": ExecutionParameter(type=float),
        "target": ExecutionParameter(type=str, optional=True),
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
        "estimator_checkpoint": ChannelParameter(type=standard_artifacts.ModelRun),
    }


class KerasToEstimatorConverter(base_component.BaseComponent):
    """Converts a Keras model to an Estimator SavedModel, with parity checked before it is published.

    Outputs: `estimator_model`, a `Model` whose SavedModel has a parsing receiver (serialized
    tf.Example, through the Transform graph where one is given) and a raw one (the Keras model's own
    inputs), and `estimator_checkpoint`, a `ModelRun` with the Estimator's checkpoint.
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
    ) -> None:
        """Declare a conversion.

        Args:
          model: `Model` with a SavedModel that Keras wrote.
          receiver: which signatures the result gets: "raw", "parsing" or "both".
          transform_graph: `TransformGraph` that the parsing receiver applies.
          schema: `Schema` of the examples that the parsing receiver parses where there is no
            Transform graph; without either that follows from the model's inputs.
          examples: `Examples` on which both models must agree; all splits are read.
          tolerance: largest allowed difference, relative to the output's scale.
          target: the oldest TensorFlow that is to load `estimator_model`, "tf-1.15" or "tf-2.7".

        Raises:
          UsageError: a receiver, tolerance or target that cannot be used.
        """
        _check(receiver, tolerance)
        if target is not None:
            check_consumer(target, "KerasToEstimatorConverter(target=…)")
        super().__init__(
            spec=KerasToEstimatorConverterSpec(
                model=model,
                transform_graph=transform_graph,
                schema=schema,
                examples=examples,
                receiver=receiver,
                tolerance=float(tolerance),
                target=target,
                tfx_savedmodel_version=__version__,
                estimator_model=types.Channel(type=standard_artifacts.Model),
                estimator_checkpoint=types.Channel(type=standard_artifacts.ModelRun),
            )
        )


def _check(receiver: str, tolerance: float) -> None:
    where = "KerasToEstimatorConverter"
    if receiver not in RECEIVERS:
        raise UsageError("no such receiver", where=where, found=repr(receiver), wanted=" or ".join(RECEIVERS))
    if not (tolerance >= 0 and math.isfinite(tolerance)):
        raise UsageError("a tolerance that cannot be used", where=where, found=repr(tolerance), wanted="a number >= 0")
