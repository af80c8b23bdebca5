from __future__ import annotations

from pathlib import Path

import pytest

from tfx_savedmodel.errors import UsageError
from tfx_savedmodel.sources.module_file import ModuleFile, load_module

pytestmark = pytest.mark.unit


def module(folder: Path, text: str, name: str = "mine.py") -> ModuleFile:
    (folder / name).write_text(text, encoding="utf-8")
    return load_module(folder / name)


def test_functions_take_what_their_parameters_name(tmp_path: Path) -> None:
    loaded = module(tmp_path, "def make(model, extra=3):\n    return model, extra\ndef nothing():\n    return 7\n")
    assert loaded.call("make", {"model": 1, "schema": 2}) == (1, 3)
    assert loaded.call("nothing", {"model": 1}) == 7


def test_siblings_are_importable_and_the_module_is_run_once(tmp_path: Path) -> None:
    (tmp_path / "sibling_of_module_file.py").write_text("VALUE = 5\n", encoding="utf-8")
    text = "import sibling_of_module_file\nCOUNT = []\ndef get():\n    COUNT.append(1)\n    return COUNT\n"
    assert module(tmp_path, text).call("get", {}) == [1]
    assert module(tmp_path, text).call("get", {}) == [1, 1]


def test_two_files_of_one_name_do_not_meet(tmp_path: Path) -> None:
    for folder, value in (("a", 1), ("b", 2)):
        (tmp_path / folder).mkdir()
        assert module(tmp_path / folder, f"VALUE = {value}\n").get("VALUE") == value


def test_a_dotted_name_is_imported() -> None:
    assert load_module("json.decoder").get("JSONDecoder").__name__ == "JSONDecoder"
    with pytest.raises(UsageError, match="no such module"):
        load_module("no_such_module_anywhere.inner")


@pytest.mark.parametrize(
    ("text", "call", "said"),
    [
        ("import no_such_thing_at_all\n", None, r"mine\.py:1"),
        ("x = 1\ndef f(:\n", None, r"mine\.py:2"),
        ("\n\nraise ValueError('early')\n", None, r"mine\.py:3[\s\S]*early"),
        ("def f():\n    return 1 / 0\n", "f", r"mine\.py:2[\s\S]*ZeroDivisionError"),
        ("def f():\n    pass\n", "g", "found: f"),
        ("def f(model, unheard_of):\n    pass\n", "f", "unheard_of"),
        ("f = 3\n", "f", "no function"),
    ],
    ids=["import", "syntax", "raises", "call", "missing", "parameter", "value"],
)
def test_mistakes_in_it_are_said_with_their_line(tmp_path: Path, text: str, call: str | None, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        loaded = module(tmp_path, text)
        if call:
            loaded.call(call, {"model": 1})


def test_an_absent_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such module file"):
        load_module(tmp_path / "absent.py")
