"""What one run of the pipeline did, read back from the metadata store and the reports it points at."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2 as mlmd
from tfx.orchestration import metadata

REPORT_TYPE = "tfx_savedmodel.ValidationReport"


@dataclasses.dataclass(frozen=True)
class ArtifactRecord:
    """An artifact: its id, type, place and custom properties as plain values."""

    id: int
    type_name: str
    uri: str
    properties: Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class ComponentRun:
    """One component's execution: how it ended, its seconds, what it read and wrote by key."""

    name: str
    state: str
    seconds: float
    inputs: Mapping[str, tuple[ArtifactRecord, ...]]
    outputs: Mapping[str, tuple[ArtifactRecord, ...]]

    @property
    def is_cached(self) -> bool:
        """Whether the outputs are those of an earlier execution."""
        return self.state == "CACHED"


@dataclasses.dataclass(frozen=True)
class PipelineRun:
    """The components of one run in the order in which they ran, by name; `seconds` is wall time."""

    run_id: str
    components: Mapping[str, ComponentRun]
    seconds: float | None = None

    def output(self, component: str, key: str) -> ArtifactRecord:
        """Return the one artifact that a component wrote under this key."""
        (artifact,) = self.components[component].outputs[key]
        return artifact

    def reports(self) -> dict[str, dict[str, Any]]:
        """Return each validator's report.json, by the component's name."""
        return {
            name: json.loads((Path(record.uri) / "report.json").read_text())
            for name, component in self.components.items()
            for records in component.outputs.values()
            for record in records
            if record.type_name == REPORT_TYPE
        }


def read_last_run(path: Path, pipeline_name: str, *, seconds: float | None = None) -> PipelineRun:
    """Return the latest run of a pipeline in the SQLite metadata store at `path`.

    Raises:
      LookupError: the store holds no run of this pipeline.
    """
    with metadata.Metadata(metadata.sqlite_metadata_connection_config(str(path))) as handle:
        store = handle.store
        of_pipeline = store.get_context_by_type_and_name("pipeline", pipeline_name)
        runs = store.get_children_contexts_by_context(of_pipeline.id) if of_pipeline else []
        runs = [run for run in runs if run.type == "pipeline_run"]
        if not runs:
            raise LookupError(f"{path} holds no run of the pipeline {pipeline_name!r}")
        last = max(runs, key=lambda run: run.create_time_since_epoch)
        executions = sorted(store.get_executions_by_context(last.id), key=lambda execution: execution.id)
        components = [_component(store, execution, pipeline_name) for execution in executions]
    return PipelineRun(last.name, {component.name: component for component in components}, seconds)


def _component(store: metadata_store.MetadataStore, execution: mlmd.Execution, pipeline_name: str) -> ComponentRun:
    contexts = store.get_contexts_by_execution(execution.id)
    (node,) = (context.name for context in contexts if context.type == "node")
    events = store.get_events_by_execution_ids([execution.id])
    artifacts = {item.id: item for item in store.get_artifacts_by_id([event.artifact_id for event in events])}
    sides: tuple[dict[str, list[ArtifactRecord]], dict[str, list[ArtifactRecord]]] = ({}, {})
    for event in events:
        side = sides[event.type == mlmd.Event.OUTPUT]
        side.setdefault(event.path.steps[0].key, []).append(_record(artifacts[event.artifact_id]))
    inputs, outputs = ({key: tuple(records) for key, records in side.items()} for side in sides)
    return ComponentRun(
        name=node.removeprefix(f"{pipeline_name}."),
        state=mlmd.Execution.State.Name(execution.last_known_state),
        seconds=(execution.last_update_time_since_epoch - execution.create_time_since_epoch) / 1000,
        inputs=inputs,
        outputs=outputs,
    )


def _record(artifact: mlmd.Artifact) -> ArtifactRecord:
    properties = {key: _plain(value) for key, value in artifact.custom_properties.items()}
    return ArtifactRecord(artifact.id, artifact.type, artifact.uri, properties)


def _plain(value: mlmd.Value) -> Any:
    kind = value.WhichOneof("value")
    return getattr(value, kind) if kind else None
