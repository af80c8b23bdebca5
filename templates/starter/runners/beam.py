"""Run the pipeline from here, its heavy steps on a Beam cluster: `python -m runners.beam --root … -- BEAM ARGS`.

CsvExampleGen, StatisticsGen, Transform and SavedModelValidator then run on Flink, Spark or Dataflow; what is light runs
here. What the workers read and write has to be where they reach it: a bucket, or a volume that all of them mount.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import configs
from runners import local
from runners.kubeflow_v2 import absolute

#: One of these says how the workers get this repository's packages.
PACKAGES_OF_WORKERS = (
    "--sdk_container_image",
    "--environment_config",
    "--requirements_file",
    "--setup_file",
    "--extra_package",
)
#: Their workers are what `--environment_type` says.
PORTABLE = ("PortableRunner", "FlinkRunner", "SparkRunner")


def problems(root: str, data: str, beam_args: Sequence[str]) -> list[str]:
    """Return what is wrong with the arguments, in words; each would otherwise end in a failure on a worker."""
    found = []
    flags = _flags(beam_args)
    if "--runner" not in flags:
        found.append("no --runner after `--`: name one, such as --runner=PortableRunner or --runner=DataflowRunner")
    if not set(flags) & set(PACKAGES_OF_WORKERS) and flags.get("--environment_type") != "LOOPBACK":
        found.append(f"the workers lack TensorFlow and tfx-savedmodel: add one of {', '.join(PACKAGES_OF_WORKERS)}")
    # A portable runner that is told nothing else starts its workers in containers, which see nothing of here.
    is_elsewhere = flags.get("--runner") == "DataflowRunner" or (
        flags.get("--runner") in PORTABLE and flags.get("--environment_type", "DOCKER") == "DOCKER"
    )
    # Pusher runs here, so where it pushes to is nobody else's business.
    for flag, place in (("--root", root), ("--data", data)):
        if is_elsewhere and "://" not in place:
            found.append(f"{flag} {place} is on this machine, which the workers do not see: name a bucket")
    return found


def _flags(beam_args: Sequence[str]) -> dict[str, str]:
    """Return each flag with its value, which may be the next word."""
    found: dict[str, str] = {}
    flag = ""
    for word in beam_args:
        if word.startswith("--"):
            flag, _, value = word.partition("=")
            found[flag] = value
        else:
            found[flag] = word
    return found


def without_packing(beam_args: Sequence[str]) -> list[str]:
    """Return the arguments with what keeps TFX from packing itself for workers that have their packages already.

    TFX does that for every step unless a flag that it knows names packages, and `--environment_config` is none of them.
    """
    flags = _flags(beam_args)
    has_packages = flags.get("--environment_type") in ("EXTERNAL", "PROCESS", "LOOPBACK")
    names_packages = set(flags) & (set(PACKAGES_OF_WORKERS) - {"--environment_config"})
    return [*beam_args, *(["--sdk_container_image=none"] if has_packages and not names_packages else [])]


def main(arguments: Sequence[str] | None = None) -> int:
    given = list(sys.argv[1:] if arguments is None else arguments)
    cut = given.index("--") if "--" in given else len(given)
    beam_args = given[cut + 1 :]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", required=True, help="where artifacts are written, seen by the workers too")
    parser.add_argument("--data", required=True, help="a folder of CSV files that the workers see")
    parser.add_argument("--push-to", required=True, help="where a blessed model is copied to")
    parser.add_argument("--build", type=Path, default=configs.BUILD, help="the metadata store's folder (%(default)s)")
    options = parser.parse_args(given[:cut])
    for name in ("root", "data", "push_to"):
        setattr(options, name, absolute(getattr(options, name)))
    found = problems(options.root, options.data, beam_args)
    if found:
        parser.error("\n  ".join(["", *found]))
    places = {"data": options.data, "root": options.root, "push_to": options.push_to}
    return local.run(options.build, beam_args=without_packing(beam_args), **places)


if __name__ == "__main__":
    sys.exit(main())
