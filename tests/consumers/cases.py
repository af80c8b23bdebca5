"""What old consumers are asked: `CASES` has models, the plans of their exports, and questions."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from tests.conftest import ROOT
from tests.consumers.consumer import Arrays
from tests.consumers.models import serialized
from tests.operations.models import is_keras_2

KERAS_3 = ROOT / ".venv-tf-2.21" / "bin" / "python"

TEXTS = {"text": np.array([[b"red fish blue fish"], [b"One, GREEN fish!"], [b""]], dtype=object)}
STEPS = {"steps": np.linspace(-1, 1, 24, dtype=np.float32).reshape(3, 4, 2)}
DENSE = {
    "bill": np.float32([[0.5], [-1.0], [2.0]]),
    "island": np.float32([[1, 0, 0], [0, 1, 0], [0, 0, 1]]),
}
PEOPLE = {"age": np.float32([[0.5], [-3.0], [2.0]]), "city": np.int64([[1], [0], [3]])}
#: Of the Transform graph: as tensors, and as examples that lack what is missing.
RAW = {
    "mass": np.float32([[1.0], [float("nan")], [3.0]]),
    "island": np.array([[b"Dream"], [b"Biscoe"], [b""]], dtype=object),
}
RAW_EXAMPLES = np.concatenate(
    [
        serialized(mass=[[1.0]], island=[[b"Dream"]]),
        serialized(island=[[b"Biscoe"]]),
        serialized(mass=[[3.0]]),
    ]
)
TRANSFORMED = {"mass_scaled": np.float32([[0.5], [-1.0], [2.0]]), "island_hot": np.eye(4, dtype=np.float32)[:3]}
ESTIMATOR_INPUTS = {
    "classification": "inputs",
    "predict": "examples",
    "regression": "inputs",
    "serving_default": "inputs",
}
WORDS = serialized(age=[[1.0], [2.0]], word=[[b"red"], [b"green"]])
ROWS = serialized(x=[[1.0, 2.0, 3.0], [0.0, -1.0, 1.0]], word=[[b"red"], [b"x"]])
NUMBERS = {"x": np.float32([[1, 2, 3], [0, -1, 1]]), "word": np.array([b"red", b"x"], dtype=object)}


@dataclasses.dataclass(frozen=True)
class Case:
    """A model and its export.

    Attributes:
      model: its name in tests/consumers/models.py; "keras3-…" is built by Keras 3.
      plan: of the export; None where the model is converted to an Estimator instead.
      requests: the inputs of each signature that is asked.
      own: the exported signatures that answer as one of the source does, by the source's key.
      transform: whether it is exported with a Transform graph.
    """

    model: str
    plan: Mapping[str, Any] | None
    requests: Mapping[str, Arrays]
    own: Mapping[str, str]
    transform: bool = False


def _keras_cases(version: int) -> dict[str, Case]:
    own_model = {"signatures": {"serving_default": {"kind": "model"}}}
    receivers = {"serving_default": {"kind": "serve_examples"}, "xai_model": {"kind": "model"}}
    same = {"serving_default": "serving_default"}
    return {
        f"keras{version}-dense": Case(
            f"keras{version}-dense",
            {"signatures": receivers},
            {"serving_default": {"examples": serialized(**DENSE)}, "xai_model": DENSE},
            {"xai_model": "serving_default"},
        ),
        f"keras{version}-lstm": Case(f"keras{version}-lstm", own_model, {"serving_default": STEPS}, same),
        f"keras{version}-text-vectorization": Case(
            f"keras{version}-text-vectorization", own_model, {"serving_default": TEXTS}, same
        ),
    }


def _tf1_case(model: str) -> Case:
    plan = {"keep": "all", "signatures": {"again": {"kind": "alias", "of": "serving_default"}}}
    own = {"again": "serving_default", "serving_default": "serving_default"}
    return Case(model, plan, {"again": NUMBERS, "serving_default": NUMBERS}, own)


#: Each kind of signature that a Transform graph serves.
TRANSFORM = {
    "serving_default": "serve_examples",
    "serve_raw": "serve_features",
    "xai_preprocess": "preprocess",
    "xai_model": "model",
}

CASES = {
    **_keras_cases(2),
    **_keras_cases(3),
    "bag-of-words": Case(
        "bag-of-words",
        {"signatures": {"serving_default": {"kind": "model"}}},
        {"serving_default": TEXTS},
        {"serving_default": "serving_default"},
    ),
    "swish": Case(
        "swish",
        {"signatures": {"serving_default": {"kind": "model"}}},
        {"serving_default": {"x": np.float32([[1, 2, 3, 4], [-1, 0.5, 0, 2]])}},
        {"serving_default": "serving_default"},
    ),
    "text-table": Case(
        "text-table",
        {"signatures": {"serving_default": {"kind": "function"}}},
        {"serving_default": TEXTS},
        {"serving_default": "serving_default"},
    ),
    "transform": Case(
        "transformed",
        {
            "exclude_features": ["species", "year"],
            "signatures": {key: {"kind": kind} for key, kind in TRANSFORM.items()},
        },
        {
            "serving_default": {"examples": RAW_EXAMPLES},
            "serve_raw": RAW,
            "xai_preprocess": RAW,
            "xai_model": TRANSFORMED,
        },
        {"xai_model": "serving_default"},
        transform=True,
    ),
    "converted": Case(
        "two-inputs",
        None,
        {"serving_default": {"examples": serialized(**PEOPLE)}, "serve_raw": PEOPLE},
        {"serve_raw": "serving_default"},
    ),
    "converted-text": Case(
        "text-file",
        None,
        {"serving_default": {"examples": serialized(text=TEXTS["text"].tolist())}, "serve_raw": TEXTS},
        {},
    ),
    "estimator": Case(
        "estimator",
        {"keep": "all", "signatures": {}},
        {key: {name: WORDS} for key, name in ESTIMATOR_INPUTS.items()},
        {key: key for key in ESTIMATOR_INPUTS},
    ),
    "tf1-receivers": Case(
        "tf1-ref",
        {
            "keep": "all",
            "signatures": {
                "examples": {"kind": "serve_examples"},
                "classify": {
                    "kind": "classify",
                    "of": "examples",
                    "scores": "scores",
                    "classes": {"labels": ["small", "large"]},
                },
            },
        },
        {"examples": {"examples": ROWS}, "classify": {"inputs": ROWS}, "serving_default": NUMBERS},
        {"serving_default": "serving_default"},
    ),
    "tf1-ref": _tf1_case("tf1-ref"),
    "tf1-resource": _tf1_case("tf1-resource"),
}


def missing(case: Case) -> str:
    """Return why this stack cannot build a case, or nothing."""
    if not is_keras_2():
        is_here = case.plan is None or case.model.startswith(("keras3-", "tf1-"))
        return "" if is_here else "in the default stack"
    if case.model.startswith("keras3-") and not KERAS_3.exists():
        return "Keras 3 is in the environment of the light lane: make .venv-tf-2.21/.installed"
    return ""
