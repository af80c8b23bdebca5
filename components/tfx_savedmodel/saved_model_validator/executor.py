"""The SavedModelValidator executor: artifacts in, one validation, report and blessing out."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_beam_executor
from tfx.types import artifact_utils
from tfx.utils import io_utils

from tfx_savedmodel.artifacts.local import Artifacts, LocalInputs, local_inputs, local_output
from tfx_savedmodel.errors import ExamplesError, NotBlessedError, UndecidedError, UsageError
from tfx_savedmodel.operations.policies import Policy, read_policy
from tfx_savedmodel.operations.reports import write_reports
from tfx_savedmodel.operations.validate import CheckVerdict, Report, Upstream, Verdict, validate
from tfx_savedmodel.saved_model_validator.payloads import payload_of


class Executor(base_beam_executor.BaseBeamExecutor):
    """Runs `tfx_savedmodel.validate` on the artifacts; examples go through TFX's Beam pipeline."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """Write `report` (report.json, report.html) and `blessing` (INFRA_BLESSED or INFRA_NOT_BLESSED).

        Raises:
          UndecidedError: no verdict could be reached, and `on_undecided` is "fail".
          NotBlessedError: the model is not blessed, and `fail_on_not_blessed` is set.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        splits = json.loads(exec_properties["splits"])
        policy = read_policy(exec_properties["policy"])
        examples_format, data_view = payload_of(input_dict.get("examples", []))
        _check_splits(input_dict.get("examples", []), splits)
        with local_inputs(input_dict) as inputs:
            report = validate(
                inputs.model() or "",
                examples=inputs.examples(splits, natively=True),
                examples_format=examples_format,
                data_view=data_view and str(inputs.stage.path(data_view, "the DataView")),
                sample=exec_properties.get("sample"),
                sample_seed=exec_properties.get("sample_seed") or 0,
                batch_size=int(exec_properties.get("batch_size") or 0) or None,
                schema=inputs.only_file("schema"),
                transform_graph=inputs.folder("transform_graph"),
                reference=inputs.model("reference_model"),
                baseline=_baseline(inputs, exec_properties.get("contract")),
                target=exec_properties.get("target"),
                policy=policy,
                upstream=[_upstream(item) for key in BLESSINGS for item in input_dict.get(key, [])],
                make_pipeline=self._make_beam_pipeline,
                progress=logging.getLogger(__name__).info,
            )
            report = inputs.stage.named(report)
        if exec_properties.get("report_dir"):
            with local_output(exec_properties["report_dir"], beside=True) as folder:
                write_reports(report, folder, policy)
        _raise_where_asked(report, exec_properties)
        _write(report, output_dict, policy)


BLESSINGS = ("infra_blessing", "model_blessing")


def _baseline(inputs: LocalInputs, contract: str | None) -> str | Mapping[str, Any] | None:
    """Return what clients use today, if anybody says.

    Raises:
      UsageError: the last run of Pusher pushed nothing, so that the resolver found no model.
    """
    for pushed in inputs.artifacts.get("pushed_baseline") or ():
        if not pushed.get_int_custom_property("pushed"):
            raise UsageError(
                "the baseline was not pushed",
                where=pushed.uri,
                found="an execution of Pusher that pushed nothing",
                wanted="the last model that was pushed",
                next_step="put Pusher under tfx.dsl.Cond on the blessing, so that it runs only where it pushes",
            )
    if contract is not None:
        found: Mapping[str, Any] = json.loads(contract)
        return found
    return inputs.model("baseline_model") or inputs.folder("pushed_baseline")


def _raise_where_asked(report: Report, exec_properties: dict[str, Any]) -> None:
    where = str(report.model["uri"])
    if report.verdict is Verdict.UNDECIDED and exec_properties["on_undecided"] == "fail":
        open_ends = [check for check in report.checks if check.code in report.undecided_by]
        causes = [f"{check.code} {check.name}: {check.verdict.value}, {check.reason}" for check in open_ends]
        raise UndecidedError(
            "validation could not tell whether the model is fit",
            where=where,
            found="\n    ".join(causes),
            next_step='remove the causes and run again, or take on_undecided="not_blessed"',
        )
    if report.verdict is not Verdict.BLESSED and exec_properties.get("fail_on_not_blessed"):
        failed = [check for check in report.checks if check.verdict is CheckVerdict.FAIL]
        findings = [f"{check.code} {check.name}: {item.message}" for check in failed for item in check.findings]
        raise NotBlessedError("the model is not blessed", where=where, found="\n    ".join(findings))


def _write(report: Report, output_dict: Artifacts, policy: Policy) -> None:
    artifact = artifact_utils.get_single_instance(output_dict["report"])
    with local_output(artifact.uri) as folder:
        write_reports(report, folder, policy)
    artifact.set_string_custom_property("verdict", report.verdict.value)
    for verdict in CheckVerdict:
        artifact.set_int_custom_property(f"checks_{verdict.value.lower()}", report.count(verdict))
    blessing = artifact_utils.get_single_instance(output_dict["blessing"])
    blessed = report.verdict is Verdict.BLESSED
    io_utils.write_string_file(f"{blessing.uri}/{'INFRA_BLESSED' if blessed else 'INFRA_NOT_BLESSED'}", "")
    blessing.set_int_custom_property("blessed", int(blessed))


def _upstream(blessing: types.Artifact) -> Upstream:
    blessed = blessing.get_int_custom_property("blessed") == 1
    return Upstream(uri=blessing.uri, type_name=blessing.type_name, blessed=blessed)


def _check_splits(examples: list[types.Artifact], splits: list[str]) -> None:
    for artifact in examples:
        known = artifact_utils.decode_split_names(artifact.split_names)
        missing = [split for split in splits if split not in known]
        if missing:
            raise ExamplesError(
                f"no split {', '.join(map(repr, missing))} in the examples",
                where=artifact.uri,
                found=", ".join(known),
                next_step="name splits that are there: SavedModelValidator(splits=(…,))",
            )
