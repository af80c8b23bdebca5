"""What a pipeline and the columns of its data may be called."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from tfx_savedmodel.errors import UsageError
from tfx_savedmodel.saved_model.argument_names import is_argument_name, suggested

#: Kubeflow's rule for pipelines ([a-z0-9][a-z0-9-]{0,127}), and Kubernetes' for labels, which the name becomes.
_NAME = re.compile(r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
_LONGEST_COLUMN = 60


def check_name(name: str) -> None:
    """Refuse a name that a pipeline cannot have on every orchestrator.

    Raises:
      UsageError: with a name near it that can be had.
    """
    if _NAME.fullmatch(name):
        return
    near = re.sub(r"[^a-z0-9]+", "-", _plain(name).lower()).strip("-").lstrip("0123456789-")[:63].rstrip("-")
    raise UsageError(
        "no name for a pipeline",
        where="NAME",
        found=repr(name),
        wanted="a letter a-z, then letters a-z, digits and hyphens, at most 63, no hyphen at the end "
        "(Kubeflow Pipelines allows no others)",
        next_step=f"call it {near}" if near else "choose such a name",
    )


def column_names(header: Sequence[str]) -> list[str]:
    """Return names for the columns that each of TensorFlow's loaders would give an input, all different.

    A good name stays as it is; letters lose their accents, and what is no letter, digit or underscore becomes one.
    """
    wanted = [name.strip() for name in header]
    # Good names first, so that a column that needs a new name takes none of theirs.
    taken = [name for name in wanted if _is_good(name)]
    seen: set[str] = set()
    names: list[str] = []
    for place, name in enumerate(wanted, start=1):
        if _is_good(name) and name.lower() not in seen:
            chosen = name
        else:
            plain = re.sub(r"[^A-Za-z0-9_]+", "_", _plain(name)).strip("_")[:_LONGEST_COLUMN] or f"column_{place}"
            chosen = suggested(plain, [*taken, *names])
        seen.add(chosen.lower())
        names.append(chosen)
    return names


def _is_good(name: str) -> bool:
    return is_argument_name(name) and len(name) <= _LONGEST_COLUMN


def _plain(text: str) -> str:
    """Return the text with its accents taken away, as far as ASCII has letters for it."""
    text = text.replace("ß", "ss")
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
