"""What SM201 to SM203 advise: by what is wrong with the model, whatever the loader's words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.sabotage.models import edited, save_scorer
from tests.saved_model.graphs import node, save
from tfx_savedmodel.saved_model import protos
from tfx_savedmodel.saved_model.reader import read_saved_model
from tfx_savedmodel.validation.check import LoadedModel, LoadObservation
from tfx_savedmodel.validation.checks import load_advice
from tfx_savedmodel.validation.checks.load_advice import advice
from tfx_savedmodel.validation.checks.native_load import NativeLoad
from tfx_savedmodel.validation.checks.tf1_load import Tf1Load
from tfx_savedmodel.validation.checks.tf2_load import Tf2Load
from tfx_savedmodel.validation.loading.observe import LOADERS, LoaderHost
from tfx_savedmodel.validation.policy import Limits
from tfx_savedmodel.versions import release

CHECKS = {"native": NativeLoad(), "tf1": Tf1Load(), "tf2": Tf2Load()}


@pytest.fixture
def this_is(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Say which TensorFlow is installed."""
    return lambda version: monkeypatch.setattr(load_advice, "installed", lambda _: version)


def advised(path: Path, error: str = "", outcome: str = "refused", tags: tuple[str, ...] = ("serve",)) -> str:
    graph = read_saved_model(path)
    seen = LoadObservation("native", outcome, error)
    return advice(LoadedModel(graph, tags, {"native": seen}), seen)


@pytest.mark.unit
@pytest.mark.parametrize(
    ("outcome", "word"),
    [("crashed", "ends the process"), ("timeout", "limits.seconds"), ("memory", "limits.memory_bytes")],
)
def test_a_process_that_ended_is_no_matter_of_versions(tmp_path: Path, outcome: str, word: str) -> None:
    found = advised(save(tmp_path / "m", [node("x", "NoSuchOp")]), outcome=outcome)
    assert word in found
    assert "TensorFlow" not in found


@pytest.mark.unit
@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("DataLossError: Checksum does not match", ("corrupt", "`checksums`")),
        ("OpError: Unable to read file", ("cannot be read", "`checksums`")),
        ("PermissionDeniedError: /m/variables", ("right to read",)),
        ("ResourceExhaustedError: OOM", ("more memory",)),
    ],
)
def test_an_error_that_says_what_is_wrong_is_believed(tmp_path: Path, error: str, words: tuple[str, ...]) -> None:
    found = advised(save(tmp_path / "m", [node("x", "NoOp")]), error)
    assert all(word in found for word in words), found


@pytest.mark.unit
def test_a_file_that_is_missing_goes_before_the_kind_of_the_error(tmp_path: Path) -> None:
    path = save(tmp_path / "m", [node("x", "NoOp")], assets={"x:0": "words.txt"})
    (path / "assets" / "words.txt").unlink()
    for error in ("NotFoundError: ...", "InvalidArgumentError: ...", "DataLossError: ..."):
        assert advised(path, error) == ("export or copy the model again, whole (SM101: the asset words.txt is missing)")


@pytest.mark.unit
def test_tags_that_the_model_does_not_have(tmp_path: Path) -> None:
    path = save(tmp_path / "m", [node("x", "NoOp")], tags=("serve", "gpu"))
    assert "the model has serve,gpu" in advised(path, "RuntimeError: no MetaGraphDef with these tags")


@pytest.mark.unit
def test_an_op_of_a_library(tmp_path: Path, this_is: Callable[[str], None]) -> None:
    this_is("2.15.1")
    found = advised(save(tmp_path / "m", [node("x", "TFText>WhitespaceTokenizeWithOffsetsV2")]), "NotFoundError: …")
    assert found.startswith("import tensorflow_text")
    found = advised(save(tmp_path / "n", [node("x", "Frobnicate")]), "NotFoundError: …")
    assert found == (
        "give the consumer the library that registers the op Frobnicate (SM113: Frobnicate is not TensorFlow's)"
    )


