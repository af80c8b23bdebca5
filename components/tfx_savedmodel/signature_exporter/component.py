"""The SignatureExporter component: its parameters, inputs and outputs."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from tfx_savedmodel.errors import UsageError
from tfx_savedmodel.operations.export import Plan, read_plan
from tfx_savedmodel.signature_exporter import executor
from tfx_savedmodel.versions import __version__


class SignatureExporterSpec(ComponentSpec):
    """What the component takes and gives."""

    PARAMETERS: ClassVar[dict[str, ExecutionParameter]] = {
        "plan": ExecutionParameter(type=str),
        "tfx_savedmodel_version": ExecutionParameter(type=str),
    }
    INPUTS: ClassVar[dict[str, ChannelParameter]] = {
        "model": ChannelParameter(type=standard_artifacts.Model),
        "transform_graph": ChannelParameter(type=standard_artifacts.TransformGraph, optional=True),
        "schema": ChannelParameter(type=standard_artifacts.Schema, optional=True),
    }
    OUTPUTS: ClassVar[dict[str, ChannelParameter]] = {
        "exported_model": ChannelParameter(type=standard_artifacts.Model),
    }


class SignatureExporter(base_component.BaseComponent):
    """Exports a trained model with exactly the signatures of a plan.

    Output: `exported_model`, a `Model` whose SavedModel has the plan's signatures and those it keeps.
    """

    SPEC_CLASS = SignatureExporterSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)

    def __init__(
        self,
        model: types.BaseChannel,
        signatures: Plan | Mapping[str, Any] | None = None,
        plan_file: str | os.PathLike[str] | None = None,
        keep: Sequence[str] | str | None = None,
        drop: Sequence[str] | None = None,
        transform_graph: types.BaseChannel | None = None,
        schema: types.BaseChannel | None = None,
    ) -> None:
        """Declare an export.

        Args:
          model: `Model` with the trained model.
          signatures: the plan: a `Plan`, its JSON form, or only the signatures by key, each a part
            (`ServeExamples()`) or its JSON form.
          plan_file: instead of `signatures`, a JSON file with the plan; its content is read now.
          keep: signatures of the model to keep, or "all", where the plan itself says nothing.
          drop: signatures not to keep, where the plan itself says nothing.
          transform_graph: `TransformGraph` that raw features go through.
          schema: `Schema` of the raw features, where there is no Transform graph.

        Raises:
          PlanError: the plan has mistakes, all of which it names, as far as they show without a model.
          UsageError: no plan, two plans, or `keep` or `drop` said twice.
        """
        plan = _plan(signatures, plan_file, keep, drop)
        super().__init__(
            spec=SignatureExporterSpec(
                model=model,
                transform_graph=transform_graph,
                schema=schema,
                plan=plan.to_json(),
                tfx_savedmodel_version=__version__,
                exported_model=types.Channel(type=standard_artifacts.Model),
            )
        )


def _plan(
    signatures: Plan | Mapping[str, Any] | None,
    plan_file: str | os.PathLike[str] | None,
    keep: Sequence[str] | str | None,
    drop: Sequence[str] | None,
) -> Plan:
    where = "SignatureExporter"
    if signatures is not None and plan_file is not None:
        raise UsageError("two plans", where=where, found="signatures=… and plan_file=…", wanted="one of them")
    if signatures is None and plan_file is None and not keep:
        raise UsageError("no plan", where=where, wanted="signatures=…, plan_file=… or keep=…")
    if plan_file is not None:
        plan = read_plan(Path(plan_file))
    else:
        plan = read_plan({} if signatures is None else signatures, where=f"{where}(signatures=…)")
    document = plan.model_dump(mode="json")
    for name, value in (("keep", keep), ("drop", drop)):
        if value is None:
            continue
        if document[name]:
            raise UsageError(f"{name} is said twice", where=where, found=f"{name}=… and the plan's own {name}")
        document[name] = value if value == "all" else [value] if isinstance(value, str) else list(value)
    return read_plan(document, where=where)
