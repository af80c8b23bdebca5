"""The Debian 13 root: what of the machine reaches it, what is copied into it, and who is sent away."""

from __future__ import annotations

import fcntl
import importlib
import os
import shlex
import shutil
import subprocess
import types
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.conftest import ROOT, absent

pytestmark = pytest.mark.unit


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of its own; the scripts take it for theirs."""
    monkeypatch.syspath_prepend(ROOT / "make")
    monkeypatch.delenv("DEBIAN_13", raising=False)
    monkeypatch.setattr(importlib.import_module("uv"), "ROOT", tmp_path / "project")
    for name in ("setup.py", "make/uv.py", ".venv/bin/python", "build/old", "make/__pycache__/uv.pyc"):
        file = tmp_path / "project" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name, encoding="utf-8")
    return tmp_path / "project"


@pytest.fixture
def debian(project: Path) -> ModuleType:
    return importlib.import_module("debian_13")


@pytest.fixture
def chroot(project: Path) -> ModuleType:
    return importlib.import_module("chroot")


def refused(call: Any, *arguments: Any, **words: Any) -> str:
    with pytest.raises(importlib.import_module("uv").SetupError) as caught:
        call(*arguments, **words)
    return str(caught.value)


def test_the_copy_follows_the_checkout_and_keeps_what_was_made_in_it(
    project: Path, chroot: ModuleType, tmp_path: Path
) -> None:
    copy = tmp_path / "root" / chroot.CHECKOUT.relative_to("/")
    chroot.copy_checkout(tmp_path / "root")
    assert sorted(str(file.relative_to(copy)) for file in copy.rglob("*") if file.is_file()) == [
        "make/uv.py",
        "setup.py",
    ]
    made = copy / ".venv-tfx-1.21" / "installed"
    made.parent.mkdir()
    made.touch()
    (copy / "make" / "stray.py").touch()
    (project / "setup.py").write_text("new", encoding="utf-8")
    (project / "make" / "uv.py").unlink()
    chroot.copy_checkout(tmp_path / "root")
    assert (copy / "setup.py").read_text(encoding="utf-8") == "new"
    assert made.is_file() and not list((copy / "make").iterdir())
    # What was a file is a folder now, and the other way round.
    (project / "setup.py").unlink()
    for name in ("setup.py/a", "make/deep/er"):
        (project / name).parent.mkdir()
        (project / name).touch()
    chroot.copy_checkout(tmp_path / "root")
    assert (copy / "setup.py" / "a").is_file()
    for name in ("setup.py", "make/deep"):
        shutil.rmtree(project / name)
        (project / name).touch()
    chroot.copy_checkout(tmp_path / "root")
    assert (copy / "setup.py").is_file() and (copy / "make" / "deep").is_file()


def test_in_a_repository_what_git_ignores_stays_here(project: Path, chroot: ModuleType, tmp_path: Path) -> None:
    if shutil.which("git") is None:
        absent("needs git: apt-get install git", expected=False)  # an unpacked archive is tested without it
    git = ["git", "-C", str(project), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "init", "-q"], check=True)
    (project / ".gitignore").write_text("secret\n.venv\nbuild\n__pycache__\n", encoding="utf-8")
    (project / "secret").touch()
    subprocess.run([*git, "add", "setup.py"], check=True)
    chroot.copy_checkout(tmp_path / "root")
    copy = tmp_path / "root" / chroot.CHECKOUT.relative_to("/")
    assert {file.name for file in copy.rglob("*") if file.is_file()} == {"setup.py", "uv.py", ".gitignore"}


def test_settings_reach_the_root_by_mounts_and_are_written_nowhere(
    chroot: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, home, pem = tmp_path / "root", tmp_path / "home", tmp_path / "own certificates.pem"
    (home / ".config" / "pip").mkdir(parents=True)
    pem.write_text("of this machine", encoding="utf-8")
    for name in [name for name in os.environ if chroot._NAMES_SETTINGS.fullmatch(name)]:
        monkeypatch.delenv(name)
    for name, value in {"HOME": home, "PIP_CERT": pem, "SSL_CERT_FILE": pem, "PIP_CONFIG_FILE": "/no/such"}.items():
        monkeypatch.setenv(name, str(value))
    for name in ("UV_CACHE_DIR", "XDG_CACHE_HOME", "SUDO_UID"):
        monkeypatch.delenv(name, raising=False)
    *_, script, sh, command, word = chroot.enter(root, ["make", "a b"], None)
    assert (sh, command, word) == ("sh", "make", "a b")
    binds = [tuple(shlex.split(line)[2:]) for line in script.splitlines() if line.startswith("mount --bind")]
    within = root / pem.relative_to("/")
    assert binds.count((str(pem), str(within))) == 1 and within.read_text(encoding="utf-8") == ""
    assert (str(home / ".config" / "pip"), str(root / "root/.config/pip")) in binds
    assert (str(home / ".cache" / "uv"), str(root / "root/.cache/uv")) in binds
    assert not any("/no/such" in source for source, _ in binds)


@pytest.mark.parametrize("name", ["UV_CACHE_DIR", "XDG_CACHE_HOME"])
def test_under_sudo_nothing_of_roots_gets_into_a_persons_cache(
    chroot: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.delenv("UV_CACHE_DIR", raising=False)
    monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.delenv("SUDO_UID", raising=False)
    theirs = chroot._cache()
    assert theirs.is_dir() and theirs.is_relative_to(tmp_path)
    monkeypatch.setattr(chroot.pwd, "getpwuid", {0: types.SimpleNamespace(pw_dir=str(tmp_path / "roots"))}.get)
    monkeypatch.setenv("SUDO_UID", "1000")
    owners = {theirs: 1000}
    monkeypatch.setattr(chroot, "_owner", owners.__getitem__)
    assert chroot._cache() == tmp_path / "roots" / ".cache" / "uv"
    owners[theirs] = 0
    assert chroot._cache() == theirs


def test_what_is_not_there_yet_will_be_of_its_folders_owner(chroot: ModuleType, tmp_path: Path) -> None:
    assert chroot._owner(tmp_path / "not" / "there") == chroot._owner(tmp_path) == tmp_path.stat().st_uid


def test_no_mount_point_is_made_outside_of_the_root(chroot: ModuleType, tmp_path: Path) -> None:
    outside, root, like = tmp_path / "outside", tmp_path / "root", tmp_path / "like"
    (root / "etc").mkdir(parents=True)
    like.touch()
    (root / "etc" / "resolv.conf").symlink_to(outside)
    (root / "opt").symlink_to("/")
    assert chroot._place(root, Path("/etc/resolv.conf"), like) == root / "etc/resolv.conf"
    assert chroot._place(root, Path("/opt/of/ours"), like) == root / "opt/of/ours"
    assert not outside.exists() and not Path("/of").exists()
    assert (root / "opt/of/ours").is_file() and not (root / "etc/resolv.conf").is_symlink()


def test_variables_of_this_machines_python_and_folders_stay_here(chroot: ModuleType) -> None:
    here = {
        "https_proxy": "p",
        "CI": "true",
        "PYTHONPATH": "x",
        "MAKEFLAGS": "w",
        "HOME": "/home/me",
        "VIRTUAL_ENV": "v",
    }
    there = chroot.variables(here)
    assert (there["https_proxy"], there["CI"], there["HOME"]) == ("p", "true", "/root")
    assert not {"PYTHONPATH", "MAKEFLAGS", "VIRTUAL_ENV"} & set(there)


def test_who_is_not_root_is_told_what_else_to_do(debian: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian.sys, "platform", "linux")
    monkeypatch.setattr(debian.os, "geteuid", lambda: 1000)
    assert "Run make as root" in refused(debian.refuse_machine)


def test_without_debootstrap_it_is_told_how_to_install_it(
    debian: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(debian.sys, "platform", "linux")
    monkeypatch.setattr(debian.os, "geteuid", lambda: 0)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "apt-get install debootstrap" in refused(debian.refuse_machine)
    for name, says in (("debootstrap", "apt-get install util-linux"), ("unshare", "SYS_ADMIN")):
        (tmp_path / name).write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
        assert says in refused(debian.refuse_machine)


def test_a_failed_root_is_never_taken_for_one(debian: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    root, made = debian.folder(), []

    def debootstrap(target: Path) -> None:
        assert not target.exists()
        (target / "etc").mkdir(parents=True)
        made.append(target)
        if len(made) == 1:
            raise debian.uv.SetupError("no network")

    monkeypatch.setattr(debian, "_debootstrap", debootstrap)
    assert refused(debian.ensure, root) == "no network"
    assert not root.exists()
    debian.ensure(root)
    debian.ensure(root)
    assert len(made) == 2 and (root / "etc").is_dir() and not made[0].exists()
    # Another recipe, another root.
    monkeypatch.setattr(debian, "PACKAGES", (*debian.PACKAGES, "more"))
    debian.ensure(root)
    assert len(made) == 3 and (root / debian.RECIPE).read_text(encoding="utf-8").endswith(" more\n")


def test_make_test_asks_whether_there_is_a_root_to_use(debian: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian.sys, "argv", ["debian_13.py", "usable"])
    monkeypatch.setattr(debian.os, "geteuid", lambda: 0)
    assert debian.main() == 1 and not debian.folder().exists()
    (debian.folder() / debian.RECIPE).parent.mkdir(parents=True)
    (debian.folder() / debian.RECIPE).write_text(debian.recipe(), encoding="utf-8")
    assert debian.main() == 0
    monkeypatch.setattr(debian.os, "geteuid", lambda: 1000)
    assert debian.main() == 1


def test_a_root_in_use_or_with_mounts_is_not_removed(debian: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    root = debian.folder()
    root.mkdir()
    lock = os.open(root.with_name(f"{root.name}.lock"), os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_SH)
    with pytest.raises(debian.uv.SetupError, match="in use"), debian.held(root, alone=True):
        pass
    os.close(lock)
    own = Path.read_text
    table = f"36 35 98:0 / {root}/srv/of\\040ours rw - ext4 /dev/sda rw\n"
    monkeypatch.setattr(Path, "read_text", lambda path, *a: table if path.name == "mountinfo" else own(path, *a))
    assert f"{root}/srv/of ours" in refused(debian.remove, root)
    monkeypatch.undo()
    debian.remove(root)
    assert not root.exists()


def test_a_folder_that_is_no_root_is_left_alone(debian: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian.os, "geteuid", lambda: 0)
    monkeypatch.setattr(debian, "_debootstrap", lambda target: pytest.fail("made"))
    root = debian.folder()
    theirs = root / "letters" / "a.txt"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("dear", encoding="utf-8")
    for call in (debian.clear, debian.ensure, debian.remove):
        said = refused(call, root)
        assert str(root) in said and "no root of ours" in said and "DEBIAN_13" in said
    assert theirs.read_text(encoding="utf-8") == "dear"
    assert not list(root.parent.glob(f"{root.name}.*"))


def test_all_that_making_left_is_removed_and_nothing_beside_it(
    debian: ModuleType, monkeypatch: pytest.MonkeyPatch, project: Path
) -> None:
    monkeypatch.setattr(debian.os, "geteuid", lambda: 1000)
    root, before = debian.folder(), sorted(project.rglob("*"))
    debian.clear(root)
    assert sorted(project.rglob("*")) == before
    for folder in (root, debian._beside(root, "making")):
        (folder / "etc").mkdir(parents=True)
    (root / debian.RECIPE).write_text("of an older recipe", encoding="utf-8")
    debian._beside(root, "making.log").touch()
    assert "sudo make clean-all" in refused(debian.clear, root)
    (project / "shared").mkdir()
    said = refused(debian.clear, project / "shared")
    assert "as root" in said and "clean-all" not in said
    (project / "shared").rmdir()
    monkeypatch.setattr(debian.os, "geteuid", lambda: 0)
    debian.clear(root)
    assert sorted(project.rglob("*")) == before


def test_nothing_is_copied_before_the_root_is_locked_nor_into_one_that_is_gone(
    debian: ModuleType, chroot: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, copied = debian.folder(), []

    def copy_checkout(to: Path) -> None:
        assert "in use" in refused(debian.clear, to)
        copied.append(to)
        raise KeyboardInterrupt

    monkeypatch.setattr(debian.os, "geteuid", lambda: 0)
    monkeypatch.setattr(chroot, "copy_checkout", copy_checkout)
    assert "was removed meanwhile" in refused(debian.run_in, root, ["true"])
    assert not root.exists() and not copied
    (root / "etc").mkdir(parents=True)
    (root / debian.RECIPE).write_text(debian.recipe(), encoding="utf-8")
    with pytest.raises(KeyboardInterrupt):
        debian.run_in(root, ["true"])
    assert copied == [root]
    debian.clear(root)
    assert not root.exists()


def test_a_lock_that_was_removed_while_it_was_waited_for_is_taken_anew(
    debian: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, own, tries = debian.folder(), fcntl.flock, []

    def removed_once(lock: int, how: int) -> None:
        own(lock, how)
        tries.append(lock)
        if len(tries) == 1:
            root.with_name(f"{root.name}.lock").unlink()

    monkeypatch.setattr(debian.fcntl, "flock", removed_once)
    lock = debian._lock(root, fcntl.LOCK_EX)
    assert len(tries) == 2
    assert os.path.samestat(os.fstat(lock), root.with_name(f"{root.name}.lock").stat())
    os.close(lock)


def test_where_there_is_no_proc_nothing_is_said_to_be_mounted(
    debian: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Path.read_text

    def read_text(path: Path, *arguments: Any, **words: Any) -> str:
        if path.is_relative_to("/proc"):
            raise FileNotFoundError(path)
        return own(path, *arguments, **words)

    monkeypatch.setattr(Path, "read_text", read_text)
    debian.folder().mkdir()
    debian.remove(debian.folder())
    assert not debian.folder().exists()
