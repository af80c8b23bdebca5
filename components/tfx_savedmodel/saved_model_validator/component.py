"""The SavedModelValidator component: its parameters, inputs and outputs."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from tfx import types
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from tfx_savedmodel.errors import UsageError
from tfx_savedmodel.operations.contracts import contract_text
from tfx_savedmodel.operations.examples_given import check_batch_size, read_sample
from tfx_savedmodel.operations.policies import Policy, to_policy
from tfx_savedmodel.operations.selection import select
from tfx_savedmodel.operations.targeting import check_consumer
from tfx_savedmodel.saved_model_validator import executor, visualization
from tfx_savedmodel.saved_model_validator.artifacts import ValidationReport
from tfx_savedmodel.versions import __version__

ON_UNDECIDED = ("fail", "not_blessed")

# Whoever shows a report in a notebook has imported the component that writes it.
visualization.register()


class SavedModelValidatorSpec(ComponentSpec):
    """What the component takes and gives."""

    PARAMETERS: ClassVar[dict[str, ExecutionParameter]] = {
        "policy": ExecutionParameter(type=str),
        "splits": ExecutionParameter(type=str),
        "sample": ExecutionParameter(type=str, optional=True),
        "sample_seed": ExecutionParameter(type=int),
        "batch_size": ExecutionParameter(type=int, optional=True),
        "target": ExecutionParameter(type=str, optional=True),
        "contract": ExecutionParameter(type=str, optional=True),
        "fail_on_not_blessed": ExecutionParameter(type=int),
        "on_undecided": ExecutionParameter(type=str),
        "report_dir": ExecutionParameter(type=str, optional=True),
        "tfx_savedmodel_version": ExecutionParameter(type=str),
    }
    INPUTS: ClassVar[dict[str, ChannelParameter]] = {
        "model": ChannelParameter(type=standard_artifacts.Model),
        "examples": ChannelParameter(type=standard_artifacts.Examples, optional=True),
        "schema": ChannelParameter(type=standard_artifacts.Schema, optional=True),
        "transform_graph": ChannelParameter(type=standard_artifacts.TransformGraph, optional=True),
        "reference_model": ChannelParameter(type=standard_artifacts.Model, optional=True),
        "baseline_model": ChannelParameter(type=standard_artifacts.Model, optional=True),
        "pushed_baseline": ChannelParameter(type=standard_artifacts.PushedModel, optional=True),
        "infra_blessing": ChannelParameter(type=standard_artifacts.InfraBlessing, optional=True),
        "model_blessing": ChannelParameter(type=standard_artifacts.ModelBlessing, optional=True),
    }
    OUTPUTS: ClassVar[dict[str, ChannelParameter]] = {
        "report": ChannelParameter(type=ValidationReport),
        "blessing": ChannelParameter(type=standard_artifacts.InfraBlessing),
    }


class SavedModelValidator(base_beam_component.BaseBeamComponent):
    """Checks a SavedModel and blesses it or not; its blessing gates Pusher.

    Outputs: `report`, a `ValidationReport` with report.json and report.html, and `blessing`, an
    `InfraBlessing`. A model that is not blessed is a successful execution unless
    `fail_on_not_blessed`; a verdict that could not be reached is a failed one, so that TFX never
    caches it, unless `on_undecided="not_blessed"`.
    """

    SPEC_CLASS = SavedModelValidatorSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(executor.Executor)

    def __init__(
        self,
        model: types.BaseChannel,
        examples: types.BaseChannel | None = None,
        schema: types.BaseChannel | None = None,
        transform_graph: types.BaseChannel | None = None,
        reference_model: types.BaseChannel | None = None,
        baseline_model: types.BaseChannel | None = None,
        contract: str | os.PathLike[str] | Mapping[str, Any] | None = None,
        infra_blessing: types.BaseChannel | None = None,
        model_blessing: types.BaseChannel | None = None,
        policy: str | Mapping[str, Any] | Policy | None = None,
        splits: Sequence[str] = ("eval",),
        sample: float | None = None,
        sample_seed: int = 0,
        batch_size: int | None = None,
        target: str | None = None,
        fail_on_not_blessed: bool = False,
        on_undecided: str = "fail",
        report_dir: str | None = None,
    ) -> None:
        """Declare a validation; every input but `model` is optional, and a check that misses one is SKIP.

        Args:
          model: `Model` to validate.
          examples: `Examples` that its signatures are run on, of one or several spans. Their payload format says what
            they are: tf.Example, tf.SequenceExample, Parquet, or protos, which are decoded by the DataView that they
            are bound to, and are serialized TensorProtos where they are bound to none.
          schema: `Schema` of the examples.
          transform_graph: `TransformGraph` that feeds signatures which take transformed features.
          reference_model: `Model` that it must agree with.
          baseline_model: `Model` or `PushedModel` that clients use today, whose signatures it may not break (SM106).
            A resolver finds the last one that was pushed; where there is none yet, SM106 is SKIP. Pusher has to stand
            under `tfx.dsl.Cond(validator.outputs["blessing"].future()[0].custom_property("blessed") == 1)` then: a
            Pusher that pushes nothing leaves an artifact too.
          contract: the same as a contract: what `tfx-savedmodel inspect --format json` printed, as its file or as a
            mapping. It goes into the execution by content.
          infra_blessing: `InfraBlessing` of an earlier validator, ANDed into this one's.
          model_blessing: `ModelBlessing` of an Evaluator, ANDed into this one's.
          policy: a preset's name, a policy as JSON text or mapping, or a `Policy`; None is "default".
          splits: splits of `examples` to run.
          sample: run so many of their examples (an int), or such a fraction of them (a float up to 1.0); None for all.
            It is the same sample on any runner.
          sample_seed: another one makes another sample.
          batch_size: how many examples are run together; None finds by measuring which size is fastest.
          target: the oldest TensorFlow that is to load the model, "tf-1.15" or "tf-2.7"; None is the one that
            the model was exported for, if any.
          fail_on_not_blessed: raise NotBlessedError instead of giving a negative blessing.
          on_undecided: "fail" raises UndecidedError, "not_blessed" gives a negative blessing.
          report_dir: a directory that gets a copy of the report, also where the execution fails
            and TFX removes its outputs.

        Raises:
          PolicyError: the policy cannot be read, or names a check or parameter that does not exist.
          UsageError: a value of `on_undecided`, `splits`, `sample`, `batch_size` or `target` that does not exist; a
            baseline that is neither `Model` nor `PushedModel`, or one beside a contract.
          UnreadableModelError: `contract` is none.
        """
        _check(splits, on_undecided)
        read_sample(sample, sample_seed, "SavedModelValidator(sample=…)")
        check_batch_size(batch_size)
        _check_baseline(baseline_model, contract)
        is_pushed = baseline_model is not None and baseline_model.type is standard_artifacts.PushedModel
        if target is not None:
            check_consumer(target, "SavedModelValidator(target=…)")
        super().__init__(
            spec=SavedModelValidatorSpec(
                model=model,
                examples=examples,
                schema=schema,
                transform_graph=transform_graph,
                reference_model=reference_model,
                baseline_model=None if is_pushed else baseline_model,
                pushed_baseline=baseline_model if is_pushed else None,
                contract=None if contract is None else contract_text(contract),
                infra_blessing=infra_blessing,
                model_blessing=model_blessing,
                policy=_policy_json(policy),
                splits=json.dumps(list(splits)),
                sample=None if sample is None else repr(sample),
                sample_seed=sample_seed,
                batch_size=batch_size,
                target=target,
                fail_on_not_blessed=int(fail_on_not_blessed),
                on_undecided=on_undecided,
                report_dir=report_dir,
                tfx_savedmodel_version=__version__,
                report=types.Channel(type=ValidationReport),
                blessing=types.Channel(type=standard_artifacts.InfraBlessing),
            )
        )


def _check(splits: Sequence[str], on_undecided: str) -> None:
    where = "SavedModelValidator"
    if isinstance(splits, str) or not splits:
        wanted = 'the names of splits, such as ("eval",)'
        raise UsageError("splits that cannot be read", where=where, found=repr(splits), wanted=wanted)
    if on_undecided not in ON_UNDECIDED:
        wanted = " or ".join(ON_UNDECIDED)
        raise UsageError("no such on_undecided", where=where, found=repr(on_undecided), wanted=wanted)


def _check_baseline(baseline: types.BaseChannel | None, contract: Any) -> None:
    where = "SavedModelValidator(baseline_model=…)"
    if baseline is None:
        return
    if contract is not None:
        raise UsageError("a baseline and a contract", where=where, wanted="one of them", next_step="leave one out")
    if baseline.type not in (standard_artifacts.Model, standard_artifacts.PushedModel):
        raise UsageError("no baseline", where=where, found=baseline.type_name, wanted="Model or PushedModel")


def _policy_json(policy: str | Mapping[str, Any] | Policy | None) -> str:
    """Return the whole policy, so that TFX's cache notices when a preset changes.

    Raises:
      PolicyError: it cannot be read, or names a check or parameter that does not exist.
    """
    chosen = to_policy(policy or "default", where="SavedModelValidator(policy=…)")
    select(chosen, {})
    return json.dumps(dataclasses.asdict(chosen), sort_keys=True)
