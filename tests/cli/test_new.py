"""`tfx-savedmodel new` on the command line: what it says, and with which code it ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.templates.repositories import HOUSES
from tfx_savedmodel.cli.main import run

pytestmark = pytest.mark.unit


def test_what_was_found_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "houses.csv"
    head, *rows = HOUSES.splitlines()
    numbered = [f"House No,{head}", *(f"{number},{row}" for number, row in enumerate(rows))]
    data.write_text("\n".join([*numbered, "240,1,Bath,,no,", ""]))
    assert run(["new", "houses", str(tmp_path / "made"), "--data", str(data), "--label", "price"]) == 0
    said = capsys.readouterr().out
    assert "houses.csv: 241 rows, 6 columns" in said
    assert "one row without a label was left out" in said
    assert "label price: regression, because its values are numbers with fractions" in said
    assert "--task" not in said  # numbers with fractions are no classes
    assert "true or false" in said
    assert "House No  it numbers the rows" in said
    assert f"Made  {tmp_path / 'made'}" in said


def test_classes_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "houses.csv"
    data.write_text(HOUSES)
    assert run(["new", "houses", str(tmp_path / "made"), "--data", str(data), "--label", "heated"]) == 0
    said = capsys.readouterr().out
    assert "classes: no, yes" in said
    assert "--task" not in said


def test_numbers_may_be_either_and_how_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "houses.csv"
    data.write_text(HOUSES)
    arguments = ["--data", str(data), "--label", "rooms"]
    assert run(["new", "houses", str(tmp_path / "made"), *arguments]) == 0
    said = capsys.readouterr().out
    assert "label rooms: classification, because its values are 6 different whole numbers" in said
    assert "to have it otherwise: --task regression" in said
    assert run(["new", "houses", str(tmp_path / "again"), *arguments, "--task", "regression"]) == 0
    said = capsys.readouterr().out
    assert "label rooms: regression, because you said so" in said
    assert "to have it otherwise: --task classification" in said


def test_strings_that_are_mostly_numbers_and_another_separator_are_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "houses.csv"
    data.write_text("floors;price\n" + "".join(f"{number % 4 or '-'};{number}.5\n" for number in range(40)))
    assert run(["new", "houses", str(tmp_path / "made"), "--data", str(data), "--label", "price"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "most of its values are numbers, not 10 × '-': to have numbers, leave those cells empty" in said
    assert "the separator ';' became a comma" in said
    assert "data that comes later has to have the same form" in said


def test_stack_may_be_named(tmp_path: Path) -> None:
    assert run(["new", "houses", str(tmp_path / "made"), "--stack", "tfx-1.21"]) == 0
    assert "\nARG STACK=tfx-1.21\n" in (tmp_path / "made" / "Dockerfile").read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["new", "Houses", "DIR/made"], "call it houses"),
        (["new", "houses"], "Missing argument 'DEST'"),
        (["new", "houses", "DIR"], "the destination exists"),
        (["new", "houses", "DIR/made", "--data", "DIR/none.csv", "--label", "y"], "the file cannot be read"),
        (["new", "houses", "DIR/made", "--data", "DIR/houses.csv", "--label", "cost"], "found: rooms, town, sold"),
        (["new", "houses", "DIR/made", "--task", "ranking"], "'ranking'"),
        (["new", "houses", "DIR/made", "--stack", "tf-2.21"], "'tf-2.21'"),
    ],
)
def test_what_cannot_be_done_is_wrong_usage(
    tmp_path: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "houses.csv").write_text(HOUSES)
    assert run([argument.replace("DIR", str(tmp_path)) for argument in arguments]) == 4
    assert said in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["houses.csv"]


def test_it_starts_fast(tmp_path: Path) -> None:
    (tmp_path / "houses.csv").write_text(HOUSES)
    heavy = ("tensorflow", "tfx", "apache_beam", "numpy", "pydantic", "rich", "jinja2", "google.protobuf")
    code = (
        "import sys; from tfx_savedmodel.cli.main import run; code = run(sys.argv[1:]); "
        f"print(*[name for name in {heavy!r} if name in sys.modules], file=sys.stderr); sys.exit(code)"
    )
    arguments = ["new", "houses", str(tmp_path / "made"), "--data", str(tmp_path / "houses.csv"), "--label", "price"]
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (0, "")
