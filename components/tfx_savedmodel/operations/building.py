"""Choosing the builder of an export, the cheapest that can do it, and running it."""

from __future__ import annotations

import shutil
from pathlib import Path

from tfx_savedmodel.errors import UnsupportedModelError
from tfx_savedmodel.operations.exporting import rewrite, session, session_of_trace, trace
from tfx_savedmodel.operations.materials import ExportMaterials
from tfx_savedmodel.signatures.builders import REWRITE, SESSION, TRACE, builder_of
from tfx_savedmodel.signatures.resolved import ResolvedPlan


def build(
    materials: ExportMaterials, resolved: ResolvedPlan, staged: Path, *, copy: bool
) -> tuple[str, tuple[str, ...]]:
    """Write the model into an empty directory; return the builder and notes on what was left out."""
    builder = builder_of(resolved, is_tf1=materials.is_tf1)
    notes: tuple[str, ...] = ()
    if builder == REWRITE:
        assert materials.view is not None
        try:
            return materials.rewritten_by, rewrite(materials.view, resolved, staged, copy=copy)
        except UnsupportedModelError as error:
            # The model's functions forbid it.
            if materials.is_tf1 or resolved.plan.builder == REWRITE:
                raise
            notes = (f"the model is traced anew: {error.message} ({error.found})",)
        for path in staged.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    if builder == SESSION:
        if materials.is_tf1:
            return builder, session(materials, resolved, staged, copy=copy)
        return builder, session_of_trace(materials, resolved, staged)
    return TRACE, (*notes, *trace(materials, resolved, staged))
