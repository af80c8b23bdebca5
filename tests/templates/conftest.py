"""A clean environment with the built wheel, as somebody has it who never saw the checkout; made once a session."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, require_tool
from tests.packaged import copy_packaged, stack
from tests.templates.repositories import HOUSES
from tfx_savedmodel.operations.new import new

#: What a shell of make's has of make's own, and what would lead back to the checkout.
UNWANTED = ("PYTHON", "VIRTUAL_ENV", "MAKE", "MFLAGS", "STACK")


def clean_variables() -> dict[str, str]:
    """Return the environment without what would lead back to the checkout."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(UNWANTED)}
    return {**kept, "TF_CPP_MIN_LOG_LEVEL": "2"}


def uv() -> str:
    """Return the path of the uv that `make install` brought, else of the machine's."""
    own = ROOT / ".uv" / "bin" / "uv"
    return str(own) if own.is_file() else require_tool("uv", "make install")


def call(*command: str | Path, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command away from the checkout, and return what it said, both streams together."""
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**clean_variables(), **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def make(made: Path, *targets: str) -> subprocess.CompletedProcess[str]:
    """Run make in a made repository."""
    return call("make", *targets, cwd=made)


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
    done = call("make", "install", f"STACK={stack()}", f"UV={uv()}", f"PYTHON={sys.executable}", cwd=made)
    assert done.returncode == 0, done.stdout
    take_bytecode(made / ".venv")
    return made / ".venv"


def make_repository(installed: Path, folder: Path, name: str, content: str = "", label: str = "") -> Path:
    """Return a repository made by the installed command; its environment is the installed one."""
    arguments: list[str | Path] = []
    if content:
        (folder / "given.csv").write_text(content)
        arguments = ["--data", folder / "given.csv", "--label", label]
    done = call(installed / "bin" / "tfx-savedmodel", "new", name, folder / "made", *arguments, cwd=folder)
    assert done.returncode == 0, done.stdout
    made = folder / "made"
    (made / ".venv").symlink_to(installed)
    # For make, what the requirements name is there: written after them.
    (installed / f".installed-{stack()}").touch()
    return made


@pytest.fixture(scope="session")
def made(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository for a CSV file; a test that changes it changes it back."""
    return make_repository(installed, tmp_path_factory.mktemp("houses"), "houses", HOUSES, "price")


@pytest.fixture(scope="session")
def ran(made: Path) -> str:
    """What the first run said, after which the contract was written as the README says."""
    done = make(made, "run")
    assert done.returncode == 0, done.stdout + (made / "build" / "pipeline.log").read_text()[-5000:]
    done_too = make(made, "contract")
    assert done_too.returncode == 0, done_too.stdout
    return str(done.stdout)


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
