"""Judging before running: what the graph checks call broken or unsafe is never loaded."""

from __future__ import annotations

from tfx_savedmodel.errors import TfxSavedModelError, UnreadableModelError, UnsafeModelError
from tfx_savedmodel.saved_model.view import GraphView
from tfx_savedmodel.validation.check import GraphCheck
from tfx_savedmodel.validation.checks.structure import Structure
from tfx_savedmodel.validation.checks.unsafe_ops import UnsafeOps
from tfx_savedmodel.validation.result import CheckVerdict
from tfx_savedmodel.validation.runner import run_graph_checks


def refuse_broken(view: GraphView) -> None:
    """Let a model pass whose files are whole and its own.

    Raises:
      UnreadableModelError: SM101 finds fault with the files.
    """
    _refuse(view, Structure(), UnreadableModelError)


def refuse_unsafe(view: GraphView, where: str | None = None, check: UnsafeOps | None = None) -> None:
    """Let a model pass that may be loaded; its files were judged before.

    Args:
      where: what errors name, for a model that was made where nobody finds it; by default the view's path.
      check: one that says of a graph that is no model what runs it.

    Raises:
      UnsafeModelError: SM120 finds ops that touch files, the network or Python.
    """
    _refuse(view, check or UnsafeOps(), UnsafeModelError, where)


def _refuse(view: GraphView, check: GraphCheck, error: type[TfxSavedModelError], where: str | None = None) -> None:
    (result,) = run_graph_checks([check], view)
    if result.verdict is CheckVerdict.PASS:
        return
    findings = "; ".join(finding.message for finding in result.findings[:5]) or str(result.reason)
    raise error(
        "the model is refused",
        where=where or str(view.path),
        found=f"{result.code}: {findings}",
        wanted="a whole model whose ops touch nothing but its own assets",
        next_step=f"see tfx-savedmodel checks {result.code}",
    )
