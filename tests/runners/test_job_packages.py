"""What a job brings for its workers: what Beam's boot program does in a container, the pool of our engines does."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator, Sequence
from concurrent import futures
from pathlib import Path
from typing import Any

import apache_beam as beam
import grpc
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability import common_urns
from apache_beam.portability.api import (
    beam_artifact_api_pb2_grpc,
    beam_fn_api_pb2,
    beam_runner_api_pb2,
    endpoints_pb2,
)
from apache_beam.runners.portability.artifact_service import ArtifactRetrievalService, BeamFilesystemHandler

from pipelines.engines.flink import FlinkCluster
from pipelines.engines.job_packages import PackageError, installed
from pipelines.engines.processes import free_ports
from pipelines.engines.worker_pool import SharedPool
from tests.runners.packages import NAME, WHEEL, make_wheel

pytestmark = pytest.mark.tfx

#: A package that cannot be had: what a job's packages depend on is not installed.
NOWHERE = "nowhere-to-be-had"


@pytest.fixture
def channel() -> Iterator[Any]:
    """Leads to Beam's own artifact service, of files of this machine."""
    server = grpc.server(futures.ThreadPoolExecutor(2))
    service = ArtifactRetrievalService(BeamFilesystemHandler(None).file_reader)
    beam_artifact_api_pb2_grpc.add_ArtifactRetrievalServiceServicer_to_server(service, server)
    port = server.add_insecure_port("localhost:0")
    server.start()
    with grpc.insecure_channel(f"localhost:{port}") as opened:
        yield opened
    server.stop(None)


def make_source(folder: Path) -> Path:
    """Write a package as `--setup_file` stages it."""
    files = {"setup.py": f"from setuptools import setup\nsetup(name='own', py_modules=['{NAME}'])\n", f"{NAME}.py": ""}
    with tarfile.open(folder / "workflow.tar.gz", "w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"own-0.0.0/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content.encode()))
    return folder / "workflow.tar.gz"


def staged(files: Sequence[Path], names: Sequence[str] = ()) -> list[Any]:
    """Return what a job says of the files it brings, under their own names unless others are given."""
    return [
        beam_runner_api_pb2.ArtifactInformation(
            type_urn=common_urns.artifact_types.FILE.urn,
            type_payload=beam_runner_api_pb2.ArtifactFilePayload(path=str(file)).SerializeToString(),
            role_urn=common_urns.artifact_roles.STAGING_TO.urn,
            role_payload=beam_runner_api_pb2.ArtifactStagingToRolePayload(staged_name=name).SerializeToString(),
        )
        for file, name in zip(files, names or [file.name for file in files], strict=True)
    ]


def with_extra(folder: Path, text: str = "ANSWER = 42\n") -> list[Path]:
    """Write a wheel and the list in which Beam names it."""
    return listed([make_wheel(folder, text)])


def listed(wheels: list[Path]) -> list[Path]:
    """Return the wheels with the list in which Beam names them."""
    file = wheels[0].with_name("extra_packages.txt")
    file.write_text("".join(f"{wheel.name}\n" for wheel in wheels))
    return [*wheels, file]


def test_extra_packages_are_installed_once_for_all_workers(tmp_path: Path, channel: Any) -> None:
    files = with_extra(tmp_path)
    job = installed(staged(files), channel, tmp_path / "jobs")
    module = job.packages / f"{NAME}.py"
    assert module.read_text() == "ANSWER = 42\n"
    made = module.stat().st_ino
    assert installed(staged(files), channel, tmp_path / "jobs") == job
    assert module.stat().st_ino == made
    assert list((tmp_path / "jobs").iterdir()) == [job.folder]


def test_each_job_has_its_own(tmp_path: Path, channel: Any) -> None:
    first = installed(staged(with_extra(tmp_path)), channel, tmp_path / "jobs")
    second = installed(staged(with_extra(tmp_path, "ANSWER = 43\n")), channel, tmp_path / "jobs")
    assert (first.packages / f"{NAME}.py").read_text() == "ANSWER = 42\n"
    assert (second.packages / f"{NAME}.py").read_text() == "ANSWER = 43\n"


