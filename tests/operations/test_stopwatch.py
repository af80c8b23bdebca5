"""The parts of a validation's time, with a clock that is set by hand."""

from __future__ import annotations

import pytest

from tfx_savedmodel.operations.stopwatch import EXAMPLES, GRAPH, INPUTS, LIBRARIES, LOADS, REST, Stopwatch

pytestmark = pytest.mark.unit


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_each_second_belongs_to_one_part_and_all_to_the_whole() -> None:
    clock = Clock()
    watch = Stopwatch(clock)
    clock.now += 1
    with watch.spend(INPUTS):
        clock.now += 2
        with watch.spend(LIBRARIES):
            clock.now += 4
        clock.now += 8
    with watch.spend(EXAMPLES):
        clock.now += 16
    assert watch.parts() == {INPUTS: 10, LIBRARIES: 4, EXAMPLES: 16, REST: 1}
    assert sum(watch.parts().values()) == 31


def test_what_another_process_measured_is_taken_from_the_part_in_which_it_was() -> None:
    clock = Clock()
    watch = Stopwatch(clock)
    with watch.spend(LOADS):
        clock.now += 5
        watch.move(3, LIBRARIES)
        clock.now += 1
    assert watch.parts() == {LIBRARIES: 3, LOADS: 3}
    with watch.spend(GRAPH):
        clock.now += 1
        watch.move(9, LIBRARIES)  # another clock's measure: never more than there is
    assert watch.parts() == {LIBRARIES: 4, LOADS: 3}


def test_what_ends_by_an_error_is_counted_too() -> None:
    clock = Clock()
    watch = Stopwatch(clock)
    with pytest.raises(ValueError, match="no"), watch.spend(INPUTS):
        clock.now += 2
        raise ValueError("no")
    clock.now += 1
    assert watch.parts() == {INPUTS: 2, REST: 1}
