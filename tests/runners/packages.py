"""A Python package that nothing here has, as a job brings it."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from pathlib import Path

NAME = "only_the_job_has_it"
WHEEL = f"{NAME}-1.0-py3-none-any.whl"


def make_wheel(
    folder: Path, text: str, name: str = NAME, module: str = f"{NAME}.py", requires: str | None = None
) -> Path:
    """Write a wheel with a module of this text."""
    about = f"{name}-1.0.dist-info"
    files = {
        module: text,
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
        + (f"Requires-Dist: {requires}\n" if requires else ""),
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    lines = [f"{file},sha256={_record_digest(content)},{len(content)}" for file, content in files.items()]
    files[f"{about}/RECORD"] = "\n".join([*lines, f"{about}/RECORD,,", ""])
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for file, content in files.items():
            wheel.writestr(file, content)
    return path


def _record_digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
