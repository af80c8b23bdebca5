"""Beam's workers in a container: the image of docs/runners.md, with Beam's own boot program, beside a Flink cluster."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from pipelines.engines.flink import FlinkCluster
from pipelines.engines.processes import listens
from tests.conftest import ROOT, require_tool
from tests.image.containers import ISOLATION, Image, require_image
from tests.packaged import stack
from tests.runners.conftest import require_java
from tests.runners.packages import make_wheel

pytestmark = [pytest.mark.tfx, pytest.mark.full]

BOOT_IMAGE, BUILT = "localhost/tfx-savedmodel-test:boot", "localhost/tfx-savedmodel-test:workers"
BOOT_PORT = 50000  # it takes no other
BOOT = f"github.com/apache/beam/sdks/v2/python/container@v{beam.__version__}"


def call(*command: str | Path, **variables: str) -> str:
    ended = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, env={**os.environ, **variables}, timeout=900
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


def written_down(stack: str) -> str:
    """Return the Dockerfile of docs/runners.md that makes workers of this project's image."""
    blocks = re.findall(r"```dockerfile\n(.*?)```", (ROOT / "docs" / "runners.md").read_text(), re.DOTALL)
    (text,) = [block for block in blocks if " AS beam\n" in block]
    return str(text).replace("tfx-1.15", stack)


@pytest.fixture(scope="module")
def boot_image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """What the document takes of Beam's image, which cannot be pulled everywhere: its boot program, built here."""
    go = require_tool("go", "Go 1.26, or one from 1.21 on that may fetch it")
    folder = tmp_path_factory.mktemp("boot")
    call(go, "install", BOOT, GOBIN=str(folder), CGO_ENABLED="0")
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY container /opt/apache/beam/boot\n")
    call("buildah", "bud", *ISOLATION, "--quiet", "--tag", BOOT_IMAGE, folder)
    yield BOOT_IMAGE
    call("buildah", "rmi", "--force", BOOT_IMAGE)  # the build leaves a container of it


@pytest.fixture(scope="module")
def container(boot_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    built_of: Image = require_image(stack())
    folder = tmp_path_factory.mktemp("workers")
    text = re.sub(r"FROM \S+ AS beam", f"FROM {boot_image} AS beam", written_down(built_of.stack))
    text = re.sub(r"FROM REGISTRY/\S+", f"FROM {built_of.name}", text)
    (folder / "Dockerfile").write_text(text)
    call("buildah", "bud", *ISOLATION, "--quiet", "--pull-never", "--tag", BUILT, folder)
    made = call("buildah", "from", "--pull-never", BUILT)
    yield made
    call("buildah", "rm", made)
    call("buildah", "rmi", BUILT)


class FlinkWithContainer(FlinkCluster):
    """One task manager, its worker pool in a container: a pool of Beam's own can serve no second one."""

    TASK_MANAGERS: ClassVar[int] = 1

    def __init__(self, folder: Path, container: str, seen: Path) -> None:
        super().__init__(folder)
        self.pool_port = BOOT_PORT
        self._container, self._seen = container, seen

    def start_pool(self) -> None:
        run = ["buildah", "run", *ISOLATION, f"--volume={self._seen}:{self._seen}", self._container, "--"]
        self.processes.start("worker-pool", [*run, "/opt/apache/beam/boot", "--worker_pool"], dict(os.environ))


@pytest.fixture
def flink(container: str, tmp_path: Path) -> Iterator[FlinkCluster]:
    require_java()
    assert not listens(BOOT_PORT), f"somebody else has port {BOOT_PORT}"
    with FlinkWithContainer(tmp_path / "flink", container, tmp_path) as cluster:
        yield cluster


@pytest.mark.timeout(300)  # where a worker does not come up, Flink waits for another without end
def test_a_worker_has_the_stack_of_the_image_and_what_the_job_brings(flink: FlinkCluster, tmp_path: Path) -> None:
    import tensorflow_transform

    # In here, because what lies in a module is sent by its name, and no worker has this one.
    def write_answers(file: str) -> None:
        import only_the_job_has_it  # type: ignore[import-not-found]
        import tensorflow_transform

        import tfx_savedmodel

        answers = [only_the_job_has_it.ANSWER, tensorflow_transform.__version__, tfx_savedmodel.__file__]
        with Path(file).open("w", encoding="utf-8") as opened:
            opened.write("\n".join(map(str, answers)))

    extra = f"--extra_package={make_wheel(tmp_path, 'ANSWER = 42')}"
    with beam.Pipeline(options=PipelineOptions([*flink.beam_args, extra])) as pipeline:
        _ = pipeline | beam.Create([str(tmp_path / "answers")]) | beam.Map(write_answers)
    answer, transform, package = (tmp_path / "answers").read_text().splitlines()
    assert (answer, transform) == ("42", tensorflow_transform.__version__)
    assert package.startswith("/opt/tfx-savedmodel/")


def test_the_document_names_the_version_of_beam() -> None:
    text = (ROOT / "docs" / "runners.md").read_text()
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert f"apache/beam_python{python}_sdk:{beam.__version__}" in text
