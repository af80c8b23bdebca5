"""Runs the command line in forked processes, with what it imports already there.

A kill at a random moment of a run then falls into the work, not into seconds of imports. Each line of
standard input is a JSON list of arguments; the answers are "started PID" and "ended STATUS". Arguments of
the server itself are modules to import first.
"""

from __future__ import annotations

import importlib
import json
import os
import sys


def serve() -> None:
    """Answer until standard input ends."""
    from tfx_savedmodel.cli.main import run

    for module in sys.argv[1:]:
        importlib.import_module(module)
    print("ready", flush=True)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            os.setpgid(0, 0)
            os.dup2(2, 1)
            os._exit(run(json.loads(line)))
        print(f"started {child}", flush=True)
        _, status = os.waitpid(child, 0)
        print(f"ended {os.waitstatus_to_exitcode(status)}", flush=True)


if __name__ == "__main__":
    serve()
