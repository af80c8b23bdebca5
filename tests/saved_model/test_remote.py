"""Remote paths: staged for a block, published with the graph last, and named as the user named them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fsspec.registry import known_implementations

from tests.saved_model.graphs import save
from tests.saved_model.storages import RecordedFileSystem, empty_storage, put
from tfx_savedmodel.errors import DestinationError, ExamplesError, UnreadableModelError, UsageError
from tfx_savedmodel.saved_model import upload
from tfx_savedmodel.saved_model.local import is_remote, remote_uri
from tfx_savedmodel.saved_model.publish import check_destination, publishing
from tfx_savedmodel.saved_model.remote import WEIGHTS, Staging, local_copy

pytestmark = pytest.mark.unit

MODEL = "recorded://bucket/model"
MARKER = f"/bucket/model/{upload.UPLOADING}"


@pytest.fixture(autouse=True)
def storage() -> Iterator[type[RecordedFileSystem]]:
    yield empty_storage()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    directory = save(tmp_path / "source", assets={"a": "words.txt"})
    (directory / "variables").mkdir()
    (directory / "variables" / "variables.index").write_bytes(b"index")
    (directory / "variables" / "variables.data-00000-of-00001").write_bytes(b"weights" * 100)
    return directory


def write(uri: str, *names: str, overwrite: bool = False) -> None:
    with publishing(uri, overwrite=overwrite) as staged:
        for name in names:
            (staged / name).parent.mkdir(parents=True, exist_ok=True)
            (staged / name).write_text(name, encoding="utf-8")


def puts(storage: type[RecordedFileSystem]) -> list[str]:
    return [path.removeprefix("/bucket/model/") for what, path in storage.log if what == "put"]


def test_tells_remote_paths_from_local_ones() -> None:
    assert all(map(is_remote, ("gs://b/m", "gs:/b/m", Path("s3://b/m"), "memory://m", "hdfs://host:9000/m")))
    assert not any(map(is_remote, ("m", "/m", "./gs://b", "a:b", "C:/m", "m:1/2", "")))
    assert [remote_uri(path) for path in ("gs://b/m/", Path("gs://b/m"), "memory:///m")] == [
        "gs://b/m",
        "gs://b/m",
        "memory:///m",
    ]


def test_downloads_for_as_long_as_the_block_runs(model: Path) -> None:
    put(model, MODEL)
    with local_copy(MODEL, "the model") as local:
        assert sorted(child.name for child in local.iterdir()) == ["assets", "saved_model.pb", "variables"]
        assert (local / "saved_model.pb").read_bytes() == (model / "saved_model.pb").read_bytes()
    assert not local.exists()
    with local_copy(f"{MODEL}/assets/words.txt", "the words") as file:
        assert file.read_text(encoding="utf-8") == "a\nb\n"
    with local_copy(model, "the model") as local:
        assert local == model


def test_leaves_weights_where_they_are_for_whoever_asks_only_for_their_size(
    model: Path, storage: type[RecordedFileSystem]
) -> None:
    put(model, "recorded://bucket/artifact/Format-Serving")
    put(model, "recorded://bucket/artifact/Format-TFMA")
    with Staging() as stage:
        local = stage.model("recorded://bucket/artifact", hollow=WEIGHTS)
        assert stage.named(str(local)) == "recorded://bucket/artifact/Format-Serving"
        assert (local / "variables" / "variables.data-00000-of-00001").stat().st_size == 700
        assert (local / "variables" / "variables.index").read_bytes() == b"index"
    assert not [path for _, path in storage.log if "data-0" in path or "TFMA" in path]


def test_errors_name_what_the_user_named(tmp_path: Path) -> None:
    put(save(tmp_path / "m"), f"{MODEL}/deep/down")
    with pytest.raises(UnreadableModelError, match="no SavedModel here") as caught, Staging() as stage:
        stage.model(MODEL)
    assert (caught.value.where, caught.value.found) == (MODEL, "deep/")
    assert str(caught.value).count("/tmp") == 0
    with pytest.raises(UnreadableModelError, match="no such path") as caught, Staging() as stage:
        stage.model("recorded://bucket/absent")
    assert caught.value.where == "recorded://bucket/absent"


@pytest.mark.parametrize(("uri", "said"), [("nonsense://b/m", "nonsense"), ("missing://b/m", "Install missingfs")])
def test_says_what_reads_a_scheme(monkeypatch: pytest.MonkeyPatch, uri: str, said: str) -> None:
    backend = {"class": "no_such_package.FileSystem", "err": "Install missingfs"}
    monkeypatch.setitem(known_implementations, "missing", backend)
    with pytest.raises(UsageError) as caught, Staging() as stage:
        stage.model(uri)
    assert caught.value.where == uri
    assert said in caught.value.found
    with pytest.raises(UsageError), publishing(uri):
        pass


def test_a_name_cannot_leave_the_staged_directory(storage: type[RecordedFileSystem]) -> None:
    storage().pipe_file("/bucket/model/../../evil", b"")
    with pytest.raises(UsageError, match="leaves"), Staging() as stage:
        stage.path(MODEL, "the model")


def test_downloads_what_a_pattern_matches(storage: type[RecordedFileSystem]) -> None:
    for name in ("eval/a.gz", "eval/b.gz", "eval/c.txt", "train/a.gz"):
        storage().pipe_file(f"/bucket/{name}", name.encode())
    with Staging() as stage:
        found = stage.examples(["recorded://bucket/*/a.gz", "/local/*.gz", "recorded://bucket/"])
        assert found[2] == "/local/*.gz"
        assert [Path(name).read_text() for name in found[:2]] == ["eval/a.gz", "train/a.gz"]
        assert (Path(found[3]) / "train" / "a.gz").read_text() == "train/a.gz"
        assert stage.named(found[0]) == "recorded:///bucket/eval/a.gz"
        with pytest.raises(ExamplesError, match="no examples match") as caught:
            stage.examples("recorded://bucket/none/*")
        assert caught.value.where == "recorded://bucket/none/*"


def test_the_graph_is_written_last(storage: type[RecordedFileSystem]) -> None:
    names = ("saved_model.pb", "variables/variables.index", "assets/words.txt", "zz")
    write(MODEL, *names)
    assert sorted(storage.store) == sorted(f"/bucket/model/{name}" for name in names)
    assert puts(storage)[-1] == "saved_model.pb"
    assert puts(storage)[0] == upload.UPLOADING


def test_a_remote_destination_is_replaced_only_where_allowed(storage: type[RecordedFileSystem]) -> None:
    write(MODEL, "saved_model.pb", "old")
    with pytest.raises(DestinationError, match="exists"), publishing(MODEL):
        pass
    storage.log.clear()
    write(MODEL, "saved_model.pb", "new", overwrite=True)
    assert sorted(storage.store) == ["/bucket/model/new", "/bucket/model/saved_model.pb"]
    removed = [path for what, path in storage.log if what == "remove"]
    assert removed[:2] == ["/bucket/model/saved_model.pb", "/bucket/model/old"]
    assert storage.log.index(("remove", "/bucket/model/old")) < storage.log.index(("put", "/bucket/model/new"))
    upload.withdraw(MODEL)
    assert not storage.store


@pytest.mark.parametrize("name", ["variables/variables.index", "saved_model.pb"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_failed_upload_leaves_nothing(storage: type[RecordedFileSystem], name: str, overwrite: bool) -> None:
    if overwrite:
        write(MODEL, "saved_model.pb", "old")
    storage.fails_on = name
    with pytest.raises(DestinationError, match="cannot be written") as caught:
        write(MODEL, "saved_model.pb", "a", name, overwrite=overwrite)
    assert (caught.value.where, caught.value.found) == (MODEL, "ConnectionError: the line is dead")
    assert not storage.store


def test_an_upload_that_cannot_begin_takes_nothing_away(storage: type[RecordedFileSystem]) -> None:
    write(MODEL, "saved_model.pb")
    storage.fails_on = upload.UPLOADING
    with pytest.raises(DestinationError):
        write(MODEL, "saved_model.pb", "new", overwrite=True)
    assert "/bucket/model/saved_model.pb" in storage.store


def test_a_block_that_fails_uploads_nothing(storage: type[RecordedFileSystem]) -> None:
    with pytest.raises(RuntimeError), publishing(MODEL) as staged:
        (staged / "saved_model.pb").touch()
        raise RuntimeError
    assert not storage.store
    assert not staged.exists()


def test_what_a_killed_upload_left_is_no_model(storage: type[RecordedFileSystem]) -> None:
    storage().pipe({MARKER: b"somebody's", "/bucket/model/half": b""})
    check_destination(MODEL)
    write(MODEL, "saved_model.pb")
    assert list(storage.store) == ["/bucket/model/saved_model.pb"]


def test_of_two_uploads_at_once_the_later_goes_on(
    storage: type[RecordedFileSystem], monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = storage.put_file

    def put_file(self: RecordedFileSystem, lpath: str, rpath: str, **kwargs: object) -> None:
        plain(self, lpath, rpath, **kwargs)
        if rpath.endswith("/first"):
            monkeypatch.setattr(storage, "put_file", plain)
            write(MODEL, "saved_model.pb", "second")

    monkeypatch.setattr(storage, "put_file", put_file)
    with pytest.raises(DestinationError, match="another upload"):
        write(MODEL, "saved_model.pb", "first", "later")
    assert sorted(storage.store) == ["/bucket/model/saved_model.pb", "/bucket/model/second"]
