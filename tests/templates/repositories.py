"""CSV files to make repositories for, and how ruff looks at what was made."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT
from tfx_savedmodel.operations.new import new

TEMPLATE = ROOT / "templates" / "starter"
PENGUINS = TEMPLATE / "data" / "examples.csv"

#: Names and values that must stay text wherever they are written: Python, JSON, Markdown, CSV.
HOSTILE = 'It\'s "a" `name`|<b>,Größe; x,{{ x }},class,Date,y\n' + "".join(
    f'"<script> {number % 3}, ""q""",{number / 3},"{{% raw %}} {number % 2}",{number % 5}.5,2020-01-0{number % 7 + 1},'
    f'"{["a", "it" + chr(39) + "s", chr(34) * 2 + "b" + chr(34) * 2][number % 3]}"\n'
    for number in range(60)
)
#: A regression with one column of each kind, missing values in all.
HOUSES = "rooms,town,sold,heated,price\n" + "".join(
    f"{number % 6 if number % 9 else ''},{'' if number % 8 == 0 else ['York', 'Bath', 'Hull'][number % 3]},"
    f"{'' if number % 11 == 0 else f'20{number % 20:02d}-0{number % 9 + 1}-15'},{'yes' if number % 4 else 'no'},"
    f"{50000 + 21000.5 * (number % 6) + 9000 * (number % 3)}\n"
    for number in range(240)
)


def make(folder: Path, content: str | None = None, label: str | None = None, name: str = "my-pipeline") -> Path:
    """Return a repository that was made for a CSV file of this content."""
    data = None
    if content is not None:
        data = folder / "given.csv"
        data.write_text(content, encoding="utf-8")
    return new(name, folder / "made", data=data, label=label).path


def ruff(repository: Path) -> str:
    """Return what ruff finds fault with in a repository, by the repository's own settings."""
    program = shutil.which("ruff", path=str(Path(sys.executable).parent))
    assert program is not None
    said = ""
    for arguments in (["check"], ["format", "--check", "--diff"]):
        done = subprocess.run([program, *arguments], cwd=repository, capture_output=True, text=True, check=False)
        said += "" if done.returncode == 0 else done.stdout + done.stderr
    return said


def pins(lock: Path) -> dict[str, str]:
    """Return the versions that a lock has, by name."""
    return dict(re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", lock.read_text(encoding="utf-8"), re.MULTILINE))
