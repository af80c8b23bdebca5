"""What a sabotage is: a sound model, what was done to it, and what must be found."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tfx_savedmodel.operations.validate import Report, validate
from tfx_savedmodel.validation.result import CheckVerdict, Severity

#: Makes a model in a directory that is not there yet, and returns its path.
Make = Callable[[Path], Path]

#: Makes the broken model in a directory, out of the sound one or anew.
Break = Callable[[Path, Path], Path]


@dataclasses.dataclass(frozen=True)
class Sabotage:
    """`sound` passes the check, and `broken` of it fails that check alone, in the place `where`.

    `given` are arguments of `validate`, which both models get; a callable is told the sound model's path.
    `select` are the checks that are made of both. What cannot but fail with it stands in `inevitable`, by
    code with the reason.
    """

    sound: Make
    broken: Break
    where: Mapping[str, Any]
    given: Mapping[str, Any] | Callable[[Path], Mapping[str, Any]] = dataclasses.field(default_factory=dict)
    select: tuple[str, ...] = ("SM1", "SM2")
    inevitable: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def judge(self, model: Path, sound: Path, **more: Any) -> Report:
        given = self.given(sound) if callable(self.given) else self.given
        return validate(model, select=self.select, **{**given, **more})


class Workshop:
    """Sound models, made and judged once where several sabotages start from the same."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._models: dict[Make, Path] = {}
        self._reports: dict[tuple[Make, tuple[str, ...]], Report] = {}

    def sound(self, make: Make) -> Path:
        if make not in self._models:
            self._models[make] = make(self._directory / f"sound-{len(self._models)}")
        return self._models[make]

    def report(self, case: Sabotage, **more: Any) -> Report:
        sound = self.sound(case.sound)
        if case.given:
            return case.judge(sound, sound, **more)
        key = (case.sound, case.select)
        if key not in self._reports:
            self._reports[key] = case.judge(sound, sound, **more)
        return self._reports[key]


def assert_only(code: str, case: Sabotage, workshop: Workshop, directory: Path, **more: Any) -> None:
    """Assert that the sound model passes everything, and the broken one fails `code` and nothing else."""
    report = workshop.report(case, **more)
    assert of(report, code).verdict is CheckVerdict.PASS, of(report, code)
    assert faults(report) == {}, faults(report)
    sound = workshop.sound(case.sound)
    report = case.judge(case.broken(sound, directory / "broken"), sound, **more)
    found = of(report, code)
    assert found.verdict is CheckVerdict.FAIL, found
    assert any(case.where.items() <= dict(finding.where).items() for finding in found.findings), found.findings
    others = {key: texts for key, texts in faults(report).items() if key not in (code, *case.inevitable)}
    assert others == {}, others


def of(report: Report, code: str) -> Any:
    return next(check for check in report.checks if check.code == code)


def faults(report: Report) -> dict[str, list[str]]:
    """Return what was found at severity error and what broke, by code."""
    return {
        check.code: [finding.message for finding in check.findings] or [str(check.reason)]
        for check in report.checks
        if check.verdict is CheckVerdict.ERROR
        or (check.verdict is CheckVerdict.FAIL and check.severity is Severity.ERROR)
    }
