"""The jars of an engine: fetched with Maven as its pom pins them, and kept until the pom changes."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
#: Where the jars are kept, unless the variable TFX_SAVEDMODEL_ENGINES says otherwise.
CACHE = HERE.parents[1] / "build" / "engines"
VARIABLE = "TFX_SAVEDMODEL_ENGINES"
INSTALL = {"java": "apt-get install openjdk-17-jre-headless", "mvn": "apt-get install maven"}
_SECONDS = 900
_STAMP = "pom.sha256"


class EngineError(RuntimeError):
    """An engine cannot be had or started; the text says what to do."""


def tool(name: str) -> str:
    """Return the path of `java` or `mvn`.

    Raises:
      EngineError: there is none.
    """
    found = shutil.which(name)
    if found is None:
        raise EngineError(f"the engines need {name}: {INSTALL[name]}")
    return found


def class_path(engine: str, cache: Path | None = None) -> Path:
    """Return a jar that names all jars of an engine; the first time they are fetched (about 200 MB, a minute or two).

    Its name is short where theirs would fill pages, and a job server that finds one jar on its class path does not
    send them all to the cluster with each job.

    Raises:
      EngineError: Maven is not there, or cannot fetch them.
    """
    pom = HERE / f"{engine}.pom.xml"
    folder = (cache or Path(os.environ.get(VARIABLE) or CACHE)).resolve() / engine
    digest = hashlib.sha256(pom.read_bytes()).hexdigest()
    stamp, named = folder / _STAMP, folder / "class-path.jar"
    if not (stamp.is_file() and stamp.read_text(encoding="ascii") == digest):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        _fetch(pom, folder)
        _write_class_path(named, sorted((folder / "lib").glob("*.jar")))
        stamp.write_text(digest, encoding="ascii")  # last: a fetch that was killed is made again
    return named


def _fetch(pom: Path, folder: Path) -> None:
    # Maven writes `target` beside the pom it is given.
    copy = shutil.copy(pom, folder / "pom.xml")
    goal = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"
    command = [tool("mvn"), "-q", "-B", "-f", str(copy), goal, f"-DoutputDirectory={folder / 'lib'}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise EngineError(
            f"Maven fetched the jars of {pom.name} for {_SECONDS} s without an end: run it again"
        ) from error
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip()[-2000:]
        raise EngineError(f"Maven cannot fetch the jars of {pom.name}; is Maven Central to be reached?\n{said}")


def _write_class_path(target: Path, jars: list[Path]) -> None:
    if not jars:
        raise EngineError(f"Maven fetched no jars to {target.parent}")
    text = "Class-Path: " + " ".join(jar.as_uri() for jar in jars)
    # A line of a manifest has 72 bytes at most; one that goes on begins with a space.
    lines = [text[:70], *(" " + text[start : start + 69] for start in range(70, len(text), 69))]
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("META-INF/MANIFEST.MF", "\r\n".join(["Manifest-Version: 1.0", *lines, "", ""]))
