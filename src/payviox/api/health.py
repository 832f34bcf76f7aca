"""Whether the process lives, whether the installation can work, and its metrics: for the operator's
machines, without a business's key."""

import hmac
import ipaddress
import re
from pathlib import Path
from typing import Any, Literal

import msgspec
from litestar import Response, get
from prometheus_client import CONTENT_TYPE_LATEST

from payviox.api.authentication import bearer
from payviox.api.docs.declarations import Shown, documented
from payviox.errors import NotFound, Unauthorized
from payviox.monitoring import service as monitoring
from payviox.web.context import Call, Services, services
from payviox.web.errors import JSON, encode

FORWARDED = re.compile(
    r"forward|^via$|^x-real|^x-original|^x-envoy|^x-proxy|(client|connecting|real|user)-?ip"
    r"|client-?(addr|cert)|remote-?ip|remote-?addr|nginx|^x-(url-)?scheme$|^front-end-https$"
    r"|^cf-|^cdn-|^fastly-|^akamai-|^x-amzn?-|^x-azure-|^x-appengine-|^x-arr-"
)
"""Names of headers that proxies add: the peer is then the proxy, not who asks."""

EXAMPLE_METRICS = 'payviox_http_requests_total{method="GET",route="/balance",status="200"} 12.0\n'


class Live(msgspec.Struct):
    """The process answers."""

    status: Literal["live"] = "live"


class Checks(msgspec.Struct):
    """What was checked: `ok`, or what is wrong."""

    database: str
    schema: str
    worker: str
    stock: str
    """Told alone: the API and the other rails can work while gift cards are held."""
    backup: str
    """Told alone, too: whether what is committed is archived and backed up, where that began."""


class Ready(msgspec.Struct):
    """Whether the installation can do its work, and if not why."""

    status: Literal["ready", "not ready"]
    checks: Checks


@get("/health/live")
@documented("Operation", {200: Live()})
async def live(request: Call) -> Live:  # noqa: ARG001  # every route takes one
    """Whether this process answers."""
    return Live()


@get("/health/ready")
@documented(
    "Operation",
    {
        200: Ready("ready", Checks("ok", "ok", "ok", "ok", "ok")),
        503: Ready(
            "not ready",
            Checks("the database does not answer", *["not checked"] * 4),
        ),
    },
)
async def ready(request: Call) -> Response[Any]:
    """Whether the installation can work.

    It can while its database answers, can write (which is tried every few seconds), holds the
    schema of this version, and a worker was heard of within the last minute.
    """
    process = services(request)
    readiness = await monitoring.readiness(
        process.database, process.write_probe, process.folder_watch, _embedded_home(process)
    )
    checks = Checks(
        readiness.database,
        readiness.schema,
        readiness.worker,
        readiness.stock,
        readiness.backup,
    )
    answer = Ready("ready" if readiness.ready else "not ready", checks)
    return Response(encode(answer), status_code=200 if readiness.ready else 503, media_type=JSON)


@get("/metrics")
@documented(
    "Operation",
    {200: Shown(str, EXAMPLE_METRICS, "text/plain")},
    errors=[Unauthorized, NotFound],
)
async def metrics(request: Call) -> Response[bytes]:
    """Prometheus metrics.

    Where the setting PAYVIOX_METRICS_TOKEN holds a token: to `Authorization: Bearer` and that
    token. Else to the machine itself alone, and not through a proxy. Its path has no other
    spelling.
    """
    _check_reader(request)
    process = services(request)
    figures = await monitoring.figures(
        process.database, process.folder_watch, _embedded_home(process)
    )
    content = request.app.state.metrics.render(figures)
    return Response(content, media_type=CONTENT_TYPE_LATEST)


def _embedded_home(process: Services) -> Path | None:
    return process.settings.home if process.settings.embedded else None


def _check_reader(request: Call) -> None:
    """Raises NotFound where no token is set that could open the door, else Unauthorized."""
    token = services(request).settings.metrics_token
    if token is None:
        if _local(request):
            return
        raise NotFound
    presented = bearer(request.headers.get("authorization"))
    if not hmac.compare_digest(presented.encode(), token.encode()):
        raise Unauthorized


def _local(request: Call) -> bool:
    if request.client is None or any(FORWARDED.search(name) for name in request.headers):
        return False
    try:
        peer = ipaddress.ip_address(request.client.host)
    except ValueError:
        return False
    mapped = peer.ipv4_mapped if isinstance(peer, ipaddress.IPv6Address) else None
    return (mapped or peer).is_loopback


ROUTES = [live, ready, metrics]
