"""What KerasToEstimatorConverter accepts and refuses when a pipeline is defined."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from tfx_savedmodel import versions
from tfx_savedmodel.errors import UnsupportedStackError, UsageError

pytestmark = pytest.mark.tfx

HAS_ESTIMATORS = versions.has_estimator(versions.installed("tensorflow") or "")


def converter(**arguments: Any) -> Any:
    from tfx import types
    from tfx.types import standard_artifacts

    from tfx_savedmodel import KerasToEstimatorConverter

    return KerasToEstimatorConverter(model=types.Channel(type=standard_artifacts.Model), **arguments)


def test_defaults() -> None:
    component = converter()
    checkpoint = {"estimator_checkpoint"} if HAS_ESTIMATORS else set()
    assert set(component.outputs) == {"estimator_model"} | checkpoint
    assert component.spec.exec_properties["receiver"] == "both"
    assert component.spec.exec_properties["tolerance"] == 1e-6
    assert component.spec.exec_properties.get("target") is None
    assert converter(target="tf-2.7").spec.exec_properties["target"] == "tf-2.7"


def test_our_version_is_part_of_the_cache_key() -> None:
    from tfx_savedmodel import __version__

    assert converter().spec.exec_properties["tfx_savedmodel_version"] == __version__


@pytest.mark.parametrize(
    "arguments",
    [{"receiver": "examples"}, {"tolerance": -1.0}, {"tolerance": float("nan")}, {"target": "2.7"}],
    ids=str,
)
def test_refuses_what_no_conversion_takes(arguments: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as caught:
        converter(**arguments)
    assert repr(next(iter(arguments.values()))) in str(caught.value)
    assert caught.value.wanted


def test_all_that_can_be_said_is_part_of_the_cache_key(tmp_path: Any) -> None:
    (tmp_path / "classes.txt").write_text("a\nb\n", encoding="utf-8")
    (tmp_path / "own.py").write_text("", encoding="utf-8")
    (tmp_path / "notes.txt").write_text("Monday", encoding="utf-8")
    classes = {"file": str(tmp_path / "classes.txt")}
    component = converter(
        receiver="module:make",
        module_file=str(tmp_path / "own.py"),
        allow=["Attention"],
        feature_spec={"age": {"dtype": "float32"}},
        outputs={"classification": {"kind": "classify", "scores": "group", "classes": classes}},
        serving_default="classification",
        checkpoint_format="saver" if HAS_ESTIMATORS else "object",
        assets_extra={"about/notes.txt": tmp_path / "notes.txt"},
    )
    options = json.loads(component.spec.exec_properties["options"])
    assert options["outputs"]["classification"]["classes"] == {"labels": ["a", "b"]}
    assert (options["allow"], options["checkpoint_format"]) == (
        ["Attention"],
        "saver" if HAS_ESTIMATORS else "object",
    )
    assert options["feature_spec"] == {"age": {"dtype": "float32", "shape": []}}
    assert options["assets_extra"] == {"about/notes.txt": str(tmp_path / "notes.txt")}
    assert options["assets_extra_sha256"] == {"about/notes.txt": hashlib.sha256(b"Monday").hexdigest()}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"assets_extra": {"../a": __file__}}, "without .."),
        ({"assets_extra": {"a": "nothing"}}, "no such file"),
        ({"tolerance": "1e-6"}, "found: '1e-6'"),
        ({"outputs": {"x": {"kind": "classify"}}}, "neither scores nor classes"),
        ({"outputs": {"serve_raw": {"kind": "predict"}}}, "outputs.serve_raw"),
        ({"outputs": {"x": {"kind": "regress", "value": "v"}}, "receiver": "raw"}, "serialized examples"),
    ],
    ids=str,
)
def test_mistakes_are_told_when_the_pipeline_is_made(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        converter(**arguments)
    assert said in str(caught.value)


def test_the_checkpoint_is_an_output_where_there_are_estimators(monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(converter(estimator_checkpoint=False).outputs) == {"estimator_model"}
    own = versions.installed
    monkeypatch.setattr(versions, "installed", lambda name: "2.21.0" if name == "tensorflow" else own(name))
    assert set(converter().outputs) == {"estimator_model"}
    with pytest.raises(UnsupportedStackError) as caught:
        converter(estimator_checkpoint=True)
    assert "2.21.0" in caught.value.found and versions.LAST_TENSORFLOW_WITH_ESTIMATOR in caught.value.wanted
    with pytest.raises(UnsupportedStackError, match="checkpoint_format") as caught:
        converter(checkpoint_format="saver")
    assert "2.21.0" in caught.value.found and "tfx-1.15" in caught.value.next_step
