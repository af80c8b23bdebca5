"""Start and stop an engine for Beam on this machine's loopback, or run a command with one.

    python -m pipelines.engines run   flink|spark [COMMAND …]   start it, run COMMAND … -- BEAM ARGS, stop it
    python -m pipelines.engines start flink|spark               start it, print Beam's arguments, leave it running
    python -m pipelines.engines stop  flink|spark               stop what `start` started
    python -m pipelines.engines fetch flink|spark               fetch its jars, as the others do the first time

Without a COMMAND `run` validates a small model on a hundred thousand examples. Java 17 and Maven are needed;
the jars are kept under build/engines.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

if not __package__:  # run as a script: what is imported below is found from the repository's root
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from pipelines.command_line import code_of, terminated_as_interrupted
from pipelines.engines.engine import Engine
from pipelines.engines.flink import FlinkCluster
from pipelines.engines.jars import CACHE, EngineError, class_path
from pipelines.engines.processes import is_running, python_environment, stop_groups
from pipelines.engines.spark import Spark

ENGINES: dict[str, type[Engine]] = {engine.name: engine for engine in (FlinkCluster, Spark)}
_STATE = "running.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; 1 where an engine cannot be had, else 0, or what the command gave."""
    parser = argparse.ArgumentParser(
        prog="python -m pipelines.engines", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, help="logs and settings go there (build/engines/running-ENGINE)")
    parser.add_argument("verb", choices=("run", "start", "stop", "fetch"))
    parser.add_argument("engine", choices=sorted(ENGINES))
    parser.add_argument("command", nargs=argparse.REMAINDER, help="for `run`: what Beam's arguments are added to")
    options = parser.parse_args(arguments)
    folder = options.folder or CACHE / f"running-{options.engine}"
    if options.command and options.verb != "run":
        parser.error(f"`{options.verb}` takes no command")
    try:
        with terminated_as_interrupted():
            if options.verb == "start":
                return start(options.engine, folder)
            if options.verb == "stop":
                return stop(options.engine, folder)
            if options.verb == "fetch":
                _tell(f"{options.engine}: {class_path(options.engine).parent}")
                return 0
            return run(options.engine, options.folder, options.command)
    except EngineError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt as error:
        return code_of(error)


def run(name: str, folder: Path | None, command: Sequence[str]) -> int:
    """Run a command with Beam's arguments for an engine that lives as long as it does, and return its exit code."""
    with contextlib.ExitStack() as stack:
        place = folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tfx-savedmodel-engine-")))
        _tell(f"starting {name}; logs in {place}")
        engine = stack.enter_context(ENGINES[name](place))
        whole = [*(command or _example(place / "example")), "--", *engine.beam_args]
        _tell(shlex.join(whole))
        try:
            process = subprocess.Popen(whole, env=python_environment())
        except OSError as error:
            raise EngineError(f"{whole[0]} cannot be run: {error}") from error
        try:
            return process.wait()
        finally:
            if process.poll() is None:  # interrupted: it has been told so as well, or is told now
                process.terminate()
                process.wait()
            _tell(f"stopping {name}")


def start(name: str, folder: Path) -> int:
    """Start an engine that goes on, and print Beam's arguments to standard output."""
    state = folder / _STATE
    if any(map(is_running, _started(state))):
        raise EngineError(f"{name} runs already: python -m pipelines.engines stop {name}")
    shutil.rmtree(folder, ignore_errors=True)
    engine = ENGINES[name](folder, outlive=True)
    with contextlib.ExitStack() as undo:
        undo.callback(engine.processes.stop)
        engine.start()
        state.write_text(json.dumps(dict(engine.processes.pids)), encoding="utf-8")
        undo.pop_all()
    for process, pid in engine.processes.pids.items():
        _tell(f"{process}: process {pid}, {folder / process}.log")
    _tell("Beam's arguments, after `--`:")
    print(shlex.join(engine.beam_args))
    return 0


def stop(name: str, folder: Path) -> int:
    """Stop what `start` started there."""
    state = folder / _STATE
    started = [pid for pid in _started(state) if is_running(pid)]
    stop_groups(started)
    state.unlink(missing_ok=True)
    _tell(f"{name}: stopped {len(started)} processes")
    return 0


def _started(state: Path) -> list[int]:
    """Return the processes that a `start` left running there; of those that bear their numbers today, ours."""
    if not state.is_file():
        return []
    found: dict[str, int] = json.loads(state.read_text(encoding="utf-8"))
    return [pid for pid in found.values() if _works_in(pid, state.parent)]


def _works_in(pid: int, folder: Path) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cwd").resolve() == folder.resolve()
    return False


def _example(folder: Path) -> list[str]:
    """Write a model and examples in a process that may import TensorFlow, and return the command that validates."""
    _tell("writing a model and examples")
    subprocess.run(
        [sys.executable, "-m", "pipelines.engines.example", str(folder)], check=True, env=python_environment()
    )
    command = [sys.executable, "-m", "tfx_savedmodel.cli.main", "validate", str(folder / "model")]
    codes = ["--select", "SM101,SM120,SM301,SM302,SM303,SM307,SM308"]
    return [*command, "--examples", str(folder / "examples" / "*.gz"), *codes]


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
