"""`export`: give a model exactly the signatures of a plan."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from tfx_savedmodel.cli import exit_codes
from tfx_savedmodel.cli.output import quiet_stdout
from tfx_savedmodel.errors import UsageError


@click.command("export")
@click.argument("model", metavar="MODEL")
@click.argument("destination", metavar="DEST")
@click.option("--plan", metavar="PLAN.json", help="The signature plan.")
@click.option(
    "--signature",
    "signatures",
    multiple=True,
    metavar="KEY=KIND",
    help="Instead of a plan: a signature and its kind, such as serving_default=serve_examples or again=alias:KEY.",
)
@click.option("--keep", metavar="KEY,…|all", help="Signatures of the model to keep, where the plan says nothing.")
@click.option("--transform-graph", metavar="DIR", help="The Transform graph that raw features go through.")
@click.option("--schema", metavar="FILE", help="The schema of the raw features, where there is no Transform graph.")
@click.option(
    "--examples", metavar="GLOB", multiple=True, help="TFRecords of tf.Example, for warm-up requests and baselines."
)
@click.option("--statistics", metavar="FILE", help="TFDV's statistics, for the baselines of explanations.")
@click.option("--module", metavar="FILE.py", help="A file with the functions and classes that the plan names.")
@click.option(
    "--target", metavar="VERSION", help="The oldest TensorFlow that is to load it, such as tf-1.15 or tf-2.7."
)
@click.option(
    "--allow",
    metavar="NAME",
    multiple=True,
    help="A custom class or function that may be loaded, from --module; Lambda allows Python code in the model.",
)
@click.option("--copy", is_flag=True, help="Copy the weights where they would be hard-linked.")
@click.option("--overwrite", is_flag=True, help="Replace the SavedModel at DEST.")
def command(
    model: str,
    destination: str,
    plan: str | None,
    signatures: tuple[str, ...],
    keep: str | None,
    transform_graph: str | None,
    schema: str | None,
    examples: tuple[str, ...],
    statistics: str | None,
    module: str | None,
    target: str | None,
    allow: tuple[str, ...],
    copy: bool,
    overwrite: bool,
) -> int:
    """Write the model to DEST with exactly the signatures that a plan names and keeps.

    MODEL is a SavedModel directory, a Keras file, a checkpoint or a TFX Model artifact's directory. DEST
    is there whole afterwards, or not at all. A plan that only keeps, drops and names signatures again
    loads nothing.
    """
    document = _plan(plan, signatures, keep)
    with quiet_stdout():
        from tfx_savedmodel.operations.export import export

        result = export(
            model,
            destination,
            plan=document,
            transform_graph=transform_graph,
            schema=schema,
            examples=examples,
            statistics=statistics,
            module_file=module,
            target=target,
            allow=allow,
            copy=copy,
            overwrite=overwrite,
        )
    click.echo(f"{result.path}: {', '.join(result.signatures) or 'no signatures'} (builder {result.builder})")
    for note in result.notes:
        click.echo(f"note: {note}", err=True)
    return exit_codes.FINE


def _plan(plan: str | None, signatures: tuple[str, ...], keep: str | None) -> Any:
    """Return the plan as a file's path or as a document."""
    if plan is not None and signatures:
        raise UsageError("two plans", found="--plan and --signature", wanted="one of them")
    if plan is None and not signatures and keep is None:
        raise UsageError("no plan", wanted="--plan, --signature or --keep")
    kept: Any = keep if keep in (None, "all") else [key.strip() for key in (keep or "").split(",") if key.strip()]
    if plan is not None:
        return Path(plan) if keep is None else _keeping(Path(plan), kept)
    return {"keep": kept or [], "signatures": dict(_signature(text) for text in signatures)}


def _keeping(plan: Path, kept: Any) -> Any:
    """Return the plan with what is kept; what is no plan is left to be judged as one."""
    try:
        document = json.loads(plan.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return plan
    if not isinstance(document, dict) or "signatures" not in document:
        return plan
    if document.get("keep"):
        raise UsageError(
            "the plan says already what is kept",
            where="--keep",
            found=f"keep in {plan}",
            wanted="one of the two",
            next_step="leave --keep out, or keep out of the plan",
        )
    return {**document, "keep": kept}


def _signature(text: str) -> tuple[str, dict[str, str]]:
    key, equals, kind = text.partition("=")
    if not key or not equals or not kind:
        raise UsageError(
            "not KEY=KIND", where="--signature", found=text, wanted="such as serving_default=serve_examples"
        )
    kind, colon, of = kind.partition(":")
    return key, {"kind": kind, "of": of} if colon else {"kind": kind}
