"""The sdist has what the wheel is built of, the whole template in it, and nothing that was left lying about."""

from __future__ import annotations

import shutil
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.packaged import PACKAGED, copy_packaged
from tests.templates.conftest import call, uv

pytestmark = [pytest.mark.tfx, pytest.mark.full]

#: What running the template where it lies leaves there.
LEFT_THERE = (
    "build/job.json",
    "wheels/some.whl",
    "contract.json",
    ".venv/bin/python",
    ".pytest_cache/v",
    ".ruff_cache/v",
    "training/__pycache__/model.cpython-310.pyc",
)


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def build(what: str, source: Path, target: Path) -> Path:
    done = call(
        uv(),
        "build",
        "--quiet",
        what,
        "--no-build-isolation",
        "--python",
        sys.executable,
        "-o",
        target,
        source,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout
    (built,) = (path for path in target.iterdir() if path.suffix in (".gz", ".whl"))
    return built


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sdist") / "source"
    copy_packaged(folder)
    for name in ("build", ".venv", "wheels", ".pytest_cache", ".ruff_cache"):
        shutil.rmtree(folder / "templates" / "starter" / name, ignore_errors=True)
    return folder


@pytest.fixture(scope="module")
def sdist(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sdist, built where the template was run."""
    lived_in = tmp_path_factory.mktemp("lived-in") / "source"
    shutil.copytree(source, lived_in)
    for name in LEFT_THERE:
        path = lived_in / "templates" / "starter" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("left there")
    return build("--sdist", lived_in, tmp_path_factory.mktemp("sdist-built"))


def test_sdist_has_all_that_a_wheel_is_built_of(source: Path, sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        inside = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    wanted = {name for name in files(source) if name.split("/")[0] in PACKAGED}
    assert {name for name in wanted if not name.startswith("components/")} <= inside
    assert {name for name in wanted if name.endswith((".py", ".j2", ".css", ".txt.gz", "py.typed"))} <= inside
    assert {name for name in inside if name.startswith("templates/")} - wanted <= folders(source)


def folders(source: Path) -> set[str]:
    return {path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_dir()}


def test_wheel_of_the_sdist_is_the_wheel_of_the_checkout(wheel: Path, sdist: Path, tmp_path: Path) -> None:
    again = build("--wheel", sdist, tmp_path)
    with zipfile.ZipFile(wheel) as one, zipfile.ZipFile(again) as other:
        contents = [{name: file.read(name) for name in file.namelist()} for file in (one, other)]
    for content in contents:
        (record,) = (name for name in content if name.endswith(".dist-info/RECORD"))
        content[record] = b"".join(sorted(content[record].splitlines(keepends=True)))
    assert sorted(contents[0]) == sorted(contents[1])
    assert contents[0] == contents[1]
    assert any(name.endswith("starting/template/requirements/tfx-1.21.txt") for name in contents[0])
