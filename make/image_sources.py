"""What an image is made of: a digest of the files of this checkout that go into it, and its version."""

from __future__ import annotations

import ast
import hashlib
import subprocess
from pathlib import Path

import buildah
import uv

#: What runs and tests leave in folders of sources; .dockerignore keeps it from the build too.
_LEFT_LYING = ("__pycache__", "build", ".venv", "wheels", "contract.json")
LABEL = "tfx-savedmodel.sources"
_FILES = (
    "Dockerfile",
    ".dockerignore",
    "LICENSE",
    "MANIFEST.in",
    "README.md",
    "setup.py",
    "pyproject.toml",
    "make/image_trim.py",
    "requirements/uv.txt",
)


def digest(stack: str) -> str:
    """Return a digest of the names and contents of all that the image of a stack is made of."""
    files = [
        *(uv.ROOT / name for name in (*_FILES, f"requirements/{stack}.in", f"requirements/{stack}.txt")),
        *_package(uv.ROOT / "components"),
        *_package(uv.ROOT / "templates"),
    ]
    total = hashlib.sha256()
    for path in files:
        total.update(f"{path.relative_to(uv.ROOT).as_posix()}\0".encode())
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def of_image(name: str) -> str | None:
    """Return the digest that an image was made of, or None where there is no such image."""
    if not buildah.image_exists(name):
        return None
    return (buildah.inspect(name).get("Labels") or {}).get(LABEL)


def version() -> dict[str, str]:
    """Return the package's version and, of a git checkout, its commit."""
    text = (uv.ROOT / "components" / "tfx_savedmodel" / "versions.py").read_text(encoding="utf-8")
    assigned = {
        statement.target.id: statement.value
        for statement in ast.parse(text).body
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and statement.value
    }
    git = ["git", "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"]
    try:
        answer = subprocess.run(git, cwd=str(uv.ROOT), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        revision = answer.stdout.decode().strip()
    except OSError:  # git is not installed
        revision = ""
    return {"VERSION": ast.literal_eval(assigned["__version__"]), "REVISION": revision}


def _package(folder: Path) -> list[Path]:
    def ignored(part: str) -> bool:
        return part in _LEFT_LYING or part.endswith((".egg-info", "_cache"))

    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(map(ignored, path.relative_to(folder).parts))
    ]
