"""buildah, which builds and runs images without a daemon: the few calls of it that the project makes."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any

import uv

#: Nothing but chroot(2) and namespaces of mounts: it works where no container engine does, in a container too.
ISOLATION = ("--isolation", "chroot")


def require() -> None:
    """Raise where buildah is not installed."""
    if shutil.which("buildah") is None:
        raise uv.SetupError(
            "The image is built with buildah: `apt-get install buildah`.\n"
            "With Docker or Podman instead: docker build -t tfx-savedmodel . (the Dockerfile's first lines say more)"
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
