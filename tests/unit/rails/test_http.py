"""A vendor's answer, read."""

import pytest

from payviox.rails.http import Answer


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[1]",
        b"\xff",
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b'{"a":' * 100_000,
    ],
)
def test_what_is_no_json_object_reads_as_an_empty_one(body: bytes) -> None:
    assert Answer(200, {}, body).json() == {}


def test_an_object_is_read() -> None:
    assert Answer(200, {}, b'{"a":[1]}').json() == {"a": [1]}
