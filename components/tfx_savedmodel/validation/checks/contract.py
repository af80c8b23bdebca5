"""SM105 contract."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from tfx_savedmodel.saved_model.reader import CONTRACT_FILE
from tfx_savedmodel.saved_model.tensors import compatible
from tfx_savedmodel.saved_model.view import GraphView, SignatureView, TensorSpec
from tfx_savedmodel.validation.check import GraphCheck, Skip
from tfx_savedmodel.validation.result import Finding

_NEXT = "export again with this plan, or validate against the plan that was exported"


@dataclasses.dataclass(frozen=True)
class Contract(GraphCheck):
    """The signatures are those that the exporter's plan promised.

    Names, dtypes, shapes and method names are compared with what SignatureExporter wrote into the
    model (or with the plan given); a kept signature must be there as well.

    Why: somebody who was promised `xai_model` with these inputs builds on it.
    Remedy: export again with the plan; do not edit an exported model.
    """

    code: ClassVar[str] = "SM105"
    name: ClassVar[str] = "contract"
    expected: Mapping[str, Any] | None = None
    """The signatures wanted, as the exporter writes them; None takes those in the model."""

    def check(self, graph: GraphView) -> Iterator[Finding]:
        expected = self.expected
        if expected is None and graph.contract is not None:
            expected = graph.contract.get("signatures")
        if expected is None and CONTRACT_FILE not in graph.files:
            raise Skip("the model carries no plan and none was given")
        malformed = _malformed(expected) if isinstance(expected, Mapping) else "no signatures by key"
        if malformed is not None:
            yield Finding(
                "what the model carries about its plan is malformed",
                {"file": CONTRACT_FILE},
                found=malformed,
                wanted="what SignatureExporter writes",
                next=_NEXT,
            )
            return
        meta_graph = graph.meta_graph()
        signatures = meta_graph.signatures if meta_graph else {}
        assert expected is not None
        for key in sorted(set(expected) | set(signatures)):
            if key not in signatures or key not in expected:
                yield _presence(key, sorted(signatures), sorted(expected))
            else:
                yield from _signature(signatures[key], expected[key])


def _malformed(expected: Mapping[str, Any]) -> str | None:
    """Return what is not of the exporter's form: the file may be anybody's."""
    for key, signature in expected.items():
        if not isinstance(signature, Mapping) or not isinstance(signature.get("method_name"), (str, type(None))):
            return f"signature {key!r}"
        for side in ("inputs", "outputs"):
            specs = signature.get(side)
            if not isinstance(specs, (Mapping, type(None))):
                return f"{side} of {key!r}"
            for name, spec in (specs or {}).items():
                if not _is_spec(spec):
                    return f"{name!r} in {side} of {key!r}"
    return None


def _is_spec(spec: Any) -> bool:
    if not isinstance(spec, Mapping):
        return spec is None
    shape = spec.get("shape")
    sizes = shape if isinstance(shape, (list, tuple)) else ()
    is_shape = shape is None or (
        isinstance(shape, (list, tuple)) and all(isinstance(n, (int, type(None))) for n in sizes)
    )
    return is_shape and isinstance(spec.get("dtype", ""), str)


def _presence(key: str, found: list[str], wanted: list[str]) -> Finding:
    fault = "is missing" if key in wanted else "is not in the plan"
    return Finding(
        f"the signature {key!r} {fault}", {"signature": key}, ", ".join(found) or "none", ", ".join(wanted), _NEXT
    )


def _signature(signature: SignatureView, expected: Mapping[str, Any]) -> Iterator[Finding]:
    where = {"signature": signature.key}
    method = expected.get("method_name")
    if method is not None and method != signature.method_name:
        yield Finding("another method name than planned", where, signature.method_name, str(method), _NEXT)
    for side, specs in (("input", signature.inputs), ("output", signature.outputs)):
        wanted = expected.get(f"{side}s")
        if wanted is not None:
            yield from _specs(where, side, specs, wanted)


def _specs(
    where: Mapping[str, str], side: str, specs: Mapping[str, TensorSpec], wanted: Mapping[str, Any]
) -> Iterator[Finding]:
    if sorted(specs) != sorted(wanted):
        yield Finding(f"other {side}s than planned", where, ", ".join(sorted(specs)), ", ".join(sorted(wanted)), _NEXT)
    for name in sorted(set(specs) & set(wanted)):
        plan = wanted[name] or {}
        place = {**where, side: name}
        if "dtype" in plan and plan["dtype"] != specs[name].dtype:
            yield Finding("another dtype than planned", place, specs[name].dtype, str(plan["dtype"]), _NEXT)
        if plan.get("shape") is not None and not compatible(specs[name].shape, tuple(plan["shape"])):
            yield Finding("another shape than planned", place, str(specs[name]), str(plan["shape"]), _NEXT)
