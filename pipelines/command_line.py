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

FINE, FAILED, WRONG_USAGE = 0, 1, 4
INTERRUPTED, TERMINATED = 128 + signal.SIGINT, 128 + signal.SIGTERM


class Terminated(KeyboardInterrupt):
    """SIGTERM came."""


def run_command(command: click.Command, program: str, arguments: Sequence[str] | None) -> int:
    """Run a command, of the process's own arguments where None are given, and return its exit code.

    It is the int that the command returns, else `FINE`; `WRONG_USAGE` for what is the caller's fault, which is said
    in a few words; `INTERRUPTED` after Ctrl-C, `TERMINATED` after SIGTERM.
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
    except (KeyboardInterrupt, click.Abort) as error:
        click.echo("interrupted", err=True)
        return code_of(error)


def code_of(error: BaseException) -> int:
    """Return the exit code of a program that was interrupted, as a shell gives it."""
    return TERMINATED if isinstance(error, Terminated) else INTERRUPTED


@contextlib.contextmanager
def terminated_as_interrupted() -> Iterator[None]:
    """Let SIGTERM end us as Ctrl-C does, by an exception, so that what was started is stopped."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
