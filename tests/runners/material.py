"""What the tests of engines validate: a model, examples some of which are bad, and the local runner's answer."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.beam.models import cut, good_rows, save_scorer, write_rows
from tests.runners import gate
from tfx_savedmodel.beam.launch import IN_MEMORY
from tfx_savedmodel.operations.validate import Report, validate

CHECKS = ("SM301", "SM302", "SM303", "SM307", gate.CODE)
FILES, ROWS = 6, 40


@dataclasses.dataclass(frozen=True)
class Material:
    """A model and its examples; `gate` is the folder that the check at the gate looks into."""

    model: str
    examples: str
    gate: Path

    def validate(self, beam_args: Sequence[str] = IN_MEMORY) -> Report:
        policy: dict[str, Any] = {
            "select": list(CHECKS),
            "checks": ["tests.runners.gate.HeldUp"],
            "parameters": {gate.CODE: {"folder": str(self.gate)}},
        }
        return validate(self.model, examples=self.examples, policy=policy, beam_args=beam_args)


def make_material(folder: Path) -> Material:
    """Write a model and files of examples: one with an example that a signature refuses, one cut short."""
    (folder / "examples").mkdir(parents=True)
    (folder / "gate").mkdir()
    (folder / "gate" / "lock").touch()
    for part in range(FILES - 1):
        rows = good_rows(ROWS, start=ROWS * part)
        if part == 2:
            rows[7] = {"x": 1.0}
        write_rows(folder / "examples" / f"part-{part}.gz", rows)
    whole = write_rows(folder / "whole.gz", good_rows(ROWS, start=ROWS * FILES))
    cut(whole, folder / "examples" / "short.gz", Path(whole).stat().st_size * 2 // 3)
    return Material(save_scorer(folder / "model"), f"{folder / 'examples'}/*.gz", folder / "gate")


def told(report: Report) -> dict[str, Any]:
    """Return what a report says, without the time that it took."""
    return {
        "verdict": report.verdict.value,
        "model": report.model,
        "notes": report.notes,
        "checks": [dataclasses.replace(check, seconds=0.0) for check in report.checks],
    }
