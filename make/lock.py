"""Compile requirements/*.in into the fully pinned files: `python3 make/lock.py [--upgrade]`.

Without `--upgrade` pins that still satisfy the .in files stay as they are.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

import interpreters
import uv

#: Output, Python version, inputs, and the file whose pins constrain it; in this order.
LOCKS: tuple[tuple[str, str, tuple[str, ...], str | None], ...] = (
    ("uv.txt", "3.8", ("uv.in",), None),
    ("compiler.txt", "3.8", ("compiler.in",), None),
    ("tfx-1.15.txt", "3.10", ("tfx-1.15.in",), None),
    ("tfx-1.15-dev.txt", "3.10", ("tfx-1.15.in", "dev.in"), "tfx-1.15.txt"),
    ("explain-sdk.txt", "3.10", ("explain-sdk.in",), "tfx-1.15.txt"),
    ("tf-2.21-dev.txt", "3.12", ("tf-2.21.in", "dev.in"), None),
    ("consumer-tf-1.15.txt", "3.7", ("consumer-tf-1.15.in",), None),
    ("consumer-tf-2.4.txt", "3.8", ("consumer-tf-2.4.in",), None),
    ("consumer-tf-2.7.txt", "3.9", ("consumer-tf-2.7.in",), None),
    ("scanner-modelscan.txt", "3.10", ("scanner-modelscan.in",), None),
    ("scanner-modelaudit.txt", "3.10", ("scanner-modelaudit.in",), None),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions that the .in files allow")
    upgrade = parser.parse_args().upgrade
    try:
        uv.ensure_uv()
    except uv.SetupError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    for output, python, inputs, constraint in LOCKS:
        uv.say(f"requirements/{output}")
        code = _compile(output, python, inputs, constraint, upgrade=upgrade)
        if code:
            return code
    return 0


def _compile(output: str, python: str, inputs: tuple[str, ...], constraint: str | None, *, upgrade: bool) -> int:
    command = [str(uv.UV), "pip", "compile", "--quiet", "--generate-hashes", "--no-emit-index-url"]
    command += ["--no-emit-find-links", "--custom-compile-command", "make lock", "--output-file", output]
    interpreter = interpreters.find(python, needs_headers=False)
    command += ["-p", interpreter.executable] if interpreter else ["--python-version", python]
    command += ["-c", constraint] if constraint else []
    command += ["--upgrade"] if upgrade else []
    variables = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    # From inside the folder, so that the files' own comments name no path.
    return subprocess.run([*command, *inputs], cwd=str(uv.ROOT / "requirements"), env=variables).returncode


if __name__ == "__main__":
    sys.exit(main())
