"""`validate`: check a SavedModel, say whether it is blessed, and write the report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tfx_savedmodel.cli import exit_codes
from tfx_savedmodel.cli.codes import read_codes
from tfx_savedmodel.cli.output import Progress, quiet_stdout, write_document
from tfx_savedmodel.cli.page import open_page
from tfx_savedmodel.cli.policies import given_policy
from tfx_savedmodel.cli.report_place import report_place
from tfx_savedmodel.errors import UsageError
from tfx_savedmodel.operations.checks import checks
from tfx_savedmodel.operations.examples_given import FORMATS
from tfx_savedmodel.operations.present import render_json, report_document

if TYPE_CHECKING:
    from tfx_savedmodel.operations.reports import ReportPaths
    from tfx_savedmodel.validation.policy import Policy
    from tfx_savedmodel.validation.result import Report

_BEAM_ARGS = "beam_args"

#: The forms of a report on standard output, which then holds that document alone; text is for people.
FORMS = ("text", "json", "markdown", "junit")


class _TakesBeamArgs(click.Command):
    """A command whose arguments after `--` are Beam's."""

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return [*super().collect_usage_pieces(ctx), "[-- BEAM ARGS]"]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if "--" in args:
            split = args.index("--")
            args, ctx.meta[_BEAM_ARGS] = args[:split], tuple(args[split + 1 :])
        return super().parse_args(ctx, args)


@click.command("validate", cls=_TakesBeamArgs)
@click.argument("model", metavar="MODEL")
@click.option("--plan", metavar="PLAN.json", help="The signature plan that the model must keep to.")
@click.option("--examples", multiple=True, metavar="GLOB", help="Files of examples, or an artifact; may be repeated.")
@click.option(
    "--examples-format",
    type=click.Choice(list(FORMATS)),
    default=FORMATS[0],
    show_default=True,
    help="What the examples are; auto tells by the first file, but for tensors.",
)
@click.option("--data-view", metavar="DIR", help="The TFX DataView that decodes examples of the format proto.")
@click.option("--split", multiple=True, metavar="NAME", help="A split of an Examples artifact, else eval; repeatable.")
@click.option("--sample", metavar="N|FRACTION", help="Run so many examples (10000), or such a part of them (0.1).")
@click.option("--sample-seed", type=int, default=0, metavar="N", help="Another number makes another sample.")
@click.option("--batch-size", type=int, metavar="N", help="Run so many examples together, else as many as is fastest.")
@click.option("--schema", metavar="FILE", help="The schema of the examples.")
@click.option("--transform-graph", metavar="DIR", help="The Transform graph that the model was trained with.")
@click.option("--reference", metavar="MODEL", help="A model whose answers this one must give.")
@click.option("--baseline", metavar="MODEL|CONTRACT.json", help="What clients use today and must not be broken.")
@click.option(
    "--target", metavar="VERSION", help="The oldest TensorFlow that is to load it, such as tf-1.15 or tf-2.7."
)
@click.option(
    "--policy", default="default", metavar="PRESET|POLICY.json", show_default=True, help="How results are judged."
)
@click.option("--select", multiple=True, metavar="CODES", help="Make these checks only, and require them: SM1,SM201.")
@click.option("--ignore", multiple=True, metavar="CODES", help="Leave these checks out.")
@click.option(
    "--report", "report_directory", metavar="DIR", help="Write report.json and report.html there, not in the model."
)
@click.option("--format", "form", type=click.Choice(list(FORMS)), default="text", show_default=True)
@click.pass_context
def command(
    context: click.Context,
    model: str,
    plan: str | None,
    examples: tuple[str, ...],
    examples_format: str,
    data_view: str | None,
    split: tuple[str, ...],
    sample: str | None,
    sample_seed: int,
    batch_size: int | None,
    schema: str | None,
    transform_graph: str | None,
    reference: str | None,
    baseline: str | None,
    target: str | None,
    policy: str,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    report_directory: str | None,
    form: str,
) -> int:
    """Check a SavedModel and say whether it is blessed (exit code 0) or not (1).

    MODEL is a SavedModel directory or a TFX Model artifact's. CODES are beginnings of check codes:
    SM1 reads the graph only, SM2 loads the model, SM3 runs it on the examples.
    """
    chosen = given_policy(policy)
    pages = checks(chosen) if select or ignore else ()
    selected, ignored = read_codes("--select", select, pages), read_codes("--ignore", ignore, pages)
    directory = None
    if report_directory is not None:
        read = {"MODEL": model, "--reference": reference, "--baseline": baseline, "--transform-graph": transform_graph}
        directory = report_place(report_directory, read)
    # Told before the model is looked at; read only once, for it may be a pipe.
    if plan is not None and not Path(plan).exists():
        raise UsageError("cannot read the file", where="--plan", found=f"{plan}: no such file", wanted="a JSON file")
    progress = Progress()
    try:
        with quiet_stdout():
            from tfx_savedmodel.operations.validate import validate

            report = validate(
                model,
                examples=examples,
                examples_format=examples_format,
                data_view=data_view,
                splits=split,
                sample=sample,
                sample_seed=sample_seed,
                batch_size=batch_size,
                schema=schema,
                transform_graph=transform_graph,
                reference=reference,
                baseline=baseline,
                plan=None if plan is None else Path(plan),
                target=target,
                policy=chosen,
                select=selected,
                ignore=ignored,
                beam_args=context.meta.get(_BEAM_ARGS, ()),
                progress=progress,
            )
    finally:
        progress.done()
    _show(report, form, None if directory is None else _written(report, directory, chosen))
    return exit_codes.OF_VERDICT[report.verdict.value]


def _show(report: Report, form: str, written: ReportPaths | None) -> None:
    if form == "text":
        from tfx_savedmodel.cli.report_text import show_report

        page = open_page()
        show_report(page, report)
        page.close()
    else:
        write_document(_document(report, form))
    if written is not None:
        click.echo(f"written: {written.json}\nwritten: {written.html}", err=True)


def _document(report: Report, form: str) -> str:
    if form == "json":
        return render_json(report_document(report))
    from tfx_savedmodel.operations import reports  # the page's templates take time

    return reports.render_markdown(report) if form == "markdown" else reports.render_junit(report)


def _written(report: Report, directory: Path | str, policy: Policy) -> ReportPaths:
    from tfx_savedmodel.operations.reports import write_reports

    return write_reports(report, directory, policy)
