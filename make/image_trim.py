"""Take out of an environment what nobody needs in an image, and compile the rest: `python image_trim.py FILE.in`.

Runs with that environment's Python, while the image is built. What FILE.in asks for stays, and whatever that requires,
except for the distributions named here. Of what stays, files go that only compilers and test runners read; RECORD
then says so too. tests/image holds that all of the pipelines still works.
"""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path, PurePosixPath

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

#: Required by something that stays, imported by nothing that a step of a pipeline does.
NEEDLESS = {
    "babel": "translations of JupyterLab's pages",
    "debugpy": "ipykernel's debugger",
    "jedi": "completes what is typed into IPython's shell, which does without",
    "jupyterlab": "a server of notebooks",
    "jupyterlab-widgets": "JupyterLab's half of ipywidgets",
    "libclang": "TensorFlow's build reads C++ with it",
    "notebook": "a server of notebooks; TFX's InteractiveContext, which runs in one, goes with it",
    "tensorboard-data-server": "makes TensorBoard's server faster; writing logs does not use it",
    "widgetsnbextension": "the notebook's half of ipywidgets",
}
#: Imported by what stays, and required by none of it.
UNDECLARED = {"ipywidgets": ["ipykernel"]}
#: Folders of headers and sources, for compiling against a package. The image has no compiler.
HEADERS = ("tensorflow/include", "tensorflow/xla_aot_runtime_src", "pyarrow/include", "pyarrow/src")
TESTS = ("tests", "testdata")
#: Packages that keep their tests beside the modules; elsewhere a module may be named *_test.py.
TESTS_BESIDE = (
    "apache_beam",
    "tfx",
    "tfx_bsl",
    "tensorflow_data_validation",
    "tensorflow_model_analysis",
    "tensorflow_transform",
)


def main() -> None:
    asked = [Requirement(line) for line in _lines(Path(sys.argv[1]))]
    site = Path(sysconfig.get_path("purelib"))
    installed = {canonicalize_name(each.metadata["Name"]): each for each in metadata.distributions(path=[str(site)])}
    kept = _kept(asked, installed)
    freed: dict[str, int] = {}
    for name in sorted(set(installed) - kept):
        reason = NEEDLESS.get(name, "only what is taken out asks for it")
        freed[f"{name}: {reason}"] = _remove(installed[name])
    for name in sorted(kept):
        for reason, size in _trim(installed[name], site):
            freed[reason] = freed.get(reason, 0) + size
    for text, size in sorted(freed.items(), key=lambda item: -item[1]):
        print(f"{size / 1e6:7.1f} MB  {text}")
    print(f"{sum(freed.values()) / 1e6:7.1f} MB  taken out")
    # uv's, which everybody might write to.
    (Path(sys.prefix) / ".lock").unlink(missing_ok=True)
    # No user of the image can write bytecode beside the modules, and TFX alone imports thousands. Its validity hangs on
    # no time of a file, since tools that copy layers may change those. What cannot be compiled is no module.
    bytecode = [
        sys.executable,
        "-m",
        "compileall",
        "-qq",
        "-j",
        "0",
        "--invalidation-mode",
        "unchecked-hash",
        str(site),
    ]
    subprocess.run(bytecode, stdout=subprocess.DEVNULL)


def _lines(path: Path) -> Iterator[str]:
    for line in path.read_text(encoding="utf-8").splitlines():
        text = line.split("#")[0].strip()
        if text:
            yield text


def _kept(asked: list[Requirement], installed: dict[str, metadata.Distribution]) -> set[str]:
    """Return the names of what was asked for and all that it requires, without NEEDLESS and what only that requires."""
    seen: set[tuple[str, str]] = set()
    waiting = list(asked)
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name in NEEDLESS or name not in installed:
            continue
        for extra in ("", *requirement.extras):
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            wanted = map(Requirement, [*(installed[name].requires or []), *UNDECLARED.get(name, [])])
            waiting += [each for each in wanted if each.marker is None or each.marker.evaluate({"extra": extra})]
    return {name for name, _ in seen}


def _remove(distribution: metadata.Distribution) -> int:
    return sum(_unlink(Path(str(distribution.locate_file(file)))) for file in distribution.files or [])


def _trim(distribution: metadata.Distribution, site: Path) -> Iterator[tuple[str, int]]:
    """Remove a distribution's needless files, from its RECORD too, and yield why and how many bytes."""
    gone = set()
    for file in distribution.files or []:
        reason = _needless(PurePosixPath(str(file)))
        if reason:
            gone.add(str(file))
            yield reason, _unlink(site / str(file))
    if gone:
        record = next(site / str(file) for file in distribution.files or [] if file.name == "RECORD")
        with record.open(newline="", encoding="utf-8") as stream:
            rows = [row for row in csv.reader(stream) if row and row[0] not in gone]
        with record.open("w", newline="", encoding="utf-8") as stream:
            csv.writer(stream, lineterminator="\n").writerows(rows)


def _needless(path: PurePosixPath) -> str | None:
    folder = next((folder for folder in HEADERS if path.is_relative_to(folder)), None)
    if folder:
        return f"{folder}: there is no compiler to read it"
    if path.suffix == ".a":
        return "static libraries: there is no linker to read them"
    # TensorFlow's own folders of these names are small, and some are modules of its interface.
    in_tests = path.parts[0] != "tensorflow" and bool(set(path.parts[:-1]) & set(TESTS))
    if in_tests or (path.parts[0] in TESTS_BESIDE and path.name.endswith("_test.py")):
        return "tests of packages, and their data"
    return None


def _unlink(path: Path) -> int:
    """Remove a file and the folders that it leaves empty; return its size."""
    path = Path(os.path.normpath(path))
    if Path(sys.prefix) not in path.parents:
        raise SystemExit(f"{path} is not of the environment {sys.prefix}")
    if not path.is_file() and not path.is_symlink():
        return 0
    size = path.lstat().st_size
    path.unlink()
    for folder in path.parents:
        if folder == Path(sys.prefix) or any(folder.iterdir()):
            break
        folder.rmdir()
    return size


if __name__ == "__main__":
    main()
