"""Compile the penguin pipeline for Kubeflow Pipelines v2 or Vertex AI: one file that either takes.

python -m pipelines.kubeflow_v2 --image IMAGE --root gs://BUCKET/root --output penguin.json [-- BEAM ARGS]
"""

from __future__ import annotations

import dataclasses
import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

if not __package__:  # run as a script: what is imported below is found from the repository's root
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from pipelines.command_line import run_command
from pipelines.penguin import progress
from tfx_savedmodel.errors import UsageError

PROGRAM = "python -m pipelines.kubeflow_v2"
SABOTAGES = ("nan", "signature")
#: The steps that go through all examples: what comes after `--` is for their Beam.
HEAVY = ("CsvExampleGen", "StatisticsGen", "Transform", "EstimatorModelValidator", "ExportedModelValidator")


@dataclasses.dataclass(frozen=True)
class Resources:
    """The most that a step may take: processors, and memory in GB. Vertex AI chooses the machine by them."""

    cpu: float
    memory: float


#: Importing TFX takes 0.7 GB; the rest is for data of some size.
DEFAULT_RESOURCES = Resources(cpu=1, memory=4)
RESOURCES: Mapping[str, Resources] = {
    **dict.fromkeys(HEAVY, Resources(cpu=4, memory=16)),
    "Trainer": Resources(cpu=4, memory=16),
    "SignatureExporter": Resources(cpu=2, memory=8),
    "KerasToEstimatorConverter": Resources(cpu=2, memory=8),
}


@dataclasses.dataclass(frozen=True)
class Settings:
    """What is decided when the pipeline is compiled; `data` and `push_to` are defaults, None where there is none.

    `root` is where the wheels of the user's modules are put at once: it must be writable now, and readable by the
    steps even where another root is given at submission.
    """

    image: str
    root: str
    data: str | None = None
    push_to: str | None = None
    resources: Mapping[str, Resources] = dataclasses.field(default_factory=dict)
    beam_args: Sequence[str] = ()
    sabotage: str | None = None


def compile_penguin(settings: Settings) -> dict[str, Any]:
    """Return the penguin pipeline as a PipelineJob in its JSON form.

    Raises:
      UsageError: resources are said of a step that is not in it.
    """
    from google.protobuf import json_format
    from tfx.orchestration import data_types, pipeline

    from pipelines.penguin.pipeline import NAME, create_components, push_to

    destination = settings.push_to and json_format.MessageToJson(push_to(settings.push_to), indent=None)
    # A message of TFX is its JSON form where it is a runtime parameter.
    defaults = {"data_path": settings.data, "push_destination": destination, "train_args": "{}"}
    parameters = {name: data_types.RuntimeParameter(name=name, ptype=str) for name in defaults}
    components = create_components(
        parameters["data_path"],
        parameters["push_destination"],
        parameters["train_args"],
        sabotage=settings.sabotage,
    )
    for component in components:
        if component.id in HEAVY and settings.beam_args:
            component.with_beam_pipeline_args(list(settings.beam_args))
    definition = pipeline.Pipeline(
        pipeline_name=NAME,
        pipeline_root=settings.root,
        components=components,
        enable_cache=True,
        beam_pipeline_args=beam_args(settings.image),
    )
    given = {name: value for name, value in defaults.items() if value is not None}
    return compile_job(definition, settings.image, given, {**RESOURCES, **settings.resources})


def beam_args(image: str) -> list[str]:
    """Return Beam's arguments for every step: in the step's own process.

    The image is for workers elsewhere; naming it also tells TFX that it need not pack itself for them.
    """
    return ["--runner=FnApiRunner", "--direct_running_mode=in_memory", f"--sdk_container_image={image}"]


def compile_job(
    definition: Any, image: str, defaults: Mapping[str, Any], resources: Mapping[str, Resources]
) -> dict[str, Any]:
    """Return any TFX pipeline as a PipelineJob in its JSON form, of the schema that Kubeflow and Vertex AI take.

    Raises:
      UsageError: resources are said of a step that is not in it.
    """
    from tfx.orchestration.kubeflow.v2.kubeflow_v2_dag_runner import KubeflowV2DagRunner, KubeflowV2DagRunnerConfig

    config = KubeflowV2DagRunnerConfig(default_image=image, use_pipeline_spec_2_1=True)
    job: dict[str, Any] = KubeflowV2DagRunner(config).run(definition, parameter_values=defaults, write_out=False)
    name_inputs_of_conditions(job)
    set_defaults(job, defaults)
    set_resources(job, resources)
    return job


def name_inputs_of_conditions(job: dict[str, Any]) -> None:
    """Let trigger conditions ask the inputs that their steps have.

    TFX 1.21 compiles `Cond` into a question about an input `_PRODUCER.KEY`; where the step takes that artifact anyway,
    it has it under its own name only, and no backend could answer.
    """
    for task in job["pipelineSpec"]["root"]["dag"]["tasks"].values():
        artifacts = task.get("inputs", {}).get("artifacts", {})
        policy = task.get("triggerPolicy", {})
        for name, source in artifacts.items():
            produced = source.get("taskOutputArtifact", {})
            asked = f"_{produced.get('producerTask')}.{produced.get('outputArtifactKey')}"
            if asked not in artifacts and "condition" in policy:
                policy["condition"] = policy["condition"].replace(f"['{asked}']", f"['{name}']")


