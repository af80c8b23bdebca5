"""A policy as text: the name of a preset, or a JSON document."""

from __future__ import annotations

from tfx_savedmodel.errors import PolicyError
from tfx_savedmodel.validation.near import did_you_mean
from tfx_savedmodel.validation.policy import Policy
from tfx_savedmodel.validation.presets import PRESETS


def read_policy(text: str, *, where: str = "the policy") -> Policy:
    """Return the policy of a JSON document, or the preset of that name.

    Whether the codes and parameters in it exist is seen when its checks are made.

    Raises:
      PolicyError: not a preset and not JSON, or with every field that no policy has or that has a wrong type.
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
    # pydantic takes longer to import than a graph check: only whoever has a policy file pays for it.
    from tfx_savedmodel.validation.policy_document import read_document

    return read_document(text, where)
