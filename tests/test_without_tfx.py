"""Where TFX is not installed: the components say what to install, and all else is there."""

from __future__ import annotations

import subprocess
import sys

import pytest

import tfx_savedmodel

pytestmark = pytest.mark.unit

WITHOUT_TFX = """
import sys

class NoTfx:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "tfx":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, NoTfx())
"""
OF_TFX = ["KerasToEstimatorConverter", "SavedModelValidator", "SignatureExporter", "ValidationReport"]


def said(code: str) -> str:
    """Return what a Python of its own, in which TFX cannot be imported, prints."""
    done = subprocess.run([sys.executable, "-c", WITHOUT_TFX + code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", OF_TFX)
def test_a_component_says_what_to_install(name: str) -> None:
    tried = f"""
try:
    from tfx_savedmodel import {name}
except ModuleNotFoundError as error:
    print(type(error.__cause__).__name__, error.name, error)
"""
    answer = said(tried)
    assert answer.startswith(f"ModuleNotFoundError tfx TFX is not installed, and tfx_savedmodel.{name} wants it")
    assert "install tfx-savedmodel[tfx]" in answer


def test_all_else_is_there() -> None:
    names = sorted(set(tfx_savedmodel.__all__) - set(OF_TFX))
    said(f"import tfx_savedmodel\nfor name in {names}: getattr(tfx_savedmodel, name)")


def test_another_module_that_is_missing_is_named_as_it_is() -> None:
    tried = """
sys.modules["pydantic"] = None
import tfx_savedmodel
try:
    tfx_savedmodel.Plan
except ModuleNotFoundError as error:
    print(error.name, error)
"""
    answer = said(tried)
    assert answer.startswith("pydantic ") and "TFX" not in answer
