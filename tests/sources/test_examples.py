from __future__ import annotations

from pathlib import Path

import pytest

from tests.estimators.models import people, write_examples
from tfx_savedmodel.errors import ExamplesError
from tfx_savedmodel.sources.examples import find_example_files, first_examples, read_batches

pytestmark = pytest.mark.tf


def test_plain_and_compressed_files_are_read_up_to_the_limit(tmp_path: Path) -> None:
    files = [
        str(write_examples(tmp_path / "a", people(5))),
        str(write_examples(tmp_path / "b.gz", people(20), compressed=True)),
    ]
    assert [len(batch) for batch in read_batches(files, batch=4, limit=100)] == [4, 4, 4, 4, 4, 4, 1]
    assert [len(batch) for batch in read_batches(files, batch=4, limit=6)] == [4, 2]
    assert len(first_examples(files, 6)) == 6
    assert len(first_examples(files, 100)) == 25


@pytest.mark.parametrize("content", [b"", b"no TFRecord at all, but long enough to have a header"])
def test_files_without_examples_are_an_error(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "data"
    file.write_bytes(content)
    with pytest.raises(ExamplesError) as caught:
        list(read_batches([str(file)], batch=4, limit=6))
    assert caught.value.where == str(file)


def test_paths_globs_and_folders_name_files(tmp_path: Path) -> None:
    names = [str(tmp_path / name) for name in ("a-0", "a-1", "b-0")]
    for name in names:
        Path(name).touch()
    assert find_example_files([tmp_path / "b-0", str(tmp_path / "a-*")]) == [names[2], *names[:2]]
    assert find_example_files([tmp_path]) == names
    with pytest.raises(ExamplesError, match="c-"):
        find_example_files([str(tmp_path / "c-*")])


def test_an_artifact_stands_for_its_splits_train_first(tmp_path: Path) -> None:
    for split in ("eval", "train"):
        (tmp_path / f"Split-{split}").mkdir()
        write_examples(tmp_path / f"Split-{split}" / "data.gz", people(3 if split == "train" else 2), compressed=True)
    files = find_example_files([tmp_path])
    assert [Path(file).parent.name for file in files] == ["Split-train", "Split-eval"]
    assert len(first_examples([tmp_path], 9)) == 5
