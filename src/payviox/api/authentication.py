"""Who is calling: guards that settle it before a route reads its body. Every failure is the same
401 after the same one look-up."""

from contextlib import AsyncExitStack
from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler

from payviox.api.scopes import needed
from payviox.auth import keys, users
from payviox.auth.keys import BusinessCaller
from payviox.db.pool import Database
from payviox.errors import Malformed, Unauthorized
from payviox.web.context import Services, address_in
from payviox.web.request_json import json_of

SECRET_KEY = "secretKey"  # noqa: S105  # the name of a scheme in the OpenAPI document
PAYOUT_HASH = "payoutHash"


def bearer(authorization: str | None) -> str:
    """The token of an `Authorization: Bearer …` header; empty for anything else: no key is."""
    scheme, _, token = (authorization or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


async def authenticate_business(database: Database, authorization: str | None) -> BusinessCaller:
    """Raises Unauthorized."""
    key = bearer(authorization)
    caller = await database.fetch_caller(keys.find_business, key)
    if caller is None:
        raise Unauthorized
    return caller


async def require_business(
    connection: "ASGIConnection[Any, Any, Any, Any]", _: BaseRouteHandler
) -> None:
    """Guard: a business with its secret key, or a restricted one whose scope, networks and expiry
    allow this route. Raises Unauthorized and KeyRefused."""
    process: Services = connection.app.state.services
    scope = connection.scope
    caller = await authenticate_business(process.database, connection.headers.get("authorization"))
    scope["state"]["business"] = caller
    if caller.restrictions is not None:
        wanted = needed(str(scope.get("method")), scope["path_template"])
        caller.restrictions.check(wanted, address_in(scope))


async def require_payout_user(
    connection: "ASGIConnection[Any, Any, Any, Any]", _: BaseRouteHandler
) -> None:
    """Guard: a payout user with a hash, in the header, else the body, else the query; the first one
    present wins."""
    process: Services = connection.app.state.services
    payout_hash = _presented(connection)
    caller = await process.database.fetch_caller(users.find_user, payout_hash)
    if caller is None:
        raise Unauthorized
    connection.scope["state"]["payout_user"] = caller
    held: AsyncExitStack = connection.scope["state"]["held"]
    await held.enter_async_context(process.users_calls.slot((caller.business_id, caller.user_id)))


def _presented(connection: "ASGIConnection[Any, Any, Any, Any]") -> str:
    header = connection.headers.get("x-payout-hash")
    if header is not None:
        return header
    in_body = _body_field(connection)
    if in_body is not None:
        return in_body
    return str(connection.query_params.get("payout_hash", ""))


def _body_field(connection: "ASGIConnection[Any, Any, Any, Any]") -> str | None:
    """`payout_hash` of a JSON object; present but no text counts as a hash that nobody has."""
    try:
        value = json_of(connection).get("payout_hash")
    except Malformed:
        return None
    return value if value is None or isinstance(value, str) else ""
