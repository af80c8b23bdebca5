"""What the wheel is built of, copied (setuptools writes where it builds), and the lock it is installed beside."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.conftest import ROOT, absent
from tfx_savedmodel import versions

PACKAGED = ("LICENSE", "MANIFEST.in", "README.md", "components", "pyproject.toml", "setup.py", "templates")


def copy_packaged(target: Path) -> None:
    """Copy of the checkout what a wheel is built of, and nothing that was made beside it."""
    target.mkdir(parents=True, exist_ok=True)
    unwanted = shutil.ignore_patterns("__pycache__", "*.egg-info", "build", ".venv")
    for name in PACKAGED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target / name, ignore=unwanted)
        else:
            shutil.copy2(ROOT / name, target / name)


def stack() -> str:
    """Return the name of the stack whose TFX is installed here."""
    return lock_of(versions.installed("tfx")).name.removesuffix("-dev.txt")


def lock_of(tfx: str | None) -> Path:
    """Return the lock of the stack with this TFX; a test skips that has none of a supported stack."""
    names = [stack.name for stack in versions.STACKS if tfx and stack.locked.get("tfx") == tfx]
    if not names:
        absent(f"needs the TFX of a supported stack, found {tfx}: make install", expected=tfx is not None)
    return ROOT / "requirements" / f"{names[0]}-dev.txt"
