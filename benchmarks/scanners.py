"""What scanners find in probes: SM120 and SM121 beside saved_model_cli, modelscan and modelaudit.

Builds the probes of tests/probes (harmful models, which are never loaded, and benign ones that look like them), lets
each scanner look at each, and prints the table. A scanner has caught a harmful probe where it reports anything at
all about it, and has raised a false alarm where it reports anything about a benign one; a warning counts. Needs
`make scanners`. Ends with 1 where ours misses a probe or raises a false alarm.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from judging import Figure, judge

ROOT = Path(__file__).resolve().parents[1]
OURS = "tfx-savedmodel"
#: Prints those of the directories on the command line of which saved_model_cli says that they hold denied ops.
CLI = """
import contextlib, io, json, sys
from tensorflow.python.tools import saved_model_cli, saved_model_utils
hits = []
for path in sys.argv[1:]:
    words = io.StringIO()
    with contextlib.redirect_stdout(words):
        meta_graph = saved_model_utils.get_meta_graph_def(path, "serve")
        saved_model_cli.scan_meta_graph_def(meta_graph, saved_model_cli._OP_DENYLIST)
    if "contains the following denylisted ops" in words.getvalue():
        hits.append(path)
print(json.dumps(hits))
"""

#: Takes all paths; returns those about which the scanner reports something.
Scan = Callable[[Sequence[str]], Collection[str]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        probes = make_probes(Path(folder))
        found = {name: set(scan(list(probes))) for name, scan in SCANS.items()}
    print_table(probes, found)
    sys.exit(judge(figures(probes, found[OURS])))


def make_probes(folder: Path) -> dict[str, tuple[str, bool]]:
    """Return each probe's path -> its name and whether it is harmful."""
    sys.path.insert(0, str(ROOT))
    from tests.probes.keras_files import KERAS_MODELS
    from tests.probes.saved_models import SAVED_MODELS

    made = {}
    for number, probe in enumerate((*SAVED_MODELS, *KERAS_MODELS)):
        place = folder / f"{number:02}"
        place.mkdir()
        made[str(probe.make(place / "model"))] = (probe.name, probe.is_harmful)
    return made


def ours(paths: Sequence[str]) -> Collection[str]:
    from tfx_savedmodel.operations.validate import validate

    select = ["SM101", "SM120", "SM121"]
    return [path for path in paths if validate(path, policy="untrusted", select=select).verdict.value != "BLESSED"]


def saved_model_cli(paths: Sequence[str]) -> Collection[str]:
    folders = [path for path in paths if Path(path).is_dir()]
    done = subprocess.run([sys.executable, "-c", CLI, *folders], capture_output=True, text=True, check=True)
    hits: list[str] = json.loads(done.stdout.splitlines()[-1])
    return hits


def modelscan(paths: Sequence[str]) -> Collection[str]:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        root = str(Path(paths[0]).parents[1])
        run_scanner("modelscan", "-p", root, "-r", "json", "-o", str(report))
        issues = json.loads(report.read_text(encoding="utf-8"))["issues"]
    return [path for path in paths if any(is_in(path, f"{root}/{issue['source']}") for issue in issues)]


def modelaudit(paths: Sequence[str]) -> Collection[str]:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        run_scanner("modelaudit", "scan", "--format", "json", "--output", str(report), *paths)
        issues = json.loads(report.read_text(encoding="utf-8"))["issues"]
    told = [str(issue.get("location")) for issue in issues if issue.get("severity") not in ("info", "debug")]
    return [path for path in paths if any(is_in(path, place) for place in told)]


def is_in(path: str, place: str) -> bool:
    """Tell whether a place, as a scanner writes it, is the path or within it."""
    return place.startswith(path) and place[len(path) : len(path) + 1] in ("", "/", ":", " ")


def run_scanner(name: str, *arguments: str) -> None:
    program = ROOT / f".venv-scanner-{name}" / "bin" / name
    if not program.exists():
        raise SystemExit(f"{name} is not there: make scanners")
    subprocess.run([str(program), *arguments], capture_output=True, check=False)  # their exit codes say what they found


SCANS: dict[str, Scan] = {
    OURS: ours,
    "saved_model_cli": saved_model_cli,
    "modelscan": modelscan,
    "modelaudit": modelaudit,
}


def print_table(probes: Mapping[str, tuple[str, bool]], found: Mapping[str, Collection[str]]) -> None:
    """Print what each scanner said of each probe; what differs from the truth is in capitals."""
    width = max(len(name) for name, _ in probes.values())
    print(" " * width, *(f"{name:>16}" for name in found))
    for harmful in (True, False):
        print("harmful" if harmful else "benign")
        for path, (name, is_harmful) in probes.items():
            if is_harmful is harmful:
                words = ("caught", "MISSED") if harmful else ("FALSE ALARM", "passed")
                print(f"{name:<{width}}", *(f"{words[0] if path in hits else words[1]:>16}" for hits in found.values()))
    for label, harmful in (("caught", True), ("false alarms", False)):
        of = [path for path, (_, is_harmful) in probes.items() if is_harmful is harmful]
        counts = (f"{sum(path in hits for path in of)} of {len(of)}" for hits in found.values())
        print(f"{label:<{width}}", *(f"{count:>16}" for count in counts))


def figures(probes: Mapping[str, tuple[str, bool]], hits: Collection[str]) -> list[Figure]:
    harmful = [path for path, (_, is_harmful) in probes.items() if is_harmful]
    benign = [path for path in probes if path not in harmful]
    caught = 100.0 * sum(path in hits for path in harmful) / len(harmful)
    return [
        Figure("harmful probes that ours finds", caught, 100.0, "%", at_least=True),
        Figure("benign probes that ours takes for harmful", sum(path in hits for path in benign), 0.0),
    ]


if __name__ == "__main__":
    main()
