"""What this machine's network asks of a build, handed over as secrets: mounted while a step runs, in no layer."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

#: Indexes and proxies. Folders of this machine (PIP_FIND_LINKS, UV_CACHE_DIR) mean nothing there.
_VARIABLES = re.compile(
    r"(?i:https?_proxy|no_proxy|all_proxy)|PIP_(INDEX_URL|EXTRA_INDEX_URL|TRUSTED_HOST|DEFAULT_TIMEOUT)"
    r"|UV_(INDEX|INDEX_URL|DEFAULT_INDEX|EXTRA_INDEX_URL|INSECURE_HOST|HTTP_TIMEOUT)"
)
#: The first that is set and a file, else what Debian keeps.
_CERTIFICATES = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_DEBIAN = "/etc/ssl/certs/ca-certificates.crt"
#: How apt reaches and trusts its sources, and nothing of what it does with packages.
_APT = re.compile(r"Acquire::(https?::|Check-|Retries|ForceIPv)")


def secrets(folder: Path) -> list[str]:
    """Write the secrets of the Dockerfile into a folder and return buildah's arguments for them."""
    arguments = [_secret(folder, "network", _exports()), _secret(folder, "apt", _apt_settings())]
    named = [os.environ.get(name, "") for name in _CERTIFICATES]
    bundle = next((path for path in [*named, _DEBIAN] if path and Path(path).is_file()), None)
    return arguments + ([f"--secret=id=certificates,src={bundle}"] if bundle else [])


def _secret(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return f"--secret=id={name},src={path}"


def _exports() -> str:
    kept = {name: value for name, value in sorted(os.environ.items()) if _VARIABLES.fullmatch(name)}
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in kept.items())


def _apt_settings() -> str:
    try:
        shown = subprocess.run(["apt-config", "dump", "Acquire"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except FileNotFoundError:
        return ""
    # An empty value is a default, and one of "::" a list's: neither is the machine's.
    lines = shown.stdout.decode(errors="replace").splitlines()
    return "".join(f"{line}\n" for line in lines if _APT.match(line) and not line.endswith(' "";'))
