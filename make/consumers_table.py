"""Measure the tables of docs/consumers.md again: `make consumers-table`.

Each model of tests/consumers is exported for each consumer, loaded there by TF1's and TF2's loader, and its answers are
compared with this TensorFlow's; before that the third-party models of the corpus, which must be there. Takes some
minutes and runs in `.venv`.
"""

from __future__ import annotations

import contextlib
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import consumers_corpus

from tests.conftest import ROOT
from tests.consumers.cases import CASES, missing
from tests.consumers.consumer import Consumer, consumer_python
from tests.consumers.questions import same
from tests.consumers.workshop import Workshop, answers_here

PAGE = ROOT / "docs" / "consumers.md"
NAMES = ("tf-1.15", "tf-2.4", "tf-2.7", "tf-2.15")
LOADERS = ("tf1", "tf2")


def main() -> int:
    absent = [name for name in NAMES if not python(name).exists()]
    if absent:
        print(f"without {', '.join(absent)}: see `make consumers`", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as consumers:
        # The first forks, so nothing may have run before.
        corpus = consumers_corpus.tables(Path(folder), consumers)
        tables = {"models": models(Workshop(Path(folder)), consumers), "third-party": corpus}
    text = PAGE.read_text(encoding="utf-8")
    for name, lines in tables.items():
        begin, end = f"<!-- {name}: written by make consumers-table -->\n", f"<!-- end of {name} -->"
        before, _, rest = text.partition(begin)
        _, found, after = rest.partition(end)
        assert found, f"{PAGE} has no place for {name}"
        text = f"{before}{begin}{''.join(f'{line}{chr(10)}' for line in lines)}{end}{after}"
    PAGE.write_text(text, encoding="utf-8")
    consumers_corpus.SAID.unlink()
    return 0


def python(name: str) -> Path:
    """Return the Python of a consumer; the newest is this one."""
    return Path(sys.executable) if name == NAMES[-1] else consumer_python(name)


@contextlib.contextmanager
def running(folder: Path) -> Iterator[dict[str, Consumer]]:
    """Start the consumers."""
    consumers = {name: Consumer(python(name), folder / f"{name}.log") for name in NAMES}
    try:
        yield consumers
    finally:
        for consumer in consumers.values():
            consumer.close()


def models(workshop: Workshop, consumers: Mapping[str, Consumer]) -> list[str]:
    """Return the table of the models of the tests."""
    versions = [consumer.ask("", {}).tensorflow for consumer in consumers.values()]
    lines = [f"| model | builder | {' | '.join(versions)} |", "|---" * (2 + len(versions)) + "|"]
    for name, case in CASES.items():
        assert not missing(case), missing(case)
        cells = [cell(name, target, workshop, consumers[target]) for target in consumers]
        builder = workshop.exported(name, None).builder
        lines.append(f"| {name} | {builder} | {' | '.join(cells)} |")
        print(lines[-1], flush=True)
    return lines


def cell(name: str, target: str, workshop: Workshop, consumer: Consumer) -> str:
    """Say whether a model reaches a consumer: with a target, and without."""
    exported, untouched = workshop.exported(name, target), workshop.exported(name, None)
    if exported.error is not None:
        return f"no: {consumers_corpus.lacking(str(exported.error), target)}"
    fault = reached(name, exported.path, consumer)
    if fault:
        return f"fails there: {fault}"
    return "with `target`" if reached(name, untouched.path, consumer) else "as it is"


def reached(name: str, model: Path, consumer: Consumer) -> str:
    """Return why a consumer does not answer as this TensorFlow does, or nothing."""
    case = CASES[name]
    wanted = answers_here(model, case.requests)
    for loader in LOADERS:
        answer = consumer.ask(model, case.requests, loader)
        if answer.refusal:
            return f"{loader}: {re.sub(r'[|`]|' + chr(10), ' ', answer.refusal)[:150]}"
        try:
            same(answer.answers, wanted, loader)
        except AssertionError as error:
            return f"{loader} answers otherwise: {str(error).splitlines()[0]}"
    return ""


if __name__ == "__main__":
    sys.exit(main())
