"""What this machine's network asks of a build, handed over as secrets: mounted while a step runs, in no layer."""

from __future__ import annotations

import configparser
import os
import re
import shlex
import subprocess
from pathlib import Path

import uv

#: Indexes and proxies. Folders of this machine (PIP_FIND_LINKS, UV_CACHE_DIR) mean nothing there.
_VARIABLES = re.compile(
    r"(?i:https?_proxy|no_proxy|all_proxy)|PIP_(INDEX_URL|EXTRA_INDEX_URL|TRUSTED_HOST|PROXY|(DEFAULT_)?TIMEOUT)"
    r"|UV_(INDEX|INDEX_URL|DEFAULT_INDEX|EXTRA_INDEX_URL|INSECURE_HOST|HTTP_TIMEOUT)"
)
#: What uv calls settings of pip.
_OF_UV = {
    "PIP_INDEX_URL": "UV_DEFAULT_INDEX",
    "PIP_EXTRA_INDEX_URL": "UV_INDEX",
    "PIP_TRUSTED_HOST": "UV_INSECURE_HOST",
}
#: What a machine tells all users of pip and uv.
_EVERYBODYS = (Path("/etc/xdg/pip/pip.conf"), Path("/etc/pip.conf"))
_UV = Path("/etc/uv/uv.toml")
#: The first that is set and a file, else what Debian keeps.
_CERTIFICATES = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_DEBIAN = "/etc/ssl/certs/ca-certificates.crt"
#: How apt reaches and trusts its sources, and nothing of what it does with packages.
_APT = re.compile(r"Acquire::(https?::|Check-|Retries|ForceIPv)")


def secrets(folder: Path) -> list[str]:
    """Write the secrets of the Dockerfile into a folder and return buildah's arguments for them."""
    pip, settings = _pip_settings(), _uv_settings()
    exports = _exports(pip, has_uv_settings=settings is not None)
    arguments = [_secret(folder, "network", exports), _secret(folder, "apt", _apt_settings())]
    named = [*(os.environ.get(name) for name in _CERTIFICATES), pip.get("PIP_CERT"), _DEBIAN]
    bundle = next((path for path in named if path and Path(path).is_file()), None)
    files = {"certificates": bundle, "uv": settings}
    return arguments + [f"--secret=id={name},src={path}" for name, path in files.items() if path]


def _secret(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return f"--secret=id={name},src={path}"


def _exports(pip: dict[str, str], *, has_uv_settings: bool) -> str:
    kept = {name: value for name, value in pip.items() if _VARIABLES.fullmatch(name)}
    kept.update((name, value) for name, value in os.environ.items() if _VARIABLES.fullmatch(name))
    if not has_uv_settings and not any(re.fullmatch(r"UV_.*INDEX.*", name) for name in kept):
        # uv reads nothing of pip's: told nothing of its own, it finds packages where pip does.
        kept.update({_OF_UV[name]: " ".join(value.split()) for name, value in kept.items() if name in _OF_UV})
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in sorted(kept.items()))


def _pip_settings() -> dict[str, str]:
    """Return what pip's configuration files say, as the variables that say the same."""
    read = configparser.RawConfigParser()
    try:
        read.read(_pip_files(), encoding="utf-8")  # a later file has the last word
    except (configparser.Error, UnicodeDecodeError) as error:
        raise uv.SetupError(f"a configuration file of pip cannot be read: {error}") from None
    said: dict[str, str] = {}
    for section in ("global", "install"):
        said.update(read.items(section) if read.has_section(section) else ())
    return {f"PIP_{key.upper().replace('-', '_')}": value for key, value in said.items()}


def _pip_files() -> list[Path]:
    home, told = Path.home(), os.environ.get("PIP_CONFIG_FILE")
    if told == os.devnull:
        return []
    if told and Path(told).is_file():
        return [*_EVERYBODYS, Path(told)]
    return [*_EVERYBODYS, home / ".pip/pip.conf", _settings_folder() / "pip" / "pip.conf"]


def _settings_folder() -> Path:
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")


def _uv_settings() -> Path | None:
    """Return the configuration file that uv reads here, if there is one."""
    told = os.environ.get("UV_CONFIG_FILE")
    places = [Path(told)] if told else [_settings_folder() / "uv" / "uv.toml", _UV]
    return next((place for place in places if place.is_file()), None)


def _apt_settings() -> str:
    try:
        shown = subprocess.run(["apt-config", "dump", "Acquire"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except FileNotFoundError:
        return ""
    # An empty value is a default, and one of "::" a list's: neither is the machine's.
    lines = shown.stdout.decode(errors="replace").splitlines()
    return "".join(f"{line}\n" for line in lines if _APT.match(line) and not line.endswith(' "";'))
