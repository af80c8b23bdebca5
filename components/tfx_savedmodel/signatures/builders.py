"""What a plan says of the way the export is made: `builder` and `init_op`."""

from __future__ import annotations

from tfx_savedmodel.signatures.plan_problems import near
from tfx_savedmodel.signatures.resolved import ResolvedPlan
from tfx_savedmodel.signatures.resolving import Resolving

REWRITE, TRACE, SESSION = "rewrite", "trace", "session"


def builder_of(resolved: ResolvedPlan, *, is_tf1: bool) -> str:
    """Return the builder that the plan names, else the cheapest that can make it."""
    if resolved.plan.builder is not None:
        return resolved.plan.builder
    if resolved.only_renames:
        return REWRITE
    return SESSION if is_tf1 else TRACE


def check_builder(resolving: Resolving, resolved: ResolvedPlan) -> None:
    """Report a builder that cannot make the plan, and an op that the graph does not have."""
    plan, is_tf1 = resolved.plan, resolving.materials.is_tf1
    if plan.init_op is not None:
        _check_init_op(resolving, plan.init_op)
    if plan.builder == REWRITE and not resolved.only_renames:
        made = ", ".join(key for key, item in resolved.signatures.items() if not item.only_renames)
        wanted = f"signatures that are there, or builder {SESSION if is_tf1 else TRACE}"
        message = "builder rewrite names again what is there, and computes nothing"
        resolving.problem("builder", message, found=f"to be made: {made}", wanted=wanted)
    if plan.builder == TRACE and is_tf1:
        message = "builder trace cannot save a TF1 SavedModel: its ref variables would break at the first call"
        resolving.problem("builder", message, found="a TF1 SavedModel", wanted=f"{SESSION}, or null")


def _check_init_op(resolving: Resolving, init_op: str) -> None:
    if not resolving.materials.is_tf1:
        resolving.problem(
            "init_op",
            "an op of the graph of a TF1 SavedModel is meant",
            found=init_op,
            wanted="null: what a TF2 model holds is initialised with it",
        )
        return
    nodes = resolving.materials.nodes
    if init_op not in nodes:
        op = init_op.partition(":")[0]
        meant = f"name the op itself: {op}" if op in nodes else near(init_op, nodes)
        wanted = "the name of an op, such as init_all_tables"
        resolving.problem("init_op", "the graph has no such op", found=init_op, wanted=wanted, next_step=meant)
        return
    needs = resolving.materials.missing_at_init(init_op)
    if needs:
        wanted = "an op that needs no input"
        resolving.problem("init_op", "the op needs placeholders", found=f"{init_op}: {', '.join(needs)}", wanted=wanted)
