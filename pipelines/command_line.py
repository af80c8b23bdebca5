"""What the programs of this folder share: how they are ended, and how a click command ends."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator, Sequence
from types import FrameType
from typing import Any

import click

from tfx_savedmodel.errors import TfxSavedModelError

FINE, FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 4, 130


def run_command(command: click.Command, program: str, arguments: Sequence[str] | None) -> int:
    """Run a command, of the process's own arguments where None are given, and return its exit code.

    It is the int that the command returns, else `FINE`; `WRONG_USAGE` for what is the caller's fault, which is said
    in a few words; `INTERRUPTED` after Ctrl-C or SIGTERM.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        with terminated_as_interrupted(), command.make_context(program, words) as context:
            code: Any = command.invoke(context)
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


@contextlib.contextmanager
def terminated_as_interrupted() -> Iterator[None]:
    """Let SIGTERM end us as Ctrl-C does, so that what was started is stopped."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
