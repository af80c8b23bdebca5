"""uv in a virtual environment of its own (`.uv/`), and a C++ compiler where the machine has none."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import interpreters

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".uv"
UV = HOME / "bin" / "uv"
_PYTHON = HOME / "bin" / "python"
_PIN = ROOT / "requirements" / "uv.txt"
_COMPILER_PIN = ROOT / "requirements" / "compiler.txt"


class SetupError(Exception):
    """Something that this machine lacks; the text says what to install."""


def ensure_uv() -> None:
    """Install the pinned uv into `.uv/`, unless it is there."""
    if UV.exists() and f"uv=={_version()} " in _PIN.read_text():
        return
    say("uv -> .uv/")
    if interpreters.probe(str(_PYTHON)) is None:
        _make_home()
    # Under a distribution's own Python `pip install` is refused, so pip runs in the new environment.
    command = [str(_PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    if subprocess.run([*command, "-r", str(_PIN)], cwd=str(ROOT)).returncode:
        raise SetupError("pip could not install uv (its own words are above). Is the package index reachable?")


def run_uv(*arguments: str, env: dict[str, str] | None = None) -> int:
    """Run uv in the project's folder and return its exit code."""
    variables = {**os.environ, **(env or {})}
    variables.pop("VIRTUAL_ENV", None)
    return subprocess.run([str(UV), *arguments], cwd=str(ROOT), env=variables).returncode


def compiler_variables() -> dict[str, str]:
    """Return CC and CXX for building sdists: empty where a C++ compiler is on the path.

    Some dependencies come as source only. Where nothing can compile them, the compiler that the
    package `ziglang` carries does it.
    """
    if os.environ.get("CXX") or any(shutil.which(name) for name in ("c++", "g++", "clang++")):
        return {}
    say("no C++ compiler on the path: ziglang -> .uv/")
    if run_uv("pip", "install", "--quiet", "--python", str(_PYTHON), "--require-hashes", "-r", str(_COMPILER_PIN)):
        raise SetupError(
            "No C++ compiler, and ziglang could not be installed in its place.\n"
            "Install one, for example with `apt-get install g++`, and run make again."
        )
    return {"CC": str(_wrapper("cc")), "CXX": str(_wrapper("c++"))}


def say(text: str) -> None:
    """Tell the person what is being done."""
    print(f"==> {text}", file=sys.stderr, flush=True)


def _version() -> str:
    answer = subprocess.run([str(UV), "--version"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    words = answer.stdout.decode().split()
    return words[1] if len(words) > 1 else ""


def _make_home() -> None:
    found = (interpreters.find(version, needs_headers=False) for version in ("3.10", "3.12"))
    for python in [sys.executable, *(each.executable for each in found if each is not None)]:
        shutil.rmtree(str(HOME), ignore_errors=True)
        made = subprocess.run([python, "-m", "venv", str(HOME)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if made.returncode == 0:
            return
    shutil.rmtree(str(HOME), ignore_errors=True)
    raise SetupError(
        f"{sys.executable} cannot make a virtual environment.\n"
        "On Debian and Ubuntu: `apt-get install python3-venv`, then run make again."
    )


def _wrapper(language: str) -> Path:
    path = HOME / "compilers" / language
    path.parent.mkdir(exist_ok=True)
    # zig's default is this very machine's processor; a wheel in uv's cache may be used on another.
    path.write_text(f'#!/bin/sh\nexec "{_PYTHON}" -m ziglang {language} -mcpu=baseline "$@"\n')
    path.chmod(0o755)
    return path
