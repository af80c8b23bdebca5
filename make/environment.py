"""Make a stack's virtual environment: `python3 make/environment.py tfx-1.15`.

The environment holds exactly what its locked file names, and the package itself as an editable
install. Needs Python 3.8 or later and nothing else; what is missing is brought or named.
"""

from __future__ import annotations

import argparse
import dataclasses
import subprocess
import sys
from pathlib import Path

import interpreters
import stacks
import uv


@dataclasses.dataclass(frozen=True)
class Environment:
    """A virtual environment: its folder, Python version and locked file; `compiles` some sdists.

    `or_python` are the versions that will do where the first is not there.
    """

    folder: str
    python: str
    lock: str
    compiles: bool
    or_python: tuple[str, ...] = ()


ENVIRONMENTS = {
    stack.name: Environment(
        folder=stacks.folder(stack.name),
        python=stack.pythons[0],
        lock=f"requirements/{stack.name}-dev.txt",
        compiles="tfx" in stack.locked,
        or_python=stack.pythons[1:],
    )
    for stack in stacks.VERSIONS.STACKS
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=sorted(ENVIRONMENTS))
    environment = ENVIRONMENTS[parser.parse_args().name]
    try:
        uv.ensure_uv()
        ensure_venv(environment)
        _install(environment)
    except uv.SetupError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    return 0


def ensure_venv(environment: Environment) -> None:
    folder = uv.ROOT / environment.folder
    versions = (environment.python, *environment.or_python)
    present = interpreters.probe(str(folder / "bin" / "python"))
    if present is not None and present.version in versions:
        return
    found = next(filter(None, (interpreters.find(each, needs_headers=environment.compiles) for each in versions)), None)
    if found is not None:
        uv.say(f"{environment.folder}: {found.executable}")
        code = _uv_venv(folder, "--python", found.executable)
    else:
        uv.say(f"{environment.folder}: no usable Python {' or '.join(versions)} here, asking uv for one")
        code = _uv_venv(folder, "--python", environment.python, "--managed-python")
    if code:
        raise uv.SetupError(_missing_python(environment))


def _uv_venv(folder: Path, *arguments: str) -> int:
    return uv.run_uv("venv", "--quiet", "--clear", "--no-project", *arguments, str(folder))


def _install(environment: Environment) -> None:
    python = str(uv.ROOT / environment.folder / "bin" / "python")
    uv.say(f"{environment.folder}: {environment.lock}")
    variables = uv.compiler_variables() if environment.compiles else {}
    sync = ("pip", "sync", "--quiet", "--python", python, "--require-hashes", environment.lock)
    if uv.run_uv(*sync, env=variables):
        raise uv.SetupError(f"uv could not install {environment.lock}; its own words are above.")
    # The build tools are locked too, so nothing outside the lock is fetched for the package itself.
    editable = ("pip", "install", "--quiet", "--python", python, "--no-deps", "--no-build-isolation", "-e", ".")
    if uv.run_uv(*editable):
        raise uv.SetupError(f"uv could not install the package into {environment.folder}; its own words are above.")
    subprocess.run([python, "-c", "import tfx_savedmodel"], check=True)


def _missing_python(environment: Environment) -> str:
    version = environment.python
    headers = " with its C headers" if environment.compiles else ""
    packages = f"python{version} python{version}-dev" if environment.compiles else f"python{version}"
    versions = " or ".join((version, *environment.or_python))
    return (
        f"This needs Python {versions}{headers}. None was found on the path or in pyenv's versions folder,\n"
        "and uv could not download one (its own words are above). Install it in one of these ways and run make again:\n"
        f"  pyenv install {version}\n"
        f"  apt-get install {packages}      (where the distribution has it)"
    )


if __name__ == "__main__":
    sys.exit(main())
