"""Where a process ended, told by what outlives it, and what of the shard is still to be run."""

from __future__ import annotations

import io
import os

import pytest

from tfx_savedmodel.beam.hosts.frames import Inbox, receive, receive_bytes, send
from tfx_savedmodel.beam.hosts.guarded import around, describe, halves
from tfx_savedmodel.beam.hosts.messages import MEMORY, TIMEOUT, Death, seconds_for
from tfx_savedmodel.beam.reading.shards import Shard
from tfx_savedmodel.beam.running.recorder import LOAD, READ, RUN, Moment, Recorder
from tfx_savedmodel.validation.policy import Limits

pytestmark = pytest.mark.unit


def _death(record: int, rows: int, end_byte: int = 500, end: str = "signal 6 (SIGABRT)") -> Death:
    return Death(end, Moment(3, record, rows, end_byte, RUN, "serve"))


def test_a_batch_in_the_middle_leaves_what_is_before_and_behind() -> None:
    before, inside, behind = around(Shard("f"), _death(8, 4))
    assert before == [Shard("f", 0, 0, 8)]
    assert (inside.first_record, inside.records) == (8, 4)
    assert behind == [Shard("f", 12, 500, None)]


def test_the_records_of_a_range_are_all_accounted_for() -> None:
    part = Shard("f", first_record=100, first_byte=9000, records=30)
    for record, rows in ((100, 8), (108, 8), (124, 6)):
        before, inside, behind = around(part, _death(record, rows))
        ranges = [*before, inside, *behind]
        numbers = [n for each in ranges for n in range(each.first_record, each.first_record + (each.records or 0))]
        assert numbers == list(range(100, 130))


def test_halves_are_the_whole() -> None:
    first, second = halves(Shard("f", 10, -1, 7))
    assert (first.first_record, first.records, second.first_record, second.records) == (10, 3, 13, 4)


def test_an_end_while_reading_loses_the_rest() -> None:
    death = Death(MEMORY, Moment(3, 16, 0, 900, READ))
    before, inside, behind = around(Shard("f"), death)
    assert before == [Shard("f", 0, 0, 16)] and behind == []
    assert (inside.first_record, inside.records) == (16, 0)


@pytest.mark.parametrize(
    ("end", "words", "said"),
    [
        (TIMEOUT, "", "no answer within 2 s while running 'serve'"),
        (MEMORY, "noise", "its process took more than 1,000 bytes while running 'serve'"),
        (
            "signal 6 (SIGABRT)",
            "noise\nF0000 Check failed\n",
            "its process ended by signal 6 (SIGABRT) while running 'serve': F0000 Check failed",
        ),
    ],
)
def test_how_it_ended_is_said(end: str, words: str, said: str) -> None:
    death = Death(end, Moment(doing=RUN, signature="serve"), words)
    assert describe(death, Limits(2.0, 1000, 1.0)) == said


def test_a_batch_may_take_as_long_as_a_load_or_longer() -> None:
    loading, running = Moment(), Moment(doing=RUN, signature="serve")
    assert [seconds_for(loading, Limits(9.0, 1, 2.0)), seconds_for(running, Limits(9.0, 1, 2.0))] == [9.0, 9.0]
    assert [seconds_for(loading, Limits(9.0, 1, 60.0)), seconds_for(running, Limits(9.0, 1, 60.0))] == [9.0, 60.0]


def test_what_a_process_did_last_is_seen_when_it_is_gone() -> None:
    recorder = Recorder()
    assert recorder.moment().doing == LOAD
    child = os.fork()
    if child == 0:
        recorder.batch(32, 16, 4711)
        recorder.step(RUN, "größe")
        os.kill(os.getpid(), 9)
    os.waitpid(child, 0)
    moment = recorder.moment()
    assert (moment.record, moment.rows, moment.end_byte) == (32, 16, 4711)
    assert (moment.doing, moment.signature) == (RUN, "größe")


def test_a_signature_of_any_length_fits() -> None:
    recorder = Recorder()
    before = recorder.beats()
    recorder.step(RUN, "x" * 10_000)
    assert recorder.moment().signature.startswith("xxx") and recorder.beats() == before + 1


def test_values_go_through_a_pipe_whole_or_not_at_all() -> None:
    stream = io.BytesIO()
    send(stream, {"a": 1})
    data = stream.getvalue()
    assert receive(io.BytesIO(data)) == {"a": 1}
    for cut in range(len(data)):
        assert receive_bytes(io.BytesIO(data[:cut])) is None
    with pytest.raises(EOFError):
        receive(io.BytesIO(data[:-1]))


def test_what_comes_in_pieces_is_put_together() -> None:
    stream = io.BytesIO()
    send(stream, "first")
    send(stream, "second")
    data = stream.getvalue()
    read, write = os.pipe()
    inbox = Inbox(read)
    found = []
    for position in range(0, len(data), 7):
        os.write(write, data[position : position + 7])
        assert inbox.take()
        while (value := inbox.whole()) is not None:
            found.append(value)
    os.close(write)
    assert not inbox.take()
    os.close(read)
    assert len(found) == 2 and b"second" in found[1]
