"""What SavedModelValidator accepts and refuses when a pipeline is defined."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tfx_savedmodel.errors import PolicyError, UnreadableModelError, UsageError

pytestmark = pytest.mark.tfx


def validator(**arguments: Any) -> Any:
    from tfx import types
    from tfx.types import standard_artifacts

    from tfx_savedmodel import SavedModelValidator

    return SavedModelValidator(model=types.Channel(type=standard_artifacts.Model), **arguments)


def policy_of(component: Any) -> dict[str, Any]:
    policy: dict[str, Any] = json.loads(component.spec.exec_properties["policy"])
    return policy


def test_default_policy_goes_in_by_content() -> None:
    policy = policy_of(validator())
    assert policy["name"] == "default"
    assert policy["select"] == []
    assert policy_of(validator(policy="strict"))["severity"] == {"SM": "error"}


def test_policy_forms_agree() -> None:
    from tfx_savedmodel import Policy

    written = {"name": "mine", "required": ["SM103"], "severity": {"SM107": "warning"}}
    from_mapping = policy_of(validator(policy=written))
    assert from_mapping == policy_of(validator(policy=json.dumps(written)))
    assert from_mapping["severity"] == {"SM107": "warning"}
    assert policy_of(validator(policy=Policy(name="mine")))["name"] == "mine"


def test_blessing_feeds_pusher() -> None:
    from tfx.components import Pusher
    from tfx.proto import pusher_pb2

    component = validator()
    destination = pusher_pb2.PushDestination(filesystem=pusher_pb2.PushDestination.Filesystem(base_directory="/x"))
    Pusher(infra_blessing=component.outputs["blessing"], push_destination=destination)


@pytest.mark.parametrize(
    "policy",
    [
        "no-such-preset",
        {"requires": ["SM103"]},
        '{"limits": 3}',
        {"required": ["SM999"]},
        {"parameters": {"SM103": {"keys": []}}},
    ],
    ids=str,
)
def test_refuses_a_policy_that_cannot_be_read(policy: Any) -> None:
    with pytest.raises(PolicyError):
        validator(policy=policy)


@pytest.mark.parametrize("arguments", [{"splits": "eval"}, {"splits": ()}, {"on_undecided": "bless"}], ids=str)
def test_refuses_what_no_validation_takes(arguments: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as caught:
        validator(**arguments)
    assert caught.value.wanted


def test_a_target_is_an_execution_property_and_must_be_known() -> None:
    assert validator().spec.exec_properties.get("target") is None
    assert validator(target="tf-2.7").spec.exec_properties["target"] == "tf-2.7"
    with pytest.raises(UsageError, match="no such consumer"):
        validator(target="2.7")


def channel(kind: str) -> Any:
    from tfx import types
    from tfx.types import standard_artifacts

    return types.Channel(type=getattr(standard_artifacts, kind))


def test_a_baseline_is_a_model_or_a_pushed_one() -> None:
    assert set(validator(baseline_model=channel("Model")).spec.inputs) == {"model", "baseline_model"}
    assert set(validator(baseline_model=channel("PushedModel")).spec.inputs) == {"model", "pushed_baseline"}
    with pytest.raises(UsageError, match="no baseline") as caught:
        validator(baseline_model=channel("Examples"))
    assert (caught.value.found, caught.value.wanted) == ("Examples", "Model or PushedModel")


def test_a_contract_goes_in_by_content(tmp_path: Path) -> None:
    contract = {"schema_version": 1, "meta_graphs": [{"tags": ["serve"], "signatures": {}}]}
    file = tmp_path / "contract.json"
    file.write_text(json.dumps(contract, indent=2), encoding="utf-8")
    for given in (contract, file, str(file)):
        assert json.loads(validator(contract=given).spec.exec_properties["contract"]) == contract
    with pytest.raises(UsageError, match="a baseline and a contract"):
        validator(contract=contract, baseline_model=channel("Model"))
    with pytest.raises(UsageError, match="a directory is no contract"):
        validator(contract=tmp_path)
    file.write_text("{}", encoding="utf-8")
    with pytest.raises(UnreadableModelError, match="contract"):
        validator(contract=file)
