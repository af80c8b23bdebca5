"""What `make/image.py` hands to a build: the machine's network as secrets, a digest of the sources."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.image.containers import require_image

pytestmark = pytest.mark.unit

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(ROOT / "make")
    return importlib.import_module


@pytest.fixture
def project(tmp_path: Path, scripts: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with as much in it as a digest reads, in a folder that is called as what a digest leaves out."""
    root = tmp_path / "build"
    monkeypatch.setattr(scripts("uv"), "ROOT", root)
    names = [*scripts("image_sources")._FILES, "requirements/tfx-1.15.in", "requirements/tfx-1.15.txt"]
    for name in [*names, "components/tfx_savedmodel/versions.py"]:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text('__version__: Final = "1.2"\n', encoding="utf-8")
    return root


def clear(monkeypatch: pytest.MonkeyPatch, network: ModuleType) -> None:
    import os

    for name in [name for name in os.environ if network._VARIABLES.fullmatch(name)]:
        monkeypatch.delenv(name)
    for name in network._CERTIFICATES:
        monkeypatch.delenv(name, raising=False)


def test_indexes_and_proxies_are_exported_and_nothing_of_this_machine(
    scripts: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = scripts("image_network")
    clear(monkeypatch, network)
    bundle = tmp_path / "bundle.pem"
    bundle.touch()
    kept = {"UV_DEFAULT_INDEX": "https://me:it's@index/simple", "https_proxy": "http://proxy:3128"}
    for name, value in {**kept, "PIP_FIND_LINKS": "/opt/wheels", "UV_CACHE_DIR": "/c", "PIP_TOKEN": "secret"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PIP_CERT", str(bundle))
    arguments = network.secrets(tmp_path)
    assert arguments[-1] == f"--secret=id=certificates,src={bundle}"
    shown = subprocess.run(
        ["sh", "-c", f". {tmp_path}/network; env"], env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True
    ).stdout
    exported = dict(line.split("=", 1) for line in shown.splitlines())
    assert {name: value for name, value in exported.items() if name not in ("PATH", "PWD", "SHLVL", "_")} == kept


def test_of_apt_its_network_is_taken_and_no_more(scripts: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = scripts("image_network")
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


def test_the_secrets_are_those_that_the_dockerfile_mounts(scripts: Any, tmp_path: Path) -> None:
    given = {re.search(r"id=(\w+)", argument)[1] for argument in scripts("image_network").secrets(tmp_path)}  # type: ignore[index]
    assert given <= set(re.findall(r"--mount=type=secret,id=(\w+)", DOCKERFILE)) == {"network", "apt", "certificates"}


def test_no_step_of_the_last_stage_sees_the_network_or_a_secret() -> None:
    last = DOCKERFILE[DOCKERFILE.rindex("\nFROM ") :]
    assert "secret" not in last
    assert "--no-index" in last
    assert "apt-get" not in last


@pytest.mark.parametrize(
    "name", ["requirements/tfx-1.15.txt", "components/tfx_savedmodel/versions.py", "Dockerfile", "README.md", "LICENSE"]
)
def test_a_digest_tells_of_every_change(scripts: Any, project: Path, name: str) -> None:
    digest = scripts("image_sources").digest
    before = digest("tfx-1.15")
    assert digest("tfx-1.15") == before
    (project / name).write_text("changed", encoding="utf-8")
    assert digest("tfx-1.15") != before


def test_a_digest_knows_nothing_of_caches(scripts: Any, project: Path) -> None:
    digest = scripts("image_sources").digest
    before = digest("tfx-1.15")
    for name in ("components/tfx_savedmodel/__pycache__/a.pyc", "components/tfx_savedmodel.egg-info/PKG-INFO"):
        (project / name).parent.mkdir()
        (project / name).write_text("", encoding="utf-8")
    assert digest("tfx-1.15") == before


def test_a_digest_knows_all_that_the_dockerfile_copies_of_the_checkout(scripts: Any) -> None:
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE)
    names = {name for line in copied for name in line.split() if "$" not in name}
    assert names - {"components", "templates"} <= set(scripts("image_sources")._FILES)
    assert {"README.md", "LICENSE", "components", "requirements/uv.txt"} <= names


@pytest.mark.parametrize("path", [None, "/no/such/folder"], ids=["no-repository", "no-git"])
def test_outside_of_git_there_is_a_version_and_no_revision(
    scripts: Any, project: Path, monkeypatch: pytest.MonkeyPatch, path: str | None
) -> None:
    if path:
        monkeypatch.setenv("PATH", path)
    assert scripts("image_sources").version() == {"VERSION": "1.2", "REVISION": ""}


def test_without_buildah_it_says_what_to_do(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, str(ROOT / "make" / "image.py"), "build"],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 1
    assert "apt-get install buildah" in ended.stderr
    assert "docker build" in ended.stderr


def test_who_cannot_make_a_base_is_told_how_to_give_one(
    scripts: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bases, base = scripts("image_base"), scripts("image").BASES["tfx-1.21"]
    monkeypatch.setattr(bases.buildah, "image_exists", lambda name: False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(scripts("uv").SetupError) as caught:
        bases.ensure_stand_in(base, None)
    assert "apt-get install debootstrap" in str(caught.value) and "make image BASE=IMAGE" in str(caught.value)
    assert base.image in str(caught.value)


def test_every_stack_has_a_base_and_a_lock(scripts: Any) -> None:
    bases = scripts("image").BASES
    assert f"ARG BASE={bases['tfx-1.15'].image}\n" in DOCKERFILE
    assert f"--build-arg BASE={bases['tfx-1.21'].image} " in DOCKERFILE
    for base in bases.values():
        assert base.image == f"python:{base.python}-slim-{base.suite}"


def test_an_image_that_is_absent_skips_and_fails_where_it_was_to_be_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CI", "true")
    monkeypatch.setenv("IMAGE_BUILT", "tfx-1.15")
    with pytest.raises(pytest.fail.Exception, match="buildah"):
        require_image("tfx-1.15")
    with pytest.raises(pytest.skip.Exception):
        require_image("tfx-1.21")
    monkeypatch.delenv("IMAGE_BUILT")
    with pytest.raises(pytest.skip.Exception):
        require_image("tfx-1.15")
