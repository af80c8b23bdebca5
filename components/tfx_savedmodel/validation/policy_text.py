"""A policy as text: the name of a preset, or a JSON document."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tfx_savedmodel.errors import PolicyError
from tfx_savedmodel.validation.near import did_you_mean
from tfx_savedmodel.validation.policy import Policy
from tfx_savedmodel.validation.presets import PRESETS


def to_policy(given: Policy | Mapping[str, Any] | str, *, where: str = "the policy") -> Policy:
    """Return a policy given in any form: itself, a preset's name, a JSON document as text or as a mapping.

    Raises:
      PolicyError: as `read_policy`; a mapping that JSON cannot hold.
    """
    if isinstance(given, Policy):
        return given
    if isinstance(given, str):
        return read_policy(given, where=where)
    try:
        return read_policy(json.dumps(given), where=where)
    except (TypeError, ValueError, RecursionError) as error:
        raise PolicyError(
            "the policy cannot be read",
            where=where,
            found=f"{type(error).__name__}: {error}",
            wanted="a mapping of texts, numbers, lists and mappings, as a JSON file has them; or a Policy",
        ) from error


def read_policy(text: str, *, where: str = "the policy") -> Policy:
    """Return the policy of a JSON document, or the preset of that name.

    Raises:
      PolicyError: not a preset and not JSON, or with every mistake in the document, as `read_policy_file`.
    """
    if text in PRESETS:
        return PRESETS[text]
    if not text.lstrip().startswith("{"):
        raise PolicyError(
            "no such policy",
            where=where,
            found=repr(text[:100]),
            wanted=f"a JSON object or one of {', '.join(PRESETS)}",
            next_step=did_you_mean(text, PRESETS),
        )
    return read_policy_file(text, where=where)


def read_policy_file(text: str, *, where: str) -> Policy:
    """Return the policy in a file's text, which is JSON.

    Raises:
      PolicyError: nothing there or no JSON; or with every field that no policy has, that is there twice, that has a
        wrong type, or that names a check or parameter that does not exist.
    """
    # pydantic takes longer to import than a graph check: only whoever has a policy file pays for it.
    from tfx_savedmodel.validation.policy_document import read_document

    return read_document(text, where)
