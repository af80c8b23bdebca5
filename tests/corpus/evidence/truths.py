"""What the checks must say, concluded of the evidence: `python -m tests.corpus.evidence.truths FOLDER`.

Reads what `python -m tests.corpus.evidence FOLDER` gathered and writes `tests/truth`. None of it is asked of the
validator: the rules here are those of the catalogue, put once more and briefly.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tests.conftest import ROOT, corpus_index
from tests.corpus.evidence import of_graphs, of_keras, of_loads, verdicts

Json = dict[str, Any]

TRUTH = ROOT / "tests" / "truth"


def main(folder: str) -> int:
    TRUTH.mkdir(exist_ok=True)
    for entry in corpus_index():
        gathered = json.loads(Path(folder, f"{entry['name']}.json").read_text("utf-8"))
        text = json.dumps(conclude(entry, gathered), indent=1, ensure_ascii=False)
        (TRUTH / f"{entry['name']}.json").write_text(text + "\n", encoding="utf-8")
    return 0


def conclude(entry: Json, gathered: Json) -> Json:
    """Return a model's truth: for each check its verdict, the places of its findings, and the evidence."""
    if "keras" in gathered:
        checks = of_keras.checks(entry, gathered)
        asked: Json = {}
    else:
        checks = {**of_graphs.checks(gathered), **of_loads.checks(entry, gathered)}
        asked = verdicts.asked(gathered)
    truth = {"model": entry["name"], "category": entry["category"], "sha256": entry.get("sha256", "")}
    return {**truth, "checks": checks, **asked, "verdicts": verdicts.verdicts(entry, checks, asked)}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
