"""The stream of a process's log, whose writers never wait for whoever reads it."""

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from payviox.log_stream import LogStream
from support.installation import until

PIPE = 65_536


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        with suppress(OSError):
            os.close(end)


def test_what_is_written_arrives_whole_and_in_order(pipe: tuple[int, int]) -> None:
    stream = LogStream(pipe[1], lambda _: None)
    lines = [f"line {number} ü\ud800\n" for number in range(1_000)]
    for line in lines:
        assert stream.write(line) == len(line)
    assert stream.drain(30)
    told = os.read(pipe[0], PIPE).decode()
    assert told == "".join(lines).replace("\ud800", "\\ud800")


def _fill(descriptor: int, line: str) -> int:
    """Write lines into a pipe until it takes no more, and answer how many bytes it has."""
    os.set_blocking(descriptor, False)
    written = 0
    try:
        while True:
            written += os.write(descriptor, line.encode())
    except BlockingIOError:
        os.set_blocking(descriptor, True)
        return written


def test_nobody_waits_while_nobody_reads_and_what_was_left_out_is_said_once_it_flows(
    pipe: tuple[int, int],
) -> None:
    said: list[int] = []
    line = "x" * 99 + "\n"
    written = _fill(pipe[1], line)
    stream = LogStream(pipe[1], said.append, most=10_000)
    while written < 3 * PIPE:  # returns at once, however full
        written += stream.write(line)
    assert not stream.drain(0)
    assert said == []

    received = bytearray()

    def read() -> None:
        while part := os.read(pipe[0], PIPE):
            received.extend(part)

    reader = threading.Thread(target=read)
    reader.start()
    until(lambda: said)
    assert stream.drain(30)
    os.close(pipe[1])
    reader.join(30)
    assert sum(said) == (written - len(received)) // 100
    assert set(bytes(received).split(b"\n")) == {line.encode().strip(), b""}, "lines are whole"


def test_a_reader_that_has_gone_is_no_fault(pipe: tuple[int, int]) -> None:
    os.close(pipe[0])
    stream = LogStream(pipe[1], lambda _: None)
    stream.write("x\n")
    assert stream.drain(30)


def test_what_is_said_of_lines_left_out_may_be_logged_to_the_stream_itself(
    pipe: tuple[int, int],
) -> None:
    """Other threads log at the same time, each holding its handler's lock."""
    logger = logging.getLogger("left out")
    logger.propagate = False
    stream = LogStream(pipe[1], lambda lines: logger.warning("%d left out", lines), most=200)
    logger.handlers = [logging.StreamHandler(stream)]
    ended = threading.Event()
    received = bytearray()

    def log() -> None:
        while not ended.is_set():
            logger.warning("y" * 50)

    writers = [threading.Thread(target=log) for _ in range(3)]
    for writer in writers:
        writer.start()
    try:
        until(lambda: received.extend(os.read(pipe[0], PIPE)) or b" left out" in received)
    finally:
        ended.set()
        os.set_blocking(pipe[0], False)
        until(lambda: _read(pipe[0]) or not any(w.is_alive() for w in writers))
    assert stream.drain(30)


def _read(descriptor: int) -> bool:
    with suppress(BlockingIOError):
        os.read(descriptor, PIPE)
    return False


def test_only_text_is_written(pipe: tuple[int, int]) -> None:
    with pytest.raises(TypeError):
        LogStream(pipe[1], lambda _: None).write(b"x")  # type: ignore[arg-type]  # as click tries
