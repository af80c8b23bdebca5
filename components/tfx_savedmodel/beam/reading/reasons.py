"""What an exception of TensorFlow says, in one line."""

from __future__ import annotations

import re

_LONGEST = 300
#: What TensorFlow puts around a reason in eager mode, and where examples have no name in parsing.
_NOISE = re.compile(r"^\{\{function_node [^}]*\}\}\s*|\s*\[Op:\w+\](\s*name:.*)?$|\bName: <unknown>, ")


def reason_of(error: BaseException) -> str:
    """Return the line that gives the reason: TensorFlow puts it before the node, below headings."""
    text = _text(error)
    before, found, _ = text.partition("[[{{node")
    lines = [line.strip() for line in before.splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    line = _NOISE.sub("", lines[-1] if found else lines[0]) or type(error).__name__
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def _text(error: BaseException) -> str:
    if isinstance(error, UnicodeDecodeError):
        # TensorFlow quotes an example's bytes in its message, and Python could not read that.
        return error.object.decode("utf-8", "backslashreplace")
    return str(getattr(error, "message", None) or error)
