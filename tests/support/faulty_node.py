"""A way to an EVM node on which calls get lost, before the node has them or after; at random, from
a seed."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
from aiohttp import web


@dataclass
class Way:
    """Of a hundred calls so many are lost each way, while `rate` is not 0."""

    url: str
    rate: float = 0.0
    lost: int = 0


@asynccontextmanager
async def faulty_way(node_url: str, seed: int) -> AsyncIterator[Way]:
    chance = random.Random(seed)
    way = Way("")

    async def forward(request: web.Request) -> web.Response:
        body = await request.read()
        fault = chance.choices(
            ("none", "before", "after", "error"), (1 - 3 * way.rate, *[way.rate] * 3)
        )[0]
        way.lost += fault != "none"
        if fault == "before":
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        headers = {"Content-Type": "application/json"}
        async with session.post(node_url, data=body, headers=headers) as answer:
            found = await answer.read()
        if fault == "after":
            assert request.transport is not None
            request.transport.abort()
        if fault == "error":
            return web.Response(status=502, text="<html>bad gateway</html>")
        return web.Response(body=found, content_type="application/json")

    application = web.Application(client_max_size=2**24)
    application.router.add_post("/", forward)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    way.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    async with aiohttp.ClientSession() as session:
        try:
            yield way
        finally:
            await runner.cleanup()
