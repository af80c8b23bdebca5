"""Trigger conditions, what cel-go says of each, and how it is asked: `python -m tests.pipelines.cel_cases` records it.

`cel_cases.json` has the conditions: those that are understood here, and those of CEL that are beyond that.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pipelines.kubeflow.condition import parse_condition
from tests.conftest import require_tool
from tfx_savedmodel.errors import UsageError

_FOLDER = Path(__file__).parent
_ANSWERS = _FOLDER / "cel_answers.json"
_CASES: dict[str, Any] = json.loads((_FOLDER / "cel_cases.json").read_text(encoding="utf-8"))

INPUT: dict[str, Any] = _CASES["input"]
UNDERSTOOD: dict[str, list[str]] = _CASES["understood"]
BEYOND: dict[str, list[str]] = _CASES["beyond"]


def whole(text: str) -> str:
    """Return a condition with what `$B` and the like stand for."""
    return re.sub(r"\$[A-Z]\b", lambda short: str(_CASES["stands_for"][short[0]]), text)


def conditions() -> list[str]:
    return [text for groups in (UNDERSTOOD, BEYOND) for texts in groups.values() for text in texts]


def recorded() -> dict[str, str]:
    """Return what cel-go said of each condition: "true", "false", "refused: why" or "fails: why"."""
    answers: dict[str, str] = json.loads(_ANSWERS.read_text(encoding="utf-8"))
    return answers


def asked(texts: Iterable[str]) -> dict[str, str]:
    """Return what cel-go says of conditions now."""
    go = require_tool("go", "Go 1.23 or later, https://go.dev/dl")
    by_whole = {whole(text): text for text in texts}
    question = json.dumps({"input": INPUT, "conditions": list(by_whole)})
    told = [go, "run", "."]
    ended = subprocess.run(told, cwd=_FOLDER / "cel_go", input=question, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    answers: dict[str, str] = json.loads(ended.stdout)
    return {text: answers[each] for each, text in by_whole.items()}


def ours(text: str) -> str:
    """Return what our evaluator says of a condition, in the words of the record."""
    try:
        condition = parse_condition(whole(text), "task a")
    except UsageError as error:
        return f"refused: {error}"
    try:
        return str(condition.holds(INPUT)).lower()
    except UsageError as error:
        return f"fails: {error}"


def verdict(answer: str) -> str:
    return answer.partition(":")[0]


if __name__ == "__main__":
    lines = (f"{json.dumps(text)}: {json.dumps(answer)}" for text, answer in asked(conditions()).items())
    _ANSWERS.write_text("{\n  " + ",\n  ".join(lines) + "\n}\n", encoding="utf-8")
