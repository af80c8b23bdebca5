from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tfx_savedmodel.errors import UnreadableModelError, UnsafeModelError
from tfx_savedmodel.estimators.lambdas import refuse_lambdas, written_by

pytestmark = pytest.mark.unit

DENSE = {"class_name": "Dense", "config": {"name": "dense", "units": 2}}
LAMBDA = {"class_name": "Lambda", "config": {"name": "twice", "function": ["4wEAAA==", None, None]}}


def keras_file(path: Path, config: Any) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", config if isinstance(config, str) else json.dumps(config))
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.1.0"}))
    return path


def model(*layers: Any) -> dict[str, Any]:
    return {"class_name": "Sequential", "config": {"layers": list(layers)}}


@pytest.mark.parametrize(
    "hidden",
    [
        LAMBDA,
        {"class_name": "TimeDistributed", "config": {"layer": LAMBDA}},
        model(LAMBDA),
        {
            "class_name": "Dense",
            "config": {"activation": {"class_name": "__lambda__", "config": {"value": "4wEAAA=="}}},
        },
        {"class_name": "ResidualWrapper", "config": {"residual_fn": ["4wEAAA=="], "residual_fn_type": "lambda"}},
    ],
    ids=["plain", "wrapped", "nested model", "activation", "wrapped cell"],
)
def test_marshalled_code_is_found_wherever_it_hides(tmp_path: Path, hidden: Any) -> None:
    with pytest.raises(UnsafeModelError, match="Python code"):
        refuse_lambdas(keras_file(tmp_path / "m.keras", model(DENSE, hidden)))


def test_layers_of_configuration_alone_pass(tmp_path: Path) -> None:
    operation = {"class_name": "TFOpLambda", "config": {"name": "tf.add", "function": "math.add"}}
    refuse_lambdas(keras_file(tmp_path / "m.keras", model(DENSE, operation)))


def test_a_broken_configuration_is_not_taken_for_a_harmless_one(tmp_path: Path) -> None:
    with pytest.raises(UnreadableModelError):
        refuse_lambdas(keras_file(tmp_path / "m.keras", "{"))


def test_the_writers_version_is_read_where_there_is_one(tmp_path: Path) -> None:
    assert written_by(keras_file(tmp_path / "m.keras", model(DENSE))) == "3.1.0"
    (tmp_path / "m.h5").write_bytes(b"no HDF5")
    assert written_by(tmp_path / "m.h5") == ""
