"""Spans sent to a collector by OTLP over HTTP, with OpenTelemetry's own SDK: in the background, by
a thread, and what it cannot take is dropped. Imported only where a collector is set: it takes 0.2 s
and some megabytes. The SDK's own settings (OTEL_TRACES_SAMPLER, OTEL_EXPORTER_OTLP_HEADERS…) hold.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Token
from importlib import metadata
from types import TracebackType
from typing import Self

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span as SdkSpan
from opentelemetry.trace import SpanKind, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from payviox import tracing
from payviox.tracing import Kind, Span, Value

KINDS: dict[Kind, SpanKind] = {
    "internal": SpanKind.INTERNAL,
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
}
LAST_WORDS_S = 2.0
"""What is left has so long to be sent when the process ends."""

_read = TraceContextTextMapPropagator().extract


@contextmanager
def sending(endpoint: str, process: str) -> Iterator[None]:
    """As `tracing.sending`."""
    name = f"payviox-{process}"
    about = {"service.name": name, "service.version": metadata.version("payviox")}
    resource = Resource.create(about).merge(OTELResourceDetector().detect())
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(tracing.spans_url(endpoint))))
    tracing.use(_Tracer(provider))
    try:
        yield
    finally:
        tracing.use(None)
        # By itself it waits for half a minute where the collector is away.
        ending = threading.Thread(target=provider.shutdown, daemon=True)
        ending.start()
        ending.join(LAST_WORDS_S)


class _Tracer:
    def __init__(self, provider: TracerProvider) -> None:
        self._tracer = provider.get_tracer("payviox")

    def start(self, name: str, kind: Kind, parent: Span | str | None) -> Span:
        if isinstance(parent, _Kept):
            context = set_span_in_context(parent.span, Context())
        elif isinstance(parent, str):
            context = _read({"traceparent": parent}, Context())
        else:
            context = Context()
        return _Kept(self._tracer.start_span(name, context, KINDS[kind]))


class _Kept(Span):
    """A span of the SDK's."""

    __slots__ = ("_token", "span")

    def __init__(self, span: SdkSpan) -> None:
        self.span = span
        self._token: Token[Span] | None = None

    def __enter__(self) -> Self:
        self._token = tracing.enter(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._token is not None:
            tracing.leave(self._token)
        if kind is not None:
            self.fail(kind.__name__)
        self.span.end()

    @property
    def is_recorded(self) -> bool:
        recorded: bool = self.span.is_recording()
        return recorded

    @property
    def context(self) -> str | None:
        at = self.span.get_span_context()
        return f"00-{at.trace_id:032x}-{at.span_id:016x}-{at.trace_flags:02x}"

    def rename(self, name: str) -> None:
        self.span.update_name(name)

    def set(self, name: str, value: Value | None) -> None:
        if value is not None:
            self.span.set_attribute(name, value)

    def fail(self, why: str) -> None:
        self.span.set_status(StatusCode.ERROR, why)

    def link(self, other: Span) -> None:
        if isinstance(other, _Kept):
            self.span.add_link(other.span.get_span_context())
