"""How the size of a batch is found, with times and memory made up."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tfx_savedmodel.beam.running.sizing import (
    MOST_BYTES,
    MOST_ROWS,
    OPENING_ROWS,
    BatchSizer,
    PeakMemory,
    memory_room,
    most_rows,
)

pytestmark = pytest.mark.unit

MEGABYTE = 1 << 20


def settled(
    seconds: Callable[[int], float], grown: Callable[[int], int] = lambda rows: 0, room: int = 1 << 40
) -> tuple[BatchSizer, list[int]]:
    """Run batches until a size is chosen; return what was tried."""
    sizer = BatchSizer(OPENING_ROWS, MOST_ROWS, room)
    tried = []
    while not sizer.is_settled:
        tried.append(sizer.size)
        sizer.took(sizer.size, seconds(sizer.size), grown(sizer.size))
        assert len(tried) < 100
    return sizer, tried


def test_a_batch_grows_while_the_model_gets_faster() -> None:
    sizer, tried = settled(lambda rows: 0.001 + rows * 1e-7)  # a millisecond for each call
    assert sizer.size == MOST_ROWS
    assert tried == sorted(tried)
    assert sum(tried) < 6 * MOST_ROWS


def test_the_largest_size_that_is_about_as_fast_as_any_is_kept() -> None:
    sizer, tried = settled(lambda rows: rows * (1.0 if rows < 4096 else 1.1 if rows == 4096 else 1.3) * 1e-6)
    assert sizer.size == 4096
    assert max(tried) == MOST_ROWS


def test_it_does_not_go_on_where_larger_batches_are_slower() -> None:
    sizer, tried = settled(lambda rows: rows * 1e-6 * (1.0 if rows <= 1024 else 2.0))
    assert sizer.size == 1024
    assert max(tried) == 4096


def test_one_slow_moment_of_the_machine_does_not_stop_it() -> None:
    calls: dict[int, int] = {}

    def seconds(rows: int) -> float:
        calls[rows] = calls.get(rows, 0) + 1
        slow = 5.0 if rows == 1024 and calls[rows] == 1 else 1.0
        return (0.001 + rows * 1e-7) * slow

    assert settled(seconds)[0].size == MOST_ROWS


def test_a_batch_is_not_doubled_beyond_the_room_in_memory() -> None:
    sizer, tried = settled(lambda rows: 0.001, lambda rows: rows * MEGABYTE, room=1024 * MEGABYTE)
    assert max(tried) == sizer.size == 1024


def test_a_batch_is_not_doubled_beyond_a_second() -> None:
    sizer, tried = settled(lambda rows: 0.1 + rows * 0.0005)  # 0.61 s for 1,024
    assert max(tried) == sizer.size == 1024


def test_rests_of_a_shard_say_nothing_about_a_size() -> None:
    sizer = BatchSizer(OPENING_ROWS, MOST_ROWS, 1 << 40)
    for _ in range(10):
        sizer.took(OPENING_ROWS // 2, 1e-6, 0)
    assert sizer.size == OPENING_ROWS


def test_what_was_too_large_for_memory_is_halved_for_good() -> None:
    sizer, _ = settled(lambda rows: 0.001 + rows * 1e-7)
    sizer.exhausted(MOST_ROWS)
    assert (sizer.size, sizer.opening) == (MOST_ROWS // 2, OPENING_ROWS)
    sizer.exhausted(100)
    assert (sizer.size, sizer.opening, sizer.reading) == (50, 50, 50)
    sizer.exhausted(1)
    assert sizer.size == 1
    sizer.took(1, 1e-9, 0)
    assert sizer.is_settled and sizer.size == 1


def test_a_size_that_is_given_is_kept() -> None:
    sizer = BatchSizer(48, 48, 1 << 40)
    assert sizer.is_settled
    for _ in range(10):
        sizer.took(48, 1e-6, 0)
    assert (sizer.opening, sizer.size, sizer.reading) == (48, 48, 48)


def test_large_examples_make_small_batches() -> None:
    assert most_rows(1) == most_rows(0) == MOST_ROWS
    assert most_rows(MOST_BYTES) == most_rows(2 * MOST_BYTES) == 1
    assert most_rows(MOST_BYTES // 100) == 64
    sizer = BatchSizer(OPENING_ROWS, most_rows(MOST_BYTES // 100), 1 << 40)
    assert sizer.opening == sizer.size == 64


def test_the_room_is_a_part_of_the_limit() -> None:
    assert 0 < memory_room(1 << 20) <= 1 << 18
    assert memory_room(1 << 60) < 1 << 50  # the machine's own memory counts


@pytest.mark.skipif("__import__('sys').platform != 'linux'", reason="reads what Linux says of a process")
def test_memory_that_was_taken_and_given_back_is_remembered() -> None:
    peak = PeakMemory()
    before = peak.grown()
    taken = bytearray(64 * MEGABYTE)
    taken[:: 1 << 12] = b"x" * len(taken[:: 1 << 12])
    del taken
    assert before < 32 * MEGABYTE
    assert 48 * MEGABYTE < peak.grown() < 256 * MEGABYTE
