"""Spans of what this process does, for a collector of OpenTelemetry. Until `use` names a tracer
(otlp.py), whoever begins a span gets one that forgets everything, and nothing is imported."""

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Literal, Protocol, Self
from urllib.parse import urlsplit

Kind = Literal["internal", "server", "client"]
Value = str | int | bool

TRACEPARENT = b"traceparent"
UNSEEN = ("/health/", "/metrics")
"""Paths that machines ask every few seconds: they would bury all others."""


class Span:
    """A piece of work that ends with its `with` block, and is the current one of its task within.
    This one forgets everything. Attributes hold ids, numbers and names, never what is secret, nor
    who is paid where."""

    __slots__ = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """What leaves the block is noted by its class's name."""

    @property
    def is_recorded(self) -> bool:
        """Whether anything is kept of it, and it has not ended."""
        return False

    @property
    def context(self) -> str | None:
        """How its trace goes on elsewhere, as W3C's `traceparent`; None where there is none."""
        return None

    def rename(self, name: str) -> None:
        """Its name was not known when it began."""

    def set(self, name: str, value: Value | None) -> None:
        """Note an attribute; None is none."""

    def fail(self, why: str) -> None:
        """Say that it failed."""

    def link(self, other: "Span") -> None:
        """Point to another one, that was caused by this."""


NOTHING = Span()


class Tracer(Protocol):
    """Makes spans that are kept."""

    def start(self, name: str, kind: Kind, parent: Span | str | None) -> Span:
        """Begin one, as part of `parent`'s trace or of a new one."""
        ...


_current: ContextVar[Span] = ContextVar("current", default=NOTHING)
_tracer: Tracer | None = None


def use(tracer: Tracer | None) -> None:
    """Whose spans this process makes from now on; None: nobody's."""
    global _tracer  # noqa: PLW0603  # one for the process, as its log
    _tracer = tracer


def spans_url(endpoint: str) -> str:
    """Where a collector at this address takes spans by OTLP over HTTP."""
    return f"{endpoint.rstrip('/')}/v1/traces"


def sending(endpoint: str | None, process: str) -> AbstractContextManager[None]:
    """Send this process's spans to the collector at this address while the block lasts, as those of
    `payviox-web` or `payviox-worker`; None: make none."""
    if endpoint is None:
        return nullcontext()
    from payviox import otlp  # noqa: PLC0415  # OpenTelemetry, only where it is wanted

    return otlp.sending(endpoint, process)


def enter(span: Span) -> Token[Span]:
    """Make a span the current one, for the tracer; `leave` ends that."""
    return _current.set(span)


leave = _current.reset


def current() -> Span:
    """The span in which this task works."""
    return _current.get()


def span(name: str, *, kind: Kind = "internal", parent: str | None = None) -> Span:
    """A piece of work: part of the trace that `parent` names, else of the current span, else the
    beginning of a trace."""
    if _tracer is None:
        return NOTHING
    return _tracer.start(name, kind, parent or _or_none(_current.get()))


def child(name: str) -> Span:
    """A piece of a work that is recorded; where none is, it is nothing."""
    if _tracer is None or not (inside := _current.get()).is_recorded:
        return NOTHING
    return _tracer.start(name, "internal", inside)


def call(method: str, url: str) -> Span:
    """A request to somebody else within a work that is recorded. Of the address the host alone is
    noted: the rest may hold what is secret."""
    if _tracer is None or not (inside := _current.get()).is_recorded:
        return NOTHING
    made = _tracer.start(method, "client", inside)
    made.set("http.request.method", method)
    made.set("server.address", urlsplit(url).hostname)
    return made


def shared(name: str, asked: Iterable[Span]) -> Span:
    """A piece of work that several asked for: part of the first one's trace that is recorded, and
    all of them point to it."""
    if _tracer is None:
        return NOTHING
    recorded = [each for each in asked if each.is_recorded]
    if not recorded:
        return NOTHING
    made = _tracer.start(name, "internal", recorded[0])
    for each in recorded:
        each.link(made)
    return made


def served(path: str, headers: Iterable[tuple[bytes, bytes]]) -> Span:
    """A request to this process, as part of its caller's trace where it names one."""
    if _tracer is None or path.startswith(UNSEEN):
        return NOTHING
    parent = next((value for name, value in headers if name == TRACEPARENT), b"")
    return _tracer.start("request", "server", parent.decode("latin-1") or None)


def _or_none(inside: Span) -> Span | None:
    return None if inside is NOTHING else inside
