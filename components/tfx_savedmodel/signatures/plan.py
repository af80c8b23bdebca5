"""The signature plan: which signatures an export has, declared.

The JSON form and the Python classes are the same: a plan written as JSON validates into these
models, and `Plan(...).to_json()` writes it again.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import pydantic
import pydantic_core

from tfx_savedmodel.errors import PlanError, Problem, UsageError
from tfx_savedmodel.saved_model.consumers.judgement import check_consumer, consumer_names
from tfx_savedmodel.signatures.kinds import Part, Signature
from tfx_savedmodel.signatures.options import Explanation, SaveOptions, Source, Warmup
from tfx_savedmodel.signatures.plan_problems import near, problem_of_form


def _name_consumers(schema: dict[str, Any]) -> None:
    schema["anyOf"][0]["enum"] = list(consumer_names())


class Plan(Part):
    """A whole plan: exactly the signatures that it names and keeps.

    `keep` and `drop` name signatures of the source. `exclude_features` are labels and weights, which no
    receiver takes. `function_aliases` maps an alias to the key of a `function` or `module` signature.
    `tags`, where given, replace the source's on the exported MetaGraph. `target` is the oldest TensorFlow
    that is to load the export: "tf-1.15", "tf-2.7", … `init_op` names an op of a TF1 graph that loaders run at
    initialisation; null carries the source's. `builder` names the way the export is made; null takes the
    cheapest that can do it.
    """

    version: Literal[1] = 1
    source: Source = Source()
    keep: tuple[str, ...] | Literal["all"] = ()
    drop: tuple[str, ...] = ()
    exclude_features: tuple[str, ...] = ()
    signatures: dict[str, Signature] = pydantic.Field(default_factory=dict)
    function_aliases: dict[str, str] = pydantic.Field(default_factory=dict)
    explanation: Explanation | None = None
    warmup: Warmup | None = None
    tags: tuple[str, ...] | None = None
    target: str | None = pydantic.Field(default=None, json_schema_extra=_name_consumers)
    init_op: str | None = None
    builder: Literal["rewrite", "trace", "session"] | None = None
    save_options: SaveOptions = SaveOptions()

    @pydantic.field_validator("target")
    @classmethod
    def _known(cls, value: str | None) -> str | None:
        try:
            return value if value is None else check_consumer(value)
        except UsageError as error:
            said = {"message": error.message, "wanted": error.wanted, "next_step": error.next_step}
            raise pydantic_core.PydanticCustomError("usage", "{message}", said) from error

    def to_json(self) -> str:
        """Return the plan as JSON, with its defaults, keys sorted: the same plan, the same text."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True)


def schema_text() -> str:
    """Return the plan's JSON schema as it is published."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Plan.model_json_schema()}
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


PlanLike = Plan | Mapping[str, Any] | str


@dataclasses.dataclass(frozen=True)
class CheckedPlan:
    """A plan without its malformed parts, what is wrong with those, and the keys of signatures among them.

    `tells_source` is False where the part on the source was malformed: then nothing can be said against the model.
    """

    plan: Plan
    problems: tuple[Problem, ...] = ()
    broken: frozenset[str] = frozenset()
    where: str = "the signature plan"
    tells_source: bool = True


def read_plan(plan: PlanLike | os.PathLike[str], *, where: str = "the signature plan") -> Plan:
    """Return a plan from a Plan, a mapping, JSON text, or the path of a JSON file.

    A mapping without `signatures` and `keep` is taken for the signatures alone; its values may be parts
    (`ServeExamples()`) or their JSON form.

    Raises:
      PlanError: every mistake that shows without a model, all at once.
    """
    checked = check_plan(plan, where=where)
    if checked.problems:
        raise PlanError(checked.problems, where=os.fspath(plan) if _is_path(plan) else where)  # type: ignore[arg-type]
    return checked.plan


def check_plan(plan: PlanLike | os.PathLike[str], *, where: str = "the signature plan") -> CheckedPlan:
    """Return what of a plan is well formed: whoever resolves the rest can name all mistakes together.

    Raises:
      PlanError: there is no plan at all.
    """
    if isinstance(plan, Plan):
        return CheckedPlan(plan, where=where)
    if _is_path(plan):
        where = os.fspath(plan)  # type: ignore[arg-type]
    value = _document(plan, where)
    try:
        return CheckedPlan(Plan.model_validate(value), where=where)
    except pydantic.ValidationError as error:
        faults = error.errors()
    problems = tuple(problem_of_form(item, Plan) for item in faults)
    rest = {key: item for key, item in value.items() if key in Plan.model_fields}
    broken = set()
    for fault in faults:
        place = fault["loc"]
        if len(place) > 1 and place[0] == "signatures" and isinstance(rest.get("signatures"), dict):
            broken.add(str(place[1]))
            rest["signatures"] = {key: item for key, item in rest["signatures"].items() if key != place[1]}
        elif place:
            rest.pop(str(place[0]), None)
    if "signatures" not in rest:
        raise PlanError(problems, where=where)
    tells_source = "source" not in value or "source" in rest
    return CheckedPlan(Plan.model_validate(rest), problems, frozenset(broken), where, tells_source)


def _is_path(plan: PlanLike | os.PathLike[str]) -> bool:
    return isinstance(plan, os.PathLike) or (isinstance(plan, str) and not plan.lstrip().startswith("{"))


def _document(plan: PlanLike | os.PathLike[str], where: str) -> dict[str, Any]:
    """Return a plan's JSON form, not validated yet."""
    value: Any = _read_file(Path(plan)) if _is_path(plan) else plan  # type: ignore[arg-type]
    if isinstance(value, str):
        try:
            value = json.loads(value, object_pairs_hook=_each_once)
        except ValueError as error:
            raise PlanError([Problem("JSON", f"cannot be read: {error}")], where=where) from error
    if not isinstance(value, Mapping):
        found = type(value).__name__
        raise PlanError([Problem("the plan", "this is no plan", found, "a JSON object")], where=where)
    if "signatures" not in value:
        value = {"signatures": {}, **value} if _is_rest(value) else {"signatures": _signatures_alone(value, where)}
    plain: dict[str, Any] = _plain(value)
    return plain


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """JSON's own reader takes the last of two equal keys without a word."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key!r} is there twice in one object")
        found[key] = value
    return found


def _is_rest(value: Mapping[str, Any]) -> bool:
    """Tell whether a document without signatures is a plan that only keeps."""
    return "keep" in value and not isinstance(value["keep"], (Part, Mapping))


def _signatures_alone(value: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    """Return a mapping that can be meant for signatures by key: any other document is one mistake, not many."""
    for key, item in value.items():
        meant = near(str(key), ["signatures"])
        if meant and isinstance(item, Mapping) and "kind" not in item:
            raise PlanError([Problem(str(key), "no such field", str(key), "signatures", meant)], where=where)
    if all(isinstance(item, (Part, Mapping)) for item in value.values()):
        return value
    found = ", ".join(sorted(str(key) for key in value))
    raise PlanError([Problem("the plan", "this is no plan", found, "`signatures`, or signatures by key")], where=where)


def _read_file(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")  # some editors begin a file so
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise PlanError([Problem(str(path), f"cannot be read: {reason}")], where=str(path)) from error


def _plain(value: Any) -> Any:
    """Parts inside of a mapping become their JSON form, so that one validation sees all mistakes."""
    if isinstance(value, pydantic.BaseModel):
        return value.model_dump()
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return value
