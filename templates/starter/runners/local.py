"""Run the pipeline on this machine: `python -m runners.local`.

Exit code 0 where the model was blessed and pushed, 1 where it was not, 2 where the pipeline failed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import configs
from runners import logs

PUSHED, NOT_PUSHED, FAILED = 0, 1, 2
#: Under the build folder: where the last exported model is, for `make contract` and `make check-contract`.
MODEL_FILE = "model.txt"


def run(
    build: Path,
    *,
    data: str | None = None,
    beam_args: Sequence[str] = configs.LOCAL_BEAM_ARGS,
    root: str = "",
    push_to: str = "",
) -> int:
    """Run the pipeline, write everything under `build`, say what came of it, and return the exit code.

    Args:
      data: a folder of CSV files; the repository's own where it is None.
      beam_args: where the steps run that are made of Apache Beam.
      root, push_to: where artifacts and blessed models go instead.
    """
    build = build.resolve()
    log, model = build / "pipeline.log", build / MODEL_FILE
    model.unlink(missing_ok=True)
    try:
        with logs.quiet(log) as shown, logs.component_lines(shown):
            from runners import engine, results

            engine.run(build, data=data or str(configs.DATA), beam_args=beam_args, root=root, push_to=push_to)
            result = results.read(build)
    except Exception as error:
        print(f"\nThe pipeline failed: {error}\n\nThe whole log: {log}", file=sys.stderr)
        return FAILED
    model.write_text(f"{result.exported_model}\n", encoding="utf-8")
    print("\n".join(["", *result.lines()]))
    return PUSHED if result.pushed else NOT_PUSHED


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=configs.BUILD, help="where everything is written (%(default)s)")
    parser.add_argument("--data", help=f"a folder of CSV files ({configs.DATA})")
    options = parser.parse_args(arguments)
    return run(options.build, data=options.data)


if __name__ == "__main__":
    sys.exit(main())
