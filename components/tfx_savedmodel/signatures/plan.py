"""The signature plan: which signatures an export has, declared.

The JSON form and the Python classes are the same: a plan written as JSON validates into these
models, and `Plan(...).to_json()` writes it again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import pydantic

from tfx_savedmodel.errors import PlanError, Problem

PREDICT = "tensorflow/serving/predict"


class _Part(pydantic.BaseModel):
    """What all parts of a plan have: no unknown fields, and no change after construction."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)


class ServeExamples(_Part):
    """Takes serialized tf.Example (string, [batch]) under `input`, gives the model's outputs.

    The examples are parsed by the Transform graph's raw feature spec, else by the schema, else by
    the model's own inputs, and go through the Transform graph where there is one.
    """

    kind: Literal["serve_examples"] = "serve_examples"
    input: str = "examples"
    outputs: dict[str, str] | None = None
    method_name: str = PREDICT


class ServeFeatures(_Part):
    """Takes one tensor per raw feature, gives the model's outputs.

    A feature that an example may lack is dense here: NaN (float) or "" (string) says "missing".
    """

    kind: Literal["serve_features"] = "serve_features"
    inputs: dict[str, str] | None = None
    outputs: dict[str, str] | None = None
    method_name: str = PREDICT


class Preprocess(_Part):
    """Takes raw features or serialized examples, gives what the `model` signature takes.

    `of` names that signature of the plan; by default `xai_model`, else the only one of kind `model`.
    """

    kind: Literal["preprocess"] = "preprocess"
    receiver: Literal["features", "examples"] = "features"
    of: str | None = None
    input: str = "examples"
    inputs: dict[str, str] | None = None
    method_name: str = PREDICT


class Model(_Part):
    """The model's own inputs and outputs.

    `inputs` and `outputs` rename: exported name -> the source's. With `outputs`, only those are
    exported; `inputs` need not be complete.
    """

    kind: Literal["model"] = "model"
    inputs: dict[str, str] | None = None
    outputs: dict[str, str] | None = None
    method_name: str = PREDICT


class Alias(_Part):
    """Another key for a signature of the plan, else a kept one, else one of the source."""

    kind: Literal["alias"] = "alias"
    of: str
    method_name: str | None = None


Signature = Annotated[
    ServeExamples | ServeFeatures | Preprocess | Model | Alias,
    pydantic.Field(discriminator="kind"),
]


class Source(_Part):
    """How the source is read: the tags of its MetaGraph."""

    tags: tuple[str, ...] = ("serve",)


class Plan(_Part):
    """A whole plan; `keep` and `drop` name signatures of the source."""

    version: Literal[1] = 1
    source: Source = Source()
    keep: tuple[str, ...] | Literal["all"] = ()
    drop: tuple[str, ...] = ()
    exclude_features: tuple[str, ...] = ()
    signatures: dict[str, Signature]

    def to_json(self) -> str:
        """Return the plan as JSON, with its defaults, keys sorted: the same plan, the same text."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True)


PlanLike = Plan | Mapping[str, Any] | str


def read_plan(plan: PlanLike | os.PathLike[str], *, where: str = "the signature plan") -> Plan:
    """Return a plan from a Plan, a mapping, JSON text, or the path of a JSON file.

    A mapping without `signatures` is taken for the signatures alone; its values may be parts
    (`ServeExamples()`) or their JSON form.

    Raises:
      PlanError: every mistake that shows without a model, all at once.
    """
    if isinstance(plan, Plan):
        return plan
    if isinstance(plan, os.PathLike) or (isinstance(plan, str) and not plan.lstrip().startswith("{")):
        plan, where = _read_file(Path(plan)), str(plan)
    value: Any = plan
    if isinstance(plan, str):
        try:
            value = json.loads(plan)
        except ValueError as error:
            raise PlanError([Problem("JSON", f"cannot be read: {error}")], where=where) from error
    if isinstance(value, Mapping) and "signatures" not in value:
        value = {"signatures": _signatures_alone(value, where)}
    try:
        return Plan.model_validate(_plain(value))
    except pydantic.ValidationError as error:
        raise PlanError([_problem(item) for item in error.errors()], where=where) from error


def _signatures_alone(value: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    """Return a mapping that can be meant for signatures by key: any other document is one mistake, not many."""
    if all(isinstance(item, (_Part, Mapping)) for item in value.values()):
        return value
    found = ", ".join(sorted(str(key) for key in value))
    raise PlanError([Problem("the plan", "this is no plan", found, "`signatures`, or signatures by key")], where=where)


def _read_file(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise PlanError([Problem(str(path), f"cannot be read: {error.strerror}")], where=str(path)) from error


def _plain(value: Any) -> Any:
    """Parts inside of a mapping become their JSON form, so that one validation sees all mistakes."""
    if isinstance(value, pydantic.BaseModel):
        return value.model_dump()
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return value


def _problem(error: Any) -> Problem:
    # Under a signature's key, pydantic names the kind that it tried: no part of the document.
    place = [part for index, part in enumerate(error["loc"]) if not (index == 2 and error["loc"][0] == "signatures")]
    where = ".".join(str(part) for part in place) or "the plan"
    found = error.get("input")
    if error["type"] == "union_tag_invalid":
        wanted = error["ctx"]["expected_tags"].replace("'", "")
        return Problem(where, "no such kind", found=str(error["ctx"]["tag"]), wanted=wanted)
    if error["type"] == "union_tag_not_found":
        return Problem(where, "no kind", found=str(found), wanted="a kind such as serve_examples")
    if error["type"] == "extra_forbidden":
        return Problem(where, "no such field", found=str(error["loc"][-1]), next_step="remove or correct it")
    if error["type"] == "missing":
        return Problem(where, "a field is missing", wanted=str(error["loc"][-1]))
    return Problem(where, error["msg"], found=str(found)[:200])
