"""`convert` from and to remote paths."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.estimators.models import needs_estimators, people, save_two_inputs, write_examples
from tests.saved_model.storages import RecordedFileSystem, empty_storage, put
from tfx_savedmodel.errors import DestinationError, UnreadableModelError, UsageError
from tfx_savedmodel.operations.convert import convert

pytestmark = pytest.mark.tf


@pytest.fixture(autouse=True)
def storage() -> Iterator[type[RecordedFileSystem]]:
    yield empty_storage()


@needs_estimators
def test_everything_may_be_remote(tmp_path: Path, storage: type[RecordedFileSystem]) -> None:
    save_two_inputs(tmp_path / "artifact" / "Format-Serving")
    (tmp_path / "examples").mkdir()
    write_examples(tmp_path / "examples" / "data-00000-of-00001", people(10))
    put(tmp_path, "recorded://bucket")
    storage.log.clear()
    result = convert(
        "recorded://bucket/artifact",
        "recorded://bucket/model",
        examples="recorded://bucket/examples/*",
        checkpoint="recorded://bucket/checkpoint",
    )
    assert (result.path, result.checkpoint) == ("recorded://bucket/model", "recorded://bucket/checkpoint")
    assert (result.parity["source"], result.parity["examples"]) == ("given", 10)
    puts = [path for what, path in storage.log if what == "put"]
    assert puts[-1] == "/bucket/model/saved_model.pb"
    assert "/bucket/checkpoint/checkpoint" in storage.store
    with pytest.raises(DestinationError, match="exists"):
        convert("recorded://bucket/artifact", "recorded://bucket/model")
    with pytest.raises(UsageError, match="lies in"):
        convert("recorded://bucket/artifact", "recorded://bucket")
    with pytest.raises(UnreadableModelError) as caught:
        convert("recorded://bucket/nowhere", "recorded://bucket/other")
    assert caught.value.where == "recorded://bucket/nowhere"
