"""Judging before running: what the graph checks call broken or unsafe is never loaded."""

from __future__ import annotations

from tfx_savedmodel.errors import UnreadableModelError, UnsafeModelError
from tfx_savedmodel.saved_model.view import GraphView
from tfx_savedmodel.validation.checks.structure import Structure
from tfx_savedmodel.validation.checks.unsafe_ops import UnsafeOps
from tfx_savedmodel.validation.result import CheckVerdict
from tfx_savedmodel.validation.runner import run_graph_checks


def refuse_unsafe(view: GraphView) -> None:
    """Let a model pass that may be loaded.

    Raises:
      UnreadableModelError: SM101 finds the files broken.
      UnsafeModelError: SM120 finds ops that touch files, the network or Python.
    """
    for result in run_graph_checks([Structure(), UnsafeOps()], view):
        if result.verdict is CheckVerdict.PASS or (result.verdict is CheckVerdict.SKIP and view.fault is not None):
            continue
        findings = "; ".join(finding.message for finding in result.findings[:5]) or str(result.reason)
        error = UnreadableModelError if result.code == Structure.code else UnsafeModelError
        raise error(
            "the model is not loaded",
            where=str(view.path),
            found=f"{result.code}: {findings}",
            wanted="a whole model whose ops touch nothing but its own assets",
            next_step=f"see tfx-savedmodel checks {result.code}",
        )
