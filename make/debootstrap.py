"""Debian by debootstrap, of the mirror and by the proxies that this machine's apt uses: a root, or an image's base."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import files
import uv

#: What debootstrap checks signatures by. Without it, it goes on with a warning where it is told a mirror, and where it
#: is told none it takes Debian's own over https.
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_SCRIPTS = Path("/usr/share/debootstrap/scripts")
#: What is run, and the package that has it.
_PROGRAMS = {"debootstrap": "debootstrap", "unshare": "util-linux"}


def require() -> None:
    """Raise where a program is not installed, and say what has it."""
    for program, package in _PROGRAMS.items():
        if shutil.which(program) is None:
            raise uv.SetupError(f"{program} is missing. Install it (`apt-get install {package}`) and run make again.")


def make(suite: str, packages: Sequence[str], target: Path, log: Path, source: str | None = None) -> None:
    """Make a minimal Debian in a folder. What debootstrap says goes to a log, which stays where it failed.

    Args:
      suite: "trixie".
      packages: what it has besides.
      target: the folder.
      log: a file, in a folder that is there.
      source: a mirror, in place of the one that this machine uses.
    """
    require()
    source = mirror() if source is None else source
    if source and not KEYRING.is_file() and not source.startswith("https://"):
        raise uv.SetupError(
            f"{KEYRING} is missing, without which nothing says that what {source} sends is Debian's.\n"
            "Install it (`apt-get install debian-archive-keyring`) and run make again."
        )
    # An older debootstrap does not know the suite; all of Debian's are made by the same script.
    known = [] if (_SCRIPTS / suite).exists() else [str(_SCRIPTS / "sid")]
    told = ["debootstrap", "--variant=minbase", f"--include={','.join(packages)}", suite, str(target), source, *known]
    # In a mount namespace of its own: what it mounts while it runs ends with it.
    alone = ["unshare", "--mount", "--propagation", "private", *told]
    with log.open("wb") as file:
        code = subprocess.run(alone, stdout=file, stderr=subprocess.STDOUT, env={**os.environ, **proxies()}).returncode
    if code:
        last = "\n".join(log.read_text(errors="replace").splitlines()[-5:])
        raise uv.SetupError(f"debootstrap failed; its last words, the others are in {log}:\n{last}")
    log.unlink()


def mirror() -> str:
    """Return the Debian mirror that this machine uses; "", where it knows none, lets debootstrap take its own.

    The variable DEBIAN_MIRROR names another.
    """
    named = os.environ.get("DEBIAN_MIRROR")
    if named:
        return named
    apt = Path("/etc/apt")
    if "ID=debian" not in files.text(Path("/etc/os-release")).splitlines():
        return ""
    for file in (apt / "sources.list", *sorted((apt / "sources.list.d").glob("*"))):
        found = re.search(r"^(?:deb .*?|URIs:\s*)(https?://\S*/debian)/?(?=\s)", files.text(file), re.MULTILINE)
        if found and file.suffix in (".list", ".sources"):
            return found[1]
    return ""


def proxies() -> dict[str, str]:
    """Return the proxies that apt uses here, which debootstrap would not ask for: for https those of http, as apt."""
    if shutil.which("apt-config") is None:
        return {}
    told = ["apt-config", "shell", "PROXY", "Acquire::http::Proxy", "HTTPS", "Acquire::https::Proxy"]
    answer = subprocess.run(told, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode()
    found = dict(re.findall(r"^(\w+)='(.+)'$", answer, re.MULTILINE))
    proxies = {"http_proxy": found.get("PROXY"), "https_proxy": found.get("HTTPS") or found.get("PROXY")}
    return {name: proxy for name, proxy in proxies.items() if proxy and proxy != "DIRECT" and not os.environ.get(name)}
