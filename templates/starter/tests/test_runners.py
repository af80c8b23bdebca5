"""The runners' arguments, and what is done to a compiled job; nothing is run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import configs
from runners import beam, kubeflow_v2

FLINK = ["--runner=PortableRunner", "--environment_type=EXTERNAL", "--environment_config=localhost:50000"]


def test_beam_arguments_that_can_work_are_taken() -> None:
    assert beam.problems("/shared/root", "/shared/data", FLINK) == []
    dataflow = ["--runner=DataflowRunner", "--sdk_container_image=REGISTRY/image"]
    assert beam.problems("gs://b/root", "gs://b/data", dataflow) == []


def test_beam_arguments_that_cannot_work_are_all_named() -> None:
    found = "\n".join(beam.problems("build", "data", ["--runner=DataflowRunner"]))
    assert "--sdk_container_image" in found
    assert "--root build is on this machine" in found
    assert "--data data is on this machine" in found
    assert "no --runner" in beam.problems("a", "b", [])[0]
    in_two_words = ["--runner", "DataflowRunner", "--sdk_container_image", "REGISTRY/image"]
    in_containers = ["--runner=PortableRunner", "--sdk_container_image=REGISTRY/image"]
    for beam_args in (in_two_words, in_containers):
        assert len(beam.problems("/build", "/data", beam_args)) == 2


def test_workers_that_have_their_packages_get_none_of_tfx() -> None:
    assert beam.without_packing(FLINK) == [*FLINK, "--sdk_container_image=none"]
    for given in (["--runner=DataflowRunner", "--sdk_container_image=i"], [*FLINK, "--setup_file=/setup.py"]):
        assert beam.without_packing(given) == given
    assert beam.problems("/r", "/d", ["--runner=PortableRunner", "--environment_type=LOOPBACK"]) == []


def test_resources_are_written_into_the_job() -> None:
    container: dict = {"image": "i"}
    job = {"pipelineSpec": {"deploymentSpec": {"executors": {"Trainer_executor": {"container": container}}}}}
    kubeflow_v2.give_resources(job, {"Trainer": (4.0, 16.0)})
    assert container["resources"] == {"cpuLimit": 4.0, "memoryLimit": 16.0}
    with pytest.raises(KeyError, match="names Tuner; the job has Trainer_executor"):
        kubeflow_v2.give_resources(job, {"Tuner": (1.0, 1.0)})


def test_json_is_the_job_and_yaml_its_specification(tmp_path: Path) -> None:
    import yaml

    job = {"pipelineSpec": {"pipelineInfo": {"name": "n"}}, "runtimeConfig": {}}
    kubeflow_v2.write_job(job, tmp_path / "new" / "job.json")
    kubeflow_v2.write_job(job, tmp_path / "new" / "job.yaml")
    assert json.loads((tmp_path / "new" / "job.json").read_text()) == job
    assert yaml.safe_load((tmp_path / "new" / "job.yaml").read_text()) == job["pipelineSpec"]


def test_local_places_do_not_depend_on_the_folder_of_a_step() -> None:
    assert kubeflow_v2.absolute("build/root") == str(Path.cwd() / "build" / "root")
    assert kubeflow_v2.absolute("gs://bucket/root") == "gs://bucket/root"


def test_root_that_cannot_be_written_is_said_with_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(configs, "BUILD", tmp_path / "build")
    (tmp_path / "file").touch()
    root = tmp_path / "file" / "root"
    assert kubeflow_v2.main(["--root", str(root), "--output", str(tmp_path / "job.json")]) == 2
    said = capfd.readouterr()
    assert f"The job was not compiled: the root cannot be written: {root}: " in said.err
    log = tmp_path / "build" / "compile.log"
    assert said.err.endswith(f"The whole log: {log}\n") and "Traceback" not in said.err
    assert said.out == "" and "Traceback" in log.read_text()
    assert not (tmp_path / "job.json").exists()


def test_root_that_can_be_written_is_left_as_it_was(tmp_path: Path) -> None:
    kubeflow_v2.check_root(str(tmp_path / "new" / "root"))
    assert list((tmp_path / "new" / "root").iterdir()) == []


def test_job_that_runs_here_only_is_said_to() -> None:
    assert kubeflow_v2.only_here("gs://bucket/root", "REGISTRY/image:1") == ""
    assert "alone has --root /root" in kubeflow_v2.only_here("/root", "REGISTRY/localhost/image:1")
    for image in ("localhost/image:1", "localhost:5000/image"):
        assert f"alone has --image {image}" in kubeflow_v2.only_here("gs://bucket/root", image)
    assert "--root /root and --image localhost/i" in kubeflow_v2.only_here("/root", "localhost/i")
