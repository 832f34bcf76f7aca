"""The web process: builds the application from its parts and serves it. Imported by the command
line alone."""

import asyncio
import logging
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from litestar import Litestar, Response

from payviox import garbage
from payviox.allocations.batcher import Batcher
from payviox.api import (
    audit,
    batch,
    business,
    events,
    gift_cards,
    health,
    history,
    keys,
    operations,
    orders,
    payout_user,
    rail_callbacks,
    statement,
    taxes,
    users,
    webhooks,
)
from payviox.api.allocation import Create
from payviox.api.authentication import authenticate_business
from payviox.api.docs import openapi, pages
from payviox.dashboard import app as dashboard
from payviox.dashboard import errors as dashboard_errors
from payviox.dashboard.senders import find_sender
from payviox.dashboard.visits import HOME
from payviox.installation import open_installation
from payviox.languages import catalogues
from payviox.monitoring import service as monitoring
from payviox.monitoring.metrics import Metrics
from payviox.redeem import app as redeem
from payviox.redeem import errors as redeem_errors
from payviox.redeem import samples
from payviox.redeem.visits import ROUTE
from payviox.reporting.changes import Changes
from payviox.reporting.redemption import Offers
from payviox.settings import Settings
from payviox.signals import on_stop
from payviox.web import assets
from payviox.web import pages as templates
from payviox.web.asgi import Application
from payviox.web.client_address import ClientAddresses
from payviox.web.context import FILES, PROVIDER_CALLS, SIGN_INS, Call, Services
from payviox.web.draining import Draining
from payviox.web.errors import handle
from payviox.web.http_server import HttpServer
from payviox.web.limits import Gate
from payviox.web.listening import bind
from payviox.web.own_hosts import OwnHosts
from payviox.web.processes import ALONE, READY, WebProcess, say
from payviox.web.request_body import MAX_BATCH_BODY, RequestBodies
from payviox.web.request_log import RequestLog
from payviox.web.response_headers import ResponseHeaders

logger = logging.getLogger(__name__)

ROUTES = [
    *business.ROUTES,
    *batch.ROUTES,
    *users.ROUTES,
    *orders.ROUTES,
    *operations.ROUTES,
    *payout_user.ROUTES,
    *gift_cards.ROUTES,
    *history.ROUTES,
    *statement.ROUTES,
    *taxes.ROUTES,
    *events.ROUTES,
    *webhooks.ROUTES,
    *keys.ROUTES,
    *audit.ROUTES,
    *rail_callbacks.ROUTES,
    *health.ROUTES,
    *pages.ROUTES,
]
READ_LIMIT_S = 5.0
"""What one statement of a read may take: a list's next page takes milliseconds."""
GRACE_S = 4.0
"""What is in flight when the process is told to stop has so long."""
SHARE_WAIT_S = 1.0
"""What a caller waits for this process's share of what is scarce: other processes may be idle."""
READY_EVERY_S = 0.5
"""How often a process that has just started looks whether it can do its work, until it can."""
LAST_WORDS_S = 1.0
"""What has to be broken off then has so long to be answered, and so long to be ended."""


@asynccontextmanager
async def open_services(
    settings: Settings, url: str, process: WebProcess = ALONE
) -> AsyncIterator[Services]:
    """The process's installation and its allocation queue, closed in order."""
    pools = process.pools
    async with (
        open_installation(
            settings,
            url,
            size=pools.writers,
            engine_size=pools.engine,
            readers=pools.readers,
            read_limit_s=READ_LIMIT_S,
        ) as opened,
        opened.rails() as rails,
    ):
        database, keyring = opened.database, opened.keyring
        batcher = Batcher(database, keyring, capacity=settings.allocation_queue)
        changes = Changes(database)
        offers = Offers(database, rails)
        services = Services(
            settings,
            database,
            keyring,
            batcher,
            rails,
            changes,
            offers,
            sign_ins=Gate(process.share(SIGN_INS), SHARE_WAIT_S),
            provider_calls=Gate(process.share(PROVIDER_CALLS), SHARE_WAIT_S),
            files=Gate(process.share(FILES), SHARE_WAIT_S),
        )
        recording = asyncio.create_task(services.recorder.run(database))
        yield services
        changes.close()
        await asyncio.wait([asyncio.create_task(batcher.drain())], timeout=LAST_WORDS_S)
        batcher.give_up()
        recording.cancel()
        await asyncio.gather(recording, return_exceptions=True)


def _handle(request: Call, error: Exception) -> Response[Any]:
    """The answer to what no route takes: where pages are, a page says so."""
    path = request.scope["path"]
    for below, page in ((ROUTE, redeem_errors.handle), (HOME, dashboard_errors.handle)):
        if path.startswith(f"{below}/"):
            return page(request, error)
    return handle(request, error)


