"""The wheel goes beside a user's own TFX by its metadata alone: no lock, nothing of theirs changed, and it runs."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT, require_tool
from tests.packaged import copy_packaged
from tfx_savedmodel import versions

pytestmark = [pytest.mark.tfx, pytest.mark.full]


def said(*command: str | Path) -> str:
    ran = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, f"{command}\n{ran.stdout}\n{ran.stderr}"
    return ran.stdout


@pytest.fixture(scope="module")
def uv() -> str:
    return require_tool(str(ROOT / ".uv" / "bin" / "uv"), "make install")


@pytest.fixture(scope="module")
def wheel(uv: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("sources")
    copy_packaged(copy)
    said(uv, "build", "--quiet", "--wheel", "--no-build-isolation", "--python", sys.executable, copy)
    (built,) = (copy / "dist").glob("*.whl")
    assert "tfx_savedmodel/starting/template/README.md" in zipfile.ZipFile(built).namelist()
    return built


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import tensorflow as tf

    class Double(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
        def serve(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"y": 2.0 * x}

    module, folder = Double(), tmp_path_factory.mktemp("model")
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.serve})
    return folder


def test_it_installs_beside_a_users_own_tfx(uv: str, wheel: Path, model: Path, tmp_path: Path) -> None:
    own = f"tfx=={versions.installed('tfx')}"
    python = tmp_path / "venv" / "bin" / "python"
    install = (uv, "pip", "install", "--quiet", "--python", python)
    said(uv, "venv", "--quiet", "--no-project", "--python", sys.executable, tmp_path / "venv")
    said(*install, own)
    before = set(said(uv, "pip", "freeze", "--python", python).splitlines())
    assert own in before
    said(*install, wheel)
    after = set(said(uv, "pip", "freeze", "--python", python).splitlines())
    assert before < after, sorted(before - after)
    found = json.loads(said(python.with_name("tfx-savedmodel"), "inspect", model, "--format", "json"))
    assert "serving_default" in json.dumps(found)
    # The extra brings what TFX leaves out: dill for TFX 1.15, and a setuptools that tensorflow_hub bears.
    said(*install, f"{wheel}[tfx]")
    said(uv, "pip", "check", "--python", python)
    names = "KerasToEstimatorConverter, SavedModelValidator, SignatureExporter"
    assert said(python, "-c", f"from tfx_savedmodel import {names}; print({names.split(', ')[0]}.__name__)").split()[-1]
    with_extra = set(said(uv, "pip", "freeze", "--python", python).splitlines())
    assert own in with_extra
