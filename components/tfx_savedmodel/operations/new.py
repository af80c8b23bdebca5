"""`new`: a repository of one's own for a pipeline, made of the template and, where one is given, of a CSV file."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

from tfx_savedmodel.errors import DestinationError, UsageError
from tfx_savedmodel.saved_model.local import is_remote
from tfx_savedmodel.saved_model.publish import publishing
from tfx_savedmodel.starting.columns import Column
from tfx_savedmodel.starting.data_set import DataSet, look_at_data
from tfx_savedmodel.starting.label import TASKS
from tfx_savedmodel.starting.names import check_name
from tfx_savedmodel.starting.stack import STACKS, check_stack
from tfx_savedmodel.starting.template import copy_template, find_template
from tfx_savedmodel.starting.writing import changed

__all__ = ["STACKS", "TASKS", "Column", "DataSet", "Started", "changed", "new"]


@dataclasses.dataclass(frozen=True)
class Started:
    """A repository that was made; `data` is what was found in the file given, None with the template's own data."""

    path: Path
    name: str
    data: DataSet | None


def new(
    name: str,
    destination: str | os.PathLike[str],
    *,
    data: str | os.PathLike[str] | None = None,
    label: str | None = None,
    task: str | None = None,
    stack: str | None = None,
) -> Started:
    """Make a repository with a whole pipeline, its tests and what it takes to run, and say what was found in the data.

    It is written beside `destination` and renamed: it is there whole or not at all.

    Args:
      name: the pipeline's name: a-z, digits and hyphens, since Kubeflow takes no others.
      destination: a folder that is not there yet, or is empty.
      data: a CSV file with a header; without it the pipeline has the template's own data.
      label: the column of `data` that the model is to predict.
      task: "classification" or "regression", where the values of the label do not tell.
      stack: what it is installed with by default, "tfx-1.15" (so where none is given) or "tfx-1.21".

    Raises:
      UsageError: a name that cannot be had, a file or a label that cannot be used.
      DestinationError: something is there, or it cannot be written.
    """
    check_name(name)
    if stack is not None:
        check_stack(stack)
    if (data is None) != (label is None):
        given, wanted = ("data", "label") if label is None else ("label", "data")
        raise UsageError(f"--{given} without --{wanted}", wanted="both, or neither for the template's own data")
    if task is not None and data is None:
        raise UsageError("--task without --data", wanted="a file whose label it says something of")
    if task is not None and task not in TASKS:
        raise UsageError("no such task", where="task", found=repr(task), wanted=" or ".join(TASKS))
    _check_destination(destination)
    find_template()
    looked = None if data is None or label is None else look_at_data(Path(data), label, task=task)
    with publishing(destination) as staged:
        copy_template(staged, name, looked, stack=stack)
    return Started(Path(destination), name, looked)


def _check_destination(destination: str | os.PathLike[str]) -> None:
    if is_remote(destination):
        raise DestinationError(
            "a repository is made on this machine", where=os.fspath(destination), wanted="a local path"
        )
    path = Path(destination)
    if os.path.lexists(path) and not (path.is_dir() and not any(path.iterdir())):
        raise DestinationError(
            "the destination exists",
            where=str(path),
            found="a folder with something in it" if path.is_dir() else "a file",
            wanted="a folder that is not there yet, or an empty one",
            next_step="name another one; nothing is ever replaced",
        )
