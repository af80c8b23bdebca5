"""What stands in a container's command for what is known only when it runs, as Kubeflow's launcher fills it in."""

from __future__ import annotations

import decimal
import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tfx_savedmodel.errors import UsageError

WHOLE = "{{$}}"
#: Above, an int would say digits that the float has not.
_WHOLE_BELOW = 2**53
_ANY = re.compile(r"\{\{\$[^}]*\}\}")


def fill_in(text: str, executor_input: Mapping[str, Any], where: str) -> str:
    """Return `text` with its placeholders replaced; `{{$}}` is the ExecutorInput as JSON.

    Raises:
      UsageError: a placeholder has no value, or is not understood.
    """
    known = {WHOLE: as_json(executor_input), **dict(_values(executor_input))}

    def value(match: re.Match[str]) -> str:
        if match[0] not in known:
            raise UsageError(
                "a placeholder has no value here", where=where, found=match[0], wanted=", ".join(sorted(known))
            )
        return known[match[0]]

    return _ANY.sub(value, text)


def as_text(value: Any) -> str:
    """Return a parameter as it stands in a command: numbers without a needless point or exponent, the rest as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return str(int(value)) if value.is_integer() else format(decimal.Decimal(repr(value)), "f")
    return as_json(value)


def as_json(value: Any) -> str:
    """Return JSON as Kubeflow writes it: a whole number has no point, though every number is a float."""
    return json.dumps(_plain(value))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < _WHOLE_BELOW else value


def _values(executor_input: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    inputs, outputs = executor_input["inputs"], executor_input.get("outputs", {})
    for key, value in inputs["parameterValues"].items():
        yield f"{{{{$.inputs.parameters['{key}']}}}}", as_text(value)
    for key, parameter in outputs.get("parameters", {}).items():
        yield f"{{{{$.outputs.parameters['{key}'].output_file}}}}", parameter["outputFile"]
    for side, artifacts in (("inputs", inputs["artifacts"]), ("outputs", outputs.get("artifacts", {}))):
        for key, listed in artifacts.items():
            for artifact in listed.get("artifacts", [])[:1]:
                place = f"{{{{$.{side}.artifacts['{key}']"
                yield f"{place}.uri}}}}", artifact["uri"]
                yield f"{place}.path}}}}", artifact["uri"]
                for name, value in artifact.get("metadata", {}).items():
                    yield f"{place}.metadata['{name}']}}}}", as_text(value)
