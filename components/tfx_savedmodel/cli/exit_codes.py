"""What the command's exit code says; scripts and CI branch on it."""

from __future__ import annotations

from tfx_savedmodel.errors import (
    NotBlessedError,
    ParityError,
    TfxSavedModelError,
    UndecidedError,
    UnsupportedStackError,
)

FINE = 0
NOT_BLESSED = 1
BREAKING = 1
COULD_NOT_TELL = 2
NOTHING_CHECKED = 3
WRONG_USAGE = 4

#: By the value of validation's Verdict.
OF_VERDICT = {
    "BLESSED": FINE,
    "NOT_BLESSED": NOT_BLESSED,
    "UNDECIDED": COULD_NOT_TELL,
    "NOTHING_CHECKED": NOTHING_CHECKED,
}


def of_error(error: TfxSavedModelError) -> int:
    """Return the exit code of an exception raised on purpose: mostly, the caller's input is at fault."""
    if isinstance(error, (NotBlessedError, ParityError)):
        return NOT_BLESSED
    if isinstance(error, (UndecidedError, UnsupportedStackError)):
        return COULD_NOT_TELL
    return WRONG_USAGE
