"""Workers on other machines: what they load is brought to them, and what they could not reach is refused."""

from __future__ import annotations

import io
import shutil
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.internal import pickler
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability import common_urns, python_urns
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.runners.dataflow.dataflow_runner import DataflowRunner

from tests.beam.models import good_rows, save_scorer, write_rows
from tests.runners.far import ElsewhereRunner, FarFileSystem
from tfx_savedmodel.beam.carrying import carry
from tfx_savedmodel.beam.example_checks import ExampleCheckRequest, run_example_checks, worker_settings
from tfx_savedmodel.beam.pipeline import build
from tfx_savedmodel.beam.reach import Workers, check_reach, workers_of
from tfx_savedmodel.beam.reading.shards import Shard
from tfx_savedmodel.errors import UsageError
from tfx_savedmodel.validation.checks.parity import Parity
from tfx_savedmodel.validation.checks.runs_on_examples import RunsOnExamples

pytestmark = pytest.mark.tfx

CHECKS = (RunsOnExamples(), Parity())
DATAFLOW = ("--runner=DataflowRunner", "--project=some-project", "--region=europe-west4", "--no_auth", "--dry_run=True")
DOCKER = ("--runner=PortableRunner", "--job_endpoint=flink:8099")
#: What TFX adds where no argument says which packages the workers need.
OF_TFX = "/tmp/build/tfx/dist/tfx_ephemeral-1.15.1.tar.gz"
TEMP = "--temp_location=gs://bucket/tmp"
IMAGE = "--sdk_container_image=registry.example/some-project/tfx-savedmodel:1"
REMOTE = ["gs://bucket/examples/a.gz"]


def pipeline(*arguments: str) -> Any:
    return beam.Pipeline(options=PipelineOptions(list(arguments)))


