from __future__ import annotations

import json
from pathlib import Path

import pytest

from tfx_savedmodel.errors import UnreadableModelError, UnsafeModelError
from tfx_savedmodel.estimators import lambdas

pytestmark = pytest.mark.unit

LAMBDA = {"class_name": "Lambda", "config": {"name": "twice", "function": ["4wEAAA==", None, None]}}
CALL = {"class_name": "TFOpLambda", "config": {"name": "calls", "function": "compat.v1.write_file"}}


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (json.dumps({"class_name": "TimeDistributed", "config": {"layer": LAMBDA}}), UnsafeModelError),
        (json.dumps({"class_name": "Functional", "config": {"layers": [CALL]}}), UnsafeModelError),
        (json.dumps(CALL), UnsafeModelError),
        ("{", UnreadableModelError),
    ],
    ids=["hidden", "in a functional model", "of a layer", "broken"],
)
def test_what_cannot_be_told_harmless_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, error: type[Exception]
) -> None:
    nodes = [("root.layer-0", json.dumps({"class_name": "Dense", "config": {"units": 2}})), ("root.layer-1", text)]
    monkeypatch.setattr(lambdas, "_configurations", lambda _: iter(nodes))
    with pytest.raises(error, match="layer-1"):
        lambdas.refuse_lambdas_of(tmp_path)
