"""What rails tell us by HTTP: verified, kept once, and a reason to look the orders up that it is
about. Nothing that it says is believed."""

import asyncio
from typing import Any

from litestar import post

from payviox import ids
from payviox.api.docs.declarations import Shown, documented
from payviox.db.pool import Connection
from payviox.errors import Busy, NotFound, ProviderUnavailable, Unauthorized
from payviox.event_log import EventLogger
from payviox.rail_accounts import callbacks
from payviox.rails.protocol import Account, Callback, CallsBack, Forged, RailError
from payviox.web.context import Call, services, write
from payviox.web.cursors import path_id
from payviox.withdrawals.sending import callbacks as hints

logger = EventLogger(__name__)

VERIFY_S = 20.0
"""How long verifying may take, which may have to fetch a certificate."""


@post("/rails/{rail:str}/{business:str}/callback", status_code=200)
@documented(
    "Rails",
    {200: Shown(dict[str, str], {})},
    errors=[Unauthorized, NotFound, Busy, ProviderUnavailable],
    idempotent=False,
)
async def rail_callback(request: Call) -> dict[str, str]:
    """Told by a rail that something happened.

    The address that a business enters at PayPal or Tremendous. The body is the rail's own, and so
    is the signature that proves it. The orders that it names are looked up at the rail.
    """
    name = str(request.path_params["rail"])
    business_id = path_id(request, ids.BUSINESS, "business")
    rails = services(request).rails
    rail = rails.calling_back(name)
    account = None if rail is None else await rails.account(business_id, name)
    if rail is None or account is None:
        raise NotFound
    headers, body = _headers(request), await request.body()
    callback = await _verified(request, rail, account, headers, body)

    async def work(connection: Connection) -> bool:
        return await _keep(connection, account, headers, body, callback)

    new = await write(request, business_id, work, keyed=True)
    _count(request, name, "new" if new else "repeated")
    return {}


async def _verified(
    request: Call, rail: CallsBack, account: Account, headers: dict[str, str], body: bytes
) -> Callback:
    """What it is about. Raises Unauthorized, and ProviderUnavailable or Busy, after which the rail
    sends it again."""
    try:
        async with services(request).callbacks.enter():
            async with asyncio.timeout(VERIFY_S):
                return await rail.parse_callback(account, headers, body)
    except Forged as error:
        _count(request, account.rail, "forged")
        logger.warning("forged callback", **_subject(account), problem=str(error))
        raise Unauthorized from error
    except (RailError, TimeoutError) as error:
        _count(request, account.rail, "not verified")
        logger.warning("callback not verified", **_subject(account), problem=str(error))
        raise ProviderUnavailable from error


async def _keep(
    connection: Connection,
    account: Account,
    headers: dict[str, str],
    body: bytes,
    callback: Callback,
) -> bool:
    """Whether it is new. Its orders are looked up only then."""
    at = (account.business_id, account.rail)
    orders = await hints.orders_named(connection, *at, callback.named)
    new = await callbacks.keep(connection, *at, callback.event_id, headers, body, orders)
    if new:
        await hints.heed(connection, *at, callback.named)
    return new


def _headers(request: Call) -> dict[str, str]:
    """The request's headers by name in lower case; one that is there more often is one with all its
    values, as HTTP has it, so that nobody chooses which of them counts."""
    headers: dict[str, str] = {}
    for raw, value in request.scope["headers"]:
        name, text = raw.decode("latin-1").lower(), value.decode("latin-1")
        headers[name] = f"{headers[name]}, {text}" if name in headers else text
    return headers


def _count(request: Call, rail: str, outcome: str) -> None:
    request.app.state.metrics.callbacks.labels(rail, outcome).inc()


def _subject(account: Account) -> dict[str, Any]:
    return {"rail": account.rail, "business": ids.show(ids.BUSINESS, account.business_id)}


ROUTES = [rail_callback]
