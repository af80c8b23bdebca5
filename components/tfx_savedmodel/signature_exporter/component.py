"""The SignatureExporter component: its parameters, inputs and outputs."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from tfx import types
from tfx.components.util import udf_utils
from tfx.dsl.components.base import base_component, executor_spec
from tfx.dsl.io import fileio
from tfx.types import standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from tfx_savedmodel.errors import UsageError
from tfx_savedmodel.operations.export import Explanation, Plan, Warmup, read_labels, read_plan
from tfx_savedmodel.signature_exporter import executor
from tfx_savedmodel.versions import __version__


class SignatureExporterSpec(ComponentSpec):
    """What the component takes and gives."""

    PARAMETERS: ClassVar[dict[str, ExecutionParameter]] = {
        "plan": ExecutionParameter(type=str),
        "source_graph_sha256": ExecutionParameter(type=str, optional=True),
        "module_file": ExecutionParameter(type=str, optional=True),
        "module_path": ExecutionParameter(type=str, optional=True),
        "tfx_savedmodel_version": ExecutionParameter(type=str),
    }
    INPUTS: ClassVar[dict[str, ChannelParameter]] = {
        "model": ChannelParameter(type=standard_artifacts.Model),
        "transform_graph": ChannelParameter(type=standard_artifacts.TransformGraph, optional=True),
        "schema": ChannelParameter(type=standard_artifacts.Schema, optional=True),
        "statistics": ChannelParameter(type=standard_artifacts.ExampleStatistics, optional=True),
        "examples": ChannelParameter(type=standard_artifacts.Examples, optional=True),
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
        statistics: types.BaseChannel | None = None,
        examples: types.BaseChannel | None = None,
        module_file: str | os.PathLike[str] | None = None,
        explanation: Explanation | Mapping[str, Any] | None = None,
        warmup: Warmup | Mapping[str, Any] | None = None,
        target: str | None = None,
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
          statistics: `ExampleStatistics` of the raw features, for the baselines of `explanation`.
          examples: `Examples` that warm-up requests are made of, and baselines without statistics.
          module_file: a Python file with the functions and classes that the plan names; it is packaged as
            a wheel with every .py beside it, as Trainer's is.
          explanation: asks for explanation metadata, where the plan itself says nothing.
          warmup: asks for warm-up requests, where the plan itself says nothing.
          target: the oldest TensorFlow that is to load the export, "tf-1.15" or "tf-2.7", where the plan itself
            says nothing.

        Raises:
          PlanError: the plan has mistakes, all of which it names, as far as they show without a model.
          UsageError: no plan, two plans, something said twice, warm-up without examples, or functions of a
            module file without one.
        """
        beside = {"keep": keep, "drop": drop, "explanation": explanation, "warmup": warmup, "target": target}
        plan = _plan(signatures, plan_file, beside)
        _check_inputs(plan, examples=examples, module_file=module_file)
        super().__init__(
            spec=SignatureExporterSpec(
                model=model,
                transform_graph=transform_graph,
                schema=schema,
                statistics=statistics,
                examples=examples,
                module_file=os.fspath(module_file) if module_file is not None else None,
                plan=plan.to_json(),
                source_graph_sha256=_digest(plan.source.graph),
                tfx_savedmodel_version=__version__,
                exported_model=types.Channel(type=standard_artifacts.Model),
            )
        )
        if module_file is not None and udf_utils.should_package_user_modules():
            udf_utils.add_user_module_dependency(self, "module_file", "module_path")


def _plan(
    signatures: Plan | Mapping[str, Any] | None, plan_file: str | os.PathLike[str] | None, beside: Mapping[str, Any]
) -> Plan:
    """Return the plan with what is said beside it; files of classes are taken by content, for TFX's cache."""
    where = "SignatureExporter"
    if signatures is not None and plan_file is not None:
        raise UsageError("two plans", where=where, found="signatures=… and plan_file=…", wanted="one of them")
    if signatures is None and plan_file is None and not beside["keep"]:
        raise UsageError("no plan", where=where, wanted="signatures=…, plan_file=… or keep=…")
    if plan_file is not None:
        plan = read_plan(Path(plan_file))
    else:
        plan = read_plan({} if signatures is None else signatures, where=f"{where}(signatures=…)")
    document = plan.model_dump(mode="json")
    for name, value in beside.items():
        if value is None:
            continue
        if document[name]:
            raise UsageError(f"{name} is said twice", where=where, found=f"{name}=… and the plan's own {name}")
        document[name] = _plain(name, value)
    for part in document["signatures"].values():
        classes = part.get("classes")
        if isinstance(classes, dict) and classes.get("file"):
            part["classes"] = {"labels": list(read_labels(classes["file"]))}
    return read_plan(document, where=where)


def _digest(file: str | None) -> str | None:
    """Return what tells TFX's cache that the graph which a plan names has changed; None where it is not there yet."""
    if file is None or not fileio.exists(file):
        return None
    with fileio.open(file, "rb") as opened:
        return hashlib.sha256(opened.read()).hexdigest()


def _plain(name: str, value: Any) -> Any:
    if name in ("explanation", "warmup", "target"):
        return value
    if name == "keep" and value == "all":
        return value
    return [value] if isinstance(value, str) else list(value)


def _check_inputs(plan: Plan, *, examples: Any, module_file: Any) -> None:
    where = "SignatureExporter"
    if plan.warmup is not None and examples is None:
        raise UsageError("no examples", where=where, found="a plan with warmup", wanted="examples=…")
    made = [key for key, part in plan.signatures.items() if part.kind == "module"]
    if module_file is None and (made or plan.source.model_fn):
        found = f"signatures {', '.join(made)} of kind module" if made else "a plan with source.model_fn"
        raise UsageError("no module file", where=where, found=found, wanted="module_file=…")
