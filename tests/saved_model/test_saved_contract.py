"""A contract saved as JSON is what `inspect` printed, or is refused with the place."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.saved_model.graphs import node, save, tensor
from tfx_savedmodel.errors import UnreadableModelError
from tfx_savedmodel.operations.inspect import inspect
from tfx_savedmodel.saved_model.saved_contract import read_contract
from tfx_savedmodel.saved_model.view import KINDS, TensorSpec

pytestmark = pytest.mark.unit

GOOD: dict[str, Any] = {
    "schema_version": 1,
    "meta_graphs": [
        {
            "tags": ["serve"],
            "signatures": {
                "s": {
                    "method_name": "m",
                    "inputs": {"x": {"dtype": "float32", "shape": [None, 4]}},
                    "outputs": {"y": {"dtype": "string", "shape": None, "kind": "sparse"}},
                }
            },
        }
    ],
}
META = "meta_graphs[0]"
SIGNATURE = f"{META}.signatures['s']"
X = f"{SIGNATURE}.inputs['x']"

#: The places of the good contract by name, for `broken`.
HOLDERS: dict[str, Callable[[Any], Any]] = {
    "contract": lambda contract: contract,
    "meta_graph": lambda contract: contract["meta_graphs"][0],
    "signature": lambda contract: contract["meta_graphs"][0]["signatures"]["s"],
    "x": lambda contract: contract["meta_graphs"][0]["signatures"]["s"]["inputs"]["x"],
}
GONE = object()


def written(path: Path, content: Any) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def refused(path: Path) -> UnreadableModelError:
    with pytest.raises(UnreadableModelError) as caught:
        read_contract(path, "the name")
    assert all((caught.value.where, caught.value.found, caught.value.wanted, caught.value.next_step))
    return caught.value


def test_what_inspect_wrote_is_read(tmp_path: Path) -> None:
    signature = {"inputs": {"x": tensor("x:0")}, "outputs": {"y": tensor("x:0", shape=None)}}
    model = save(tmp_path / "m", [node("x", "Placeholder", dtype=1)], signatures={"s": signature, "none": {}})
    facts = inspect(model)
    assert read_contract(written(tmp_path / "c.json", facts), "c") == facts
    assert read_contract(written(tmp_path / "c.json", GOOD), "c") == GOOD


def test_only_a_tensor_that_is_not_dense_says_its_kind() -> None:
    assert TensorSpec("x:0", "float32", (None, 4)).to_json() == {"dtype": "float32", "shape": [None, 4]}
    for kind in ("sparse", "composite"):
        assert TensorSpec("", "float32", None, kind).to_json() == {"dtype": "float32", "shape": None, "kind": kind}


def test_the_schema_of_reports_knows_the_kinds() -> None:
    schema = json.loads((ROOT / "docs" / "report.schema.json").read_text(encoding="utf-8"))
    tensor_schema = schema["$defs"]["tensors"]["additionalProperties"]
    assert tensor_schema["properties"]["kind"]["enum"] == list(KINDS[1:])
    assert tensor_schema["required"] == ["dtype", "shape"]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("{", "no readable JSON: Expecting"),
        ("", "no readable JSON: Expecting value"),
        ("[" * 100_000, "no readable JSON: "),
        ("[]", "a JSON document that is an empty list"),
        ("[1]", "a JSON document that is a list"),
        ("null", "a JSON document that is null"),
        ('"contract"', 'a JSON document that is a text, "contract"'),
    ],
)
def test_what_is_no_contract_at_all(content: str, found: str, tmp_path: Path) -> None:
    error = refused(written(tmp_path / "c.json", content))
    assert error.message == "this file is no contract"
    assert error.where == "the name"
    assert error.found.startswith(found)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"\x08\x01\xff\xfe")
    assert "codec can't decode" in refused(tmp_path / "saved_model.pb").found


@pytest.mark.parametrize(
    ("version", "found"),
    [
        (GONE, "nothing: it is missing"),
        (2, "a number, 2"),
        ("1", 'a text, "1"'),
        (None, "null"),
        (True, "a truth value"),
    ],
)
def test_a_contract_of_another_version(version: Any, found: str, tmp_path: Path) -> None:
    error = refused(broken(tmp_path, "contract", "schema_version", version))
    assert "version" in error.message
    assert (error.where, error.wanted) == ("the name: schema_version", "1")
    assert error.found.startswith(found)


def broken(folder: Path, holder: str, key: str, value: Any) -> Path:
    contract = copy.deepcopy(GOOD)
    place = HOLDERS[holder](contract)
    if value is GONE:
        del place[key]
    else:
        place[key] = value
    return written(folder / "c.json", contract)


@pytest.mark.parametrize(
    ("holder", "key", "value", "where"),
    [
        ("contract", "meta_graphs", GONE, "meta_graphs"),
        ("contract", "meta_graphs", 3, "meta_graphs"),
        ("contract", "meta_graphs", [], "meta_graphs"),
        ("contract", "meta_graphs", [[]], META),
        ("meta_graph", "tags", GONE, f"{META}.tags"),
        ("meta_graph", "tags", "serve", f"{META}.tags"),
        ("meta_graph", "tags", ["serve", 1], f"{META}.tags[1]"),
        ("meta_graph", "signatures", GONE, f"{META}.signatures"),
        ("meta_graph", "signatures", [], f"{META}.signatures"),
        ("meta_graph", "signatures", {"s": None}, SIGNATURE),
        ("signature", "method_name", GONE, f"{SIGNATURE}.method_name"),
        ("signature", "method_name", 1, f"{SIGNATURE}.method_name"),
        ("signature", "inputs", GONE, f"{SIGNATURE}.inputs"),
        ("signature", "outputs", GONE, f"{SIGNATURE}.outputs"),
        ("signature", "outputs", ["y"], f"{SIGNATURE}.outputs"),
        ("signature", "inputs", {"x": "float32"}, X),
        ("signature", "inputs", {"x": {}}, f"{X}.dtype"),
        ("x", "dtype", GONE, f"{X}.dtype"),
        ("x", "dtype", 1, f"{X}.dtype"),
        ("x", "shape", GONE, f"{X}.shape"),
        ("x", "shape", 4, f"{X}.shape"),
        ("x", "shape", "[4]", f"{X}.shape"),
        ("x", "shape", {}, f"{X}.shape"),
        ("x", "shape", [None, "4"], f"{X}.shape[1]"),
        ("x", "shape", [-1], f"{X}.shape[0]"),
        ("x", "shape", [True], f"{X}.shape[0]"),
        ("x", "shape", [4.5], f"{X}.shape[0]"),
        ("x", "kind", "ragged", f"{X}.kind"),
        ("x", "kind", None, f"{X}.kind"),
        ("x", "kind", [], f"{X}.kind"),
    ],
)
def test_a_malformed_contract_is_refused_at_its_place(
    holder: str, key: str, value: Any, where: str, tmp_path: Path
) -> None:
    error = refused(broken(tmp_path, holder, key, value))
    assert error.message == "this contract is malformed"
    assert error.where == f"the name: {where}"
    assert (error.found == "nothing: it is missing") == (value is GONE or value == {"x": {}})


def test_long_values_are_cut(tmp_path: Path) -> None:
    assert len(refused(broken(tmp_path, "x", "kind", "k" * 5000)).found) < 100
