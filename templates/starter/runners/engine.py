"""The pipeline through TFX's local runner, its records in a SQLite file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tfx.dsl.io import fileio
from tfx.orchestration import metadata
from tfx.orchestration.local.local_dag_runner import LocalDagRunner

import configs
import pipeline
from runners.data import problems


def run(build: Path, *, data: str, beam_args: Sequence[str], root: str = "", push_to: str = "") -> None:
    """Run every step; artifacts, the metadata store and the pushed models go under `build` unless said otherwise.

    Raises:
      ValueError: the data is not what CsvExampleGen reads.
    """
    found = problems(fileio.glob(f"{data.rstrip('/')}/*.csv"), fileio.open)
    if found:
        raise ValueError("\n".join([f"the data in {data} cannot be used:", *found]))
    definition = pipeline.create_pipeline(
        root or str(build / "artifacts"),
        data=data,
        push_to=pipeline.push_destination(push_to or str(build / "serving" / configs.NAME)),
        metadata_connection_config=metadata.sqlite_metadata_connection_config(str(metadata_file(build))),
        beam_pipeline_args=list(beam_args),
    )
    LocalDagRunner().run(definition)


def metadata_file(build: Path) -> Path:
    """Return the path of the metadata store."""
    return build / "metadata.sqlite"
