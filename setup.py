"""Packaging of tfx-savedmodel; the version and the supported ranges are read from versions.py."""

from __future__ import annotations

import ast
import contextlib
import shutil
from pathlib import Path
from typing import Any

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent


def read_constants(path: Path) -> dict[str, Any]:
    """Return a module's literal constants by name, without importing the module."""
    constants = {}
    for statement in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and statement.value:
            with contextlib.suppress(ValueError):  # no literal
                constants[statement.target.id] = ast.literal_eval(statement.value)
    return constants


VERSIONS = read_constants(ROOT / "components" / "tfx_savedmodel" / "versions.py")


def supported(name: str) -> str:
    """Return the supported range of a distribution as a requirement."""
    low, above = VERSIONS["SUPPORTED"][name]
    return f"{'' if name == 'python' else name}>={low},<{above}"


class BuildWithTemplate(build_py):
    """Puts templates/starter into the wheel; an editable install finds it where it lies."""

    def run(self) -> None:
        super().run()
        if not getattr(self, "editable_mode", False):
            target = Path(self.build_lib) / "tfx_savedmodel" / "starting" / "template"
            shutil.rmtree(target, ignore_errors=True)
            left = shutil.ignore_patterns("build", ".venv", "wheels", "contract.json", "__pycache__", ".*_cache")
            shutil.copytree(ROOT / "templates" / "starter", target, ignore=left)


# tfx_bsl imports dill, which Beam no longer brings; setuptools 81 dropped pkg_resources, which tensorflow_hub imports.
BEAM = [supported("apache-beam"), "dill"]
TENSORFLOW = [supported("tensorflow")]
# Of TFX, 1.15 and 1.21 are tested; without a word the resolver would take 1.16 on Python 3.10.
TFX = [f"{supported('tfx')},!=1.16.*,!=1.17.*", *BEAM, *TENSORFLOW, "pip", "wheel", "setuptools<81"]

setup(
    name="tfx-savedmodel",
    version=VERSIONS["__version__"],
    description="TFX components that export, convert and validate SavedModels with exactly the signatures you plan",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author="The tfx-savedmodel authors",
    license="Apache-2.0",
    license_files=["LICENSE"],
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Intended Audience :: Developers",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
    keywords="tfx tensorflow savedmodel signatures estimator validation",
    python_requires=supported("python"),
    package_dir={"": "components"},
    packages=find_packages("components"),
    package_data={"tfx_savedmodel": ["py.typed", "**/*.j2", "**/*.css", "**/*.txt.gz"]},
    # Light, so that it installs beside a TFX that is there already.
    install_requires=[
        "click>=8.1",
        "fsspec>=2023.1",
        "jinja2>=3.1",
        "matplotlib>=3.7",
        "numpy>=1.24",
        "protobuf>=3.20.3",
        "pydantic>=2.5,<3",
        "rich>=13",
    ],
    extras_require={"tensorflow": TENSORFLOW, "beam": BEAM, "tfx": TFX},
    entry_points={"console_scripts": ["tfx-savedmodel = tfx_savedmodel.cli.main:main"]},
    cmdclass={"build_py": BuildWithTemplate},
    zip_safe=False,
)
