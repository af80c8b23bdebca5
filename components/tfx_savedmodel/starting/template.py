"""The template: found in the wheel or in the checkout, copied, and made to fit a name and its data.

What lies in `templates/starter` is a repository that runs, is linted and tested as it is; a text full of a template
engine's brackets would be neither. So what differs in a copy stands between two marks, `<columns>` and `</columns>`
in comments, and is written anew.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from tfx_savedmodel.errors import UsageError
from tfx_savedmodel.starting import writing
from tfx_savedmodel.starting.data_set import DataSet
from tfx_savedmodel.starting.stack import take_stack
from tfx_savedmodel.versions import __version__

#: The name of the pipeline in the template.
NAME = "starter"
DATA_FILE = Path("data") / "examples.csv"
_PACKAGED = Path(__file__).with_name("template")
_CHECKOUT = Path(__file__).parents[3] / "templates" / NAME
#: What running the template where it lies leaves there.
_LEFT_THERE = ("build", ".venv", "wheels", "contract.json", "__pycache__", ".pytest_cache", ".ruff_cache", "*.pyc")
_REGION = re.compile(r"^(?:#|<!--) <(?P<name>[a-z]+)>[^\n]*\n(.*?)^(?:#|<!--) </(?P=name)>[^\n]*\n", re.M | re.S)


def find_template() -> Path:
    """Return the template's folder: in the wheel, else in the checkout of an editable install.

    Raises:
      UsageError: it is in neither.
    """
    for folder in (_PACKAGED, _CHECKOUT):
        if (folder / "configs.py").is_file():
            return folder
    raise UsageError(
        "the template is missing from this installation",
        where=str(_PACKAGED),
        next_step="install tfx-savedmodel again, from its wheel or its whole repository",
    )


def copy_template(destination: Path, name: str, data: DataSet | None, *, stack: str | None = None) -> None:
    """Write a repository into the empty folder `destination`: of the template's own data and stack where it is None."""
    left = shutil.ignore_patterns(*_LEFT_THERE)
    # Not with the modes of what lies in an installation, which may be read-only.
    shutil.copytree(find_template(), destination, dirs_exist_ok=True, ignore=left, copy_function=shutil.copyfile)
    texts: dict[str, str] = {"name": f'NAME = "{name}"', "title": f"# {name}"}
    if data is None:
        plan = json.loads((destination / "signatures.json").read_text(encoding="utf-8"))
    else:
        plan = writing.plan(data)
        _write_json(destination / "signatures.json", plan)
        data.write(destination / DATA_FILE)
        texts["columns"] = writing.columns_of_configs(data)
        texts["data"] = writing.columns_of_readme(data)
        (destination / "data" / "README.md").write_text(writing.origin(data), encoding="utf-8")
    _write_json(destination / "policy.json", writing.policy(name, plan["signatures"]))
    for file in ("configs.py", "README.md"):
        path = destination / file
        path.write_text(fill(path.read_text(encoding="utf-8"), texts), encoding="utf-8")
    for path in (destination / "requirements").glob("*.in"):
        pinned = re.sub(r"^tfx-savedmodel==.*$", f"tfx-savedmodel=={__version__}", path.read_text(), flags=re.M)
        path.write_text(pinned, encoding="utf-8")
    if stack is not None:
        take_stack(destination, stack)


def fill(text: str, texts: Mapping[str, str]) -> str:
    """Return a text with its marked regions written anew where `texts` has them, and without the marks."""
    return _REGION.sub(lambda region: f"{texts[region['name']]}\n" if region["name"] in texts else region[2], text)


def _write_json(path: Path, document: Mapping[str, object]) -> None:
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
