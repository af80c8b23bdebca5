"""What an export does not replace, and where it does not go."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.saved_model.graphs import save
from tests.saved_model.storages import RecordedFileSystem, empty_storage, put
from tfx_savedmodel.errors import DestinationError
from tfx_savedmodel.saved_model import leftovers
from tfx_savedmodel.saved_model.overlap import refuse_overlap
from tfx_savedmodel.saved_model.publish import check_destination, publishing

pytestmark = pytest.mark.unit

MODEL = "recorded://bucket/model"


@pytest.fixture
def storage() -> Iterator[type[RecordedFileSystem]]:
    yield empty_storage()


def test_only_a_model_is_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    check_destination(folder, overwrite=True)
    (folder / "thesis.txt").touch()
    with pytest.raises(DestinationError, match="something else than a model") as caught:
        check_destination(folder, overwrite=True)
    assert (caught.value.where, caught.value.found) == (str(folder), "thesis.txt")
    assert "remove yourself" in caught.value.next_step
    save(folder)
    check_destination(folder, overwrite=True)
    with pytest.raises(DestinationError, match="exists"):
        check_destination(folder)


@pytest.mark.parametrize("name", ["saved_model.pbtxt", "saved_model.pb", "assets.extra/tfx_savedmodel.json"])
def test_what_tells_a_model(tmp_path: Path, name: str) -> None:
    (tmp_path / "m" / name).parent.mkdir(parents=True)
    (tmp_path / "m" / name).touch()
    check_destination(tmp_path / "m", overwrite=True)


def test_a_model_further_down_does_not_count(tmp_path: Path) -> None:
    save(tmp_path / "versions" / "1")
    with pytest.raises(DestinationError, match="something else") as caught:
        check_destination(tmp_path / "versions", overwrite=True)
    assert caught.value.found == "1/"


def test_a_file_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(DestinationError, match="something else") as caught:
        check_destination(tmp_path / "thesis.txt", overwrite=True)
    assert caught.value.found == "a file"


def test_what_killed_runs_left_may_be_replaced(tmp_path: Path) -> None:
    target = tmp_path / "m"
    (target / f"{leftovers.STAGED}x-01234567").mkdir(parents=True)
    check_destination(target, overwrite=True)


def test_only_a_remote_model_is_replaced(tmp_path: Path, storage: type[RecordedFileSystem]) -> None:
    check_destination(MODEL, overwrite=True)
    storage().pipe_file("/bucket/model/thesis.txt", b"")
    with pytest.raises(DestinationError, match="something else than a model") as caught:
        check_destination(MODEL, overwrite=True)
    assert (caught.value.where, caught.value.found) == (MODEL, "thesis.txt")
    storage().pipe_file("/bucket/model/.tfx-savedmodel-uploading", b"")
    check_destination(MODEL, overwrite=True)
    put(save(tmp_path / "m"), "recorded://bucket/other")
    check_destination("recorded://bucket/other", overwrite=True)
    with pytest.raises(DestinationError, match="something else") as caught:
        check_destination("recorded://bucket/model/thesis.txt", overwrite=True)
    assert caught.value.found == "a file"


@pytest.mark.parametrize("destination", ["m/sub", "m/deep/er", "link/sub", "m/../m/sub"])
def test_a_destination_inside_the_model_is_refused(tmp_path: Path, destination: str) -> None:
    model = save(tmp_path / "m")
    (tmp_path / "link").symlink_to(model, target_is_directory=True)
    for source in (model, tmp_path / "link", model / "saved_model.pb"):
        with pytest.raises(DestinationError, match="destination lies inside the model") as caught:
            refuse_overlap(source, tmp_path / destination)
        assert caught.value.where and caught.value.found and caught.value.next_step
    assert sorted(child.name for child in model.iterdir()) == ["saved_model.pb"]


def test_a_model_inside_the_destination_is_refused(tmp_path: Path) -> None:
    outer = save(tmp_path / "outer")
    inner = save(outer / "old" / "inner")
    keras = outer / "model.keras"
    keras.touch()
    (tmp_path / "link").symlink_to(outer, target_is_directory=True)
    for source in (inner, inner / "saved_model.pb", keras, outer / "ckpt-1"):
        for destination in (outer, tmp_path / "link"):
            with pytest.raises(DestinationError, match="model lies inside the destination"):
                refuse_overlap(source, destination)


def test_beside_one_another_and_in_place(tmp_path: Path) -> None:
    model = save(tmp_path / "versions" / "1")
    keras = tmp_path / "artifact" / "model.keras"
    keras.parent.mkdir()
    keras.touch()
    refuse_overlap(model, tmp_path / "versions" / "2")
    refuse_overlap(tmp_path / "versions", tmp_path / "versions" / "2")
    refuse_overlap(model, tmp_path / "versions" / "12")
    refuse_overlap(model, model)
    refuse_overlap(tmp_path / "versions", model)
    refuse_overlap(keras.parent, keras.parent / "exported")
    refuse_overlap(tmp_path / "absent", tmp_path / "out")
    refuse_overlap(model, "recorded://bucket/model")


def test_a_model_may_replace_itself(tmp_path: Path) -> None:
    model = save(tmp_path / "m")
    check_destination(model, overwrite=True)
    with publishing(model, overwrite=True) as staged:
        (staged / "saved_model.pb").write_bytes((model / "saved_model.pb").read_bytes() + b"")
    assert [child.name for child in tmp_path.iterdir()] == ["m"]


def test_remote_places_overlap_alike(tmp_path: Path, storage: type[RecordedFileSystem]) -> None:
    put(save(tmp_path / "m"), "recorded://bucket/versions/1")
    one = "recorded://bucket/versions/1"
    with pytest.raises(DestinationError, match="destination lies inside the model"):
        refuse_overlap(one, f"{one}/sub")
    with pytest.raises(DestinationError, match="destination lies inside the model"):
        refuse_overlap("recorded://bucket/versions", f"{one}/sub")
    with pytest.raises(DestinationError, match="model lies inside the destination"):
        refuse_overlap(one, "recorded://bucket/versions")
    with pytest.raises(DestinationError, match="model lies inside the destination"):
        refuse_overlap("recorded://bucket/versions/model.keras", "recorded://bucket/versions")
    refuse_overlap("recorded://bucket/versions", "recorded://bucket/versions/2")
    refuse_overlap(one, one)
    refuse_overlap(one, tmp_path / "out")


def test_a_remote_model_is_listed_only_where_the_destination_is_below(storage: type[RecordedFileSystem]) -> None:
    refuse_overlap("unknown-scheme://bucket/model", "unknown-scheme://bucket/out")
    refuse_overlap(MODEL, f"{MODEL}/out")  # nothing is there, which whoever fetches it says
