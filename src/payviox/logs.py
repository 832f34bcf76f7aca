"""How processes and commands log: JSON lines on stderr, coloured text on a terminal, nothing on
stdout. Keys, hashes, tokens and passwords do not belong in a log line; whatever slips in is blotted
out on its way out."""

import logging
import os
import re
import sys
from collections.abc import MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

import msgspec

from payviox.log_stream import LogStream

# structlog would load rich, longer than it takes itself, for traces that are never shown so.
_rich: dict[str, Any] = {} if "rich" in sys.modules else {"rich": None}
sys.modules.update(_rich)
import structlog  # noqa: E402

for _name in _rich:
    del sys.modules[_name]

SECRETS = re.compile(
    r"(?P<kept>\b[spr]k_(?:live|test)_|whsec_|://[^\s:/@]+:|(?i:bearer\s+))[^\s\"'@,;]+"
    r"|[0-9A-Fa-f]{64,}"
    r"|[0-9a-f]{8}\.[\w-]{43,}"
)
"""API keys, webhook tokens, passwords in URLs, bearer tokens; payout hashes, which have no mark but
their length; tickets and sessions of the redemption page."""

BLOT = "[hidden]"


def redact(line: str) -> str:
    """The line without anything that looks like a secret."""
    return SECRETS.sub(lambda secret: f"{secret['kept'] or ''}{BLOT}", line)


class _Redacting(structlog.stdlib.ProcessorFormatter):
    """Redacts the finished line, so that tracebacks and other libraries' messages are covered."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


@dataclass(slots=True)
class _Output:
    """Where lines go."""

    stream: TextIO
    pretty: bool


_output = _Output(sys.stderr, pretty=False)


def configure_process(level: str) -> None:
    """Set up logs as `configure` does, for a process that serves: nothing that it writes to stderr
    makes it wait, though nobody reads there. What is too much is left out, and counted."""
    if sys.stderr is not None and not isinstance(sys.stderr, LogStream):
        sys.stderr = LogStream(sys.stderr.fileno(), _say_left_out)
    logging.captureWarnings(capture=True)
    configure(level)


def _say_left_out(lines: int) -> None:
    logging.getLogger(__name__).warning("%d log lines were left out: nobody read them", lines)


def configure(level: str) -> None:
    """Send structlog's and the standard library's records, from `level` on, to stderr."""
    # Closed, Python has none.
    stream = sys.stderr or Path(os.devnull).open("w")  # noqa: SIM115  # for good
    _output.stream, _output.pretty = stream, stream.isatty()
    pretty = _output.pretty
    shared = _shared()
    renderer: structlog.typing.Processor = (
        # Plain: its default shows each frame's locals, and so passwords, codes and parts of hashes.
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if pretty
        else structlog.processors.JSONRenderer()
    )
    final = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer]
    if not pretty:
        final.insert(1, structlog.processors.format_exc_info)
    handler = logging.StreamHandler(_output.stream)
    handler.setFormatter(_Redacting(foreign_pre_chain=shared, processors=final))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for noisy in ("asyncssh", "procrastinate", "alembic", "_granian", "granian", "httpx2"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # It warns of each try to connect while the database is away; db/pool.py says so now and then.
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
    route_events()


def route_events() -> None:
    """Send structlog's events to the standard library's loggers."""
    structlog.configure(
        processors=[*_shared(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def event_logger(name: str) -> Any:
    """Structlog's logger of this name."""
    if not structlog.is_configured():
        route_events()  # by itself it would print them to stdout
    return structlog.get_logger(name)


def _shared() -> list[structlog.typing.Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _printable,
    ]


_encode = msgspec.json.Encoder().encode
_requests = logging.getLogger("payviox.request")


def request(method: str, path: str, status: int, took_ms: float) -> None:
    """Log one request, as `info`, or `error` where the fault is ours. Status 0: the client hung up
    before there was an answer.

    The busiest line by far: where it ends as JSON it skips the machinery, at a tenth of the time.
    """
    level = "error" if status >= 500 else "info"
    if not _requests.isEnabledFor(logging.INFO if level == "info" else logging.ERROR):
        return
    line = {"method": method, "path": redact(path), "status": status, "ms": took_ms}
    if _output.pretty:
        getattr(structlog.get_logger("payviox.request"), level)("request", **line)
        return
    stamp = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    line |= {"event": "request", "level": level, "logger": "payviox.request", "timestamp": stamp}
    _output.stream.write(_encode(line).decode() + "\n")


def _printable(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """No control character of somebody's input reaches a terminal or starts a line of its own: it
    is escaped."""
    for name, value in event.items():
        if isinstance(value, str) and not value.isprintable() and name != "exception":
            event[name] = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in value)
    return event
