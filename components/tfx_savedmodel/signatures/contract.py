"""What a plan alone promises of the signatures, in the form in which the exporter writes it."""

from __future__ import annotations

from typing import Any

from tfx_savedmodel.signatures.plan import Alias, Plan, Preprocess, ServeExamples


def planned_signatures(plan: Plan) -> dict[str, Any]:
    """Return for each key of the plan what can be said without the model: method, names, dtypes.

    What depends on the model (the names of all its inputs, say) is left out, and so is not judged.
    Kept signatures of "all" are unknown here; named ones must be there.
    """
    expected: dict[str, Any] = {key: {} for key in (plan.keep if plan.keep != "all" else ())}
    for key, part in plan.signatures.items():
        facts: dict[str, Any] = {}
        if part.method_name is not None:
            facts["method_name"] = part.method_name
        if isinstance(part, ServeExamples) or (isinstance(part, Preprocess) and part.receiver == "examples"):
            facts["inputs"] = {part.input: {"dtype": "string"}}
        if not isinstance(part, (Alias, Preprocess)) and part.outputs:
            facts["outputs"] = {name: {} for name in part.outputs}
        expected[key] = facts
    return expected
