"""What a pipeline's workers can reach: they may be other machines, without this one's disk and packages."""

from __future__ import annotations

import enum
import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from tfx_savedmodel.errors import UsageError
from tfx_savedmodel.saved_model.local import is_remote

_OF_THIS_MACHINE = ("FnApiRunner", "DirectRunner", "SwitchingDirectRunner", "BundleBasedDirectRunner", "PrismRunner")
_OF_GOOGLE = ("DataflowRunner", "TestDataflowRunner")
_PORTABLE = ("PortableRunner", "FlinkRunner", "SparkRunner")
#: Masters for which Beam's Flink and Spark runners start an engine here, and run Python in this process.
_LOCAL_MASTER = re.compile(r"\[(local|auto)\]|local(\[.+\])?")
_OURS = re.compile(r"tfx[-_.]savedmodel[-_.]")


class Workers(enum.Enum):
    """Where the workers of a runner are: on this machine, elsewhere, or where only its administrator knows."""

    HERE = "here"
    ELSEWHERE = "elsewhere"
    UNKNOWN = "unknown"


def workers_of(pipeline: Any) -> Workers:
    """Return where the workers of a pipeline's runner are."""
    from apache_beam.options.pipeline_options import PortableOptions

    runner = type(pipeline.runner).__name__
    if runner in _OF_THIS_MACHINE:
        return Workers.HERE
    if runner in _OF_GOOGLE:
        return Workers.ELSEWHERE
    if runner not in _PORTABLE:
        return Workers.UNKNOWN
    kind = pipeline.options.view_as(PortableOptions).environment_type
    if kind is None and _LOCAL_MASTER.fullmatch(_master(pipeline, runner)):
        return Workers.HERE
    if kind == "LOOPBACK":
        return Workers.HERE
    # EXTERNAL and PROCESS name a port or a program of each worker's machine, which may be this one.
    return Workers.ELSEWHERE if kind in (None, "DOCKER") else Workers.UNKNOWN


def temp_location(pipeline: Any) -> str | None:
    """Return the place that the caller named for what passes between the workers and us."""
    from apache_beam.options.pipeline_options import GoogleCloudOptions

    named: str | None = pipeline.options.view_as(GoogleCloudOptions).temp_location
    return named or None


def check_reach(pipeline: Any, files: Sequence[str]) -> None:
    """Raise UsageError where workers on other machines would miss the examples, the model or this package.

    Args:
      files: the files of examples.
    """
    if workers_of(pipeline) is not Workers.ELSEWHERE:
        return
    runner = type(pipeline.runner).__name__
    place = temp_location(pipeline)
    if place is None or not is_remote(place):
        raise UsageError(
            f"{runner}'s workers do not see this machine's disk",
            where="--temp_location",
            found=place or "none",
            wanted="a place that they and this machine can write, such as gs://BUCKET/tmp",
            next_step="the model is brought to them through it, and their result back",
        )
    local = [file for file in files if not is_remote(file)]
    if local:
        raise UsageError(
            f"{runner}'s workers do not see examples on this machine's disk",
            where=local[0],
            found=f"{len(local)} of {len(files)} files on a local disk",
            wanted="examples where the workers can read them, such as gs://BUCKET/examples/*",
            next_step="copy them there, or run with --runner=FnApiRunner here",
        )
    if not _brings_package(pipeline):
        raise UsageError(
            f"nothing brings tfx-savedmodel to {runner}'s workers",
            where="Beam's arguments",
            found=", ".join(_packages(pipeline)) or "no packages and no image",
            wanted="--sdk_container_image, --setup_file, --requirements_file, or --extra_package with its wheel",
            next_step="docs/runners.md has an image and the flags",
        )


def _master(pipeline: Any, runner: str) -> str:
    from apache_beam.options.pipeline_options import FlinkRunnerOptions, SparkRunnerOptions

    if runner == "FlinkRunner":
        return str(pipeline.options.view_as(FlinkRunnerOptions).flink_master)
    if runner == "SparkRunner":
        return str(pipeline.options.view_as(SparkRunnerOptions).spark_master_url)
    return ""


def _packages(pipeline: Any) -> list[str]:
    from apache_beam.options.pipeline_options import SetupOptions

    return [PurePosixPath(name).name for name in pipeline.options.view_as(SetupOptions).extra_packages or ()]


def _brings_package(pipeline: Any) -> bool:
    """Tell whether some option may bring this package; TFX adds its own, and then no other."""
    from apache_beam.options.pipeline_options import PortableOptions, SetupOptions, WorkerOptions

    setup = pipeline.options.view_as(SetupOptions)
    image = pipeline.options.view_as(WorkerOptions).sdk_container_image
    given = (
        setup.setup_file,
        setup.requirements_file,
        image,
        pipeline.options.view_as(PortableOptions).environment_config,
    )
    return any(given) or any(_OURS.match(name) for name in _packages(pipeline))
