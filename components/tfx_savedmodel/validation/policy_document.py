"""The JSON form of a policy: its fields, as they are published in docs/policy.schema.json, and reading one."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, get_args

import pydantic
from pydantic import Field

from tfx_savedmodel.errors import PolicyError, Problem
from tfx_savedmodel.validation.near import did_you_mean
from tfx_savedmodel.validation.policy import Limits, Policy, Waiver, needs_a_load
from tfx_savedmodel.validation.policy_problems import find_problems, mistakes
from tfx_savedmodel.validation.presets import PRESETS
from tfx_savedmodel.validation.result import Severity

_Preset = Literal["default", "strict", "serving", "explanations", "untrusted"]
_Code = Annotated[str, Field(pattern=r"^[A-Z]+[0-9]{3}$", examples=["SM103"])]
_Prefix = Annotated[str, Field(pattern=r"^[A-Z]+[0-9]{0,3}$", examples=["SM1", "SM103"])]
_DottedPath = Annotated[str, Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$", examples=["mypackage.checks.MyCheck"])]
_Reason = Annotated[str, Field(pattern=r"\S")]


class _Document(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", strict=True, frozen=True)


class WaiverDocument(_Document):
    """Findings that somebody has looked at and lives with; they stay in the report, with the reason."""

    code: _Code = Field(description="The check whose findings are waived.")
    where: dict[str, Any] = Field(
        default_factory=dict,
        description="What a finding's `where` has to contain, as report.json shows it; empty: any finding.",
    )
    reason: _Reason = Field(description="Why; it stands in the report.")


class LimitsDocument(_Document):
    """What one loader's process may take before it is ended."""

    seconds: float = Field(default=Limits.seconds, gt=0, description="Wall time of the load.")
    run_seconds: float = Field(default=Limits.run_seconds, gt=0, description="Wall time of one run of a signature.")
    memory_bytes: int = Field(default=Limits.memory_bytes, gt=0, description="Resident memory.")


class PolicyDocument(_Document):
    """How the results of checks become a verdict. Lists and maps add to those of the preset, `select` replaces it."""

    model_config = pydantic.ConfigDict(title="Validation policy of tfx-savedmodel")

    schema_: str | None = Field(default=None, alias="$schema", description="Where this schema is; for editors.")
    preset: _Preset = Field(default="default", description="The policy that this one starts from.")
    name: str | None = Field(default=None, min_length=1, description="What the report calls this policy.")
    select: tuple[_Prefix, ...] | None = Field(
        default=None, description="Beginnings of the codes of the checks to make, in place of the preset's; empty: all."
    )
    ignore: tuple[_Prefix, ...] = Field(default=(), description="Beginnings of the codes of checks to leave out.")
    required: tuple[_Prefix, ...] = Field(
        default=(),
        description="Beginnings of the codes of checks that have to be answered: a SKIP is UNDECIDED. "
        "A check that needs a baseline, a target, a reference or a budget is required by its whole code only.",
    )
    optional: tuple[_Prefix, ...] = Field(
        default=(), description="Beginnings of the codes of checks that may be skipped, whoever requires them."
    )
    severity: dict[_Prefix, Severity] = Field(
        default_factory=dict,
        description="How much a failed check weighs, by the beginning of its code; the longest counts.",
    )
    parameters: dict[_Code, dict[str, Any]] = Field(
        default_factory=dict, description="Parameters of checks, by code: `tfx-savedmodel checks CODE` lists them."
    )
    waive: tuple[WaiverDocument, ...] = Field(default=(), description="Findings to live with, each with a reason.")
    trusted: bool | None = Field(
        default=None, description="Whether a model is loaded and run in spite of SM101, SM120 and SM121."
    )
    loads: bool | None = Field(
        default=None,
        description="Whether models are loaded at all; where not, only checks that read the graph are made, whatever "
        "is selected. The preset untrusted loads none, and no policy that starts from it does.",
    )
    features: dict[str, str] = Field(
        default_factory=dict, description="Name of a signature's input -> name of the feature of an example it takes."
    )
    outputs: dict[str, str] = Field(
        default_factory=dict, description="Name of an output of the model -> name of the reference's output."
    )
    limits: LimitsDocument | None = Field(default=None, description="What one loader's process may take.")
    checks: tuple[_DottedPath, ...] = Field(
        default=(), description="Checks of your own, by dotted path of their classes. They are imported: they are code."
    )

    def policy(self) -> Policy:
        """Return the preset with what this document says."""
        start = PRESETS[self.preset]
        loads = start.loads and self.loads is not False
        parameters = {
            code: {**start.parameters.get(code, {}), **self.parameters.get(code, {})}
            for code in sorted({*start.parameters, *self.parameters})
        }
        changed = dataclasses.replace(
            start,
            select=start.select if self.select is None else self.select,
            ignore=_added(start.ignore, self.ignore),
            required=_added(tuple(code for code in start.required if loads or not needs_a_load(code)), self.required),
            optional=_added(start.optional, self.optional),
            severity={**start.severity, **self.severity},
            parameters=parameters,
            waive=(*start.waive, *(Waiver(item.code, item.reason, item.where) for item in self.waive)),
            trusted=start.trusted if self.trusted is None else self.trusted,
            features={**start.features, **self.features},
            outputs={**start.outputs, **self.outputs},
            limits=start.limits if self.limits is None else Limits(**self.limits.model_dump()),
            checks=_added(start.checks, self.checks),
            loads=loads,
        )
        name = self.name or (start.name if changed == start else f"{start.name}, changed")
        return dataclasses.replace(changed, name=name)


