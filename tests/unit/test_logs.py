"""Log lines: JSON where no terminal is, one line each, and never a secret, whoever logs it."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from payviox import logs

HASH = "0123456789abcdef" * 4
SECRETS = [
    HASH,
    HASH.upper(),
    "sk_live_" + "aB3-_" * 8,
    "sk_test_" + "x" * 43,
    "pk_live_" + "y" * 43,
    "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" + "+/==",
    "0a1b2c3d." + "zY-_9" * 8 + "abc",
]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """What was logged, decoded."""
    root = logging.getLogger()
    before = (list(root.handlers), root.level)
    written = io.StringIO()
    monkeypatch.setattr("sys.stderr", written)
    logs.configure("info")
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    root.handlers, root.level = before
    structlog.reset_defaults()


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_anywhere_in_a_line_is_hidden(secret: str, lines: Any) -> None:
    structlog.get_logger("a").warning(f"got {secret}.", note=secret, deep={"list": [secret]})
    logging.getLogger("b").error("refused %s", secret)
    try:
        int(f"not a number: {secret}")
    except ValueError:
        logging.getLogger("c").exception("broken")
        structlog.get_logger("d").exception("broken")
    written = lines()
    assert len(written) == 4
    for line in written:
        assert secret not in json.dumps(line)
        assert secret[8:] not in json.dumps(line)
        assert logs.BLOT in json.dumps(line)


@given(st.text("0123456789abcdef", min_size=64, max_size=64), st.text(max_size=20), st.text())
def test_a_hash_is_hidden_whatever_stands_around_it(digits: str, before: str, after: str) -> None:
    assert digits not in logs.redact(f"{before}{digits}{after}")


def test_passwords_in_urls_and_bearer_tokens_are_hidden() -> None:
    assert "hunter2" not in logs.redact("postgresql://payviox:hunter2@db/payviox is away")
    assert "payviox" in logs.redact("postgresql://payviox:hunter2@db/payviox is away")
    assert "abc.def" not in logs.redact("Authorization: Bearer abc.def")
    assert "abc.def" not in logs.redact('{"authorization":"bearer abc.def"}')


def test_ids_times_and_ordinary_words_stay_readable() -> None:
    line = "order ord_0192f0c1-7f4e-7c3a-9d58-2b8f4a6c1e70 of key dad2366c waited 12.5 s"
    assert logs.redact(line) == line


def test_a_line_is_one_line_of_json_with_level_logger_and_time(lines: Any) -> None:
    structlog.get_logger("payviox.x").info("it\nhappened", who="a\r\nb\x1b[31m")
    logging.getLogger("payviox.y").info("as %d", 1)
    first, second = lines()
    assert first["event"] == "it\\nhappened"
    assert "\x1b" not in first["who"]
    assert (first["level"], first["logger"]) == ("info", "payviox.x")
    assert (second["event"], second["level"]) == ("as 1", "info")
    assert first["timestamp"].endswith("Z")


def test_a_request_is_logged_without_what_its_path_may_hide(lines: Any) -> None:
    logs.request("GET", f"/payout/{HASH}", 404, 1.5)
    logs.request("POST", "/payout/create", 500, 2.0)
    first, second = lines()
    assert first["path"] == f"/payout/{logs.BLOT}"
    assert (first["status"], first["level"], first["ms"]) == (404, "info", 1.5)
    assert second["level"] == "error"


def test_below_the_level_nothing_is_written(lines: Any) -> None:
    logging.getLogger().setLevel(logging.ERROR)
    structlog.get_logger("a").info("quiet")
    logs.request("GET", "/balance", 200, 1.0)
    logs.request("GET", "/balance", 500, 1.0)
    assert [line["status"] for line in lines()] == [500]


def test_a_terminal_shows_no_frames_locals(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where people look, an exception has its trace alone: a local may be a password or a code."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    root = logging.getLogger()
    before = (list(root.handlers), root.level)
    written = Terminal()
    monkeypatch.setattr("sys.stderr", written)
    try:
        logs.configure("info")

        def fail(password: str) -> None:
            gift_code = f"{password[::-1]}!"
            raise ValueError(len(gift_code))

        try:
            fail("hunter" + "2")
        except ValueError:
            logging.getLogger("c").exception("broken")
            structlog.get_logger("d").exception("broken")
    finally:
        root.handlers, root.level = before
        structlog.reset_defaults()
    text = written.getvalue()
    assert text.count("ValueError: 8") == 2, "the trace is there"
    assert "hunter2" not in text
    assert "2retnuh" not in text
