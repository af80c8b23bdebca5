"""A run of the pipeline told to a person: times, signatures, verdicts, the pushed model and the report."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from pipelines.penguin.runs import ArtifactRecord, ComponentRun, PipelineRun

#: The validators, in the order of the table's columns, with the model each looks at.
VALIDATORS = {"ExportedModelValidator": "exported model", "EstimatorModelValidator": "Estimator model"}

_STYLES = {"PASS": "green", "FAIL": "bold red", "ERROR": "bold magenta", "SKIP": "dim"}
_MARKS = {"PASS": "✓ pass", "FAIL": "✗ fail", "ERROR": "! error", "SKIP": "· skip"}
_MOST_FINDINGS = 3


def print_summary(run: PipelineRun, console: Console) -> None:
    """Print the summary; it ends with the path of the HTML report and the verdict."""
    reports = run.reports()
    console.print()
    for table in (_components_table(run), _signatures_table(reports["ExportedModelValidator"]), _checks_table(reports)):
        console.print(table)
        console.print()
    _print_push(run, reports, console)
    _print_end(run, reports["ExportedModelValidator"], console)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    # No frame and little air, so that a signature with its shapes fits into 80 columns.
    table.show_edge, table.pad_edge, table.padding = False, False, (0, 1, 0, 0)
    for column in columns:
        table.add_column(column)
    return table


def _components_table(run: PipelineRun) -> Table:
    table = _table("Components", "component", "time", "what came of it")
    table.columns[1].justify = "right"
    for component in run.components.values():
        time = Text("cached", "cyan") if component.is_cached else Text(f"{component.seconds:.1f} s")
        table.add_row(component.name, time, escape(_gave(component)))
    return table


def _gave(component: ComponentRun) -> str:
    """Return in a few words what came of a component: the facts kept with its outputs, else the outputs' names."""
    facts = [fact for key, records in component.outputs.items() for record in records for fact in _facts(key, record)]
    return ", ".join(facts) or ", ".join(sorted(component.outputs))


def _facts(key: str, record: ArtifactRecord) -> Iterator[str]:
    properties = record.properties
    metrics = Path(record.uri) / "metrics.json"
    if key == "model_run" and metrics.is_file():
        yield f"eval accuracy {json.loads(metrics.read_text())['eval_accuracy']:.3f}"
    if "signatures" in properties:
        way = properties.get("builder") or properties["way"]
        yield f"{len(json.loads(properties['signatures']))} signatures by {way}"
    if "parity_max_difference" in properties:
        yield f"largest difference from Keras {properties['parity_max_difference']:g}"
    if "verdict" in properties:
        counts = {"passed": "pass", "failed": "fail", "skipped": "skip", "errors": "error"}
        numbers = {word: properties[f"checks_{verdict}"] for word, verdict in counts.items()}
        yield f"{properties['verdict']}: {', '.join(f'{number} {word}' for word, number in numbers.items() if number)}"
    if "pushed" in properties:
        yield "pushed" if properties["pushed"] else "pushed nothing"


def _signatures_table(report: Mapping[str, Any]) -> Table:
    table = _table("Signatures of the exported model", "signature", "inputs", "→ outputs")
    for meta_graph in report["model"]["meta_graphs"]:
        for key, signature in meta_graph["signatures"].items():
            if not key.startswith("__"):
                inputs, outputs = _tensors(signature["inputs"]), _tensors(signature["outputs"])
                table.add_row(Text(key, "bold"), inputs, outputs, end_section=True)
    return table


def _tensors(tensors: Mapping[str, Mapping[str, Any]]) -> Text:
    return Text("\n").join(
        Text.assemble(name, " ", (f"{spec['dtype']} {_shape(spec['shape'])}", "dim")) for name, spec in tensors.items()
    )


def _shape(shape: Sequence[int | None] | None) -> str:
    return "?" if shape is None else f"[{','.join('?' if size is None else str(size) for size in shape)}]"


def _checks_table(reports: Mapping[str, Mapping[str, Any]]) -> Table:
    table = _table("Checks", "check", "", *VALIDATORS.values())
    rows: dict[tuple[str, str], dict[str, Text]] = {}
    for validator in VALIDATORS:
        for check in reports[validator]["checks"]:
            mark = Text(_MARKS[check["verdict"]], _STYLES[check["verdict"]])
            if check["verdict"] != "PASS" and check["reason"]:
                mark.append(f": {check['reason']}", "dim")
            rows.setdefault((check["code"], check["name"]), {})[validator] = mark
    for (code, name), cells in sorted(rows.items()):
        table.add_row(code, name, *(cells.get(validator, "") for validator in VALIDATORS))
    return table


def _print_push(run: PipelineRun, reports: Mapping[str, Mapping[str, Any]], console: Console) -> None:
    pushed = run.output("Pusher", "pushed_model").properties
    if pushed.get("pushed"):
        console.print(Text.assemble(("Pushed  ", "bold green"), pushed["pushed_destination"]), soft_wrap=True)
        return
    console.print(Text("Nothing was pushed. Why:", "bold red"))
    for validator, model in VALIDATORS.items():
        for check in reports[validator]["checks"]:
            if check["verdict"] == "FAIL" and check["severity"] == "error":
                _print_failed(model, check, console)


def _print_failed(model: str, check: Mapping[str, Any], console: Console) -> None:
    console.print(Text.assemble("  ✗ ", (f"{check['code']} {check['name']}", "bold"), f", {model}"))
    for finding in check["findings"][:_MOST_FINDINGS]:
        place = ", ".join(f"{kind} {_short(kind, value)}" for kind, value in finding["where"].items())
        console.print(Text(f"      {place}: {finding['message']}" if place else f"      {finding['message']}"))
    more = len(check["findings"]) - _MOST_FINDINGS
    if more > 0:
        console.print(Text(f"      and {more} more", "dim"))


def _short(kind: str, value: Any) -> str:
    return "/".join(Path(value).parts[-2:]) if kind == "file" else str(value)


def _print_end(run: PipelineRun, report: Mapping[str, Any], console: Console) -> None:
    page = Path(run.output("ExportedModelValidator", "report").uri) / "report.html"
    if run.seconds is not None:
        console.print(Text.assemble(("Took    ", "bold"), f"{run.seconds:.0f} s"))
    console.print(Text.assemble(("Report  ", "bold"), str(page)), soft_wrap=True)
    verdict = report["verdict"]
    console.print(Text.assemble(("Verdict ", "bold"), (verdict, "bold green" if verdict == "BLESSED" else "bold red")))
