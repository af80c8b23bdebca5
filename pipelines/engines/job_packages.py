"""What a Beam job brings for its workers: fetched from the engine, its Python packages installed in a folder."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from apache_beam.portability import common_urns
from apache_beam.portability.api import beam_artifact_api_pb2, beam_artifact_api_pb2_grpc, beam_runner_api_pb2
from apache_beam.runners.portability.artifact_service import sha256
from apache_beam.runners.portability.stager import EXTRA_PACKAGES_FILE, REQUIREMENTS_FILE, WORKFLOW_TARBALL_FILE

#: Where Beam's worker looks for the main session, under the folder that it is told.
_FILES, _PACKAGES = "staged", "packages"


class PackageError(Exception):
    """A package that a job brings cannot be installed."""


class Job(NamedTuple):
    """A folder with the files that a job brings under `staged`, and its packages, to be put on a worker's path."""

    folder: Path

    @property
    def files(self) -> Path:
        return self.folder / _FILES

    @property
    def packages(self) -> Path:
        return self.folder / _PACKAGES


def installed(dependencies: Iterable[Any], channel: Any, folder: Path) -> Job:
    """Return what these files of a job make, in a folder under `folder` that all workers of the same files share.

    Args:
      dependencies: `ArtifactInformation` of each, as the engine's provision service tells them.
      channel: leads to the engine's artifact service.

    Raises:
      PackageError: one cannot be installed; pip's reasons are in it.
      grpc.RpcError: the engine does not give one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    beside = Job(Path(tempfile.mkdtemp(prefix="new-", dir=folder)))
    try:
        beside.files.mkdir()
        _fetch(dependencies, channel, beside.files)
        job = Job(folder / _digest(beside.files))
        if not job.folder.is_dir():
            _install(beside)
            _rename(beside.folder, job.folder)
        return job
    finally:
        shutil.rmtree(beside.folder, ignore_errors=True)


def _fetch(dependencies: Iterable[Any], channel: Any, files: Path) -> None:
    service = beam_artifact_api_pb2_grpc.ArtifactRetrievalServiceStub(channel)
    wanted = beam_artifact_api_pb2.ResolveArtifactsRequest(artifacts=dependencies)
    for artifact in service.ResolveArtifacts(wanted).replacements:
        with (files / _name(artifact)).open("wb") as file:
            for block in service.GetArtifact(beam_artifact_api_pb2.GetArtifactRequest(artifact=artifact)):
                file.write(block.data)


def _name(artifact: Any) -> str:
    """Return the name under which a file was staged; a job cannot name one outside of its folder."""
    if artifact.role_urn != common_urns.artifact_roles.STAGING_TO.urn:
        raise PackageError(f"a job brings a file for {artifact.role_urn}, which no worker here takes")
    payload = beam_runner_api_pb2.ArtifactStagingToRolePayload.FromString(artifact.role_payload)
    name = str(payload.staged_name)
    if name != Path(name).name or name in ("", ".", ".."):
        raise PackageError(f"a job brings a file named {name!r}, which is no name of a file")
    return name


def _digest(files: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(files.iterdir()):
        digest.update(f"{file.name}\n{sha256(str(file))}\n".encode())
    return digest.hexdigest()[:32]


def _install(job: Job) -> None:
    """Install what was staged, and nothing that it depends on: that is where the pool runs, or staged too.

    Beam's boot program would fetch a dependency that is absent; a package that is there in a newer version wins there
    as here. All in one call of pip, which would replace what an earlier one put under `--target`.
    """
    job.packages.mkdir()
    requirements, workflow, extra = (
        job.files / name for name in (REQUIREMENTS_FILE, WORKFLOW_TARBALL_FILE, EXTRA_PACKAGES_FILE)
    )
    wanted = []
    if requirements.is_file():
        wanted += ["--find-links", str(job.files), "--requirement", str(requirements)]
    if extra.is_file():
        wanted += [str(job.files / line) for line in extra.read_text(encoding="utf-8").splitlines() if line]
    if workflow.is_file():
        wanted.append(str(workflow))
    if wanted:
        _pip(job, wanted)


def _pip(job: Job, wanted: list[str]) -> None:
    flags = ["--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "install", *flags, "--target", str(job.packages), *wanted]
    # What the pool's own path leads to is not what the job brings.
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=variables, check=False
    )
    if done.returncode:
        raise PackageError(f"what the job brings cannot be installed for its workers; pip says:\n{done.stdout}")


def _rename(folder: Path, to: Path) -> None:
    """Give the folder its name, unless another worker of the same job was quicker."""
    try:
        folder.rename(to)
    except OSError:
        if not to.is_dir():
            raise
