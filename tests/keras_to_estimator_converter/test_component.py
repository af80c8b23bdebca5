"""What KerasToEstimatorConverter accepts and refuses when a pipeline is defined."""

from __future__ import annotations

from typing import Any

import pytest

from tfx_savedmodel.errors import UsageError

pytestmark = pytest.mark.tfx


def converter(**arguments: Any) -> Any:
    from tfx import types
    from tfx.types import standard_artifacts

    from tfx_savedmodel import KerasToEstimatorConverter

    return KerasToEstimatorConverter(model=types.Channel(type=standard_artifacts.Model), **arguments)


def test_defaults() -> None:
    component = converter()
    assert set(component.outputs) == {"estimator_model", "estimator_checkpoint"}
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
