"""The policies that have a name; docs/policy.md says the same in a table."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from tfx_savedmodel.validation.policy import Policy
from tfx_savedmodel.validation.result import Severity

#: What a server needs: whole files, a MetaGraph and signatures that it can answer with, nothing that harms
#: its machine, a load by its own loader, and an answer.
_SERVING = ("SM101", "SM102", "SM103", "SM104", "SM120", "SM121", "SM201", "SM204")

#: What can be said of every SavedModel, whatever is given beside it.
_NEEDS_NO_INPUT = (
    *("SM101", "SM102", "SM103", "SM104", "SM108", "SM111", "SM112", "SM113", "SM120", "SM121"),
    *("SM201", "SM202", "SM203", "SM204", "SM205"),
)

#: Whether it can be loaded without harm is what is asked of a model that nobody trusts.
_HARMLESS = ("SM101", "SM120", "SM121")

_SERVING_POLICY = Policy(
    name="serving",
    required=_SERVING,
    # A server loads in C++; that Python does not, or answers otherwise, is somebody else's trouble.
    severity=dict.fromkeys(("SM202", "SM203", "SM205"), Severity.WARNING),
    # Clients name the signature that they ask: any will do, but there has to be one.
    parameters={"SM103": {"required": ()}},
)

PRESETS: Mapping[str, Policy] = {
    "default": Policy(),
    "strict": Policy(name="strict", required=_NEEDS_NO_INPUT, severity={"SM": Severity.ERROR}),
    "serving": _SERVING_POLICY,
    "explanations": dataclasses.replace(
        _SERVING_POLICY,
        name="explanations",
        required=(*_SERVING, "SM107", "SM305", "SM306"),
        parameters={**_SERVING_POLICY.parameters, "SM107": {"required": True}},
    ),
    "untrusted": Policy(
        name="untrusted",
        select=("SM1",),
        required=_HARMLESS,
        severity={"SM1": Severity.WARNING, **dict.fromkeys(_HARMLESS, Severity.ERROR)},
        loads=False,
    ),
}

#: What each preset is for, as its documentation says it.
ABOUT: Mapping[str, str] = {
    "default": "Makes every check that can be made with what is given. What does not keep a model from being "
    "served is a warning.",
    "strict": "Makes every check that can be made; no finding is a mere warning, and what needs no further input has "
    "to be answered.",
    "serving": "What keeps a server from serving is an error and has to be answered; what only concerns the loaders "
    "of Python is a warning.",
    "explanations": "`serving`, and the signatures for explanations have to be there and hold on examples.",
    "untrusted": "Reads the graph and loads nothing, whatever is selected: whether the model's files are whole and "
    "nothing in it reads, writes or runs what it should not. Whatever else the graph shows is a warning.",
}