def set_defaults(job: dict[str, Any], defaults: Mapping[str, Any]) -> None:
    """Write the defaults of runtime parameters into the compiled spec: TFX drops those of `RuntimeParameter`.

    The job's runtime configuration has them too, but Kubeflow's own backend is given the spec alone.

    Raises:
      UsageError: the pipeline has no such parameter.
    """
    parameters = job["pipelineSpec"]["root"].get("inputDefinitions", {}).get("parameters", {})
    strange = sorted(set(defaults) - set(parameters))
    if strange:
        raise UsageError(
            "a default is of no runtime parameter of the pipeline",
            where=job["pipelineSpec"]["pipelineInfo"]["name"],
            found=", ".join(strange),
            wanted=", ".join(sorted(parameters)) or "none: the pipeline has no runtime parameters",
        )
    for name, value in defaults.items():
        parameters[name]["defaultValue"] = value


def set_resources(job: dict[str, Any], resources: Mapping[str, Resources]) -> None:
    """Write processors and memory into each container of the compiled spec.

    TFX has `with_platform_config(ResourceSpec(…))` for it, but leaves it out of file-based ExampleGens, and the
    local runner has no use for it.
    """
    executors = job["pipelineSpec"]["deploymentSpec"]["executors"]
    containers = {
        name: executors[component["executorLabel"]]["container"]
        for name, component in job["pipelineSpec"]["components"].items()
        if "container" in executors.get(component.get("executorLabel"), {})
    }
    unknown = sorted(set(resources) - set(containers))
    if unknown:
        raise UsageError(
            "resources of a step that is not there", found=", ".join(unknown), wanted=", ".join(sorted(containers))
        )
    for name, container in containers.items():
        wanted = resources.get(name, DEFAULT_RESOURCES)
        container["resources"] = {"cpuLimit": wanted.cpu, "memoryLimit": wanted.memory}


def write_job(job: Mapping[str, Any], path: Path) -> None:
    """Write the PipelineJob as JSON, for Vertex AI, or its PipelineSpec as YAML, for Kubeflow, as the name says."""
    import yaml

    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix in (".yaml", ".yml"):
        path.write_text(yaml.safe_dump(job["pipelineSpec"], sort_keys=True), encoding="utf-8")
    else:
        path.write_text(json.dumps(job, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def read_resources(given: Iterable[str]) -> dict[str, Resources]:
    """Return what `STEP=CPU:GB` says, by step.

    Raises:
      UsageError: it says something else.
    """
    found = {}
    for text in given:
        match = re.fullmatch(r"([^=]+)=(\d+(?:\.\d+)?):(\d+(?:\.\d+)?)", text)
        if match is None or not float(match[2]) or not float(match[3]):
            raise UsageError(
                "these are no resources", where="--resources", found=text, wanted="STEP=CPU:GB, as in a=4:16"
            )
        found[match[1]] = Resources(cpu=float(match[2]), memory=float(match[3]))
    return found


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--output", type=click.Path(path_type=Path), required=True, help="JSON (Vertex AI) or YAML (Kubeflow).")
@click.option("--image", required=True, help="The image that every step runs in.")
@click.option("--root", required=True, help="The pipeline root. The wheels of the user's modules go there now.")
@click.option("--data", help="The folder of the CSV files, unless a submission gives data_path.")
@click.option("--push-to", help="Where Pusher writes, unless a submission gives push_destination.")
@click.option("--resources", multiple=True, metavar="STEP=CPU:GB", help="The most that a step may take.")
@click.option("--sabotage", type=click.Choice(SABOTAGES), help="Compile a pipeline that must push nothing.")
@click.argument("beam_args", nargs=-1, metavar="[-- BEAM ARGS]")
def command(
    output: Path,
    image: str,
    root: str,
    data: str | None,
    push_to: str | None,
    resources: Sequence[str],
    sabotage: str | None,
    beam_args: Sequence[str],
) -> None:
    """Compile the penguin pipeline for Kubeflow Pipelines v2 or Vertex AI.

    BEAM ARGS are for the steps that go through all examples; the others run Beam in their own process.
    """
    settings = Settings(
        image=image,
        root=_absolute(root),
        data=data and _absolute(data),
        push_to=push_to and _absolute(push_to),
        resources=read_resources(resources),
        beam_args=beam_args,
        sabotage=sabotage,
    )
    # TFX packs the user's modules into wheels, at length.
    with progress.quiet(output.with_name(f"{output.name}.log")) as shown, progress.step("compiling", shown):
        job = compile_penguin(settings)
    write_job(job, output)
    click.echo(f"wrote {output}")


def _absolute(place: str) -> str:
    """Return a local path as the steps find it: they work in folders of their own."""
    return place if "://" in place else str(Path(place).absolute())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    return run_command(command, PROGRAM, arguments)


if __name__ == "__main__":
    sys.exit(main())
