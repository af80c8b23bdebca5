"""What the wheel is built of, copied: setuptools writes where it builds."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.conftest import ROOT

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
