"""Compile the pipeline for Kubeflow Pipelines v2 or Vertex AI: `python -m runners.kubeflow_v2 --output job.json`.

Nothing runs here. While compiling, the modules are packed into wheels under --root, which has to be writable from here.
A `.json` is a job for Vertex AI's client, a `.yaml` the specification alone, for Kubeflow's client and its upload page;
`data_path` and `push_destination` are parameters of either. What follows `--` are Beam's arguments, for instance to run
the heavy steps on Dataflow; without them they run in their own containers.

Exit code 0 where the job was written, 2 where it was not.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import configs
from runners import logs

COMPILED, FAILED = 0, 2


def compile_job(
    output: Path, *, root: str, image: str, data: str, push_to: str, beam_args: Sequence[str] = ()
) -> dict[str, Any]:
    """Write the job as `output`'s ending says, and return it.

    Args:
      root: the pipeline root, gs://… or a path that every step sees.
      image: has this repository at configs.IMAGE_HOME, and its packages.
      data: the default of the job's parameter `data_path`.
      push_to: where a blessed model is copied to: the default of the job's parameter `push_destination`.
      beam_args: where the heavy steps run their Beam; in their own containers without any.
    """
    from google.protobuf import json_format
    from tfx.orchestration import data_types
    from tfx.orchestration.kubeflow.v2 import kubeflow_v2_dag_runner

    import pipeline

    # What is a message in TFX is text in a job: its JSON form.
    destination = json_format.MessageToJson(pipeline.push_destination(push_to), indent=None)
    defaults = {"data_path": data, "push_destination": destination}
    given = {name: data_types.RuntimeParameter(name=name, ptype=str) for name in defaults}
    definition = pipeline.create_pipeline(
        root,
        data=given["data_path"],
        push_to=given["push_destination"],
        # The image says where workers get their packages; without it every step would pack TFX itself anew.
        beam_pipeline_args=[
            "--runner=FnApiRunner",
            "--direct_running_mode=in_memory",
            f"--sdk_container_image={image}",
        ],
    )
    for component in definition.components:
        if component.id in configs.HEAVY and beam_args:
            component.with_beam_pipeline_args(list(beam_args))
    config = kubeflow_v2_dag_runner.KubeflowV2DagRunnerConfig(default_image=image, use_pipeline_spec_2_1=True)
    runner = kubeflow_v2_dag_runner.KubeflowV2DagRunner(config=config)
    job = runner.run(definition, parameter_values=defaults, write_out=False)
    # TFX drops the defaults, which Kubeflow reads in the definitions of the parameters.
    for name, value in defaults.items():
        job["pipelineSpec"]["root"]["inputDefinitions"]["parameters"][name]["defaultValue"] = value
    give_resources(job, configs.RESOURCES)
    write_job(job, output)
    return job


def write_job(job: Mapping[str, Any], output: Path) -> None:
    """Write the whole job as JSON, for Vertex AI, or its specification alone as YAML, for Kubeflow."""
    output.parent.mkdir(parents=True, exist_ok=True)
    if output.suffix in (".yaml", ".yml"):
        import yaml

        output.write_text(yaml.safe_dump(job["pipelineSpec"], sort_keys=True), encoding="utf-8")
    else:
        output.write_text(json.dumps(job, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def absolute(place: str) -> str:
    """Return a local path as the steps find it: they work in folders of their own."""
    return place if "://" in place else str(Path(place).absolute())


def give_resources(job: dict[str, Any], resources: Mapping[str, tuple[float, float]]) -> None:
    """Say in the job how many CPUs and gigabytes of memory a step may take: TFX has no argument for it.

    Raises:
      KeyError: `resources` names a step that the job has not.
    """
    executors = job["pipelineSpec"]["deploymentSpec"]["executors"]
    for step, (cpus, gigabytes) in resources.items():
        if f"{step}_executor" not in executors:
            raise KeyError(f"RESOURCES of configs.py names {step}; the job has {', '.join(sorted(executors))}")
        container = executors[f"{step}_executor"]["container"]
        container["resources"] = {"cpuLimit": cpus, "memoryLimit": gigabytes}


def check_root(root: str) -> None:
    """Write a file under the pipeline root, and remove it.

    Raises:
      OSError: that is not possible.
    """
    from tfx.dsl.io import fileio

    probe = f"{root}/.written-from-here"
    try:
        fileio.makedirs(root)
        with fileio.open(probe, "w") as file:
            file.write("Compiling writes the packed modules here.")
        fileio.remove(probe)
    except Exception as error:  # each file system has its own
        raise OSError(f"the root cannot be written: {root}: {error}") from error


def only_here(root: str, image: str) -> str:
    """Return a line that says what of a job only this machine has; none where it can run elsewhere."""
    places = [f"--root {root}"] if "://" not in root else []
    places += [f"--image {image}"] if image.split("/")[0].split(":")[0] in ("localhost", "127.0.0.1") else []
    return f"This job is for this machine only, which alone has {' and '.join(places)}" if places else ""


def main(arguments: Sequence[str] | None = None) -> int:
    given = list(sys.argv[1:] if arguments is None else arguments)
    cut = given.index("--") if "--" in given else len(given)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=configs.BUILD / "job.json", help=".json or .yaml (%(default)s)")
    parser.add_argument("--root", default=str(configs.BUILD / "kubeflow"), help="pipeline root (%(default)s)")
    parser.add_argument("--image", default=configs.IMAGE, help="%(default)s")
    parser.add_argument("--data", default=f"{configs.IMAGE_HOME}/data", help="default of data_path (%(default)s)")
    parser.add_argument("--push-to", help="the folder in push_destination's default (ROOT/serving/NAME)")
    options = parser.parse_args(given[:cut])
    root = absolute(options.root)
    places = {
        "root": root,
        "image": options.image,
        "data": absolute(options.data),
        "push_to": absolute(options.push_to) if options.push_to else f"{root}/serving/{configs.NAME}",
    }
    log = configs.BUILD / "compile.log"
    try:
        with logs.quiet(log):
            try:
                check_root(root)
                compile_job(options.output, **places, beam_args=given[cut + 1 :])
            except Exception:
                logging.exception("the job was not compiled")
                raise
    except Exception as error:
        print(f"\nThe job was not compiled: {error}\n\nThe whole log: {log}", file=sys.stderr)
        return FAILED
    note = only_here(root, options.image)
    if note:
        print(note, file=sys.stderr)
    print(options.output)
    return COMPILED


if __name__ == "__main__":
    sys.exit(main())
