"""The image of a stack: `python3 make/image.py build|state|contents|run|clean [--stack tfx-1.15] …`.

Without --stack it is the newest that this machine can hold.
`build` makes localhost/tfx-savedmodel:STACK with buildah, on a base that is pulled (--base) or made here; `state`
prints its configuration, or says why there is none of this checkout; `contents` says what it consists of, biggest
first; `run -- COMMAND` runs a command in a container of it, as Kubernetes runs a container's command: as the image's
user, without its entry point, and ends with its exit code: 127 where there is no such program, 126 where it cannot be
executed; `clean` removes the packages that builds keep for the next one. Where buildah keeps
images is its own setting (CONTAINERS_STORAGE_CONF, STORAGE_DRIVER).
Needs Python 3.8 or later and buildah, and to be root where buildah needs that.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import buildah
import image_base
import image_network
import image_sources
import stacks
import uv

#: The base of each stack: the default of --base, and what its stand-in is like.
BASES = {
    "tfx-1.15": image_base.Base("python:3.10-slim-bookworm", python="3.10", suite="bookworm"),
    "tfx-1.21": image_base.Base("python:3.13-slim-trixie", python="3.13", suite="trixie"),
}


def main() -> int:
    options = _parser().parse_args()
    try:
        buildah.require()
        return int(options.action(options))
    except uv.SetupError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1


def image_name(stack: str) -> str:
    return f"localhost/tfx-savedmodel:{stack}"


def build(options: argparse.Namespace) -> int:
    """Build the image, unless the one that is there was made of the same sources."""
    name, sources = image_name(options.stack), image_sources.digest(options.stack)
    if not options.base and not options.again and image_sources.of_image(name) == sources:
        uv.say(f"{name} is there, made of these very sources")
        return 0
    stand_in = BASES[options.stack]
    if options.again and not options.base and buildah.image_exists(stand_in.stand_in):
        buildah.call("rmi", stand_in.stand_in)
    base = options.base or image_base.ensure_stand_in(stand_in, options.mirror)
    uv.say(f"{name}: {base}")
    arguments = {"BASE": base, "STACK": options.stack, "SOURCES": sources, **image_sources.version()}
    command = ["buildah", "bud", *buildah.ISOLATION, "--network", "host", "--layers", "--format", "oci", "--tag", name]
    command += [f"--build-arg={key}={value}" for key, value in arguments.items()]
    command += ["--no-cache"] if options.again else []
    with tempfile.TemporaryDirectory() as folder:
        command += image_network.secrets(Path(folder))
        if subprocess.run([*command, "."], cwd=str(uv.ROOT)).returncode:
            raise uv.SetupError(f"buildah could not build {name}; its own words are above.")
    if image_sources.of_image(name) != sources:
        raise uv.SetupError(
            f"{name} is not of these sources: buildah took layers of other ones for it. "
            f"python3 make/image.py build --stack {options.stack} --again"
        )
    return contents(options)


def state(options: argparse.Namespace) -> int:
    """Print the configuration of an image that was made of the sources as they are now."""
    name = image_name(options.stack)
    found = image_sources.of_image(name)
    make_it = f"make image STACK={options.stack}"
    if found is None:
        raise uv.SetupError(f"there is no {name}; {make_it}")
    if found != image_sources.digest(options.stack):
        raise uv.SetupError(f"{name} is there, but was made of other sources; {make_it}")
    print(json.dumps(buildah.inspect(name), indent=2))
    return 0


def contents(options: argparse.Namespace) -> int:
    """Print what the image consists of."""
    script = Path(__file__).resolve().parent / "image_contents.py"
    return _run(options.stack, ["--volume", f"{script}:/contents.py:ro", "--user", "0"], ["python", "/contents.py"])


def run(options: argparse.Namespace) -> int:
    """Run a command in a container that is removed afterwards; its exit code is ours."""
    made_of = image_sources.of_image(image_name(options.stack))
    if made_of and made_of != image_sources.digest(options.stack):
        uv.say(f"{image_name(options.stack)} was made of other sources than these; make image STACK={options.stack}")
    given = [f"--volume={volume}" for volume in options.volume] + [f"--env={each}" for each in options.env]
    given += ["--user", options.user] if options.user else []
    return _run(options.stack, given, options.command)


def clean(options: argparse.Namespace) -> int:
    """Remove the packages that builds of the image keep, so that the next one need not download them."""
    folders = buildah.cache_folders(f"tfx-savedmodel-{options.stack}")
    for folder in folders:
        try:
            shutil.rmtree(str(folder))
        except PermissionError as error:
            raise uv.SetupError(f"{error.filename} is somebody else's: run this again as its owner.") from None
        print(f"removed: {folder}")
    if not folders:
        print(f"{buildah.temporary()}: no packages of {options.stack} are kept there")
    return 0


def _run(stack: str, given: list[str], command: list[str]) -> int:
    name = image_name(stack)
    if not buildah.image_exists(name):
        raise uv.SetupError(f"There is no {name}; make image STACK={stack}")
    container = buildah.call("from", "--pull-never", name)
    # buildah itself ends with 1 where a program cannot be started, as many a program does; env with 126 or 127.
    started = ["env", "--", *command]
    try:
        return subprocess.run(["buildah", "run", *buildah.ISOLATION, *given, container, "--", *started]).returncode
    finally:
        buildah.call("rm", container)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        epilog=__doc__.split("\n\n")[1],
        formatter_class=argparse.RawTextHelpFormatter,
    )
    newest = stacks.choose(stacks.look())
    verbs = parser.add_subparsers(required=True, metavar="build|state|contents|run|clean")
    for action in (build, state, contents, run, clean):
        verb = verbs.add_parser(action.__name__, help=(action.__doc__ or "").strip())
        verb.set_defaults(action=action)
        verb.add_argument("--stack", choices=sorted(BASES), default=newest)
        if action is build:
            verb.add_argument("--base", help="a base image that is there or can be pulled; else one is made here")
            verb.add_argument("--mirror", help="where debootstrap finds Debian; else DEBIAN_MIRROR or apt's")
            verb.add_argument("--again", action="store_true", help="build all anew, the base that is made here too")
        if action is run:
            verb.add_argument("--volume", action="append", default=[], metavar="HERE:THERE[:ro]", help="mounted for it")
            verb.add_argument("--env", action="append", default=[], metavar="NAME=VALUE", help="set for it")
            verb.add_argument("--user", metavar="UID[:GID]", help="in place of the image's user")
            verb.add_argument("command", nargs="+", metavar="COMMAND", help="after `--`: a program and its arguments")
    return parser


if __name__ == "__main__":
    sys.exit(main())
