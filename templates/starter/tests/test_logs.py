"""What is shown of what the local runner and the training log."""

from __future__ import annotations

import io
from collections.abc import Iterable

import pytest
from absl import logging

from runners import logs


def shown(messages: Iterable[str]) -> list[str]:
    stream = io.StringIO()
    with logs.component_lines(stream):
        for message in messages:
            logging.info("%s", message)
    return stream.getvalue().splitlines()


def epochs(stopped_after: int, last: int) -> list[str]:
    lines = [f"epoch {number} of {last}: loss 0.5" for number in range(1, stopped_after + 1)]
    return ["Component Trainer is running.", *lines, "Component Trainer is finished."]


def test_a_step_is_a_line() -> None:
    cached = ["Component A is running.", "A cached execution was found", "Component A is finished."]
    first, second, third = shown([*cached, "Component B is running.", "other", "Component B is finished."])
    assert first.startswith("▸ importing TFX, packing") and first.endswith(" s")
    assert second == f"▸ {'A':<24} …   cached"
    assert third.startswith("▸ B ") and third.endswith(" s") and len(third) == len(second)


@pytest.mark.parametrize(
    ("stopped_after", "last", "numbers"),
    [
        (1, 1, [1]),
        (3, 3, [1, 2, 3]),
        (40, 40, [1, 5, 10, 15, 20, 25, 30, 35, 40]),
        (27, 40, [1, 5, 10, 15, 20, 25, 27]),
        (999, 1000, [1, 125, 250, 375, 500, 625, 750, 875, 999]),
    ],
)
def test_some_epochs_are_lines_and_the_last_is_one(stopped_after: int, last: int, numbers: list[int]) -> None:
    _, name, *between, seconds = shown(epochs(stopped_after, last))
    assert name == f"▸ {'Trainer':<24} … "
    assert between == [f"    epoch {number} of {last}: loss 0.5" for number in numbers]
    assert seconds.strip().endswith(" s") and len(seconds) == 37


def test_early_end_is_the_last_line_of_a_training() -> None:
    stopped = "stopped early: val_loss no better for 10 epochs"
    *others, finished = epochs(27, 40)
    assert shown([*others, stopped, finished])[-3:-1] == ["    epoch 27 of 40: loss 0.5", f"    {stopped}"]
