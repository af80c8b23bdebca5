"""Export outputs: what an Estimator's PredictOutput, ClassificationOutput and RegressionOutput give, as a plan.

Source: tensorflow_estimator/python/estimator/export/export_output.py.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from tfx_savedmodel.errors import UsageError
from tfx_savedmodel.estimators.receivers import DEFAULT
from tfx_savedmodel.signatures.kinds import PREDICT

#: What the receiver's own signature is called while others are made of it.
BASE = "receiver"

_KINDS: dict[str, tuple[str, ...]] = {
    "predict": ("outputs",),
    "classify": ("scores", "classes"),
    "regress": ("value",),
}

#: Where labels come from that are no output of the model.
_CLASSES = ("labels", "vocabulary", "file")

OutputsLike = Mapping[str, Any] | str | os.PathLike[str]


def read_outputs(given: OutputsLike | None, default: str | None) -> dict[str, dict[str, Any]]:
    """Return export outputs as plain data, by signature key: of a mapping, JSON text, or the path of a JSON file.

    Each has a `kind`: "predict" (perhaps with `outputs`, exported name -> the model's), "classify" (`scores`,
    `classes`, as a plan's) or "regress" (`value`).

    Args:
      default: the key that is `serving_default` too.

    Raises:
      UsageError: they cannot be read; the key is named.
    """
    if given is None:
        if default is not None:
            raise UsageError("no outputs to choose from", where="serving_default", found=default, wanted="outputs=…")
        return {}
    document: Any = given
    if isinstance(given, (str, os.PathLike)):
        try:
            is_text = isinstance(given, str) and given.lstrip().startswith("{")
            document = json.loads(str(given) if is_text else Path(given).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UsageError("the outputs cannot be read", where="outputs", found=str(error)) from error
    if not isinstance(document, Mapping) or not document:
        raise _wrong("outputs", type(document).__name__, "a JSON object of outputs by signature key")
    outputs = {str(key): _output(f"outputs.{key}", item) for key, item in document.items()}
    if default is not None and default not in outputs:
        raise _wrong("serving_default", repr(default), f"one of {', '.join(outputs)}")
    if default not in (None, DEFAULT) and DEFAULT in outputs:
        raise _wrong("serving_default", f"{default!r} and an output of the key {DEFAULT!r}", "one of them")
    return outputs


def plan_of(outputs: Mapping[str, Mapping[str, Any]], default: str | None, others: list[str]) -> dict[str, Any]:
    """Return the plan that makes outputs of a SavedModel whose receiver's signature is called `BASE`.

    Without a default of the author's, `serving_default` predicts all that the model gives.
    """
    signatures = {key: _part(item) for key, item in outputs.items()}
    if DEFAULT not in signatures:
        signatures[DEFAULT] = {"kind": "alias", "of": default or BASE}
    return {"keep": others, "signatures": signatures}


def refuse_unknown(outputs: Mapping[str, Mapping[str, Any]], names: Collection[str]) -> None:
    """Raise UsageError where outputs want something of a model that it does not give.

    Args:
      names: of the model's outputs.
    """
    for key, item in outputs.items():
        chosen = item.get("outputs") or {}
        used = {f"outputs.{name}": own for name, own in chosen.items()}
        used |= {field: item[field] for field in ("scores", "classes", "value") if isinstance(item.get(field), str)}
        for field, name in used.items():
            if name not in names:
                raise _wrong(f"outputs.{key}.{field}", repr(name), f"an output of the model: {', '.join(names)}")


def _part(item: Mapping[str, Any]) -> dict[str, Any]:
    if item["kind"] != "predict":
        return {**item, "of": BASE}
    return {"kind": "alias", "of": BASE, "outputs": item.get("outputs"), "method_name": PREDICT}


def _output(where: str, item: Any) -> dict[str, Any]:
    kind = item.get("kind") if isinstance(item, Mapping) else None
    if not isinstance(item, Mapping) or kind not in _KINDS:
        raise _wrong(f"{where}.kind", repr(item if kind is None else kind), " or ".join(_KINDS))
    unknown = sorted(set(item) - {"kind", *_KINDS[kind]})
    if unknown:
        raise _wrong(where, f"the field {unknown[0]!r}", ", ".join(_KINDS[kind]))
    made = {name: value for name, value in item.items() if value is not None}
    if isinstance(made.get("classes"), Mapping):
        made["classes"] = {name: value for name, value in made["classes"].items() if value is not None}
    _check_fields(where, made)
    return made


def _check_fields(where: str, item: Mapping[str, Any]) -> None:
    kind, classes, chosen = item["kind"], item.get("classes"), item.get("outputs")
    if kind == "classify" and not {"scores", "classes"} & set(item):
        raise _wrong(where, "neither scores nor classes", "one of them at least")
    if kind == "regress" and "value" not in item:
        raise _wrong(where, "no value", "value, the name of one of the model's outputs")
    for field in ("scores", "value"):
        if field in item and not _is_name(item[field]):
            raise _wrong(f"{where}.{field}", repr(item[field]), "the name of one of the model's outputs")
    if chosen is not None and not (isinstance(chosen, Mapping) and chosen and all(map(_is_name, chosen.values()))):
        raise _wrong(f"{where}.outputs", repr(chosen), "an object of exported names -> the model's outputs")
    if classes is None or _is_name(classes):
        return
    if not (isinstance(classes, Mapping) and len(classes) == 1 and set(classes) <= set(_CLASSES)):
        wanted = f"the name of an output, or an object with one of {', '.join(_CLASSES)}"
        raise _wrong(f"{where}.classes", repr(classes), wanted)
    for field in ("vocabulary", "file"):
        if field in classes and not isinstance(classes[field], (str, os.PathLike)):
            raise _wrong(f"{where}.classes.{field}", repr(classes[field]), "a name")
    labels = classes.get("labels", ["a label"])
    if not (isinstance(labels, (list, tuple)) and labels and all(isinstance(label, str) for label in labels)):
        raise _wrong(f"{where}.classes.labels", repr(labels), "a list of texts, one at least")


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _wrong(where: str, found: str, wanted: str) -> UsageError:
    return UsageError("the outputs have a mistake", where=where, found=found, wanted=wanted)
