"""The signatures of a model, or of a contract of one saved as JSON, read without the weights."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from tfx_savedmodel.errors import UnreadableModelError, UsageError
from tfx_savedmodel.saved_model.facts import model_facts
from tfx_savedmodel.saved_model.locate import find_saved_model
from tfx_savedmodel.saved_model.reader import read_saved_model
from tfx_savedmodel.saved_model.remote import WEIGHTS, Staging
from tfx_savedmodel.saved_model.saved_contract import check_contract, read_contract

#: Signatures in JSON form, by key.
Signatures = Mapping[str, Any]

#: A model's path, the path of a contract, or what `inspect` returns.
ModelOrContract = str | os.PathLike[str] | Mapping[str, Any]


def read_signatures(stage: Staging, given: ModelOrContract, what: str) -> dict[tuple[str, ...], Signatures]:
    """Return the signatures of each MetaGraph, by its tags in order.

    Args:
      stage: brings what is remote here.
      given: a SavedModel directory, a TFX Model artifact's, the JSON file that `inspect --format json` printed, or
        what `inspect` returned.
      what: what it is for, as an error says it: "the baseline".

    Raises:
      UnreadableModelError: no model, one whose graph cannot be read, or a malformed contract, with the place.
      UsageError: a remote path that cannot be fetched.
    """
    name = what if isinstance(given, Mapping) else os.fspath(given)
    facts = _facts(stage, given, what, name)
    if facts.get("fault"):
        raise UnreadableModelError(
            f"{what} cannot be read",
            where=name,
            found=str(facts["fault"]),
            wanted="a SavedModel whose graph can be read, or a contract of one",
            next_step="export the model again",
        )
    return {tuple(sorted(item["tags"])): item["signatures"] for item in facts["meta_graphs"]}


def read_baseline(stage: Staging, given: ModelOrContract, tags: Sequence[str]) -> tuple[Signatures, str]:
    """Return the signatures that clients use today, and what to call where they come from.

    Of several MetaGraphs the one with these tags counts; one alone counts whatever its tags.

    Raises:
      UnreadableModelError, UsageError: as `read_signatures`; several MetaGraphs, none with these tags.
    """
    name = "the contract given" if isinstance(given, Mapping) else os.fspath(given)
    found = read_signatures(stage, given, "the baseline")
    wanted = tuple(sorted(tags))
    if wanted not in found and len(found) != 1:
        raise UsageError(
            "the baseline has no MetaGraph with the model's tags",
            where=name,
            found="; ".join(", ".join(item) or "no tags" for item in sorted(found)) or "no MetaGraph",
            wanted=", ".join(wanted),
            next_step="name a baseline that was exported with these tags",
        )
    return found[wanted] if wanted in found else next(iter(found.values())), name


def contract_text(given: ModelOrContract) -> str:
    """Return a contract as one line of JSON, to be kept where its file may not be any more.

    Args:
      given: the JSON file that `inspect --format json` printed, or what `inspect` returned.

    Raises:
      UnreadableModelError: no contract, or a malformed one, with the place.
      UsageError: a model, not a contract of one; a remote path that cannot be fetched.
    """
    with Staging() as stage:
        if not isinstance(given, Mapping) and stage.path(given, "the contract", hollow=WEIGHTS).is_dir():
            raise UsageError(
                "a directory is no contract",
                where=os.fspath(given),
                wanted="the JSON that `tfx-savedmodel inspect --format json` prints",
                next_step=f"tfx-savedmodel inspect {os.fspath(given)} --format json > contract.json",
            )
        return json.dumps(_facts(stage, given, "the contract", "contract"), sort_keys=True)


def _facts(stage: Staging, given: ModelOrContract, what: str, name: str) -> Mapping[str, Any]:
    if isinstance(given, Mapping):
        return check_contract(given, name)
    path = stage.path(given, what, hollow=WEIGHTS)
    return read_contract(path, name) if path.is_file() else model_facts(read_saved_model(find_saved_model(path)))
