"""Runs the commands of containers in their image, with buildah: no daemon, and no right that chroot does not need."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from pipelines.kubeflow.commands import Ended, Processes
from tfx_savedmodel.errors import UsageError

_BUILDAH = ("buildah",)
#: Nothing but chroot(2) and namespaces of mounts: it works inside of a container too.
_ISOLATION = ("--isolation", "chroot")


class ImageCommands:
    """Runs each command in a container of its image, as Kubernetes does: without the image's own entry point.

    Commands run as the user that runs this, because they write into folders of this machine. A container serves all
    commands of its image, until the block of `with` ends.
    """

    def __init__(self, folders: Sequence[Path], image: str | None = None) -> None:
        """Prepare; nothing is started yet.

        Args:
          folders: what commands see of this machine, each at its own path: the pipeline root, the data.
          image: in place of the images that the job names.

        Raises:
          UsageError: there is no buildah.
        """
        if shutil.which(_BUILDAH[0]) is None:
            raise UsageError("commands in an image want buildah", next_step="apt-get install buildah")
        # Each once: buildah refuses a place that is mounted twice.
        self._folders = list(dict.fromkeys(folder.absolute() for folder in folders))
        self._image = image
        self._containers: dict[str, str] = {}
        self._lock = threading.Lock()
        self._processes = Processes()

    def __enter__(self) -> ImageCommands:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._processes.stop()
        for container in self._containers.values():
            subprocess.run([*_BUILDAH, "rm", container], stdout=subprocess.DEVNULL, check=False)

    def run(self, image: str, command: Sequence[str], environment: Mapping[str, str], log: Path) -> Ended:
        for folder in self._folders:
            folder.mkdir(parents=True, exist_ok=True)
        options = [f"--volume={folder}:{folder}" for folder in self._folders]
        options += [f"--env={name}={value}" for name, value in environment.items()]
        options += [f"--user={os.getuid()}:{os.getgid()}"]
        whole = [*_BUILDAH, "run", *_ISOLATION, *options, self._container(self._image or image), "--", *command]
        return self._processes.run(whole, os.environ, "/", log)

    def stop(self) -> None:
        self._processes.stop()

    def _container(self, image: str) -> str:
        with self._lock:
            if image not in self._containers:
                command = [*_BUILDAH, "from", "--pull-never", image]
                made = subprocess.run(command, capture_output=True, text=True, check=False)
                if made.returncode:
                    raise UsageError(
                        "the image cannot be used",
                        where=image,
                        found=made.stderr.strip(),
                        next_step="build it (make image) or pull it, or name another with --image",
                    )
                self._containers[image] = made.stdout.strip()
            return self._containers[image]
