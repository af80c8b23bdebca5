"""What all tests share: the tiers, the corpus of third-party models, and tools of the machine."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import re
import shutil
import signal
from pathlib import Path
from typing import Any, NoReturn

import pytest

ROOT = Path(__file__).resolve().parent.parent
TIERS = ("unit", "tf", "tfx")
CORPUS_VARIABLE = "SAVEDMODEL_CORPUS"
SERVING_API = "make install: tensorflow-serving-api comes with TFX"


def pytest_configure() -> None:
    # With TFX 1.21 tf.keras is Keras 3 or Keras 2, as imports happen to be ordered: in the tests always what
    # tensorflow_transform asks for. `make demo` leaves it open.
    if all(map(importlib.util.find_spec, ("tensorflow_transform", "tf_keras"))):
        os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    # A script's background jobs are deaf to SIGINT, and so is whatever they start: tests that send it would wait.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not even import the files of tiers that `-m` leaves out: TFX takes long, or is not there."""
    wanted = set(re.findall(r"(?<!not )\b\w+", config.option.markexpr)) & set(TIERS)
    if not wanted or collection_path.suffix != ".py":
        return None
    own = re.search(r"^pytestmark = \[?pytest\.mark\.(\w+)", collection_path.read_text(encoding="utf-8"), re.MULTILINE)
    return True if own is not None and own[1] not in wanted else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the cheap tiers first, and refuse a test that belongs to none or to several."""
    for item in items:
        tiers = [tier for tier in TIERS if item.get_closest_marker(tier)]
        if len(tiers) != 1:
            raise pytest.UsageError(f"{item.nodeid}: wants exactly one of the markers {TIERS}, has {tiers or 'none'}")
    items.sort(key=lambda item: next(place for place, tier in enumerate(TIERS) if item.get_closest_marker(tier)))


def corpus_folder() -> Path | None:
    """Return the folder of the corpus, or None where it is absent.

    It is `SAVEDMODEL_CORPUS`, else `../shared/corpus` beside the repository.
    """
    named = os.environ.get(CORPUS_VARIABLE)
    folder = Path(named) if named else ROOT.parent / "shared" / "corpus"
    return folder if (folder / "index.json").is_file() else None


def corpus_index() -> list[dict[str, Any]]:
    """Return the corpus's entries (none where it is absent), for parametrising tests."""
    folder = corpus_folder()
    if folder is None:
        return []
    entries: list[dict[str, Any]] = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    return entries


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of the corpus of third-party models; a test that asks for it skips without one."""
    folder = corpus_folder()
    if folder is not None:
        return folder
    wanted = f"set {CORPUS_VARIABLE} to its folder (with index.json), or put it at ../shared/corpus"
    if CORPUS_VARIABLE in os.environ:
        pytest.fail(f"{CORPUS_VARIABLE}={os.environ[CORPUS_VARIABLE]} holds no index.json; {wanted}")
    pytest.skip(f"no corpus of third-party models: {wanted}")


def require_tool(name: str, install: str, *alternatives: str) -> str:
    """Return the path of a program of the machine, by its name or an alternative one.

    Where there is none the test skips, saying how to install it; under CI=true it fails.
    """
    found = next(filter(None, map(shutil.which, (name, *alternatives))), None)
    if found is None:
        absent(f"needs {name}: {install}")
    return found


def outside_of_make() -> dict[str, str]:
    """Return the environment as a person's make finds it: what runs the tests may be make, with words of its own."""
    ours = ("MAKE", "MFLAGS", "STACK", "ARGS", "PYTHON")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def require_module(name: str, install: str) -> Any:
    """Import a module that comes with TFX.

    Where it is absent the test skips, saying how to install it; under CI=true it fails, except in an
    environment that is meant to be without TFX.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        absent(f"needs {name}: {install} ({error})", expected=importlib.util.find_spec("tfx") is not None)


def absent(needs: str, *, expected: bool = True) -> NoReturn:
    """Skip a test for what it needs; under CI=true fail, where that is `expected` to be there."""
    if expected and os.environ.get("CI") == "true":
        pytest.fail(f"{needs} (skipped elsewhere, a failure under CI=true)")
    pytest.skip(needs)
