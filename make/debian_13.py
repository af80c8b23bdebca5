"""A Debian 13 root, for a stack whose wheels are too new for this machine.

`python3 make/debian_13.py make` makes it in `.debian-13`, where it stays; `run COMMAND …` runs a command in it, in a
copy of the checkout, and makes it first where it is not there; `remove` removes it. All need root. Python 3.8 or later.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import chroot
import debootstrap
import files
import uv

SUITE = "trixie"
#: What `make install` needs of a machine: Python with its headers, and a compiler for pyfarmhash; git for some tests.
PACKAGES = ("ca-certificates", "g++", "git", "make", "python3", "python3-dev", "python3-venv")
#: The root says by this file that it is whole, and what it was made of.
RECIPE = Path("etc", "tfx-savedmodel-root")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("make", help="make the root, unless it is there")
    verbs.add_parser("usable", help="fail unless the root is there and can be entered, and say nothing")
    verbs.add_parser("remove", help="remove the root, and what was left of making it")
    run = verbs.add_parser("run", help="run a command in the root, in a copy of the checkout")
    run.add_argument("command", nargs=argparse.REMAINDER, metavar="COMMAND …")
    options = parser.parse_args()
    if options.verb == "run" and not options.command:
        parser.error("run wants a command: run make demo STACK=tfx-1.21")
    root = folder()
    try:
        if options.verb == "remove":
            clear(root)
            return 0
        if options.verb == "usable":
            return 0 if _is_whole(root) and os.geteuid() == 0 else 1
        refuse_machine()
        ensure(root)
        if options.verb == "run":
            run_in(root, options.command)
    except uv.SetupError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    return 0


def folder() -> Path:
    """Return where the root is; the variable DEBIAN_13 names another place, for several checkouts to share."""
    return Path(os.environ.get("DEBIAN_13") or uv.ROOT / ".debian-13").resolve()


def refuse_machine() -> None:
    """Pass a machine that can make a root and enter it."""
    if sys.platform != "linux":
        raise uv.SetupError(f"A Debian 13 root needs Linux, and this is {sys.platform}.")
    if os.geteuid() != 0:
        raise uv.SetupError(
            "A Debian 13 root is made by debootstrap and entered by chroot, and both need root.\n"
            "Run make as root, or use a machine with glibc 2.39 or later, which runs the stack itself."
        )
    debootstrap.require()
    if subprocess.run(["unshare", "--mount", "true"], stderr=subprocess.PIPE).returncode:
        raise uv.SetupError(
            "This machine lets nobody have mounts of their own (`unshare --mount true` fails): it may be a container\n"
            "without the capability SYS_ADMIN. Give it that one, or use a machine with glibc 2.39 or later."
        )


def recipe() -> str:
    """Return what a root is made of: another recipe, another root."""
    return f"{SUITE} {' '.join(PACKAGES)}\n"


def ensure(root: Path) -> None:
    """Make the root unless it is there; beside its place, so that half a root is never taken for one."""
    if _is_whole(root):
        return
    _refuse_foreign(root)
    with held(root, alone=True):
        if _is_whole(root):  # somebody else made it meanwhile
            return
        remove(root)
        making = _beside(root, "making")
        uv.say(f"{root.name}: debootstrap {SUITE}, which takes some minutes; its words are in {_beside(making, 'log')}")
        _debootstrap(making)
        (making / RECIPE).write_text(recipe())
        making.rename(root)


def run_in(root: Path, command: list[str]) -> None:
    """Become the command, in the root; whoever else uses the root meanwhile does so beside it."""
    with held(root, alone=False) as lock:
        if not _is_whole(root):
            raise uv.SetupError(f"{root} was removed meanwhile, by another make; run make again.")
        chroot.copy_checkout(root)
        corpus = Path(os.environ.get("SAVEDMODEL_CORPUS") or uv.ROOT.parent / "shared" / "corpus")
        told = chroot.enter(root, command, corpus if (corpus / "index.json").is_file() else None)
        uv.say(f"{root.name}: {' '.join(command)}, in the checkout's copy {chroot.copy_of_checkout(root)}")
        sys.stdout.flush()
        os.set_inheritable(lock, True)  # held until the command's last process ends
        os.execvpe(told[0], told, chroot.variables(os.environ))


def clear(root: Path) -> None:
    """Remove a root with all that lies beside it: half a root, its log and, last, the lock."""
    log, lock = _beside(root, "making.log"), _beside(root, "lock")
    left = [path for path in (root, _beside(root, "making"), log, lock) if path.exists()]
    if not left:
        return
    if os.geteuid() != 0:
        again = "sudo make clean-all" if root == (uv.ROOT / ".debian-13").resolve() else "this again as root"
        raise uv.SetupError(f"{left[0]} is root's, and only root can remove it: run {again}.")
    _refuse_foreign(root)
    with held(root, alone=True):
        remove(root)
        log.unlink(missing_ok=True)
        lock.unlink()


def remove(root: Path) -> None:
    """Remove a root, whole or half made; nothing that is mounted in it, and no folder that is something else."""
    _refuse_foreign(root)
    making = _beside(root, "making")
    _refuse_mounts(root)
    _delete(making)
    if root.exists():
        root.rename(making)  # if the removal breaks off, the rest has no name but that of half a root
        _delete(making)


def _refuse_foreign(root: Path) -> None:
    if root.exists() and not (root / RECIPE).is_file() and not (root.is_dir() and not any(root.iterdir())):
        raise uv.SetupError(
            f"{root} holds something that is no root of ours; nothing was removed. Name another folder in DEBIAN_13."
        )


def _refuse_mounts(folder: Path) -> None:
    mounts = [_unescaped(line.split()[4]) for line in files.text(Path("/proc/self/mountinfo")).splitlines()]
    inside = [mount for mount in mounts if mount == str(folder) or mount.startswith(f"{folder}/")]
    if inside:
        raise uv.SetupError(
            f"{folder} is not removed: something is mounted there ({', '.join(inside)}). Unmount it first."
        )


def _unescaped(mount: str) -> str:
    """Return a mount point as it is: the kernel writes blanks and backslashes as octal numbers."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), mount)


