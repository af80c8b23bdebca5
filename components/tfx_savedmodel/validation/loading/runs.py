"""Runs every signature on inputs made up for it, in a loader's process, and keeps what it answers."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfx_savedmodel.saved_model.reachability import Reach
from tfx_savedmodel.saved_model.view import MetaGraphView, SignatureView
from tfx_savedmodel.validation.loading.candidates import Candidate, Candidates
from tfx_savedmodel.validation.loading.synthetic import BATCHES
from tfx_savedmodel.validation.loading.telling import Run, Tell, error_kind, error_words

if TYPE_CHECKING:
    import numpy as np

    Arrays = Mapping[str, np.ndarray[Any, Any]]

#: What a graph says of an argument that it does not take.
_REFUSALS = frozenset({"InvalidArgumentError", "OutOfRangeError"})
#: Answers of one load beyond this are not kept.
MOST_BYTES = 64 << 20
_FIRST, _AGAIN = "first", "again"


def run_all(request: Mapping[str, Any], run: Run, tell: Tell) -> None:
    """Run the signatures of a loaded model: "planned", then "running" and "ran" for each batch of each.

    A run has `error`, or `skipped` with the reason, or `inputs` (which of the candidates was answered) and, where
    `request["answers"]` names a folder, their `digest` and `answer`: the file there that holds it.
    """
    from tfx_savedmodel.saved_model.reader import read_saved_model

    meta_graph = read_saved_model(request["model"], request["tags"]).meta_graph()
    keys = sorted(meta_graph.signatures) if meta_graph else []
    only = request.get("only")
    keys = keys if only is None else [key for key in keys if key in only]
    tell({"event": "planned", "signatures": keys})
    if meta_graph is not None:
        runner = _Runner(meta_graph, run, tell, request)
        avoid: Mapping[str, str] = request.get("avoid", {})
        for key in keys:
            if key in avoid:
                about = {"signature": key, "batch": 1}
                tell({"event": "running", "run": about})
                tell({"event": "ran", "run": {**about, "skipped": avoid[key]}})
            else:
                runner.run_signature(meta_graph.signatures[key])


#: What is said of the run, and with what it was answered, if it was.
_Tried = tuple[dict[str, str], "Candidate | None", "Arrays | None"]


class _Runner:
    """The runs of one load."""

    def __init__(self, meta_graph: MetaGraphView, run: Run, tell: Tell, request: Mapping[str, Any]) -> None:
        self._meta_graph, self._run, self._tell = meta_graph, run, tell
        self._reach = Reach(meta_graph)
        self._assets = Path(request["model"]) / "assets"
        folder = request.get("answers")
        self._folder = None if folder is None else Path(folder)
        self._left = MOST_BYTES
        self._deadline = time.monotonic() + request["seconds"]

    def run_signature(self, signature: SignatureView) -> None:
        asked = Candidates(self._reach, signature, self._assets)
        for batch in BATCHES:
            about: dict[str, Any] = {"signature": signature.key, "batch": batch}
            self._tell({"event": "running", "run": about})
            said, candidate, outputs = self._run_batch(signature, asked, batch)
            if candidate is not None and outputs is not None:
                said = {**said, **self._keep(signature, batch, candidate, outputs)}
            self._tell({"event": "ran", "run": {**about, **said}})

    def _run_batch(self, signature: SignatureView, asked: Candidates, batch: int) -> _Tried:
        """Try the candidates in turn; what is said of none is said of the neutral one."""
        from tfx_savedmodel.validation.check import Skip

        refusals: dict[str, Exception] = {}
        try:
            for candidate in asked.of(batch):
                if time.monotonic() > self._deadline:
                    return {"skipped": "the time limit for all runs together was used up"}, None, None
                try:
                    return {"inputs": candidate.label}, candidate, self._run(signature, candidate.inputs)
                except Exception as error:  # the graph's own failure is the answer
                    refusals[candidate.label] = error
        except Skip as skip:
            if not refusals:
                return {"skipped": str(skip)}, None, None
        return _refused(asked, refusals, self._meta_graph), None, None

    def _keep(self, signature: SignatureView, batch: int, candidate: Candidate, outputs: Arrays) -> dict[str, str]:
        if self._folder is None:
            return {}
        from tfx_savedmodel.validation.loading.answers import size_of, write_answers

        kept: dict[str, Arrays] = {_FIRST: outputs}
        if batch:
            kept[_AGAIN] = self._again(signature, candidate, outputs)
        size = sum(map(size_of, kept.values()))
        if size > self._left:
            return {"unkept": f"its answer takes {size} bytes; of {MOST_BYTES} for all, {self._left} were left"}
        self._left -= size
        file = f"{sum(1 for _ in self._folder.iterdir())}.npz"
        write_answers(self._folder / file, kept)
        return {"answer": file, "digest": candidate.digest()}

    def _again(self, signature: SignatureView, candidate: Candidate, outputs: Arrays) -> Arrays:
        """Return what the same request is answered the second time, as far as it is another answer.

        To answer otherwise each time is the signature's own nature, not a loader's.
        """
        try:
            again = self._run(signature, candidate.inputs)
        except Exception:  # a queue that is empty now, say: no answer is another one
            return {}
        return {name: value for name, value in again.items() if not _same(value, outputs.get(name))}


def _same(one: Any, other: Any) -> bool:
    import numpy as np

    if other is None or one.dtype != other.dtype or one.shape != other.shape:
        return False
    return bool(np.array_equal(one, other)) if one.dtype == object else one.tobytes() == other.tobytes()


def _refused(asked: Candidates, refusals: Mapping[str, Exception], meta_graph: MetaGraphView) -> dict[str, str]:
    error = next((error for label, error in refusals.items() if label.startswith("neutral")), None)
    error = error or next(iter(refusals.values()))
    words = error_words(error, 2000)
    without = _without_kernels(asked, meta_graph)
    if without:
        return {"error": f"no kernel for {', '.join(without)}: {words}"}
    # That an argument is refused tells nothing of the graph, where the argument is a guess.
    if asked.guess and error_kind(error) in _REFUSALS:
        return {"skipped": f"it refuses {asked.guess}, tried with {len(refusals)}: {words}"}
    return {"error": words}


def _without_kernels(asked: Candidates, meta_graph: MetaGraphView) -> list[str]:
    """Return the ops which the signature runs and this TensorFlow cannot, whatever the input."""
    from tfx_savedmodel.saved_model.native import has_kernel

    return sorted(op for op in asked.ops if op not in meta_graph.functions and not has_kernel(op))
