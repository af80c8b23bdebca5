"""What is held of every case and consumer; the tests say which."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import pytest

from tests.consumers.cases import CASES, missing
from tests.consumers.consumer import NEWEST, PYTHONS, TESTED, Arrays, Consumer
from tests.consumers.workshop import Workshop, answers_here
from tfx_savedmodel.errors import TargetError

#: TF1's loader is what old servers have too; TF2's; and saved_model_cli, which shows and runs.
LOADERS = ("tf1", "tf2", "cli")

Consumers = Callable[[str], Consumer]


def cases_and_targets(names: Iterable[str]) -> list[Any]:
    """Return each case with each consumer; in `make test` those with the old ones, and Keras 3 with TensorFlow 2.15."""
    return [
        pytest.param(
            name,
            target,
            marks=() if target in TESTED or (target == NEWEST and name.startswith("keras3-")) else pytest.mark.full,
        )
        for name in names
        for target in PYTHONS
    ]


def skip_what_is_missing(name: str) -> None:
    reason = missing(CASES[name])
    if reason:
        pytest.skip(reason)


def it_answers_there(name: str, target: str, workshop: Workshop, consumer: Consumers) -> None:
    """The export for a consumer answers there, with every loader, as here, and as the model before it."""
    case, there = CASES[name], consumer(target)
    exported = workshop.exported(name, target)
    assert exported.error is None, exported.error
    for loader in LOADERS:
        there.send(exported.path, case.requests, loader)
    try:  # what was asked must be received, lest the next test takes it for its own
        wanted = answers_here(exported.path, case.requests)
        untouched, own = workshop.expected(name)
    finally:
        answers = [there.receive() for _ in LOADERS]
    same(untouched, wanted, "without target")
    same(own, {key: wanted[key] for key in own}, "source")
    for loader, answer in zip(LOADERS, answers, strict=True):
        assert answer.tensorflow.startswith(target.removeprefix("tf-") + ".")
        assert (loader, answer.refusal) == (loader, "")
        assert set(answer.signatures) >= set(case.requests)
        same(answer.answers, wanted, loader)


def it_is_refused(name: str, target: str, ops: set[str], workshop: Workshop) -> None:
    """What a consumer lacks and the model cannot do without is named: op, node and signature."""
    error = workshop.exported(name, target).error
    assert isinstance(error, TargetError), error
    text = str(error)
    assert {op for op in ops if not re.search(rf"\b{op}\b", text)} == set(), text
    assert "signature" in text
    assert not workshop.exported(name, target).path.exists()


def the_control(name: str, target: str, words: str, workshop: Workshop, consumer: Consumers) -> None:
    """Without `target` the consumer refuses the same model: what shows that the others could fail."""
    case = CASES[name]
    exported = workshop.exported(name, None)
    assert exported.error is None, exported.error
    for loader in LOADERS:
        assert re.search(words, consumer(target).ask(exported.path, case.requests, loader).refusal), loader


def same(found: Mapping[str, Arrays], wanted: Mapping[str, Arrays], who: str) -> None:
    """Assert that two sets of answers are the same, numbers within 1e-6."""
    assert sorted(found) == sorted(wanted), who
    for key, outputs in wanted.items():
        assert sorted(found[key]) == sorted(outputs), (who, key)
        for name, value in outputs.items():
            _same(found[key][name], value, f"{who}: {key}: {name}")


def _same(found: Any, wanted: Any, where: str) -> None:
    left, right = np.asarray(found), np.asarray(wanted)
    assert left.shape == right.shape, where
    if right.dtype.kind in "OSU":
        assert _texts(left) == _texts(right), where
        return
    assert left.dtype == right.dtype, where
    np.testing.assert_allclose(left, right, rtol=0, atol=1e-6, err_msg=where)


def _texts(array: np.ndarray[Any, Any]) -> list[bytes]:
    return [item if isinstance(item, bytes) else str(item).encode() for item in array.ravel().tolist()]
