"""The stack that a repository takes by default. The template as it lies takes tfx-1.15: what says so is rewritten."""

from __future__ import annotations

import re
from pathlib import Path

from tfx_savedmodel.errors import UsageError

#: The template's own first.
STACKS = ("tfx-1.15", "tfx-1.21")

_PYTHON = """\
You need Python 3.12 or 3.13 (on the path or among pyenv's; for 3.10 see [the older stack](#the-older-stack)) on a
system with glibc 2.39 or later (Debian 13, Ubuntu 24.04), make and"""
_OLDER = """\
## The older stack

`make install STACK=tfx-1.15` takes TFX 1.15 with TensorFlow 2.15 and Keras 2, for Python 3.10 on a system with glibc
2.28 or later, in place of what is in `.venv`. The code is the same, and the other targets go on with what is there. To
stay with it, write it into the first setting of the Makefile, and its Python into the workflow, so that both make the
contract's model with the same stack.

"""
#: By file: what names tfx-1.15, its Python or its system as the default, and what stands there with tfx-1.21.
_NEWER: dict[str, tuple[tuple[str, str], ...]] = {
    "Makefile": (
        (r"else tfx-1\.15; tfx-1\.21 has Keras 3\.", "else tfx-1.21; tfx-1.15 has Keras 2."),
        (r"^(STACK \?= .*,)tfx-1\.15\)$", r"\g<1>tfx-1.21)"),
        (r"\(STACK=tfx-1\.21: the newer stack\)", "(STACK=tfx-1.15: the older stack)"),
    ),
    "Dockerfile": (
        (r"STACK=tfx-1\.21: --build-arg BASE=\S+\. ", "STACK=tfx-1.15: --build-arg BASE=python:3.10-slim-bookworm. "),
        (r"^ARG BASE=.*$", "ARG BASE=python:3.12-slim-trixie"),
        (r"^ARG STACK=.*$", "ARG STACK=tfx-1.21"),
    ),
    ".github/workflows/pull-request.yml": (
        (r"\bruns-on: ubuntu-22\.04$", "runs-on: ubuntu-24.04"),
        (r'\bpython-version: "3\.10"$', 'python-version: "3.12"'),
    ),
    "README.md": (
        (r"^You need Python 3\.10 .*\), make and$", _PYTHON),
        (r"tfx-1\.15\.in\b", "tfx-1.21.in"),
        (r"The lock is for Python 3\.10 on", "The lock is for Python 3.12 and 3.13 on"),
        (r"(BASE=\S*tfx-savedmodel:)tfx-1\.15\b", r"\g<1>tfx-1.21"),
        (r"^## The newer stack\n(?s:.*?)(?=^## )", _OLDER),
    ),
}


def check_stack(name: str) -> None:
    """Refuse what is no stack that a repository can take.

    Raises:
      UsageError: it is none.
    """
    if name not in STACKS:
        raise UsageError("no such stack", where="stack", found=repr(name), wanted=" or ".join(STACKS))


def take_stack(repository: Path, name: str) -> None:
    """Make a stack the default of a repository that was copied from the template."""
    if name == STACKS[0]:
        return
    for file, rewritings in _NEWER.items():
        path = repository / file
        text = path.read_text(encoding="utf-8")
        for pattern, replacement in rewritings:
            text, count = re.subn(pattern, replacement, text, flags=re.MULTILINE)
            # A repository that names both stacks as its own is worse than none.
            if not count:
                raise ValueError(f"{file} of the template has nothing like {pattern}")
        path.write_text(text, encoding="utf-8")
