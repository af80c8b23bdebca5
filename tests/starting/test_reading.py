"""CSV files as people have them: separators, quotes, byte order marks, no header, too large."""

from __future__ import annotations

from pathlib import Path

import pytest

from tfx_savedmodel.errors import UsageError
from tfx_savedmodel.starting import reading
from tfx_savedmodel.starting.reading import Table, read_table

pytestmark = pytest.mark.unit


def table(tmp_path: Path, content: str | bytes, **options: int) -> Table:
    path = tmp_path / "some.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_table(path, **options)


@pytest.mark.parametrize(
    ("content", "separator"),
    [
        ("a,b\n1,2\n", ","),
        ("a;b\n1,5;2,5\n", ";"),
        ("a\tb\n1\t2\n", "\t"),
        ("a|b\n1|2\n", "|"),
        ("a\n1\n", ","),
        ('a;b\n"x;y,z";2\n', ";"),
    ],
)
def test_separator_is_found(tmp_path: Path, content: str, separator: str) -> None:
    assert table(tmp_path, content).separator == separator


def test_quotes_line_breaks_blanks_and_a_byte_order_mark(tmp_path: Path) -> None:
    found = table(tmp_path, b'\xef\xbb\xbfa, b\r\n"x, ""y""\r\nz", 1\r\n\r\n  w ,\r\n')
    assert found.header == ("a", "b")
    assert found.rows == (('x, "y"\r\nz', "1"), ("w", ""))
    assert (found.total, found.had_blanks) == (2, True)
    assert not table(tmp_path, 'a,b\n"x, y",1\n').had_blanks
    assert table(tmp_path, 'a,b\nx, "y, z"\n') == Table(
        tmp_path / "some.csv", ",", ("a", "b"), (("x", "y, z"),), 1, had_blanks=True
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "the file is empty"),
        ("a,b\n1,2\n1,2,3\n", "line 3\n  found: 3 cells\n  wanted: 2"),
        ("178,3,no,maybe,yes\n14.2,1.7,2.4,0\n", "line 2\n  found: 4 cells"),
        (
            "178,3,no,maybe,yes\n14.2,1.7,2.4,0\n",
            "where line 1 is no line of names, put one in its place; else",
        ),
        ("a,b\n1,2\n1,2,3\n", "next: mend the line"),
        ("1,2.5\n3,4.5\n", "the file has no header"),
        (b"a,b\n1,\xe9\n", "line 2\n  found: byte 0xe9"),
        ("a,b\n1,2\n".encode("utf-16"), "iconv -f utf-16"),
        (b"\x1f\x8b\x08rest", "the file is compressed"),
        ('a,b\n1,"' + "x" * 200_000 + '"\n', "the file is no CSV"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_place(tmp_path: Path, content: str | bytes, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        table(tmp_path, content)
    assert said in str(caught.value)
    assert "some.csv" in caught.value.where


def test_absent_file_and_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(UsageError, match="the file cannot be read"):
            read_table(path)


def test_one_odd_name_is_still_a_header(tmp_path: Path) -> None:
    assert table(tmp_path, ",a,2020\n0,x,1\n").header == ("", "a", "2020")


def test_large_file_gives_the_same_random_sample_in_order(tmp_path: Path) -> None:
    content = "a\n" + "".join(f"{number}\n" for number in range(10_000))
    found = table(tmp_path, content, most_rows=500)
    numbers = [int(row[0]) for row in found.rows]
    assert (len(numbers), found.total, found.is_sample) == (500, 10_000, True)
    assert numbers == sorted(set(numbers))
    # From the whole of it: of a sorted file the first rows would be one class alone.
    assert sum(number >= 5000 for number in numbers) in range(200, 300)
    assert table(tmp_path, content, most_rows=500) == found


def test_many_columns_make_a_smaller_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_CELLS", 30)
    assert len(table(tmp_path, "a,b,c\n" + "1,2,3\n" * 20).rows) == 10
