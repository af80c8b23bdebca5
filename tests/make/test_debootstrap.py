"""Where the Debian 13 root and the image's base come from: the mirror, the way there, who checks the signatures."""

from __future__ import annotations

import importlib
import types
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.unit


@pytest.fixture
def debian(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT / "make")
    return importlib.import_module("debootstrap")


@pytest.mark.parametrize(
    ("sources", "mirror"),
    [
        ("Types: deb\nURIs: http://mirror.example/debian/\nSuites: bookworm\n", "http://mirror.example/debian"),
        ("URIs: http://mirror.example/debian-security\n", ""),
        ("", ""),
    ],
)
def test_the_root_comes_from_the_mirror_that_apt_uses(
    debian: ModuleType, monkeypatch: pytest.MonkeyPatch, sources: str, mirror: str
) -> None:
    monkeypatch.delenv("DEBIAN_MIRROR", raising=False)
    files = {"/etc/os-release": "NAME=Debian\nID=debian\n", "/etc/apt/sources.list.d/debian.sources": sources}
    monkeypatch.setattr(debian.files, "text", lambda file: files.get(str(file), ""))
    monkeypatch.setattr(Path, "glob", lambda path, _: [path / "debian.sources"])
    assert debian.mirror() == mirror
    files["/etc/os-release"] = "ID=ubuntu\n"
    assert debian.mirror() == ""
    monkeypatch.setenv("DEBIAN_MIRROR", "http://other.example/debian")
    assert debian.mirror() == "http://other.example/debian"


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on the path, with what makes a root."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for name in ("debootstrap", "unshare"):
        (folder / name).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.mark.parametrize(("missing", "package"), [("debootstrap", "debootstrap"), ("unshare", "util-linux")])
def test_a_program_that_is_missing_is_said_with_what_has_it(
    debian: ModuleType, programs: Path, tmp_path: Path, missing: str, package: str
) -> None:
    (programs / missing).unlink()
    with pytest.raises(debian.uv.SetupError, match=f"^{missing} is missing.*apt-get install {package}"):
        make(debian, tmp_path)
    assert not (tmp_path / "log").exists()


def make(debian: ModuleType, folder: Path) -> None:
    debian.make("trixie", ["make", "g++"], folder / "root", folder / "log")


def test_nothing_unsigned_is_taken_over_http(
    debian: ModuleType, programs: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told: list[list[str]] = []

    def run(command: list[str], **_: Any) -> Any:
        told.append(command)
        return types.SimpleNamespace(returncode=0, stdout=b"")

    monkeypatch.setattr(debian.subprocess, "run", run)
    monkeypatch.setattr(debian, "proxies", dict)
    monkeypatch.setattr(debian, "KEYRING", tmp_path / "keyring.gpg")
    monkeypatch.setenv("DEBIAN_MIRROR", "http://mirror.example/debian")
    with pytest.raises(debian.uv.SetupError) as caught:
        make(debian, tmp_path)
    said = str(caught.value)
    assert "apt-get install debian-archive-keyring" in said and "http://mirror.example" in said and not told
    (tmp_path / "keyring.gpg").touch()
    make(debian, tmp_path)
    (tmp_path / "keyring.gpg").unlink()
    monkeypatch.setenv("DEBIAN_MIRROR", "https://mirror.example/debian")
    make(debian, tmp_path)
    monkeypatch.setattr(debian, "mirror", str)  # no mirror: debootstrap takes its own, over https without the keyring
    make(debian, tmp_path)
    sources = [command[command.index("trixie") + 2] for command in told]
    assert sources == ["http://mirror.example/debian", "https://mirror.example/debian", ""]
    assert "--include=make,g++" in told[0] and not (tmp_path / "log").exists()


def test_a_mirror_that_is_given_is_taken_and_what_went_wrong_is_shown(
    debian: ModuleType, programs: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told: list[list[str]] = []

    def run(command: list[str], **words: Any) -> Any:
        told.append(command)
        words["stdout"].write(b"E: no such suite\n")
        return types.SimpleNamespace(returncode=1)

    monkeypatch.setattr(debian.subprocess, "run", run)
    monkeypatch.setattr(debian, "proxies", dict)
    monkeypatch.setenv("DEBIAN_MIRROR", "https://mirror.example/debian")
    with pytest.raises(debian.uv.SetupError, match="E: no such suite") as caught:
        debian.make("trixie", [], tmp_path / "root", tmp_path / "log", "https://given.example/debian")
    assert "https://given.example/debian" in told[0] and str(tmp_path / "log") in str(caught.value)
    assert (tmp_path / "log").read_text(encoding="utf-8") == "E: no such suite\n"


@pytest.mark.parametrize(
    ("settings", "given", "proxies"),
    [
        ("PROXY='http://proxy:3128'", {}, {"http_proxy": "http://proxy:3128", "https_proxy": "http://proxy:3128"}),
        (
            "PROXY='http://proxy:3128'\nHTTPS='http://other:3128'",
            {},
            {"http_proxy": "http://proxy:3128", "https_proxy": "http://other:3128"},
        ),
        ("PROXY='http://proxy:3128'\nHTTPS='DIRECT'", {}, {"http_proxy": "http://proxy:3128"}),
        ("PROXY='http://proxy:3128'", {"https_proxy": "http://mine:1"}, {"http_proxy": "http://proxy:3128"}),
        ("", {}, {}),
    ],
)
def test_debootstrap_takes_the_proxies_of_apt(
    debian: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    settings: str,
    given: dict[str, str],
    proxies: dict[str, str],
) -> None:
    program = tmp_path / "apt-config"
    program.write_text(f"#!/bin/sh\n/bin/cat <<END\n{settings}\nEND\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert debian.proxies() == proxies
