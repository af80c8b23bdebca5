"""Make the scanners that benchmarks/scanners.py compares SM120 and SM121 with, an environment for each.

Each holds exactly what its locked file names, and nothing of the project. Needs Python 3.8 or later and nothing else.
"""

from __future__ import annotations

import sys

import environment
import uv

SCANNERS = {
    name: environment.Environment(f".venv-scanner-{name}", "3.10", f"requirements/scanner-{name}.txt", False)
    for name in ("modelscan", "modelaudit")
}


def main() -> int:
    try:
        uv.ensure_uv()
        for name, scanner in SCANNERS.items():
            environment.ensure_venv(scanner)
            uv.say(f"{scanner.folder}: {scanner.lock}")
            python = str(uv.ROOT / scanner.folder / "bin" / "python")
            if uv.run_uv("pip", "sync", "--quiet", "--python", python, "--require-hashes", scanner.lock):
                raise uv.SetupError(f"uv could not install {name}; its own words are above.")
    except uv.SetupError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
