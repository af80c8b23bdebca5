"""Mistakes in local inputs of `validate` are told at once: before Beam and TensorFlow, which take long to import."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Collection
from pathlib import Path

from tfx_savedmodel.beam.reading.shards import no_examples
from tfx_savedmodel.errors import ExamplesError, SchemaError, TfxSavedModelError, TransformGraphError
from tfx_savedmodel.operations.beside_model import LOOKED_AT_BY, Inputs, PathLike
from tfx_savedmodel.saved_model.local import is_remote
from tfx_savedmodel.saved_model.locate import find_saved_model
from tfx_savedmodel.saved_model.read_model import find_model

_MAGIC = re.compile(r"[*?\[{]")


def refuse_local_mistakes(model: PathLike, inputs: Inputs, codes: Collection[str]) -> None:
    """Let inputs pass that are remote, or that are there and can be read as far as that shows without a heavy import.

    Args:
      model: the model's path.
      inputs: what is given beside it.
      codes: of the checks that are to be made; what none of them looks at only has to be there.

    Raises:
      TfxSavedModelError: of the kind that whoever uses the input would raise later.
    """
    if not is_remote(model):
        find_model(model)
    if inputs.reference is not None and not is_remote(inputs.reference):
        find_saved_model(inputs.reference)
    runs = any(code.startswith(LOOKED_AT_BY["examples"]) for code in codes)
    if _local(inputs.schema, "the schema", SchemaError) and runs:
        from tfx_savedmodel.sources.schema import read_schema

        read_schema(str(inputs.schema))
    if _local(inputs.transform_graph, "the Transform graph", TransformGraphError) and runs:
        from tfx_savedmodel.sources.transform import TransformGraph

        TransformGraph(str(inputs.transform_graph))
    inputs.of_examples()
    _local(inputs.data_view, "the DataView", ExamplesError)
    for pattern in inputs.patterns:
        if not is_remote(pattern):
            _examples(pattern)


def _local(path: PathLike | None, what: str, error: type[TfxSavedModelError]) -> bool:
    """Tell whether an input is given and local; it has to be there then."""
    if path is None or is_remote(path):
        return False
    if not Path(path).exists():
        raise error(f"{what} is not there", where=os.fspath(path), found="no such path", next_step="check the path")
    return True


def _examples(pattern: str) -> None:
    """Refuse a path that is not there, and a pattern that certainly matches nothing: Beam decides about the others."""
    folder, name = os.path.split(pattern)
    magic = _MAGIC.search(pattern)
    if magic is None:
        matches = Path(pattern).exists()
    elif _MAGIC.search(folder):
        fixed = Path(pattern[: magic.start()].rpartition("/")[0] or ("/" if pattern.startswith("/") else "."))
        matches = fixed.is_dir()
    else:
        # A pattern of braces is not fnmatch's: whether one matches is left open.
        there = _names(Path(folder)) if Path(folder).is_dir() else []
        matches = bool(fnmatch.filter(there, name)) or (bool(there) and bool(re.search(r"\*\*|[{\[]", name)))
    if not matches:
        raise no_examples(pattern)


def _names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())
