"""What a conversion may be asked for is judged before any work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tfx_savedmodel.errors import UsageError
from tfx_savedmodel.operations.conversion_options import check_options, read_outputs
from tfx_savedmodel.operations.extra_assets import digests_of, put_assets, read_assets

pytestmark = pytest.mark.unit

CLASSIFY: dict[str, Any] = {"kind": "classify", "scores": "group"}


@pytest.mark.parametrize(
    ("item", "where", "said"),
    [
        ({"kind": "classify"}, "outputs.x", "neither scores nor classes"),
        ({"kind": "regress"}, "outputs.x", "no value"),
        ({"kind": "regress", "value": 3}, "outputs.x.value", "found: 3"),
        ({"kind": "classify", "scores": ["a"]}, "outputs.x.scores", "found: ['a']"),
        ({**CLASSIFY, "classes": {"label": ["a"]}}, "outputs.x.classes", "labels, vocabulary, file"),
        ({**CLASSIFY, "classes": {"labels": ["a"], "file": "f"}}, "outputs.x.classes", "labels, vocabulary, file"),
        ({**CLASSIFY, "classes": {"labels": []}}, "outputs.x.classes.labels", "one at least"),
        ({**CLASSIFY, "classes": {"labels": [1]}}, "outputs.x.classes.labels", "found: [1]"),
        ({**CLASSIFY, "classes": {"vocabulary": "v"}}, "outputs.x.classes", "without a Transform graph"),
        ({**CLASSIFY, "classes": {"file": "/no/such/file"}}, "outputs.x.classes.file", "/no/such/file"),
        ({"kind": "predict", "outputs": ["group"]}, "outputs.x.outputs", "exported names"),
        ({"kind": "predict", "outputs": {}}, "outputs.x.outputs", "exported names"),
    ],
    ids=str,
)
def test_a_mistake_in_the_outputs_is_told_with_its_place(item: dict[str, Any], where: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_outputs({"x": item}, None, "both", has_transform=False)
    assert caught.value.where == where
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("key", "receiver", "is_taken"),
    [
        ("serve_raw", "both", True),
        ("serve_raw", "parsing", False),
        ("receiver", "parsing", True),
        ("receiver", "module:make", True),
        ("serving_default", "both", False),
    ],
)
def test_keys_of_the_receiver_are_its_own(key: str, receiver: str, is_taken: bool) -> None:
    outputs = {key: {"kind": "predict"}}
    if not is_taken:
        assert read_outputs(outputs, None, receiver, has_transform=False) == outputs
        return
    with pytest.raises(UsageError, match="a signature of the receiver itself") as caught:
        read_outputs(outputs, None, receiver, has_transform=False)
    assert caught.value.where == f"outputs.{key}"


def test_classify_and_regress_want_serialized_examples(tmp_path: Path) -> None:
    labels = {"x": {**CLASSIFY, "classes": {"labels": ["a"], "file": None}}}
    assert read_outputs(labels, "x", "parsing", has_transform=False)["x"]["classes"] == {"labels": ["a"]}
    assert read_outputs({"x": CLASSIFY}, None, "module:own", has_transform=False)
    with pytest.raises(UsageError, match="serialized examples"):
        read_outputs(labels, None, "raw", has_transform=False)


@pytest.mark.parametrize("tolerance", ["1e-6", None, True, float("inf"), -1.0], ids=repr)
def test_a_tolerance_is_a_number(tolerance: Any) -> None:
    with pytest.raises(UsageError, match="tolerance") as caught:
        check_options("both", tolerance, "object", has_module=False)
    assert caught.value.found == repr(tolerance)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["."], "a file's relative path"),
        ([""], "a file's relative path"),
        (["/a"], "a file's relative path"),
        (["../a"], "a file's relative path"),
        (["tfx_savedmodel.json"], "which is ours"),
        (["a", "a/b"], "two files"),
        (["a/b/c", "a"], "two files"),
        (["a", "./a"], "two files"),
    ],
    ids=str,
)
def test_places_in_assets_extra(names: list[str], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_assets(dict.fromkeys(names, "file"))
    assert said in str(caught.value) and caught.value.where == "assets_extra"


def test_files_for_assets_extra_are_known_by_their_content(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("Monday", encoding="utf-8")
    extra = read_assets({"about/./notes.txt": tmp_path / "notes.txt", "b": str(tmp_path / "notes.txt")})
    assert extra == dict.fromkeys(("about/notes.txt", "b"), str(tmp_path / "notes.txt"))
    before = digests_of(extra)
    put_assets({name: Path(file) for name, file in extra.items()}, tmp_path / "model")
    assert (tmp_path / "model" / "assets.extra" / "about" / "notes.txt").read_text(encoding="utf-8") == "Monday"
    (tmp_path / "notes.txt").write_text("Tuesday", encoding="utf-8")
    assert before["b"] == before["about/notes.txt"] != digests_of(extra)["b"]
    with pytest.raises(UsageError, match="no such file") as caught:
        digests_of({"gone": tmp_path / "gone"})
    assert caught.value.where == "assets_extra: gone"