def _delete(folder: Path) -> None:
    _refuse_mounts(folder)
    if folder.exists() and subprocess.run(["rm", "-rf", "--one-file-system", str(folder)]).returncode:
        raise uv.SetupError(f"{folder} could not be removed; the words of rm are above.")


@contextlib.contextmanager
def held(root: Path, *, alone: bool) -> Iterator[int]:
    """Keep others from the root, or from changing it; who wants to be alone with it waits for nobody."""
    lock = _lock(root, fcntl.LOCK_EX | fcntl.LOCK_NB if alone else fcntl.LOCK_SH)
    try:
        yield lock
    finally:
        os.close(lock)


def _debootstrap(target: Path) -> None:
    debootstrap.make(SUITE, PACKAGES, target, _beside(target, "log"))


def _is_whole(root: Path) -> bool:
    return files.text(root / RECIPE) == recipe()


def _beside(root: Path, what: str) -> Path:
    return root.with_name(f"{root.name}.{what}")


def _lock(root: Path, how: int) -> int:
    """Return a lock on what lies at the root's place now: one whose file was removed meanwhile holds nobody off."""
    file = _beside(root, "lock")
    file.parent.mkdir(parents=True, exist_ok=True)
    while True:
        lock = os.open(str(file), os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(lock, how)
        except BlockingIOError:
            os.close(lock)
            raise uv.SetupError(f"{root} is in use by another make: wait for it, and run make again.") from None
        if file.exists() and os.path.samestat(os.fstat(lock), file.stat()):
            return lock
        os.close(lock)


if __name__ == "__main__":
    sys.exit(main())
