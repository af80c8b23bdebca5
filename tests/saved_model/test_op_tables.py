"""The op tables: facts about TensorFlow's versions that exports for old consumers depend on."""

from __future__ import annotations

import pytest

from tfx_savedmodel.errors import UsageError
from tfx_savedmodel.saved_model.op_tables import (
    ArgumentDefinition,
    first_version_with,
    op_table,
    versions,
    versions_with,
)

pytestmark = pytest.mark.unit

FLOAT, INT32, STRING, BFLOAT16, RESOURCE = 1, 3, 7, 14, 20
EMPTY_STRING = b"\x12\x00"  # a serialized AttrValue


def test_every_version_has_a_table_with_the_ops_of_all() -> None:
    assert versions() == ("1.15", *(f"2.{minor}" for minor in range(len(versions()) - 1)))
    assert versions()[-1] == "2.21"
    for version in versions():
        table = op_table(version)
        assert (table.version, table.release.rpartition(".")[0]) == (version, version)
        assert len(list(table)) > 1300
        assert {"Const", "Placeholder", "VarHandleOp", "SaveV2", "ParseExampleV2"} - set(table) <= {"ParseExampleV2"}


@pytest.mark.parametrize("version", ["1.15", "2.7", "2.21"])
def test_every_definition_can_be_read(version: str) -> None:
    table = op_table(version)
    for name in table:
        definition = table.get(name)
        assert definition is not None
        arguments = (*definition.inputs, *definition.outputs)
        kinds = [(each.type, each.type_attribute, each.types_attribute) for each in arguments]
        assert all(sum(kind is not None for kind in each) == 1 for each in kinds), name
        named = {each for kind in kinds for each in kind[1:]} | {each.number_attribute for each in arguments}
        assert named - {None} <= set(definition.attributes), name


@pytest.mark.parametrize(
    ("op", "first", "without"),
    [
        ("DisableCopyOnRead", "2.10", ("1.15", "2.4", "2.7")),
        ("StatelessRandomGetKeyCounter", "2.5", ("1.15", "2.4")),
        ("VarHandleOp", "1.15", ()),
        ("NoSuchOp", None, ("1.15", "2.15", "2.21")),
    ],
)
def test_since_when_an_op_is_known(op: str, first: str | None, without: tuple[str, ...]) -> None:
    assert first_version_with(op) == first
    assert set(versions_with(op)).isdisjoint(without)
    for version in versions():
        table = op_table(version)
        assert (op in table, table.get(op) is not None) == (version in versions_with(op),) * 2


def test_an_op_that_was_removed() -> None:
    assert versions_with("CompareAndBitpack")[-1] == "2.5"


def test_debug_name_came_with_2_15() -> None:
    known = {}
    for version in versions():
        definition = op_table(version).get("VarHandleOp")
        assert definition is not None
        assert definition.is_stateful
        known[version] = definition.attributes.get("debug_name")
    assert [version for version, attribute in known.items() if attribute] == list(versions()[16:])
    assert versions()[16] == "2.15"
    assert known["2.15"] is not None
    assert (known["2.15"].type, known["2.15"].default) == ("string", EMPTY_STRING)


def test_definition_in_full() -> None:
    definition = op_table("2.7").get("Conv2D")
    assert definition is not None
    assert [argument.name for argument in definition.inputs] == ["input", "filter"]
    assert definition.outputs == (ArgumentDefinition("output", type_attribute="T"),)
    attributes = definition.attributes
    assert attributes["T"].allowed is not None
    assert {FLOAT, INT32} <= set(attributes["T"].allowed)
    assert STRING not in attributes["T"].allowed
    assert attributes["padding"].allowed == ("SAME", "VALID", "EXPLICIT")
    assert (attributes["T"].default, attributes["padding"].default) == (None, None)
    assert attributes["use_cudnn_on_gpu"].default == b"\x28\x01"
    assert (definition.is_stateful, definition.deprecated_from) == (False, None)


def test_kinds_of_arguments() -> None:
    def inputs(op: str) -> tuple[ArgumentDefinition, ...]:
        definition = op_table("2.15").get(op)
        assert definition is not None
        return definition.inputs

    assert inputs("AddN") == (ArgumentDefinition("inputs", type_attribute="T", number_attribute="N"),)
    assert inputs("PartitionedCall") == (ArgumentDefinition("args", types_attribute="Tin"),)
    assert inputs("ReadVariableOp") == (ArgumentDefinition("resource", type=RESOURCE),)
    assert inputs("Assign")[0] == ArgumentDefinition("ref", type_attribute="T", is_reference=True)
    assert inputs("MergeSummary") == (ArgumentDefinition("inputs", type=STRING, number_attribute="N"),)
    definition = op_table("2.15").get("AddN")
    assert definition is not None
    assert definition.attributes["N"].minimum == 1


def test_kernels() -> None:
    assert op_table("2.7").has_kernel("BoostedTreesBucketize")
    assert op_table("2.15").get("BoostedTreesBucketize") is not None
    assert not op_table("2.15").has_kernel("BoostedTreesBucketize")
    assert not op_table("2.15").has_kernel("NoSuchOp")
    assert not op_table("2.7").has_kernel("PyFunc")


def test_kernels_for_attributes() -> None:
    table = op_table("2.15")
    assert table.has_kernel("MatMul", {"T": [FLOAT], "transpose_a": []})
    assert not table.has_kernel("MatMul", {"T": [STRING]})
    assert table.has_kernel("NoOp", {"T": [STRING]})
    assert table.has_kernel("DepthToSpace", {"T": [FLOAT], "data_format": ["NHWC"]})
    assert not table.has_kernel("DepthToSpace", {"T": [FLOAT], "data_format": ["NCHW"]})


@pytest.mark.parametrize("version", ["2.7", "tf-2.7"])
def test_a_version_is_named_with_or_without_tf(version: str) -> None:
    assert op_table(version).release == "2.7.4"
    assert op_table(version) is op_table(version)


@pytest.mark.parametrize("version", ["1.14", "2.22", "2.7.4", "tf-", "2"])
def test_an_unknown_version_is_refused_with_the_known_ones(version: str) -> None:
    with pytest.raises(UsageError) as caught:
        op_table(version)
    assert caught.value.found == repr(version)
    assert "1.15, 2.0" in caught.value.wanted
    assert "2.21" in caught.value.wanted
    assert caught.value.next_step
