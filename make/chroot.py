"""Run a command in another system's root, with this machine's settings and a copy of the checkout.

All mounts are made in a mount namespace of the command's own: this machine never sees them, and they end with the
command's last process, however that ends.
"""

from __future__ import annotations

import os
import pwd
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import uv

#: Where the checkout is in the root; the corpus of third-party models lies beside it, as on the machine.
CHECKOUT = Path("/srv/tfx-savedmodel")
CORPUS = CHECKOUT.parent / "shared" / "corpus"
CACHE = "/root/.cache/uv"
#: Below a checkout, what is made anew in the root and stays there from run to run.
OWN = re.compile(r"\.venv.*|\.uv|\.debian-13.*|build|dist|\..*_cache|__pycache__|.*\.egg-info|\.git")

#: What programs look up of names, packages and certificates, where this machine has it.
_SETTINGS = ("/etc/resolv.conf", "/etc/hosts", "/etc/pip.conf", "/etc/uv", "/etc/ssl/certs/ca-certificates.crt")
_SETTINGS_AT_HOME = (".config/pip", ".config/uv", ".pip")
#: Variables that name a file or folder of such settings.
_NAMES_SETTINGS = re.compile(r".*(_CERT|_CERTS|_CA_BUNDLE|CERT_FILE|CERT_DIR|CAINFO|FIND_LINKS|CONFIG_FILE)(_PATH)?")
#: Variables that are about this machine's Python, make, uv and folders.
_OURS = re.compile(
    r"PATH|HOME|TMPDIR|VIRTUAL_ENV|STACK|SAVEDMODEL_CORPUS|(PYTHON|PYENV|LD_|MAKE|MFLAGS|XDG_|GIT_DIR).*"
)


def enter(root: Path, command: list[str], corpus: Path | None) -> list[str]:
    """Return the command that runs a command in the root, in the checkout's copy."""
    lines = ["set -e"]
    for name in ("proc", "sys", "dev"):
        lines.append(f"mount --rbind /{name} {shlex.quote(str(root / name))}")
    lines += [f"mount --bind {source} {target}" for source, target in _quoted(_binds(root))]
    if corpus is not None:
        ((source, target),) = _quoted([(corpus, _place(root, CORPUS, corpus))])
        lines += [f"mount --bind {source} {target}", f"mount -o remount,ro,bind {target}"]
    lines.append(f'exec chroot {shlex.quote(str(root))} sh -c \'cd "$0" && exec "$@"\' {CHECKOUT} "$@"')
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", "\n".join(lines), "sh", *command]


def variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables for a command in the root: this machine's, but for those about its own folders."""
    kept = {name: value for name, value in environment.items() if not _OURS.fullmatch(name)}
    own = {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/root",
        "LANG": "C.UTF-8",
        "UV_CACHE_DIR": CACHE,
        "UV_LINK_MODE": "copy",  # from another mount nothing can be linked
    }
    return {**kept, **own}


def copy_of_checkout(root: Path) -> Path:
    """Return where this machine sees the checkout's copy, and what commands write there."""
    return _below(root, CHECKOUT)


def copy_checkout(root: Path) -> None:
    """Bring the checkout's copy in the root up to date: what git knows or would, and nothing that it ignores."""
    destination = copy_of_checkout(root)
    wanted = {name for name in _files() if (uv.ROOT / name).is_file()}
    # Strays first: what was a file may be a folder now.
    for folder, folders, files in os.walk(str(destination)):
        folders[:] = [name for name in folders if not OWN.fullmatch(name)]
        for name in files:
            path = Path(folder) / name
            if str(path.relative_to(destination)) not in wanted and not OWN.fullmatch(name):
                path.unlink()
    for name in sorted(wanted):
        source, target = uv.ROOT / name, destination / name
        if target.is_file() and _stamp(target) == _stamp(source):
            continue
        if target.is_dir():
            shutil.rmtree(str(target))
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(str(source), str(target))


def _files() -> list[str]:
    told = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        answer = subprocess.run(told, cwd=str(uv.ROOT), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    except (OSError, subprocess.CalledProcessError):  # no git, or no repository: all but what is made
        return [str(path.relative_to(uv.ROOT)) for path in _walk(uv.ROOT)]
    return [name for name in answer.stdout.decode().split("\0") if name]


def _walk(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if OWN.fullmatch(path.name):
            continue
        if path.is_dir():
            yield from _walk(path)
        else:
            yield path


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _binds(root: Path) -> Iterator[tuple[Path, Path]]:
    """Return what of this machine is seen in the root, and where; the places are made."""
    home, seen = Path.home(), set()
    named = [value for name, value in sorted(os.environ.items()) if _NAMES_SETTINGS.fullmatch(name)]
    places = [(Path(path), Path(path)) for path in (*_SETTINGS, *named)]
    places += [(home / path, Path("/root") / path) for path in _SETTINGS_AT_HOME]
    for source, inside in places:
        if inside.is_absolute() and inside not in seen and source.exists():
            seen.add(inside)
            yield source, _place(root, inside, source)
    cache = _cache()
    yield cache, _place(root, Path(CACHE), cache)


def _cache() -> Path:
    """Return uv's cache, which is shared, so that nothing is downloaded twice.

    What is compiled in the root lands there too: of our locks pyfarmhash alone, which nothing else here asks for.
    """
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "uv"
    cache = Path(os.environ.get("UV_CACHE_DIR") or default)
    if os.environ.get("SUDO_UID") and _owner(cache) != 0:
        # A person's, whose variables sudo kept: what root wrote there, they could neither use nor remove.
        cache = Path(pwd.getpwuid(0).pw_dir) / ".cache" / "uv"
    cache.mkdir(parents=True, exist_ok=True)
    return cache


def _owner(path: Path) -> int:
    """Return who owns a path or, where it is yet to be made, the folder that it will be made in."""
    return next(each for each in (path, *path.absolute().parents) if each.exists()).stat().st_uid


def _place(root: Path, inside: Path, like: Path) -> Path:
    """Make a mount point in the root: a folder or an empty file, and never by way of a link out of it."""
    target = _below(root, inside)
    for path in (*reversed(target.parents), target):
        if root in path.parents and path.is_symlink() and root not in path.resolve().parents:
            path.unlink()
    target.parent.mkdir(parents=True, exist_ok=True)
    if like.is_dir():
        target.mkdir(exist_ok=True)
    else:
        target.touch()
    return target


def _below(root: Path, inside: Path) -> Path:
    return root / inside.relative_to("/")


def _quoted(pairs: Iterator[tuple[Path, Path]] | list[tuple[Path, Path]]) -> Iterator[tuple[str, str]]:
    return ((shlex.quote(str(source)), shlex.quote(str(target))) for source, target in pairs)
