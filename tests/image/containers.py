"""Containers of the image that `make image` built: what runs in one, and what came of it."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, absent, outside_of_make

STACKS = ("tfx-1.15", "tfx-1.21")
ISOLATION = ("--isolation", "chroot")
SCRIPT = (sys.executable, str(ROOT / "make" / "image.py"))


@dataclasses.dataclass(frozen=True)
class Image:
    """The image of a stack, made of the sources of this very checkout."""

    stack: str
    config: Mapping[str, Any]

    @property
    def name(self) -> str:
        return f"localhost/tfx-savedmodel:{self.stack}"

    def run(
        self, *command: str, volumes: Mapping[Path, str] | None = None, user: str | None = None, seconds: int = 300
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in a container of its own: by default as the image's user, without its entry point."""
        mounts = [f"--volume={here}:{there}" for here, there in (volumes or {}).items()]
        options = ["--stack", self.stack, *mounts, *(["--user", user] if user else [])]
        return subprocess.run(
            [*SCRIPT, "run", *options, "--", *command], capture_output=True, text=True, timeout=seconds, check=False
        )

    def said(self, *command: str, **options: Any) -> str:
        """Run a command that has to succeed and return what it printed."""
        ended = self.run(*command, **options)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout.strip()

    def python(self, text: str, **options: Any) -> str:
        """Run Python in the image."""
        return self.said("python", "-c", text, **options)

    def start(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run what `docker run IMAGE ARGUMENTS` runs: the entry point, with the default command where none is given."""
        default: Sequence[str] = self.config.get("Cmd") or ()
        return self.run(*self.config["Entrypoint"], *(arguments or default), **options)


def require_image(stack: str) -> Image:
    """Return the image of a stack; a test skips, saying what makes it, where there is none of these sources.

    It fails where IMAGE_BUILT names the stack: `make test-full` has built it, or tried to.
    """
    asked = subprocess.run([*SCRIPT, "state", "--stack", stack], capture_output=True, text=True)
    if asked.returncode:
        if os.environ.get("IMAGE_BUILT") == stack:
            pytest.fail(f"make test-full builds this image, and: {asked.stderr.strip()}")
        absent(f"needs the image: {asked.stderr.strip().splitlines()[-1]}", expected=False)
    config: dict[str, Any] = json.loads(asked.stdout)
    return Image(stack, config)


@pytest.fixture(scope="module", params=STACKS)
def image(request: pytest.FixtureRequest) -> Image:
    """The image of each stack; a test skips for one that is not there."""
    return require_image(request.param)


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A folder that a container's user may write to."""
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o777)
    return folder


def build_repository(repository: Path, base: Image, name: str) -> None:
    """Build the image of a repository that the template made, by its own Makefile, on an image of ours."""
    command = ["make", "--silent", "image", "DOCKER=buildah", f"IMAGE={name}", f"BASE={base.name}"]
    environment = {**outside_of_make(), "BUILDAH_ISOLATION": "chroot"}
    done = subprocess.run(command, cwd=repository, env=environment, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
