"""SM101 on variables made by hand: each fault of index and shards is found, the whole ones pass."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.saved_model.bundles import write_bundle
from tests.saved_model.graphs import node, save
from tfx_savedmodel.operations.validate import validate
from tfx_savedmodel.saved_model import protos
from tfx_savedmodel.saved_model.parse import parse_saved_model
from tfx_savedmodel.saved_model.reader import read_saved_model
from tfx_savedmodel.validation.checks.structure import Structure
from tfx_savedmodel.validation.result import Finding, Verdict

pytestmark = pytest.mark.unit

KERNEL = bytes(range(16))  # four floats
TENSORS = {"bias": b"\0" * 8, "kernel": KERNEL}


def types(*numbers: int) -> Any:
    value = protos.attr_value_pb2().AttrValue()
    value.list.type.extend(numbers)
    return value


def shape(*sizes: int) -> Any:
    value = protos.attr_value_pb2().AttrValue()
    for size in sizes:
        value.shape.dim.add(size=size)
    value.shape.SetInParent()
    return value


def constant(name: str, *texts: str) -> dict[str, Any]:
    value = protos.attr_value_pb2().AttrValue()
    value.tensor.dtype = 7
    value.tensor.string_val.extend(text.encode() for text in texts)
    return node(name, "Const", value=value, dtype=7)


def restoring(*keys: str, dtype: int = 1, of: Any = None) -> list[dict[str, Any]]:
    """A saver that restores these keys; the first of them into a variable."""
    return [
        node("file", "Placeholder", dtype=7),
        constant("names", *keys),
        constant("slices", *([""] * len(keys))),
        node("read", "RestoreV2", "file", "names", "slices", dtypes=types(*[dtype] * len(keys))),
        node("v", "VarHandleOp", dtype=1, shape=of or shape(4)),
        node("value", "Identity", "read", T=1),
        node("assign", "AssignVariableOp", "v", "value", dtype=1),
        node("restore", "NoOp", "^assign"),
    ]


def model(directory: Path, nodes: list[dict[str, Any]] | None = None) -> Path:
    made = save(
        directory, restoring("kernel", "bias") if nodes is None else nodes, saver=("file:0", "file:0", "restore")
    )
    write_bundle(directory / "variables", TENSORS)
    return made


def judge(directory: Path, *, checksums: bool = False) -> list[Finding]:
    return list(Structure(checksums=checksums).check(read_saved_model(directory)))


def test_whole_variables_pass(tmp_path: Path) -> None:
    assert judge(model(tmp_path), checksums=True) == []


def truncate(shard: Path) -> None:
    shard.write_bytes(shard.read_bytes()[:-1])


def rename(shard: Path) -> None:
    shard.rename(shard.with_name("variables.data-00001-of-00002"))


def spoil_index(shard: Path) -> None:
    index = shard.with_name("variables.index")
    data = bytearray(index.read_bytes())
    data[20] ^= 1
    index.write_bytes(data)


def remove_index(shard: Path) -> None:
    shard.with_name("variables.index").unlink()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (truncate, "is truncated"),
        (Path.unlink, "is missing"),
        (rename, "belongs to another index"),
        (spoil_index, "checksum of the block"),
        (remove_index, "no index"),
    ],
)
def test_files_that_do_not_fit(tmp_path: Path, spoil: Callable[[Path], None], said: str) -> None:
    spoil(model(tmp_path) / "variables" / "variables.data-00000-of-00001")
    assert any(said in finding.message for finding in judge(tmp_path))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"offset": 20}, "is truncated"),
        ({"offset": -4}, "where no bytes can be"),
        ({"shard_id": 3}, "where no bytes can be"),
        ({"size": 12}, "another size than its dtype and shape"),
        ({"dtype": 3}, "in another form"),
    ],
)
def test_entries_that_cannot_be(tmp_path: Path, changed: dict[str, int], said: str) -> None:
    model(tmp_path)
    write_bundle(tmp_path / "variables", TENSORS, kernel=changed)
    assert any(said in finding.message for finding in judge(tmp_path))


@pytest.mark.parametrize(
    ("nodes", "said"),
    [
        (restoring("kernel", "lost"), "restores 'lost', which the variables do not have"),
        (restoring("kernel", dtype=9), "restores 'kernel' in another form"),
        (restoring("kernel", of=shape(5)), "restores 'kernel' in another form"),
    ],
)
def test_a_graph_that_wants_other_variables(tmp_path: Path, nodes: list[dict[str, Any]], said: str) -> None:
    (finding,) = judge(model(tmp_path, nodes))
    assert said in finding.message
    assert finding.where["file"] == "variables/variables.index"


def test_no_variables_where_the_graph_restores_some(tmp_path: Path) -> None:
    save(tmp_path, restoring("kernel"), saver=("file:0", "file:0", "restore"))
    (finding,) = judge(tmp_path)
    assert finding.message == "the graph restores variables and there are none"


def test_other_bytes_are_found_by_their_checksum_on_request_only(tmp_path: Path) -> None:
    shard = model(tmp_path) / "variables" / "variables.data-00000-of-00001"
    data = bytearray(shard.read_bytes())
    data[-1] ^= 0x80
    shard.write_bytes(data)
    assert judge(tmp_path) == []
    (finding,) = judge(tmp_path, checksums=True)
    assert finding.where == {"file": "variables/variables.data-00000-of-00001", "variable": "kernel"}


def test_the_policy_asks_for_checksums(tmp_path: Path) -> None:
    shard = model(tmp_path) / "variables" / "variables.data-00000-of-00001"
    shard.write_bytes(b"\x01" * 24)
    policy = {"parameters": {"SM101": {"checksums": True}}}
    assert validate(tmp_path, select=["SM101"]).verdict is Verdict.BLESSED
    assert validate(tmp_path, select=["SM101"], policy=policy).verdict is Verdict.NOT_BLESSED


def test_a_node_without_what_its_op_must_have(tmp_path: Path) -> None:
    save(tmp_path / "whole", [constant("c", "x")])
    assert judge(tmp_path / "whole") == []
    save(tmp_path / "lacking", [node("c", "Const", dtype=7)])
    (finding,) = judge(tmp_path / "lacking")
    assert (finding.where, finding.found) == ({"node": "c", "op": "Const"}, "no value")


def test_an_asset_that_another_one_hides(tmp_path: Path) -> None:
    save(tmp_path, [node("file", "Const", value=["words"], dtype=7)], assets={"file:0": "words"})
    proto = parse_saved_model(tmp_path, "saved_model.pb")
    assets = proto.meta_graphs[0].asset_file_def
    assets[0].filename = "../../../etc/passwd"
    assets.add(filename="words").tensor_info.name = "file:0"
    (tmp_path / "saved_model.pb").write_bytes(proto.SerializeToString())
    (finding,) = judge(tmp_path)
    assert "outside of assets/" in finding.message
