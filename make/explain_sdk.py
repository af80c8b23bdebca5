"""Make `.venv-explain-sdk`: explainable-ai-sdk, which reads explanation_metadata.json in the tests.

It pins nothing that fits the project's own stacks for good, so it has an environment of its own, with
exactly what its locked file names and without the package. Needs Python 3.8 or later and nothing else.
"""

from __future__ import annotations

import subprocess
import sys

import environment
import uv

SDK = environment.Environment(".venv-explain-sdk", "3.10", "requirements/explain-sdk.txt", compiles=False)


def main() -> int:
    python = str(uv.ROOT / SDK.folder / "bin" / "python")
    try:
        uv.ensure_uv()
        environment.ensure_venv(SDK)
        uv.say(f"{SDK.folder}: {SDK.lock}")
        if uv.run_uv("pip", "sync", "--quiet", "--python", python, "--require-hashes", SDK.lock):
            raise uv.SetupError(f"uv could not install {SDK.lock}; its own words are above.")
    except uv.SetupError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    return subprocess.run([python, "-c", "import explainable_ai_sdk"]).returncode


if __name__ == "__main__":
    sys.exit(main())