def test_packages_may_share_a_folder_and_lack_what_they_depend_on(tmp_path: Path, channel: Any) -> None:
    wheels = [make_wheel(tmp_path, "", name, f"shared/{name}.py", NOWHERE) for name in ("one", "other")]
    job = installed(staged([*listed(wheels), make_source(tmp_path)]), channel, tmp_path / "jobs")
    assert sorted(path.name for path in (job.packages / "shared").glob("*.py")) == ["one.py", "other.py"]
    assert (job.packages / f"{NAME}.py").is_file()


def test_the_main_session_is_where_beam_looks(tmp_path: Path, channel: Any) -> None:
    (tmp_path / "pickled_main_session").write_bytes(b"session")
    job = installed(staged([tmp_path / "pickled_main_session"]), channel, tmp_path / "jobs")
    assert (job.folder / "staged" / "pickled_main_session").read_bytes() == b"session"


def test_the_package_of_a_setup_file(tmp_path: Path, channel: Any) -> None:
    job = installed(staged([make_source(tmp_path)]), channel, tmp_path / "jobs")
    assert (job.packages / f"{NAME}.py").is_file()


def test_requirements_are_taken_from_what_was_staged(tmp_path: Path, channel: Any) -> None:
    (tmp_path / "requirements.txt").write_text(f"{NAME}==1.0\n")
    files = [tmp_path / "requirements.txt", make_wheel(tmp_path, "", requires=NOWHERE)]
    assert (installed(staged(files), channel, tmp_path / "jobs").packages / f"{NAME}.py").is_file()
    with pytest.raises(PackageError, match=NAME):
        installed(staged(files[:1]), channel, tmp_path / "jobs")


def test_a_package_that_is_none_says_why_and_leaves_nothing(tmp_path: Path, channel: Any) -> None:
    files = with_extra(tmp_path)
    files[0].write_bytes(b"no wheel")
    with pytest.raises(PackageError, match=rf"what the job brings cannot be installed(.|\n)*{WHEEL} is invalid"):
        installed(staged(files), channel, tmp_path / "jobs")
    assert not list((tmp_path / "jobs").iterdir())


@pytest.mark.parametrize("name", ["../outside", "a/b", "..", ""])
def test_a_file_for_another_folder_is_refused(name: str, tmp_path: Path, channel: Any) -> None:
    (tmp_path / "file").write_bytes(b"text")
    with pytest.raises(PackageError, match="no name of a file"):
        installed(staged([tmp_path / "file"], [name]), channel, tmp_path / "jobs")
    assert not (tmp_path / "outside").exists()


def write_answer(file: str) -> None:
    import only_the_job_has_it  # type: ignore[import-not-found]

    Path(file).write_text(str(only_the_job_has_it.ANSWER), encoding="utf-8")


def test_a_job_on_flink_imports_what_it_brought(flink: FlinkCluster, tmp_path: Path) -> None:
    extra = f"--extra_package={make_wheel(tmp_path, 'ANSWER = 42')}"
    with beam.Pipeline(options=PipelineOptions([*flink.beam_args, "--parallelism=1", extra])) as pipeline:
        _ = pipeline | beam.Create([str(tmp_path / "output")]) | beam.Map(write_answer)
    assert (tmp_path / "output").read_text() == "42"


def test_an_engine_is_told_why_there_is_no_worker() -> None:
    (port,) = free_ports(1)
    nobody = endpoints_pb2.ApiServiceDescriptor(url=f"localhost:{port}")
    request = beam_fn_api_pb2.StartWorkerRequest(worker_id="1-1", provision_endpoint=nobody)
    assert "UNAVAILABLE" in SharedPool().StartWorker(request, None).error
