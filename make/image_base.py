"""A base image made on this machine, where none can be pulled: Debian by debootstrap, and a Python of this machine.

It stands in for python:3.10-slim-bookworm and python:3.13-slim-trixie: the same Debian, Python under /usr/local, first
on the path. Needs root, debootstrap and buildah.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
from pathlib import Path

import buildah
import debootstrap
import interpreters
import uv

#: What Python's extension modules load; official images have the same.
_LIBRARIES = "ca-certificates netbase tzdata libbz2-1.0 libexpat1 libffi8 liblzma5 libncursesw6 libnsl2 libsqlite3-0"
_LIBRARIES += " libuuid1 zlib1g"
_RENAMED = ("libreadline8", "libssl3", "libtirpc3")
#: Of the machine's Python: its own packages, and what official images leave out too.
_LEFT_BEHIND = "site-packages test tests idlelib turtledemo tkinter _tkinter.* __pycache__ *.a".split()
#: What official slim images leave out of Debian.
_LEFT_OUT = "/var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/apt/archives/*.deb /var/log/*.log"
_LEFT_OUT += " /usr/share/doc/* /usr/share/man/*"


@dataclasses.dataclass(frozen=True)
class Base:
    """A base image that can be pulled, and what its stand-in is made of."""

    image: str
    python: str
    suite: str

    @property
    def stand_in(self) -> str:
        return f"localhost/tfx-savedmodel-base:python{self.python}-{self.suite}"

    @property
    def packages(self) -> list[str]:
        # Debian 13 renamed what has a time in its interface.
        suffix = "" if self.suite == "bookworm" else "t64"
        return [*_LIBRARIES.split(), *(name + suffix for name in _RENAMED)]


def ensure_stand_in(base: Base, mirror: str | None) -> str:
    """Return the name of the stand-in of a base, made unless it is there: of a mirror, else of this machine's."""
    if buildah.image_exists(base.stand_in):
        return base.stand_in
    if os.geteuid() or shutil.which("debootstrap") is None:
        raise uv.SetupError(
            f"To make a base image in place of {base.image}, be root and have debootstrap "
            "(`apt-get install debootstrap`);\nor give one that is there or can be pulled: make image BASE=IMAGE."
        )
    python = _python_prefix(base.python)
    uv.say(f"{base.stand_in}: Debian {base.suite} with {python}, in place of {base.image}")
    container = buildah.call("from", "scratch")
    try:
        root = Path(buildah.call("mount", container))
        log = uv.ROOT / "build" / f"debootstrap-{base.suite}.log"
        log.parent.mkdir(exist_ok=True)
        debootstrap.make(base.suite, base.packages, root, log, mirror)
        _copy_python(python, base.python, root)
        # Through the shell of the new root, so that a pattern can never name a file of this machine.
        leave_out = ["chroot", str(root), "/bin/sh", "-c", f"rm -rf {_LEFT_OUT}"]
        subprocess.run(leave_out, check=True)
        buildah.call("umount", container)
        path = "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
        buildah.call("config", "--env", f"PATH={path}", "--env", "LANG=C.UTF-8", "--cmd", "python3", container)
        buildah.call("config", "--label", f"tfx-savedmodel.stands-in-for={base.image}", container)
        buildah.call("commit", "--quiet", container, base.stand_in)
    finally:
        buildah.call("rm", container)
    return base.stand_in


def _python_prefix(version: str) -> Path:
    """Return the folder of a Python that can be copied: one that is not the system's own, else one that uv brings."""
    found = interpreters.find(version, needs_headers=True)
    if found is not None and not found.executable.startswith(("/usr/bin/", "/bin/")):
        return Path(found.executable).resolve().parent.parent
    uv.ensure_uv()
    if uv.run_uv("python", "install", "--quiet", "--managed-python", version):
        raise uv.SetupError(
            f"No Python {version} that can be copied: none of pyenv's, and uv could not download one (its own words\n"
            f"are above). `pyenv install {version}`, or give a base image: make image BASE=IMAGE."
        )
    find = [str(uv.UV), "python", "find", "--managed-python", version]
    answer = subprocess.run(find, stdout=subprocess.PIPE, check=True)
    return Path(answer.stdout.decode().strip()).resolve().parent.parent


def _copy_python(prefix: Path, version: str, root: Path) -> None:
    target = root / "usr" / "local"
    ignore = shutil.ignore_patterns(*_LEFT_BEHIND)
    library = f"python{version}"
    shutil.copytree(prefix / "lib" / library, target / "lib" / library, symlinks=True, ignore=ignore)
    shutil.copytree(prefix / "include" / library, target / "include" / library, symlinks=True)
    for shared in (prefix / "lib").glob("libpython*.so*"):
        shutil.copy2(shared, target / "lib", follow_symlinks=False)
    (target / "lib" / library / "site-packages").mkdir()
    shutil.copy2(prefix / "bin" / library, target / "bin")
    for name in ("python3", "python"):
        (target / "bin" / name).symlink_to(library)
    in_root = ["chroot", str(root)]
    subprocess.run([*in_root, "/sbin/ldconfig"], check=True)
    pip = [*in_root, f"/usr/local/bin/{library}", "-m", "ensurepip", "--default-pip"]
    variables = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "PIP_ROOT_USER_ACTION": "ignore"}
    if subprocess.run(pip, env=variables, stdout=subprocess.DEVNULL).returncode:
        raise uv.SetupError(
            f"{prefix} does not run in the new root (its words are above); give a base: make image BASE=IMAGE."
        )