@pytest.mark.unit
def test_an_op_of_another_version(tmp_path: Path, this_is: Callable[[str], None]) -> None:
    path = save(tmp_path / "m", [node("x", "DisableCopyOnRead", "r")])
    this_is("2.5.0")
    found = advised(path, "NotFoundError: …")
    assert "there is no op DisableCopyOnRead" in found
    assert found.startswith("load it with tf-2.1")
    assert found.count("TensorFlow 2.5.0") == 1


@pytest.mark.unit
def test_a_writer_that_is_newer(tmp_path: Path, this_is: Callable[[str], None]) -> None:
    path = save(tmp_path / "m", [node("x", "NoOp")])
    this_is("2.14.0")
    assert "TensorFlow 2.15.1, which wrote it, or newer: this is 2.14.0" in advised(path, "ValueError: …")
    this_is("2.15.0")
    assert "the TensorFlow that wrote it, 2.15.1" in advised(path, "ValueError: …")


@pytest.mark.unit
def test_a_device_that_is_not_there(tmp_path: Path, this_is: Callable[[str], None]) -> None:
    this_is("2.15.1")
    path = save(tmp_path / "m", [node("x", "NoOp") | {"device": "/device:GPU:0"}])
    assert "unless the server has /device:GPU:0, to which 'x' is tied" in advised(path, "InvalidArgumentError: …")


@pytest.fixture(scope="module")
def host() -> Any:
    with LoaderHost() as running:
        yield running


def refusals(host: LoaderHost, path: Path) -> dict[str, str]:
    """Return what the check of each loader that refuses the model advises."""
    observations = {loader: host.observe(loader, path, ["serve"], Limits()) for loader in LOADERS}
    model = LoadedModel(read_saved_model(path), ("serve",), observations)
    refused = [loader for loader in LOADERS if observations[loader].outcome != "ok"]
    return {loader: next(iter(CHECKS[loader].check(model))).next for loader in refused}


@pytest.mark.tf
def test_each_loader_is_understood_on_corrupt_weights(tmp_path: Path, host: LoaderHost) -> None:
    path = save_scorer(tmp_path / "m")
    (shard,) = path.glob("variables/*.data-*")
    content = bytearray(shard.read_bytes())
    content[0] ^= 255
    content[-1] ^= 255
    shard.write_bytes(content)
    found = refusals(host, path)
    assert set(found) == set(LOADERS)
    assert all("copy or export the model again, whole" in text and "`checksums`" in text for text in found.values())


@pytest.mark.tf
def test_each_loader_is_understood_on_a_shard_that_is_short_or_gone(tmp_path: Path, host: LoaderHost) -> None:
    path = save_scorer(tmp_path / "m")
    (shard,) = path.glob("variables/*.data-*")
    shard.write_bytes(shard.read_bytes()[:-20])
    found = refusals(host, path)
    assert found
    assert all("whole (SM101: the shard" in text and text.endswith("is truncated)") for text in found.values()), found
    shard.unlink()
    found = refusals(host, path)
    assert set(found) == set(LOADERS)
    assert all(text.endswith("is missing)") for text in found.values()), found


@pytest.mark.tf
def test_each_loader_is_understood_on_an_op_of_nobodys(tmp_path: Path, host: LoaderHost) -> None:
    def change(proto: Any) -> None:
        proto.meta_graphs[0].graph_def.node.add(name="f", op="Frobnicate")

    found = refusals(host, edited(save_scorer(tmp_path / "sound"), tmp_path / "m", change))
    assert {"native", "tf1"} <= set(found)
    assert all("registers the op Frobnicate" in text for text in found.values())


@pytest.mark.unit
@pytest.mark.parametrize("version", ["9" * 5000, "2." + "1" * 5000, "2.15.1234567890"])
def test_a_version_without_end_is_no_error(tmp_path: Path, version: str, this_is: Callable[[str], None]) -> None:
    this_is("2.15.1")
    file = save(tmp_path / "m", [node("x", "NoOp")]) / "saved_model.pb"
    proto = protos.saved_model_pb2().SavedModel.FromString(file.read_bytes())
    proto.meta_graphs[0].meta_info_def.tensorflow_version = version
    file.write_bytes(proto.SerializeToString())
    assert "the loader's own words" in advised(tmp_path / "m")
    assert release(version) == tuple(int(part) for part in version.split(".") if len(part) < 10)
