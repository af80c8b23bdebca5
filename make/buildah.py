"""buildah, which builds and runs images without a daemon: the few calls of it that the project makes."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import uv

#: Nothing but chroot(2) and namespaces of mounts: it works where no container engine does, in a container too.
ISOLATION = ("--isolation", "chroot")
#: The first that mounts secrets and caches while a step runs.
_OLDEST = (1, 24)


def require() -> None:
    """Raise where buildah is not installed, or too old."""
    if shutil.which("buildah") is None:
        raise uv.SetupError(
            "The image is built with buildah: `apt-get install buildah`.\n"
            "With Docker or Podman instead: docker build -t tfx-savedmodel . (the Dockerfile's first lines say more)"
        )
    said = call("--version")
    found = re.search(r"(\d+)\.(\d+)", said)
    if found and (int(found[1]), int(found[2])) < _OLDEST:
        raise uv.SetupError(
            f"This is {said}. The Dockerfile mounts secrets and caches, for which it has to be 1.24 or later;\n"
            "Debian 12 and Ubuntu 24.04 have one. With Docker or Podman instead: docker build -t tfx-savedmodel ."
        )


def call(*arguments: str) -> str:
    """Run buildah and return what it prints; what goes wrong is raised with its words."""
    answer = subprocess.run(["buildah", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if answer.returncode:
        words = answer.stderr.decode(errors="replace").strip()
        raise uv.SetupError(f"`buildah {' '.join(arguments)}` failed:\n{words}")
    return answer.stdout.decode().strip()


def image_exists(name: str) -> bool:
    """Tell whether an image is in this user's store; nothing is pulled."""
    command = ["buildah", "inspect", "--type", "image", name]
    return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def inspect(name: str) -> dict[str, Any]:
    """Return the OCI configuration of an image in the store: Entrypoint, Cmd, User, Env, Labels, …"""
    document = json.loads(call("inspect", "--type", "image", name))
    config: dict[str, Any] = document["OCIv1"]["config"]
    return config


def cache_folders(name: str) -> list[Path]:
    """Return where `RUN --mount=type=cache,id=NAME` of any build keeps its files, in any release of buildah."""
    # Newer ones append the user to the first folder, and name the second by a digest.
    names = (name, hashlib.sha256(name.encode()).hexdigest()[:16])
    folders = [caches / each for caches in sorted(temporary().glob("buildah-cache*")) for each in names]
    return [folder for folder in folders if folder.is_dir()]


def temporary() -> Path:
    return Path(os.environ.get("TMPDIR") or "/var/tmp")
