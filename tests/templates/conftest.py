"""A clean environment with the built wheel, as somebody has it who never saw the checkout; made once a session."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, require_tool
from tests.packaged import copy_packaged, lock_of
from tfx_savedmodel import versions
from tfx_savedmodel.operations.new import new

#: What a shell of make's has of make's own, and what would lead back to the checkout.
UNWANTED = ("PYTHON", "VIRTUAL_ENV", "MAKE", "MFLAGS", "STACK")


def clean_variables() -> dict[str, str]:
    """Return the environment without what would lead back to the checkout."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(UNWANTED)}
    return {**kept, "TF_CPP_MIN_LOG_LEVEL": "2"}


def stack() -> str:
    """Return the name of the stack whose TFX is installed here."""
    return lock_of(versions.installed("tfx")).name.removesuffix("-dev.txt")


def call(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command away from the checkout, and return what it said, both streams together."""
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=clean_variables(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built of a copy of the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    copy_packaged(folder / "source")
    pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", folder / "dist")
    done = call(*pip, folder / "source", cwd=folder)
    assert done.returncode == 0, done.stdout
    (built,) = (folder / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The virtual environment that `make install` makes in a new repository, with the wheel in its `wheels` folder."""
    made = new("first", tmp_path_factory.mktemp("installed") / "made").path
    (made / "wheels").mkdir()
    shutil.copy2(wheel, made / "wheels")
    own = ROOT / ".uv" / "bin" / "uv"
    uv = str(own) if own.is_file() else require_tool("uv", "make install")
    done = call("make", "install", f"STACK={stack()}", f"UV={uv}", f"PYTHON={sys.executable}", cwd=made)
    assert done.returncode == 0, done.stdout
    take_bytecode(made / ".venv")
    return made / ".venv"


def take_bytecode(environment: Path) -> None:
    """Give the new environment what this one has compiled of the same files; Python takes none that does not fit.

    TFX imports thousands of files: to compile them again takes longer than to install them.
    """
    new = environment / Path(pytest.__file__).parents[1].relative_to(sys.prefix)
    old = Path(pytest.__file__).parents[1]
    for path in old.rglob("__pycache__/*.pyc"):
        target = new / path.relative_to(old)
        if target.parents[1].is_dir() and not target.exists():
            target.parent.mkdir(exist_ok=True)
            shutil.copy2(path, target)
