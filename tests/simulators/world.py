"""Both vendors, their time, their post and their faults, put together behind one port."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from random import Random
from typing import Any

from aiohttp import web

from . import paypal_books, paypal_shapes, tremendous_books, tremendous_shapes
from .callbacks import Callbacks
from .clock import Agenda, Clock
from .control import Control
from .edge import Edge
from .faults import Faults
from .paypal import PayPal
from .paypal_signing import Signer
from .tremendous import Tremendous

TICK_S = 0.02


class World:
    """The simulator. `seed` decides all that is random in it."""

    def __init__(self, port: int, seed: int) -> None:
        random = Random(seed)
        self.agenda = Agenda(Clock())
        self.callbacks = Callbacks(random)
        self.faults = Faults(random)
        self.edge = Edge(self.agenda, self.faults, _error)
        self.paypal = PayPal(
            self.agenda, paypal_books.Books(self.agenda, random), self.callbacks, Signer(port)
        )
        self.tremendous = Tremendous(
            self.agenda, tremendous_books.Books(self.agenda, random), self.callbacks
        )
        control = Control(self)
        control.account({"vendor": "paypal", "client_id": "client", "secret": "secret"})
        control.account({"vendor": "tremendous", "api_key": "TEST_simulator"})
        self._control = control

    def application(self) -> web.Application:
        @web.middleware
        async def edge(request: web.Request, handler: Any) -> web.StreamResponse:
            return await self.edge.pass_through(request, handler)

        application = web.Application(middlewares=[edge], client_max_size=64 * 1024 * 1024)
        application.add_routes(
            [*self.paypal.routes(), *self.tremendous.routes(), *self._control.routes()]
        )
        application.cleanup_ctx.append(self._run)
        return application

    async def _run(self, application: web.Application) -> AsyncIterator[None]:
        async def tick() -> None:
            while True:
                self.agenda.run_due()
                await asyncio.sleep(TICK_S)

        ticking = asyncio.create_task(tick())
        yield
        ticking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await ticking
        await self.callbacks.close()


def _error(route: str, status: int) -> dict[str, Any]:
    if route.startswith("tremendous"):
        return tremendous_shapes.error(status)
    if route == "paypal.token" and status < 500:
        return {"error": "invalid_client", "error_description": "Client Authentication failed"}
    return paypal_shapes.error(status)
