"""Run a compiled job on this machine: `python -m pipelines.kubeflow run JOB.json`."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

if not __package__:  # run as a script: what is imported below is found from the repository's root
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from pipelines.command_line import FAILED, FINE, run_command
from pipelines.kubeflow import Commands, Job, LocalCommands, load_job, run_job
from pipelines.kubeflow.image import ImageCommands
from pipelines.kubeflow.inputs import parse_value
from tfx_savedmodel.errors import UsageError

PROGRAM = "python -m pipelines.kubeflow"


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def group() -> None:
    """Compiled Kubeflow v2 jobs, run without a cluster.

    Exit codes: 0 every step that was to run did, whatever the verdict on the model; 1 one failed; 4 wrong usage or a
    job that is not understood.
    """


@group.command()
@click.argument("job", type=click.Path(path_type=Path))
@click.option("--root", help="The pipeline root; the job's own without it.")
@click.option("-p", "--parameter", "given", multiple=True, metavar="NAME=VALUE", help="A runtime parameter of the job.")
@click.option("--in-image", is_flag=True, help="Run commands in the image that the job names, with buildah.")
@click.option("--image", help="The same, in this image whatever the job names.")
@click.option("--mount", "mounts", type=click.Path(path_type=Path), multiple=True, help="A folder that the image sees.")
@click.option("--parallel", type=click.IntRange(min=1), default=2, show_default=True, help="Steps at a time.")
def run(
    job: Path,
    root: str | None,
    given: Sequence[str],
    in_image: bool,
    image: str | None,
    mounts: Sequence[Path],
    parallel: int,
) -> int:
    """Run every step of JOB, which `KubeflowV2DagRunner` wrote as JSON or YAML.

    Without --in-image or --image commands run in this Python's environment. An image sees the pipeline root, the one
    that the job was compiled for, and what is named with --mount, each at its own path.
    """
    from rich.console import Console

    from pipelines.kubeflow.progress import Progress
    from pipelines.kubeflow.summary import print_summary

    loaded = load_job(job)
    values = _values(loaded, given)
    console = Console(highlight=False)
    with contextlib.ExitStack() as stack:
        commands: Commands = LocalCommands()
        if in_image or image:
            commands = stack.enter_context(ImageCommands([*mounts, *_roots(loaded, root)], image))
        progress = stack.enter_context(Progress(console))
        result = run_job(
            loaded,
            root=root,
            parameters=values,
            commands=commands,
            parallel=parallel,
            tell=progress.end,
            begin=progress.begin,
        )
    print_summary(result, console)
    return FAILED if result.failed else FINE


def _roots(job: Job, given: str | None) -> list[Path]:
    """Return the folder that steps write to, and the one that has the wheels of the user's modules."""
    places = [Path(place) for place in (given, job.root) if place and "://" not in place]
    return [place for number, place in enumerate(places) if number == 0 or place.is_dir()]


def _values(job: Job, given: Sequence[str]) -> dict[str, Any]:
    values = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError("this is no parameter", where="-p", found=text, wanted="NAME=VALUE")
        kind = job.parameters.get(name, {}).get("parameterType", "STRING")
        values[name] = parse_value(value, kind, f"-p {name}")
    return values


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; SIGTERM ends the steps as Ctrl-C does."""
    return run_command(group, PROGRAM, arguments)


if __name__ == "__main__":
    sys.exit(main())
