"""The image that `make image` built: what is in it, what is not, and as whom it runs."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.image.containers import Image, image, shared
from tfx_savedmodel import __version__

__all__ = ["image", "shared"]

pytestmark = pytest.mark.tfx

#: Without a name in the image, as OpenShift and others start containers.
STRANGER = "54321:54321"
COMPILERS = "gcc g++ cc c++ cpp clang as ld make"


def test_it_runs_as_a_user_that_is_not_root(image: Image) -> None:
    # A number: Kubernetes cannot tell of a name whether it is root's.
    assert image.config["User"] == "1000"
    assert image.said("id", "-u") == "1000"
    assert image.said("id", "-un") == "tfx"


def test_its_labels_say_what_it_is(image: Image) -> None:
    labels = image.config["Labels"]
    assert labels["tfx-savedmodel.stack"] == image.stack
    assert labels["org.opencontainers.image.version"] == __version__
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    # Empty where it was built without git, or of an unpacked archive.
    assert re.fullmatch(r"([0-9a-f]{40}(-dirty)?)?", labels["org.opencontainers.image.revision"])


def test_without_arguments_it_shows_the_command_line(image: Image) -> None:
    shown = image.start()
    assert shown.returncode == 0
    assert shown.stdout.startswith("Usage: tfx-savedmodel")
    assert "validate" in shown.stdout


def test_a_program_that_is_absent_or_no_program_has_an_exit_code_of_its_own(image: Image) -> None:
    absent, unfit = image.run("missing-program"), image.run("/etc/passwd")
    assert (absent.returncode, unfit.returncode) == (127, 126)
    assert "missing-program" in absent.stderr and "/etc/passwd" in unfit.stderr


def test_there_is_no_compiler(image: Image) -> None:
    said = image.python(f"import shutil; print([shutil.which(name) for name in {COMPILERS.split()}])")
    assert said == str([None] * len(COMPILERS.split()))


def test_the_environment_comes_first_on_the_path(image: Image) -> None:
    names = ["python", "python3", "pip", "tfx-savedmodel"]
    said = image.python(f"import shutil; print([shutil.which(name) for name in {names}])")
    assert said == str([f"/opt/tfx-savedmodel/bin/{name}" for name in names])


def test_what_is_installed_is_what_is_locked_less_what_was_taken_out(image: Image) -> None:
    lock = (ROOT / "requirements" / f"{image.stack}.txt").read_text(encoding="utf-8")
    locked = dict(re.findall(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", lock, re.MULTILINE))
    lines = image.said("python", "-m", "pip", "list", "--format=freeze", "--disable-pip-version-check").splitlines()
    installed = {
        re.sub(r"[-_.]+", "-", name).lower(): version for name, _, version in (x.partition("==") for x in lines)
    }
    assert installed.pop("tfx-savedmodel") == __version__
    assert installed.items() <= locked.items()
    assert {"pip", "wheel", "setuptools", "tfx", "tensorflow", "apache-beam", "kfp-pipeline-spec"} <= set(installed)
    # 63 MB of a C++ parser, and a server of notebooks.
    assert not {"libclang", "notebook", "jupyterlab"} & set(installed)


def test_nothing_is_missing_but_what_was_taken_out(image: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "make")
    needless = importlib.import_module("image_trim").NEEDLESS
    checked = image.run("python", "-m", "pip", "check", "--disable-pip-version-check")
    missing = re.findall(r"requires (\S+), which is not installed", checked.stdout)
    assert missing and set(missing) <= set(needless)
    others = [line for line in checked.stdout.splitlines() if "which is not installed" not in line]
    assert others == [], "versions that do not fit each other"


def test_a_user_without_a_name_has_a_home_and_caches(image: Image) -> None:
    text = """
import getpass, os, pathlib, warnings
warnings.simplefilter("error")
home = pathlib.Path.home()
(home / "own").write_text("x")
import matplotlib
print(os.getuid(), os.getgid(), getpass.getuser(), home, matplotlib.get_cachedir())
"""
    said = image.python(text, user=STRANGER)
    assert said == "54321 54321 tfx /home/tfx /home/tfx/.cache/matplotlib"


@pytest.mark.parametrize("user", ["1000", STRANGER])
def test_a_user_may_write_at_home_and_to_temporary_folders_only(image: Image, user: str) -> None:
    find = "find / -xdev -writable -not -type l -not -path '/proc/*' -not -path '/dev/*' -not -path '/sys/*'"
    writable = image.run("sh", "-c", find, user=user).stdout.splitlines()
    assert {"/home/tfx", "/tmp", "/var/tmp"} <= set(writable)
    outside = [path for path in writable if not re.match(r"/(home/tfx|tmp|var/tmp|run/lock|dev|proc|sys)(/|$)", path)]
    assert outside == []


def test_pip_builds_and_installs_what_a_pipeline_packages(image: Image, shared: Path) -> None:
    """As TFX does with a module file: a wheel is made of it, and installed into a folder where a step needs it."""
    project = shared / "project"
    project.mkdir(mode=0o777)
    project.chmod(0o777)
    (project / "module.py").write_text("ANSWER = 42\n", encoding="utf-8")
    (project / "setup.py").write_text(
        "from setuptools import setup\nsetup(name='module', version='1', py_modules=['module'])\n", encoding="utf-8"
    )
    steps = (
        "cp -r /shared/project /tmp/project && cd /tmp/project && python setup.py -q bdist_wheel --dist-dir /shared && "
        "python setup.py -q sdist --dist-dir /shared && "
        "python -m pip install -q --no-index --target /tmp/target /shared/module-1-py3-none-any.whl && "
        "PYTHONPATH=/tmp/target python -c 'import module; print(module.ANSWER)'"
    )
    assert image.said("sh", "-c", steps, volumes={shared: "/shared"}, user=STRANGER).endswith("42")
    assert (shared / "module-1.tar.gz").is_file()


def test_its_table_of_contents_adds_up(image: Image) -> None:
    script = ROOT / "make" / "image_contents.py"
    lines = image.said("python", "/contents.py", volumes={script: "/contents.py:ro"}).splitlines()
    sizes = [float(line.split()[0]) for line in lines]
    assert sizes[:-2] == sorted(sizes[:-2], reverse=True)
    assert sum(sizes[:-1]) == pytest.approx(sizes[-1], abs=0.05 * len(sizes))
    assert lines[0].split()[2] == "tensorflow"
