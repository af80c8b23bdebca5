"""Run a compiled job on this machine: `python -m pipelines.kubeflow run JOB.json`."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import click

if not __package__:  # run as a script: what is imported below is found from the repository's root
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from pipelines.kubeflow import Commands, Job, JobRun, LocalCommands, State, StepResult, load_job, run_job
from pipelines.kubeflow.image import ImageCommands
from pipelines.kubeflow.inputs import parse_value
from tfx_savedmodel.errors import TfxSavedModelError, UsageError

PROGRAM = "python -m pipelines.kubeflow"
FINE, FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 4, 130
_COLORS = {State.SUCCEEDED: "green", State.SKIPPED: "cyan", State.FAILED: "red"}
_WORDS = {State.SUCCEEDED: "done", State.SKIPPED: "cached", State.NOT_TRIGGERED: "not triggered"}


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def group() -> None:
    """Compiled Kubeflow v2 jobs, run without a cluster.

    Exit codes: 0 every step that was to run did; 1 one failed; 4 wrong usage or a job that is not understood.
    """


@group.command()
@click.argument("job", type=click.Path(path_type=Path))
@click.option("--root", type=click.Path(path_type=Path), help="The pipeline root; the job's own without it.")
@click.option("-p", "--parameter", "given", multiple=True, metavar="NAME=VALUE", help="A runtime parameter of the job.")
@click.option("--in-image", is_flag=True, help="Run commands in the image that the job names, with buildah.")
@click.option("--image", help="The same, in this image whatever the job names.")
@click.option("--mount", "mounts", type=click.Path(path_type=Path), multiple=True, help="A folder that the image sees.")
@click.option("--parallel", type=click.IntRange(min=1), default=2, show_default=True, help="Steps at a time.")
def run(
    job: Path,
    root: Path | None,
    given: Sequence[str],
    in_image: bool,
    image: str | None,
    mounts: Sequence[Path],
    parallel: int,
) -> int:
    """Run every step of JOB, which `KubeflowV2DagRunner` wrote as JSON or YAML.

    Without --in-image or --image commands run in this Python's environment. An image sees the pipeline root and what
    is named with --mount, each at its own path.
    """
    loaded = load_job(job)
    values = _values(loaded, given)
    with contextlib.ExitStack() as stack:
        commands: Commands = LocalCommands()
        if in_image or image:
            seen = [*mounts, *(Path(place) for place in (root or loaded.root,) if place)]
            commands = stack.enter_context(ImageCommands(seen, image))
        result = run_job(loaded, root=root, parameters=values, commands=commands, parallel=parallel, tell=_tell)
    _summarise(result)
    return FAILED if result.failed else FINE


def _values(job: Job, given: Sequence[str]) -> dict[str, Any]:
    values = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError("this is no parameter", where="-p", found=text, wanted="NAME=VALUE")
        kind = job.parameters.get(name, {}).get("parameterType", "STRING")
        values[name] = parse_value(value, kind, f"-p {name}")
    return values


def _tell(step: StepResult) -> None:
    mark = click.style(f"{_WORDS.get(step.state, step.state.value):<13}", fg=_COLORS.get(step.state))
    memory = f"{step.peak_bytes / 2**20:6.0f} MB" if step.peak_bytes else ""
    click.echo(f"{step.name:<28} {mark} {step.seconds:6.1f} s {memory}")
    if step.reason:
        click.echo(f"    {step.reason}")
    if step.state is State.FAILED and step.log:
        click.echo(f"    the end of {step.log}:\n")
        click.echo("\n".join(f"    | {line}" for line in step.log_end().splitlines()))


def _summarise(result: JobRun) -> None:
    click.echo("")
    for step in result.steps.values():
        for key, artifacts in step.artifacts.items():
            for artifact in artifacts:
                click.echo(f"{step.name}.{key}  {artifact.type_name}\n    {artifact.uri}")
    click.echo(f"\nRun     {result.folder}\nTook    {result.seconds:.0f} s")
    if result.failed:
        click.secho(f"Failed  {', '.join(step.name for step in result.failed)}", fg="red")


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; SIGTERM ends the steps as Ctrl-C does."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with group.make_context(PROGRAM, list(sys.argv[1:] if arguments is None else arguments)) as context:
            code: Any = group.invoke(context)
        return code if isinstance(code, int) else FINE
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return WRONG_USAGE
    except click.ClickException as error:
        error.show()
        return WRONG_USAGE
    except TfxSavedModelError as error:
        click.echo(str(error), err=True)
        return WRONG_USAGE
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
