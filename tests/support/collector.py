"""A collector of OpenTelemetry on a real port: takes spans by OTLP over HTTP, and decodes them by
the protocol's own package."""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Received:
    """One span. Ids are in hexadecimal; `links` are the ids of the spans that it points to."""

    service: str
    name: str
    kind: int
    trace_id: str
    id: str
    parent_id: str
    links: list[str]
    attributes: dict[str, Any]
    failed: str | None


@dataclass
class Collector:
    """What was sent to it, decoded and as it came."""

    port: int
    status: int = 200
    spans: list[Received] = field(default_factory=list)
    raw: bytes = b""
    headers: list[dict[str, str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def named(self, name: str) -> list[Received]:
        return [span for span in self.spans if span.name == name]

    def one(self, name: str) -> Received:
        (span,) = self.named(name)
        return span

    def below(self, span: Received) -> list[str]:
        """The names of its children."""
        return sorted(one.name for one in self.spans if one.parent_id == span.id)


@contextlib.contextmanager
def collector(*, decodes: bool = True) -> Iterator[Collector]:
    """A collector that runs until the block ends; one that `decodes` nothing costs little."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if decodes and self.path == "/v1/traces" and collected.status == 200:
                collected.raw += body
                collected.headers.append(dict(self.headers))
                collected.spans += _decoded(body)
            self.send_response(collected.status if self.path == "/v1/traces" else 404)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collected = Collector(server.server_address[1])
    running = threading.Thread(target=server.serve_forever, daemon=True)
    running.start()
    try:
        yield collected
    finally:
        server.shutdown()
        server.server_close()


def _decoded(body: bytes) -> list[Received]:
    found = []
    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        service = _values(resource.resource.attributes)["service.name"]
        for scope in resource.scope_spans:
            found += [_span(service, span) for span in scope.spans]
    return found


def _span(service: str, span: Any) -> Received:
    failed = span.status.code == span.status.STATUS_CODE_ERROR
    return Received(
        service,
        span.name,
        span.kind,
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        [link.span_id.hex() for link in span.links],
        _values(span.attributes),
        span.status.message if failed else None,
    )


def _values(attributes: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}
