"""`checks`: the catalogue of checks, as plain data."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from tfx_savedmodel.validation.check import Check
from tfx_savedmodel.validation.registry import CHECKS


@dataclasses.dataclass(frozen=True)
class CheckPage:
    """One check as a reader wants it: `title` says what must hold, `parameters` what a policy may
    set, each with its default (None where it must be given)."""

    code: str
    name: str
    title: str
    what: str
    why: str
    remedy: str
    parameters: Mapping[str, Any]

    def texts(self) -> dict[str, str]:
        """Return the page by heading, as the HTML report takes it."""
        return {"title": self.title, "what": self.what, "why": self.why, "remedy": self.remedy}


def checks() -> tuple[CheckPage, ...]:
    """Return the page of every check, in the order of the report."""
    return tuple(CheckPage(check.code, check.name, **check.page(), parameters=_parameters(check)) for check in CHECKS)


def _parameters(check: type[Check]) -> dict[str, Any]:
    defaults: dict[str, Any] = {}
    for field in dataclasses.fields(check):
        if field.default_factory is not dataclasses.MISSING:
            defaults[field.name] = field.default_factory()
        else:
            defaults[field.name] = None if field.default is dataclasses.MISSING else field.default
    return defaults
