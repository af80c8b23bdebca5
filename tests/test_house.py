"""Guards of the house: what is easily broken by a change that looks harmless."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import json
import pickle
import pkgutil
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import tfx_savedmodel
from tests.conftest import ROOT, require_tool
from tfx_savedmodel import errors
from tfx_savedmodel.validation import check as check_module
from tfx_savedmodel.validation.check import Check, ExampleCheck, GraphCheck, ModelCheck
from tfx_savedmodel.validation.policy import Policy
from tfx_savedmodel.validation.registry import CHECKS
from tfx_savedmodel.validation.result import Verdict

PACKAGE = ROOT / "components" / "tfx_savedmodel"
MAX_LINES = 350
HEAVY = ("tensorflow", "tensorflow_transform", "keras", "tfx", "tfx_bsl", "ml_metadata", "apache_beam")
SLOW = ("numpy", "pydantic", "rich", "jinja2", "matplotlib")
COMPONENTS = ("SignatureExporter", "KerasToEstimatorConverter", "SavedModelValidator")
#: What Kubeflow v2 accepts as the name of a custom artifact type.
KUBEFLOW_TYPE_NAME = re.compile(r"^[a-z][a-z0-9-_]{2,20}[.][A-Z][a-zA-Z0-9-_]{2,49}$")
EXCEPTIONS = [
    value
    for module in (errors, check_module)
    for value in vars(module).values()
    if isinstance(value, type) and issubclass(value, Exception) and value.__module__ == module.__name__
]


def loaded_by(statement: str, names: tuple[str, ...]) -> list[str]:
    """Return which of these modules a statement loads in a fresh Python."""
    code = f"{statement}\nimport json, sys\nprint(json.dumps([name for name in {names!r} if name in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    loaded: list[str] = json.loads(done.stdout.splitlines()[-1])
    return loaded


@pytest.mark.unit
@pytest.mark.parametrize("module", ["tfx_savedmodel", "tfx_savedmodel.cli.main"])
def test_import_is_light(module: str) -> None:
    assert loaded_by(f"import {module}", HEAVY + SLOW) == []


@pytest.mark.unit
def test_no_room_imports_a_framework_at_module_level() -> None:
    rooms = "cli", "estimators", "operations", "report", "saved_model", "signatures", "sources", "validation"
    packages = [f"tfx_savedmodel.{room}" for room in rooms]
    modules = [
        found.name
        for package in packages
        for found in pkgutil.walk_packages([str(PACKAGE / package.split(".")[1])], f"{package}.", onerror=_raise)
        if not found.name.endswith(".__main__")
    ]
    assert len(modules) > len(rooms)
    assert loaded_by("\n".join(f"import {module}" for module in (*packages, *modules)), HEAVY) == []


def _raise(module: str) -> None:
    raise AssertionError(f"{module} cannot be imported")


@pytest.mark.unit
@pytest.mark.parametrize("kind", EXCEPTIONS, ids=lambda kind: kind.__name__)
def test_exceptions_pickle_with_fields_and_text(kind: type[Exception]) -> None:
    fields = {"where": "signature 'a'", "found": "int64 [?]", "wanted": "float32 [?, 4]", "next_step": "cast it"}
    error: Exception
    if issubclass(kind, errors.PlanError):
        error = kind([errors.Problem("signatures.a", "no such output", found="b", wanted="c", next_step="rename")])
    elif issubclass(kind, errors.TfxSavedModelError):
        error = kind("what is wrong", **fields)
    else:
        error = kind("what is wrong")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind
    assert (str(copy), vars(copy), copy.args) == (str(error), vars(error), error.args)
    assert all(text in str(copy) for text in vars(copy).values() if isinstance(text, str))


@pytest.mark.unit
def test_no_file_is_long() -> None:
    folders = ("components", "pipelines", "templates", "tests", "benchmarks", "make")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert len(lengths) > 50
    assert {name: count for name, count in lengths.items() if count > MAX_LINES} == {}


@pytest.mark.unit
def test_every_folder_with_code_is_a_package() -> None:
    # setuptools leaves a folder without __init__.py out of the wheel; an editable install hides that.
    folders = {path.parent for path in PACKAGE.rglob("*.py")}
    assert [str(folder) for folder in sorted(folders) if not (folder / "__init__.py").is_file()] == []


@pytest.mark.unit
def test_import_contracts_are_kept() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--config", str(ROOT / "pyproject.toml")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.unit
def test_public_face_and_its_static_mirror_agree() -> None:
    source = (PACKAGE / "__init__.py").read_text(encoding="utf-8")
    (block,) = (node for node in ast.parse(source).body if isinstance(node, ast.If))
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    mirror = {name.name: str(node.module).removeprefix("tfx_savedmodel.") for node in imports for name in node.names}
    assert mirror == tfx_savedmodel._HOMES
    assert sorted(mirror) == sorted(tfx_savedmodel.__all__)
    assert set(tfx_savedmodel.__all__) <= set(dir(tfx_savedmodel))
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = tfx_savedmodel.no_such_name


@pytest.mark.unit
def test_nothing_run_is_never_blessed() -> None:
    assert Policy().judge([]) is Verdict.NOTHING_CHECKED


@pytest.mark.unit
def test_absent_tool_skips_and_fails_under_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="apt-get install no-such-tool"):
        require_tool("no-such-tool", "apt-get install no-such-tool")
    assert require_tool("no-such-tool", "apt-get install sh", "sh").endswith("/sh")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="apt-get install no-such-tool"):
        require_tool("no-such-tool", "apt-get install no-such-tool")


@pytest.mark.unit
def test_check_codes_and_names_are_unique_and_ordered() -> None:
    codes = [check.code for check in CHECKS]
    assert codes == sorted(set(codes))
    assert len({check.name for check in CHECKS}) == len(CHECKS)
    files = {path.stem for path in (PACKAGE / "validation" / "checks").glob("*.py")} - {"__init__"}
    registered = {check.__module__.rsplit(".", 1)[1] for check in CHECKS}
    assert registered <= files


@pytest.mark.unit
@pytest.mark.parametrize("kind", CHECKS, ids=lambda kind: kind.code)
def test_check_keeps_the_protocol(kind: type[Check]) -> None:
    shape: dict[str, type[Check]] = {"SM1": GraphCheck, "SM2": ModelCheck, "SM3": ExampleCheck}
    assert re.fullmatch(r"SM[123]\d\d", kind.code)
    assert issubclass(kind, shape[kind.code[:3]])
    assert kind.__module__ == f"tfx_savedmodel.validation.checks.{kind.name.replace('-', '_')}"
    assert dataclasses.is_dataclass(kind)
    check: Any = kind()
    assert pickle.loads(pickle.dumps(check)) == check
    with pytest.raises(dataclasses.FrozenInstanceError):
        check.code = "SM999"
    page = kind.page()
    assert all(len(page[section]) > 15 for section in ("title", "why", "remedy")), page


@pytest.mark.tfx
def test_public_names_resolve() -> None:
    for name in tfx_savedmodel.__all__:
        assert getattr(tfx_savedmodel, name) is not None, name


@pytest.mark.tfx
@pytest.mark.parametrize("name", COMPONENTS)
def test_executors_are_found_by_their_class_path(name: str) -> None:
    # TFX stores an executor by its class path and imports it on a worker.
    class_path = getattr(tfx_savedmodel, name).EXECUTOR_SPEC.class_path
    module, _, executor = class_path.rpartition(".")
    assert module.startswith("tfx_savedmodel.")
    assert getattr(importlib.import_module(module), executor).__module__ == module


@pytest.mark.tfx
def test_artifact_types_are_found_by_their_name() -> None:
    artifact = tfx_savedmodel.ValidationReport
    assert KUBEFLOW_TYPE_NAME.match(artifact.TYPE_NAME)
    assert getattr(tfx_savedmodel, artifact.TYPE_NAME.removeprefix("tfx_savedmodel.")) is artifact
