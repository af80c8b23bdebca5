"""What a plan alone promises of the signatures, in the form in which the exporter writes it."""

from __future__ import annotations

from typing import Any

from tfx_savedmodel.signatures.kinds import CLASSIFY, REGRESS, Classify, Preprocess, Regress, ServeExamples, Signature
from tfx_savedmodel.signatures.plan import Plan


def planned_signatures(plan: Plan) -> dict[str, Any]:
    """Return for each key of the plan what can be said without the model: method, names, dtypes.

    What depends on the model (the names of all its inputs, say) is left out, and so is not judged.
    Kept signatures of "all" are unknown here; named ones must be there.
    """
    expected: dict[str, Any] = {key: {} for key in (plan.keep if plan.keep != "all" else ())}
    return {**expected, **{key: _promised(part) for key, part in plan.signatures.items()}}


def _promised(part: Signature) -> dict[str, Any]:
    examples = {"inputs": {"dtype": "string"}}
    if isinstance(part, Classify):
        named = {"classes": part.classes, "scores": part.scores}
        outputs: dict[str, Any] = {name: {} for name, value in named.items() if value is not None}
        return {"method_name": CLASSIFY, "inputs": examples, "outputs": outputs}
    if isinstance(part, Regress):
        return {"method_name": REGRESS, "inputs": examples, "outputs": {"outputs": {}}}
    facts: dict[str, Any] = {} if part.method_name is None else {"method_name": part.method_name}
    if isinstance(part, ServeExamples) or (isinstance(part, Preprocess) and part.receiver == "examples"):
        facts["inputs"] = {part.input: {"dtype": "string"}}
    if not isinstance(part, Preprocess) and part.outputs:
        facts["outputs"] = {name: {} for name in part.outputs}
    return facts
