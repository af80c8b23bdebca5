"""What `make/image.py` hands to a build of this machine's network, as secrets."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.unit

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The script, on a machine that sets nothing for anybody."""
    monkeypatch.syspath_prepend(ROOT / "make")
    network = importlib.import_module("image_network")
    for name in [name for name in os.environ if network._VARIABLES.fullmatch(name)]:
        monkeypatch.delenv(name)
    for name in (*network._CERTIFICATES, "PIP_CONFIG_FILE", "UV_CONFIG_FILE", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(network, "_EVERYBODYS", (tmp_path / "etc" / "pip.conf",))
    monkeypatch.setattr(network, "_UV", tmp_path / "etc" / "uv.toml")
    return network


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def exported(network: ModuleType, folder: Path) -> dict[str, str]:
    """What a step of the Dockerfile has of the secret `network`."""
    network.secrets(folder)
    shown = subprocess.run(
        ["sh", "-c", f". {folder}/network; env -0"], env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True
    ).stdout
    lines = dict(line.split("=", 1) for line in shown.split("\0") if line)
    return {name: value for name, value in lines.items() if name not in ("PATH", "PWD", "SHLVL", "_")}


def test_indexes_and_proxies_are_exported_and_nothing_of_this_machine(
    network: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = written(tmp_path / "bundle.pem", "")
    kept = {"UV_DEFAULT_INDEX": "https://me:it's@index/simple", "https_proxy": "http://proxy:3128"}
    for name, value in {**kept, "PIP_FIND_LINKS": "/opt/wheels", "UV_CACHE_DIR": "/c", "PIP_TOKEN": "secret"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PIP_CERT", str(bundle))
    assert f"--secret=id=certificates,src={bundle}" in network.secrets(tmp_path)
    assert exported(network, tmp_path) == kept


def test_what_pip_is_configured_to_ask_is_asked_by_pip_and_by_uv(
    network: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = written(tmp_path / "bundle.pem", "")
    written(tmp_path / "etc" / "pip.conf", f"[global]\nindex-url = https://etc/simple\ncert = {bundle}\n")
    mine = "[global]\nindex-url=https://mine/50%/simple\nextra-index-url =\n  https://a/simple\n  https://b/simple\n"
    written(tmp_path / "home" / ".config" / "pip" / "pip.conf", f"{mine}find-links=/opt\n[install]\ntimeout=9\n")
    said = exported(network, tmp_path)
    assert (said["PIP_INDEX_URL"], said["PIP_TIMEOUT"]) == ("https://mine/50%/simple", "9")
    assert said["PIP_EXTRA_INDEX_URL"].split() == ["https://a/simple", "https://b/simple"]
    assert (said["UV_DEFAULT_INDEX"], said["UV_INDEX"]) == (
        "https://mine/50%/simple",
        "https://a/simple https://b/simple",
    )
    assert len(said) == 5
    assert f"--secret=id=certificates,src={bundle}" in network.secrets(tmp_path)
    # As pip does: a variable says more than a file, and one file named by a variable more than a user's.
    monkeypatch.setenv("PIP_INDEX_URL", "https://variable/simple")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(written(tmp_path / "named.conf", "[global]\ntrusted-host=named\n")))
    assert exported(network, tmp_path) == {
        "PIP_INDEX_URL": "https://variable/simple", "UV_DEFAULT_INDEX": "https://variable/simple",
        "PIP_TRUSTED_HOST": "named", "UV_INSECURE_HOST": "named",
    }  # fmt: skip
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    assert set(exported(network, tmp_path)) == {"PIP_INDEX_URL", "UV_DEFAULT_INDEX"}


def test_what_uv_is_told_itself_goes_before_what_pip_is_told(
    network: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://pip/simple")
    settings = written(tmp_path / "home" / ".config" / "uv" / "uv.toml", "")
    assert network.secrets(tmp_path)[-1] == f"--secret=id=uv,src={settings}"
    assert exported(network, tmp_path) == {"PIP_INDEX_URL": "https://pip/simple"}
    settings.unlink()
    assert not any("id=uv" in argument for argument in network.secrets(tmp_path))
    monkeypatch.setenv("UV_INDEX_URL", "https://uv/simple")
    assert exported(network, tmp_path) == {"PIP_INDEX_URL": "https://pip/simple", "UV_INDEX_URL": "https://uv/simple"}


def test_a_file_of_pip_that_cannot_be_read_is_named(network: ModuleType, tmp_path: Path) -> None:
    broken = written(tmp_path / "etc" / "pip.conf", "index-url=https://a/simple\n")
    with pytest.raises(importlib.import_module("uv").SetupError, match="cannot be read") as caught:
        network.secrets(tmp_path)
    assert str(broken) in str(caught.value)


def test_of_apt_its_network_is_taken_and_no_more(
    network: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin" / "apt-config"
    program.parent.mkdir()
    program.write_text(
        "#!/bin/sh\ncat <<END\n"
        'Acquire::http::Proxy "http://proxy:3128";\nAcquire::Check-Date "false";\nAcquire::https::CaInfo "";\n'
        'Acquire::IndexTargets::deb::Packages::flatMetaKey "Packages";\nAcquire::cdrom::mount "/media/cdrom/";\nEND\n',
        encoding="utf-8",
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    assert network._apt_settings().splitlines() == [
        'Acquire::http::Proxy "http://proxy:3128";',
        'Acquire::Check-Date "false";',
    ]


def test_the_secrets_are_those_that_the_dockerfile_mounts(network: ModuleType, tmp_path: Path) -> None:
    written(tmp_path / "etc" / "uv.toml", "")
    given = {re.search(r"id=(\w+)", argument)[1] for argument in network.secrets(tmp_path)}  # type: ignore[index]
    assert given <= set(re.findall(r"--mount=type=secret,id=(\w+)", DOCKERFILE))
    assert {"network", "apt", "uv"} <= given <= {"network", "apt", "uv", "certificates"}