def described(public_url: str) -> dict[str, Any]:
    """The OpenAPI document of an installation at this address, which need not be there."""
    litestar = Litestar(ROUTES, openapi_config=None, logging_config=None)  # as below
    routes = openapi.routes_of(litestar, {("POST", "/payout/create"): Create.create_payout})
    return openapi.document(routes, public_url)


def build(services: Services, metrics: Metrics | None = None) -> Application:
    """The ASGI application. Its figures are counted in `metrics`, by default its own alone."""
    litestar = Litestar(
        [
            *ROUTES,
            *assets.ROUTES,
            *redeem.HOST_ROUTES,
            dashboard.ROUTER,
            dashboard.FOR_MAIL_PROGRAMS,
            redeem.ROUTER,
            redeem.FOR_MAIL_PROGRAMS,
        ],
        exception_handlers={Exception: _handle},
        openapi_config=None,
        logging_config=None,  # logs.py has it
        request_max_body_size=MAX_BATCH_BODY,
    )
    litestar.state.services = services
    litestar.state.pages = loaded = templates.load(dashboard.TEMPLATES)
    loaded.environment.globals["menu"] = dashboard.MENU
    litestar.state.redeem_pages = {
        language.code: templates.load(redeem.TEMPLATES, language=language)
        for language in catalogues.every()
    }
    litestar.state.sample_page = samples.show
    create = Create(services.database, services.batcher).create_payout
    short_paths = {("POST", "/payout/create"): create}
    routes = openapi.routes_of(litestar, short_paths)
    litestar.state.documents = pages.made_once(
        lambda: openapi.document(routes, services.settings.public_url)
    )
    litestar.state.metrics = metrics = metrics or Metrics(services.batcher)
    edge = RequestBodies(
        litestar,  # type: ignore[arg-type]  # scopes are mappings
        short_paths,
        partial(authenticate_business, services.database),
        find_sender=partial(find_sender, services),
    )
    services.recorder.on_left_out = metrics.requests_left_out.inc
    hosts = OwnHosts(edge, services.database, services.settings.public_url)
    inside = ResponseHeaders(
        hosts,
        metrics,
        openapi.methods_of(routes),
        services.recorder,
        https=services.settings.public_url.startswith("https:"),
    )
    return ClientAddresses(inside, services.settings.trusted_proxies)


async def serve(settings: Settings, url: str, process: WebProcess = ALONE) -> None:
    """Serve until SIGTERM or SIGINT, then let what is in flight finish, within 10 seconds. SIGUSR1
    ends it, too, once its clients have been told to open other connections."""
    async with open_services(settings, url, process) as services:
        metrics = Metrics(services.batcher, process.number, process.metrics)
        application = Draining(RequestLog(build(services, metrics)))
        if process.listener is None:
            listener = bind(settings.host, settings.port)
        else:
            listener = socket.socket(fileno=process.listener)
        server = HttpServer(application, listener)
        garbage.loaded()
        asyncio.get_running_loop().add_signal_handler(
            signal.SIGUSR1, application.begin, server.stop_accepting
        )
        telling = [
            asyncio.create_task(process.beat(metrics.refresh)),
            asyncio.create_task(_say_when_ready(services, process)),
        ]
        try:
            await _until_told(server, services)
        finally:
            for each in telling:
                each.cancel()


async def _say_when_ready(services: Services, process: WebProcess) -> None:
    """Tell the parent that this process can do its work: only then may another one end for it."""
    reason = ""
    database, probe, watch = services.database, services.write_probe, services.folder_watch
    while not (checks := await monitoring.readiness(database, probe, watch, None)).works:
        if checks.reason != reason:
            reason = checks.reason
            logger.warning("started, and not ready: %s", reason)
        await asyncio.sleep(READY_EVERY_S)
    say(process.pulse, READY)


async def _until_told(server: HttpServer, services: Services) -> None:
    """Serve until a signal; neither a client that is slow to send or to read nor an allocation that
    is held up in the database keeps the process.

    Raises what the server raised, or RuntimeError, where it ended by itself.
    """
    stop = asyncio.Event()
    on_stop(stop.set)
    serving = asyncio.create_task(server.serve())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
    if not stopping.done():
        stopping.cancel()
        serving.result()
        raise RuntimeError("the HTTP server ended by itself")
    services.changes.close()
    server.stop()  # type: ignore[no-untyped-call]  # granian's own
    await asyncio.wait([serving], timeout=GRACE_S)
    if not serving.done():
        services.batcher.give_up()
        await asyncio.wait([serving], timeout=LAST_WORDS_S)
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
