"""Make the old consumers of exports: `python3 make/consumers.py [tf-1.15 …]`, an environment for each release.

Each holds TensorFlow as an old server runs it, exactly what its locked file names, and nothing of the project:
`tests/consumers` loads exports in them. One whose Python this machine lacks is skipped, and what to install is
said. Needs Python 3.8 or later and nothing else; where all is there it takes a fraction of a second.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time

import interpreters
import uv
from environment import Environment, ensure_venv

#: By the name that `target` has in a plan.
CONSUMERS = {
    f"tf-{release}": Environment(
        f".venv-consumer-tf-{release}", python, f"requirements/consumer-tf-{release}.txt", False
    )
    for release, python in (("1.15", "3.7"), ("2.4", "3.8"), ("2.7", "3.9"))
}
#: What `make test` wants; `make test-full` and the table of docs/consumers.md want 2.4 too.
TESTED = ("tf-1.15", "tf-2.7")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(CONSUMERS)}; else {', '.join(TESTED)}")
    names = parser.parse_args().names or TESTED
    unknown = sorted(set(names) - set(CONSUMERS))
    if unknown:
        parser.error(f"no consumer {', '.join(unknown)}; there are {', '.join(CONSUMERS)}")
    failed = False
    for name in names:
        try:
            ensure_consumer(name, CONSUMERS[name])
        except uv.SetupError as error:
            failed = True
            print(f"\n{name}: {error}", file=sys.stderr)
    return int(failed)


def ensure_consumer(name: str, consumer: Environment) -> None:
    """Make a consumer's environment unless it is there as its locked file wants it, or its Python is missing."""
    lock = (uv.ROOT / consumer.lock).read_text()
    # The lock as it was installed, so that nothing has to be asked when it is still the same.
    installed = uv.ROOT / consumer.folder / "installed.txt"
    if installed.exists() and installed.read_text() == lock:
        return
    if interpreters.find(consumer.python, needs_headers=False) is None:
        uv.say(
            f"{name}: skipped, with its tests: no Python {consumer.python} on the path or in pyenv's versions folder. "
            f"To have it: pyenv install {consumer.python}"
        )
        return
    started = time.monotonic()
    uv.ensure_uv()
    ensure_venv(consumer)
    python = str(uv.ROOT / consumer.folder / "bin" / "python")
    uv.say(f"{consumer.folder}: {consumer.lock}")
    if uv.run_uv("pip", "sync", "--quiet", "--python", python, "--require-hashes", consumer.lock):
        raise uv.SetupError(f"uv could not install {consumer.lock}; its own words are above.")
    if subprocess.run([python, "-c", "import tensorflow"], stderr=subprocess.DEVNULL).returncode:
        raise uv.SetupError(f"TensorFlow cannot be imported in {consumer.folder}.")
    installed.write_text(lock)
    uv.say(f"{name}: {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    sys.exit(main())
