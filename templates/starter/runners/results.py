"""What the last run did, as the metadata store has it: also where steps were taken from the cache."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ml_metadata.proto import metadata_store_pb2
from tfx.dsl.io import fileio
from tfx.orchestration import metadata

import configs
from runners.engine import metadata_file

_MOST_FINDINGS = 3
#: The check that compares with the contract, as `make check-contract` does.
_BREAKING = "SM106"


@dataclasses.dataclass(frozen=True)
class Result:
    """What came of a run.

    Attributes:
      exported_model: the folder of the SavedModel that was judged.
      report: the folder of its report.
      report_json: the report as data.
      pushed: where it was pushed, or None.
      metrics: what training measured.
    """

    exported_model: str
    report: str
    report_json: dict[str, Any]
    pushed: str | None
    metrics: dict[str, float]

    def lines(self) -> Iterator[str]:
        """Yield the result in words; the last line is the verdict."""
        for name, value in self.metrics.items():
            yield f"{name.replace('_', ' ')}: {value:.4g}"
        if self.pushed is None:
            yield "Nothing was pushed. Why:"
            for check in self.report_json["checks"]:
                if check["verdict"] == "FAIL" and check["severity"] == "error":
                    yield f"  {check['code']} {check['name']}"
                    yield from (f"    {line}" for line in _findings(check))
        else:
            yield f"Pushed   {self.pushed}"
        yield f"Model    {self.exported_model}"
        yield f"Report   {self.report}/report.html"
        yield f"Verdict  {self.report_json['verdict']}"


def read(build: Path) -> Result:
    """Return the result of the latest run that `build` has a record of.

    Raises:
      LookupError: there is none, or it did not get as far as Pusher.
    """
    file = metadata_file(build)
    if not file.is_file():
        raise LookupError(f"no run yet: {file} is not there; `make run` makes one")
    with metadata.Metadata(metadata.sqlite_metadata_connection_config(str(file))) as handle:
        store = handle.store
        of_pipeline = store.get_context_by_type_and_name("pipeline", configs.NAME)
        runs = store.get_children_contexts_by_context(of_pipeline.id) if of_pipeline else []
        runs = [run for run in runs if run.type == "pipeline_run"]
        if not runs:
            raise LookupError(f"{file} holds no run of the pipeline {configs.NAME!r}")
        last = max(runs, key=lambda run: run.create_time_since_epoch)
        outputs = {
            key: artifact
            for execution in store.get_executions_by_context(last.id)
            for key, artifact in _outputs(store, execution)
        }
    missing = {"exported_model", "report", "pushed_model", "model_run"} - set(outputs)
    if missing:
        raise LookupError(f"the last run did not finish: it gave no {', '.join(sorted(missing))}")
    pushed = outputs["pushed_model"].custom_properties
    report = outputs["report"].uri
    return Result(
        exported_model=f"{outputs['exported_model'].uri}/Format-Serving",
        report=report,
        report_json=_read_json(f"{report}/report.json"),
        pushed=pushed["pushed_destination"].string_value if pushed["pushed"].int_value else None,
        metrics=_read_json(f"{outputs['model_run'].uri}/metrics.json"),
    )


def _findings(check: dict[str, Any]) -> Iterator[str]:
    """Yield what a check found, each with its place; where there is more, what shows it."""
    for finding in check["findings"][:_MOST_FINDINGS]:
        place = ", ".join(f"{kind} {value}" for kind, value in finding["where"].items() if isinstance(value, str | int))
        # A name may hold anything, and is not to break the line.
        text = f"{place}: {finding['message']}" if place else finding["message"]
        yield text if text.isprintable() else repr(text)
    left = len(check["findings"]) - _MOST_FINDINGS
    if left > 0:
        yield f"… and {left} more: {'make check-contract' if check['code'] == _BREAKING else 'the report has them'}"


def _outputs(store: Any, execution: Any) -> Iterator[tuple[str, Any]]:
    """Yield what an execution wrote, by output key."""
    events = store.get_events_by_execution_ids([execution.id])
    artifacts = {item.id: item for item in store.get_artifacts_by_id([event.artifact_id for event in events])}
    for event in events:
        if event.type == metadata_store_pb2.Event.OUTPUT:
            yield event.path.steps[0].key, artifacts[event.artifact_id]


def _read_json(path: str) -> dict[str, Any]:
    with fileio.open(path) as file:
        return json.load(file)
