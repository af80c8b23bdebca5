"""How `make/image.py` builds: of which sources, by which buildah, and what a Dockerfile has to be for it."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path
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


def test_no_step_of_the_last_stage_sees_the_network_or_a_secret() -> None:
    last = DOCKERFILE[DOCKERFILE.rindex("\nFROM ") :]
    assert "secret" not in last
    assert "apt-get" not in last and "pip" not in last.replace("tfx-savedmodel", "")


def test_no_step_mounts_another_stage() -> None:
    """buildah runs such a step no second time when that stage has changed: the image would hold an older package."""
    assert re.findall(r"--mount=\S*\bfrom=", DOCKERFILE) == []


def test_a_run_follows_the_arguments_of_the_labels() -> None:
    """buildah asks of a RUN alone whether they have changed: without one, an image keeps the labels of an older one."""
    last = DOCKERFILE[DOCKERFILE.rindex("\nFROM ") :]
    arguments = [last.index(f"\nARG {name}") for name in ("STACK", "VERSION", "REVISION", "SOURCES")]
    assert max(arguments) < last.rindex("\nRUN ") < last.index("\nLABEL ")


def test_an_image_of_other_sources_is_never_called_built(
    scripts: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = scripts("image")
    program = tmp_path / "buildah"
    program.write_text("#!/bin/sh\nexit 0\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(image.image_sources, "of_image", lambda name: "of older sources")
    monkeypatch.setattr(image, "contents", lambda options: 0)
    monkeypatch.setattr(image.sys, "argv", ["image.py", "build", "--stack", "tfx-1.15", "--base", "any"])
    options = image._parser().parse_args()
    with pytest.raises(scripts("uv").SetupError, match="--again"):
        image.build(options)
    monkeypatch.setattr(image.image_sources, "of_image", lambda name: image.image_sources.digest("tfx-1.15"))
    assert image.build(options) == 0


@pytest.mark.parametrize("current", [True, False])
def test_a_run_in_an_image_of_other_sources_says_so(
    scripts: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], current: bool
) -> None:
    image = scripts("image")
    made_of = image.image_sources.digest("tfx-1.15") if current else "of older sources"
    monkeypatch.setattr(image.image_sources, "of_image", lambda name: made_of)
    monkeypatch.setattr(image, "_run", lambda stack, given, command: 3)
    monkeypatch.setattr(image.sys, "argv", ["image.py", "run", "--stack", "tfx-1.15", "--", "true"])
    options = image._parser().parse_args()
    assert image.run(options) == 3
    said = capsys.readouterr().err
    assert ("other sources" in said and "make image STACK=tfx-1.15" in said) is not current


#: Ends as buildah does: with the command's exit code, and with 1 where the command cannot be started.
BUILDAH = """#!/bin/sh
[ "$1" = run ] || exit 0
while [ "$1" != -- ]; do shift; done
shift
[ -x "$(command -v "$1")" ] || exit 1
"$@"
"""


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (["/bin/true"], 0),
        (["sh", "-c", "exit 1"], 1),
        (["sh", "-c", "exit 3"], 3),
        (["missing-program"], 127),
        (["/no/such/program", "--help"], 127),
        (["--help"], 127),
        (["/etc/passwd"], 126),
    ],
    ids=str,
)
def test_a_run_ends_with_what_the_command_gave_or_as_a_shell_does(
    scripts: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    command: list[str],
    code: int,
) -> None:
    image = scripts("image")
    (tmp_path / "buildah").write_text(BUILDAH, encoding="utf-8")
    (tmp_path / "buildah").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(image.image_sources, "of_image", lambda name: None)
    monkeypatch.setattr(image.sys, "argv", ["image.py", "run", "--stack", "tfx-1.15", "--", *command])
    assert image.main() == code
    assert (command[0] in capfd.readouterr().err) is (code > 3)


@pytest.mark.parametrize(("said", "refused"), [("1.23.1", True), ("1.24.0", False), ("1.28.2", False), ("2.0", False)])
def test_a_buildah_that_is_too_old_is_refused(
    scripts: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, refused: bool
) -> None:
    program = tmp_path / "buildah"
    program.write_text(f"#!/bin/sh\necho 'buildah version {said} (image-spec 1.0.2)'\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path) + ":/bin")
    if refused:
        with pytest.raises(scripts("uv").SetupError, match=r"1\.24 or later") as caught:
            scripts("buildah").require()
        assert said in str(caught.value)
    else:
        scripts("buildah").require()


@pytest.mark.parametrize("folder", ["buildah-cache/tfx-savedmodel-tfx-1.15", "buildah-cache-0/ab053d02b532a4b6"])
def test_clean_removes_the_packages_of_one_stack_and_nothing_else(
    scripts: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: str
) -> None:
    image = scripts("image")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(image.sys, "argv", ["image.py", "clean", "--stack", "tfx-1.15"])
    options = image._parser().parse_args()
    kept = [tmp_path / "buildah-cache" / name for name in ("tfx-savedmodel-tfx-1.21", "theirs", "0123456789abcdef")]
    for path in (*kept, tmp_path / folder):
        (path / "wheels").mkdir(parents=True)
    assert options.action(options) == 0
    assert all((path / "wheels").is_dir() for path in kept) and not (tmp_path / folder).exists()
    assert folder in capsys.readouterr().out
    assert options.action(options) == 0 and "no packages" in capsys.readouterr().out


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
    for name in (
        "components/tfx_savedmodel/__pycache__/a.pyc",
        "components/tfx_savedmodel.egg-info/PKG-INFO",
        "templates/starter/.ruff_cache/x",
        "templates/starter/.pytest_cache/x",
        "templates/starter/wheels/x.whl",
        "templates/starter/contract.json",
    ):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
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
    assert set(bases) == set(scripts("stacks").STACKS)
    for name, base in bases.items():
        assert (ROOT / "requirements" / f"{name}.txt").is_file()
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
