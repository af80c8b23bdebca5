"""The command `tfx-savedmodel`: its verbs, and what it says and returns when something goes wrong."""

from __future__ import annotations

import importlib
import logging
import math
import os
import signal
import sys
import time
import warnings
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from tfx_savedmodel.cli import exit_codes
from tfx_savedmodel.errors import TfxSavedModelError
from tfx_savedmodel.versions import __version__

PROGRAM = "tfx-savedmodel"
DEBUG_VARIABLE = "TFX_SAVEDMODEL_DEBUG"

_ENDING = (signal.SIGTERM, signal.SIGHUP)
#: When each was last heeded; the same again so soon after it is the same wish.
_asked: dict[int, float] = {}
_SAME_SECONDS = 5.0

#: Verb -> (module, one line for the list of verbs); the module has a command named `command`.
VERBS = {
    "inspect": ("tfx_savedmodel.cli.inspect", "Show what a SavedModel is, without loading it."),
    "export": ("tfx_savedmodel.cli.export", "Give a model exactly the signatures of a plan."),
    "to-estimator": ("tfx_savedmodel.cli.to_estimator", "Make a Keras model an Estimator's SavedModel."),
    "validate": ("tfx_savedmodel.cli.validate", "Check a SavedModel and say whether it is blessed."),
    "diff": ("tfx_savedmodel.cli.diff", "Show what changed between two models, and whether it breaks clients."),
    "checks": ("tfx_savedmodel.cli.checks", "List the checks, or show the page of one."),
    "new": ("tfx_savedmodel.cli.new", "Make a repository with a whole pipeline, for your own CSV file too."),
}


class LazyGroup(click.Group):
    """A group that imports a verb when it is called, and lists all of them without any import."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        command: click.Command = importlib.import_module(VERBS[cmd_name][0]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl([(verb, text) for verb, (_, text) in VERBS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name=PROGRAM)
@click.option("--debug", is_flag=True, help=f"Show the traceback of a crash (also: {DEBUG_VARIABLE}=1).")
def group(debug: bool) -> None:
    """SavedModels between training and serving: what they are, and whether they can be served.

    Exit codes: 0 fine or blessed, 1 not blessed, 2 could not tell, 3 nothing was checked,
    4 wrong usage or unreadable input.
    """
    if debug:
        os.environ[DEBUG_VARIABLE] = "1"
    elif not os.environ.get(DEBUG_VARIABLE):
        _quieten()


def _quieten() -> None:
    """What TensorFlow and its packages log when they are imported is no news to a user, whose own settings count."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    if not sys.warnoptions:
        warnings.filterwarnings("ignore", category=FutureWarning)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with its code; a signal that asks the program to end lets it clean up first."""
    for number in _ENDING:
        if signal.getsignal(number) is signal.SIG_DFL:  # nohup has SIGHUP ignored
            signal.signal(number, _end)
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def _end(number: int, _: object) -> None:
    """Leave by an exception, so that what is half done goes; `timeout` sends its signal twice."""
    now = time.monotonic()
    if now - _asked.get(number, -math.inf) > _SAME_SECONDS:
        _asked[number] = now
        raise SystemExit(128 + number)


def run(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit code; whatever is wrong is said on standard error."""
    try:
        with group.make_context(PROGRAM, list(arguments)) as context:
            code: Any = group.invoke(context)
        return code if isinstance(code, int) else exit_codes.FINE
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return exit_codes.WRONG_USAGE
    except click.ClickException as error:
        error.show()
        return exit_codes.WRONG_USAGE
    except TfxSavedModelError as error:
        return _refuse(error)
    except (KeyboardInterrupt, click.Abort):
        click.echo(f"{PROGRAM}: interrupted", err=True)
        return exit_codes.COULD_NOT_TELL
    except Exception as error:  # our own crash is "could not tell", never a verdict on the model
        return _crash(error)


def _refuse(error: TfxSavedModelError) -> int:
    from tfx_savedmodel.operations.present import visible

    if os.environ.get(DEBUG_VARIABLE):
        _traceback()
    click.secho(f"{PROGRAM}: ", fg="red", bold=True, err=True, nl=False)
    click.echo(visible(str(error)), err=True)
    return exit_codes.of_error(error)


def _crash(error: Exception) -> int:
    from tfx_savedmodel.operations.present import one_line

    if os.environ.get(DEBUG_VARIABLE):
        _traceback()
    click.secho(f"{PROGRAM}: ", fg="red", bold=True, err=True, nl=False)
    click.echo(f"this is a fault of ours or of this machine: {type(error).__name__}: {one_line(str(error))}", err=True)
    if not os.environ.get(DEBUG_VARIABLE):
        click.echo(f"  next: run it again as `{PROGRAM} --debug …` for the traceback", err=True)
    return exit_codes.COULD_NOT_TELL


def _traceback() -> None:
    import traceback

    traceback.print_exc()


if __name__ == "__main__":
    main()