def _added(start: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*start, *more)))


def read_document(text: str, where: str) -> Policy:
    """Return the policy of a JSON document.

    Raises:
      PolicyError: no JSON; or with every field that no policy has, that is there twice, that has a wrong type, or
        that names a check or parameter that does not exist, each with its place in the document.
    """
    if not text.strip():
        raise PolicyError(
            "the policy is empty",
            where=where,
            wanted="a JSON object",
            next_step='write {"preset": "default"} and what is to differ from it',
        )
    twice: list[Problem] = []
    data = _parsed(text, twice)
    if data is not None and not isinstance(data, Mapping):
        raise _unreadable(f"JSON, but {_KINDS.get(type(data), 'no object')}", where)
    problems: list[Problem] = []
    document: PolicyDocument | None = None
    try:
        document = PolicyDocument.model_validate_json(text)
    except pydantic.ValidationError as error:
        errors = error.errors(include_url=False)
        if data is None:
            raise _unreadable(errors[0]["msg"], where) from None
        problems = [_problem(item) for item in errors]
    if data is not None:
        told = tuple(problem.where for problem in problems)
        problems += [item for item in find_problems(data)[1] if not _within(item.where, told)]
    problems = [*twice, *problems]
    if problems or document is None:
        raise mistakes(problems, where)
    return document.policy()


_KINDS: Mapping[type, str] = {list: "a list", str: "a text", bool: "true or false", int: "a number", float: "a number"}


def _unreadable(found: str, where: str) -> PolicyError:
    return PolicyError(
        "the policy cannot be read",
        where=where,
        found=found,
        wanted="a JSON object; YAML is not read",
        next_step='compare it with docs/policy.md; {"preset": "default"} is a whole policy',
    )


def _within(place: str, told: Sequence[str]) -> bool:
    """Tell whether a mistake at a place, or at one around it, was told before."""
    return any(place == other or place.startswith((f"{other}.", f"{other}[")) for other in told)


def schema_text() -> str:
    """Return the policy's JSON schema as it is published."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **PolicyDocument.model_json_schema()}
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def _parsed(text: str, twice: list[Problem]) -> Any:
    """Return what is in a JSON text, None where it is none.

    Each key that stands twice in one object is told in `twice`: JSON's readers keep the last in silence.
    """

    def see(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        for key in dict.fromkeys(key for key in keys if keys.count(key) > 1):
            twice.append(Problem(key, "this key stands there twice", wanted="one", next_step="put both into one"))
        return dict(pairs)

    try:
        return json.loads(text, object_pairs_hook=see)
    except (ValueError, RecursionError):
        twice.clear()
        return None  # pydantic says better what is no JSON


#: The last part of a place whose owner has these fields.
_FIELDS: Mapping[str, Sequence[str]] = {
    "waive": tuple(WaiverDocument.model_fields),
    "limits": tuple(LimitsDocument.model_fields),
    "": tuple(name for name in PolicyDocument.model_fields if name != "schema_"),
}


def _pattern(field: str, name: str, given: str) -> tuple[str, str, str]:
    """Return what is wrong, found and wanted where a text has not the form of its field."""
    if name == "reason":
        return "a waiver without a reason", repr(given), "why somebody may live with it: the report shows it"
    if field == "checks":
        return "no dotted path of a class", given, "package.module.Class"
    if field in ("waive", "parameters"):
        return "no code of a check", given, "one whole code, such as SM103"
    return "no beginning of a code", given, "such as SM1 or SM103"


def _problem(error: Any) -> Problem:
    location = [part for part in error["loc"] if part != "[key]"]
    place = ""
    for part in location:
        place += f"[{part}]" if isinstance(part, int) else f".{part}" if place else str(part)
    if error["type"] == "extra_forbidden":
        fields = _FIELDS[str(location[0]) if len(location) > 1 else ""]
        name = str(location[-1])
        return Problem(place, "there is no such field", name, ", ".join(fields), did_you_mean(name, fields))
    given = error.get("input")
    if error["type"] == "string_pattern_mismatch":
        return Problem(place, *_pattern(str(location[0]), str(location[-1]), str(given)))
    found = json.dumps(given, ensure_ascii=False, default=str)
    next_step = did_you_mean(given, get_args(_Preset)) if place == "preset" and isinstance(given, str) else ""
    found = found if len(found) <= 100 else f"{found[:100]}…"
    return Problem(place or "the document", error["msg"], found, "", next_step)
