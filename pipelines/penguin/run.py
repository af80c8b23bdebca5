"""Run the penguin pipeline on this machine and print what came of it.

python pipelines/penguin/run.py [--root DIR] [--sabotage nan|signature]
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if not __package__:  # run as a script: what is imported below is found from the repository's root
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from pipelines.penguin import progress

if TYPE_CHECKING:
    from pipelines.penguin.runs import PipelineRun

SABOTAGES = ("nan", "signature")
DEFAULT_ROOT = Path("build") / "penguin"


def run(root: Path, sabotage: str | None = None) -> PipelineRun:
    """Run the pipeline under `root`, showing a line a component, and return what it did.

    Raises whatever a component raised; all logs are in `root`/pipeline.log.
    """
    root = root.resolve()
    started = time.monotonic()
    with progress.quiet(log_path(root)) as shown:
        with progress.step("importing TFX", shown):
            from tfx.orchestration.local.local_dag_runner import LocalDagRunner

            from pipelines.penguin import pipeline, runs
        definition = pipeline.create_pipeline(root, sabotage)
        with progress.component_lines(shown):
            LocalDagRunner().run(definition)
        seconds = time.monotonic() - started
        return runs.read_last_run(pipeline.metadata_path(root), pipeline.NAME, seconds=seconds)


def log_path(root: Path) -> Path:
    """Return the path of the file that holds everything logged and printed while running."""
    return root.resolve() / "pipeline.log"


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line; 0 when the pipeline finished, pushed or not, else 1."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, default=DEFAULT_ROOT, help="everything is written here (%(default)s)")
    parser.add_argument(
        "--sabotage",
        metavar="|".join(SABOTAGES),
        default=os.environ.get("SABOTAGE"),
        help="train or export a model that must not pass (default: $SABOTAGE)",
    )
    options = parser.parse_args(arguments)
    if options.sabotage and options.sabotage not in SABOTAGES:
        parser.error(f"no such sabotage: {options.sabotage!r}; there are {', '.join(SABOTAGES)}")
    try:
        result = run(options.root, options.sabotage or None)
    except Exception as error:  # whatever a component raised, the person sees its words first
        print(f"\n\nThe pipeline failed: {error}\n\nThe whole log: {log_path(options.root)}", file=sys.stderr)
        return 1
    from rich.console import Console

    from pipelines.penguin.summary import print_summary

    print_summary(result, Console())
    return 0


if __name__ == "__main__":
    sys.exit(main())