@pytest.fixture
def far(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> type[FarFileSystem]:
    monkeypatch.setattr(FarFileSystem, "folder", tmp_path / "far", raising=False)
    FarFileSystem.folder.mkdir()
    return FarFileSystem


@pytest.fixture
def request_of(tmp_path: Path) -> ExampleCheckRequest:
    """A model with an asset whose name looks compressed, a reference, and examples."""
    model = save_scorer(tmp_path / "model")
    (Path(model) / "assets.extra").mkdir()
    (Path(model) / "assets.extra" / "words.gz").write_bytes(b"not compressed at all")
    examples = write_rows(tmp_path / "examples", good_rows(30))
    return ExampleCheckRequest(model, (examples,), CHECKS, reference=save_scorer(tmp_path / "reference"))


@pytest.mark.parametrize(
    ("arguments", "workers"),
    [
        (["--runner=FnApiRunner"], Workers.HERE),
        (["--runner=PortableRunner", "--environment_type=LOOPBACK"], Workers.HERE),
        (["--runner=FlinkRunner"], Workers.HERE),
        (["--runner=SparkRunner", "--spark_master_url=local[2]"], Workers.HERE),
        (["--runner=FlinkRunner", "--flink_master=flink:8081"], Workers.ELSEWHERE),
        (["--runner=SparkRunner", "--spark_master_url=spark://spark:7077"], Workers.ELSEWHERE),
        (["--runner=PortableRunner", "--job_endpoint=flink:8099"], Workers.ELSEWHERE),
        (
            ["--runner=PortableRunner", "--environment_type=EXTERNAL", "--environment_config=localhost:1"],
            Workers.UNKNOWN,
        ),
        (
            ["--runner=FlinkRunner", "--environment_type=PROCESS", '--environment_config={"command": "boot"}'],
            Workers.UNKNOWN,
        ),
        ([*DATAFLOW, TEMP], Workers.ELSEWHERE),
    ],
    ids=str,
)
def test_where_the_workers_of_a_runner_are(arguments: list[str], workers: Workers) -> None:
    assert workers_of(pipeline(*arguments)) is workers


@pytest.mark.parametrize(
    ("arguments", "files", "message"),
    [
        ([*DOCKER, IMAGE], REMOTE, "do not see this machine's disk"),
        ([*DOCKER, IMAGE, "--temp_location=/tmp/here"], REMOTE, "do not see this machine's disk"),
        ([*DOCKER, IMAGE, TEMP], [*REMOTE, "/data/b.gz"], "do not see examples"),
        ([*DOCKER, TEMP], REMOTE, "nothing brings tfx-savedmodel"),
        ([*DATAFLOW, TEMP], REMOTE, "nothing brings tfx-savedmodel"),
        ([*DATAFLOW, TEMP, f"--extra_package={OF_TFX}"], REMOTE, "nothing brings tfx-savedmodel"),
    ],
    ids=str,
)
def test_what_workers_elsewhere_would_miss_is_refused(arguments: list[str], files: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        check_reach(pipeline(*arguments), files)
    assert caught.value.where and caught.value.found and caught.value.wanted and caught.value.next_step


@pytest.mark.parametrize(
    "brings", [IMAGE, "--setup_file=/repo/setup.py", "--extra_package=/repo/dist/tfx_savedmodel-1-py3-none-any.whl"]
)
def test_whatever_may_bring_the_package_is_accepted(brings: str) -> None:
    check_reach(pipeline(*DATAFLOW, TEMP, brings), REMOTE)


def test_local_examples_are_refused_before_anything_runs(request_of: ExampleCheckRequest) -> None:
    with pytest.raises(UsageError, match="do not see examples") as caught:
        run_example_checks(request_of, lambda: pipeline(*DATAFLOW, TEMP, IMAGE))
    assert caught.value.where == request_of.files[0]


def elsewhere(request: ExampleCheckRequest, *arguments: str) -> Callable[[], Any]:
    def leave() -> None:
        for directory in (request.model, request.reference):
            shutil.rmtree(str(directory))

    return lambda: beam.Pipeline(runner=ElsewhereRunner(leave), options=PipelineOptions(list(arguments)))


def test_models_reach_workers_through_the_temp_location(
    request_of: ExampleCheckRequest, far: type[FarFileSystem]
) -> None:
    results = run_example_checks(request_of, elsewhere(request_of, "--temp_location=far://bucket/tmp/"))
    assert [(result.verdict.value, result.reason) for result in results] == [("PASS", None), ("PASS", None)]
    assert results[0].measurements["ran"]["serving_default"] == 30
    assert far.names() == []


def test_a_worker_that_sees_no_model_says_so(request_of: ExampleCheckRequest) -> None:
    results = run_example_checks(request_of, elsewhere(request_of))
    assert {result.verdict.value for result in results} == {"ERROR"}
    assert request_of.model in str(results[0].reason) and "--temp_location" in str(results[0].reason)


def test_a_worker_that_sees_no_examples_is_no_fault_of_the_examples(request_of: ExampleCheckRequest) -> None:
    def leave() -> None:
        Path(request_of.files[0]).unlink()

    options = PipelineOptions([])
    results = run_example_checks(request_of, lambda: beam.Pipeline(runner=ElsewhereRunner(leave), options=options))
    assert {result.verdict.value for result in results} == {"ERROR"}
    assert f"where: {request_of.files[0]}" in str(results[0].reason)


def test_the_job_for_dataflow_names_nothing_of_this_disk(
    request_of: ExampleCheckRequest, far: type[FarFileSystem], tmp_path: Path
) -> None:
    copies: dict[str, tuple[str, ...]] = {}
    settings = carry(worker_settings(request_of), "far://bucket/tmp/run", copies)
    assert "far://bucket/tmp/run/0/saved_model.pb" in far.names()
    copy = tmp_path / "far/bucket/tmp/run/0/assets.extra/words.gz"
    assert copy.read_bytes() == b"not compressed at all"
    arguments = [*DATAFLOW, TEMP, IMAGE, "--sdk_location=container", "--job_name=validate"]
    job = beam.Pipeline(runner=DataflowRunner(), options=PipelineOptions(arguments))
    build(job, settings, [Shard(REMOTE[0])], "far://bucket/tmp/run", copies)
    job.run()  # a dry run: everything but the submission
    proto: beam_runner_api_pb2.Pipeline = job.runner.proto_pipeline
    images = [
        beam_runner_api_pb2.DockerPayload.FromString(environment.payload).container_image
        for environment in proto.components.environments.values()
    ]
    assert set(images) == {IMAGE.partition("=")[2]}
    functions = list(map(_function, _payloads(proto)))
    assert {type(function).__name__ for function in functions} >= {"_RunShards", "_WriteTally"}
    held = "".join(repr(vars(function)) for function in functions)
    assert "far://bucket/tmp/run/0" in held and str(tmp_path) not in held
    assert str(tmp_path).encode() not in proto.SerializeToString()


def test_the_packages_that_are_named_are_staged_with_the_job(
    request_of: ExampleCheckRequest, far: type[FarFileSystem], tmp_path: Path
) -> None:
    wheel = tmp_path / "tfx_savedmodel-1-py3-none-any.whl"
    wheel.write_bytes(b"a wheel")
    (tmp_path / "setup.py").write_text("from setuptools import setup\nsetup(name='ours', version='3', py_modules=[])\n")
    arguments = [*DATAFLOW, TEMP, f"--extra_package={wheel}", f"--setup_file={tmp_path / 'setup.py'}"]
    copies: dict[str, tuple[str, ...]] = {}
    settings = carry(worker_settings(request_of), "far://bucket/tmp/run", copies)
    job = beam.Pipeline(runner=DataflowRunner(), options=PipelineOptions(arguments))
    check_reach(job, REMOTE)
    build(job, settings, [Shard(REMOTE[0])], "far://bucket/tmp/run", copies)
    job.run()
    staged = dict(_staged(job.runner.proto_pipeline))
    assert staged[wheel.name] == b"a wheel"
    assert staged["extra_packages.txt"].decode().split() == [wheel.name]
    with tarfile.open(fileobj=io.BytesIO(staged["workflow.tar.gz"])) as archive:
        assert "ours-3/PKG-INFO" in archive.getnames()


def _staged(proto: beam_runner_api_pb2.Pipeline) -> Iterator[tuple[str, bytes]]:
    """Yield what comes with the job's environments: the name on the worker, and the file's content."""
    for environment in proto.components.environments.values():
        for artifact in environment.dependencies:
            name = beam_runner_api_pb2.ArtifactStagingToRolePayload.FromString(artifact.role_payload).staged_name
            file = beam_runner_api_pb2.ArtifactFilePayload.FromString(artifact.type_payload).path
            yield name, Path(file).read_bytes()


def _payloads(proto: beam_runner_api_pb2.Pipeline) -> list[bytes]:
    specs = [
        beam_runner_api_pb2.ParDoPayload.FromString(transform.spec.payload).do_fn
        for transform in proto.components.transforms.values()
        if transform.spec.urn == common_urns.primitives.PAR_DO.urn
    ]
    return [spec.payload for spec in specs if spec.urn == python_urns.PICKLED_DOFN_INFO]


def _function(payload: bytes) -> Any:
    return pickler.loads(payload)[0]
