"""`checks`: the catalogue of checks, and the page of each, as plain data."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tfx_savedmodel.operations.selection import known_checks
from tfx_savedmodel.validation.check import Check
from tfx_savedmodel.validation.near_codes import meant_codes
from tfx_savedmodel.validation.policy import Policy
from tfx_savedmodel.validation.presets import PRESETS
from tfx_savedmodel.validation.third_party import COSTS

if TYPE_CHECKING:
    from tfx_savedmodel.operations.check_parameters import Parameter

__all__ = ["CheckPage", "Section", "checks", "find_pages", "meant_codes", "show_value"]


@dataclasses.dataclass(frozen=True)
class Section:
    """A part of a page: a heading, a text, and perhaps a table."""

    heading: str
    text: str = ""
    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


@dataclasses.dataclass(frozen=True)
class CheckPage:
    """One check as a reader wants it: `title` says what must hold, `cost` what making it takes.

    `severity` has for each preset how much the check weighs ("error", "warning", "info"), or "" where the preset
    does not make it; `required_by` are the presets that leave a model undecided where it is skipped.
    """

    code: str
    name: str
    title: str
    what: str
    why: str
    remedy: str
    cost: str
    severity: Mapping[str, str]
    required_by: tuple[str, ...]
    kind: type[Check] = dataclasses.field(repr=False)

    @functools.cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """What a policy may set. Read from the source when somebody asks: it takes longer than to make the check."""
        from tfx_savedmodel.operations.check_parameters import parameters_of

        return parameters_of(self.kind)

    def texts(self) -> dict[str, str]:
        """Return the page by heading, as the HTML report takes it."""
        return {"title": self.title, "what": self.what, "why": self.why, "remedy": self.remedy}

    def sections(self) -> tuple[Section, ...]:
        """Return the page below its title, as the command line and docs/checks show it."""
        texts = (("What", self.what), ("Why", self.why), ("Remedy", self.remedy))
        parts = [Section(heading, text[:1].upper() + text[1:]) for heading, text in texts]
        parts.append(Section("In a policy", " ".join(self._policy())))
        if self.parameters:
            rows = tuple((item.name, item.type, show_value(item.default), item.about) for item in self.parameters)
            head = ("name", "type", "default", "")
            parts.append(Section("Parameters", f"Set under parameters.{self.code} of a policy.", head, rows))
        return tuple(part for part in parts if part.text)

    def _policy(self) -> Iterator[str]:
        yield f"It {self.cost}."
        usual = self.severity["default"]
        yield f"A failure is {_weight(usual)}."
        for weight in ("error", "warning", "info", ""):
            names = [name for name, found in self.severity.items() if found == weight and weight != usual]
            if names:
                yield f"Under {_listed(names)} it is {_weight(weight) if weight else 'not made'}."
        if self.required_by:
            yield f"Required by {_listed(self.required_by)}: where it is skipped, the verdict is UNDECIDED."


def checks(policy: Policy | None = None) -> tuple[CheckPage, ...]:
    """Return the page of every check, those of the policy too, in the order of the report.

    Raises:
      PolicyError: one of the policy's own checks cannot be imported or breaks the protocol.
    """
    return tuple(_page(check) for check in known_checks(policy or Policy()))


def find_pages(named: str, pages: Sequence[CheckPage]) -> tuple[CheckPage, ...]:
    """Return the pages of the checks whose code begins so, or whose name it is."""
    return tuple(page for page in pages if page.code.startswith(named.upper()) or page.name == named.lower())


def show_value(value: Any) -> str:
    """Return a parameter's value as a policy file has it."""
    import json

    return json.dumps(value, ensure_ascii=False, default=str)


def _page(check: type[Check]) -> CheckPage:
    presets = {name: policy for name, policy in PRESETS.items() if policy.selects(check.code)}
    return CheckPage(
        check.code,
        check.name,
        **check.page(),
        cost=next(words for kind, words in COSTS.values() if issubclass(check, kind)),
        severity={name: presets[name].severity_of(check.code).value if name in presets else "" for name in PRESETS},
        required_by=tuple(name for name, policy in presets.items() if policy.requires(check.code)),
        kind=check,
    )


def _weight(severity: str) -> str:
    return {"error": "an error", "warning": "a warning", "info": "a remark"}[severity]


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
