"""What a business may do with its payout users: look, switch, renew a hash, take money back."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, get, post

from payviox import ids
from payviox.allocations import service as allocations
from payviox.api.allocation import EXAMPLE_HASH
from payviox.api.authentication import require_business
from payviox.api.docs.declarations import documented, listed
from payviox.api.idempotent import run_once
from payviox.auth import redemption
from payviox.errors import InsufficientBalance, NotFound, PayoutUserInactive
from payviox.idempotency.service import ShownOnce
from payviox.money import MAX_TREASURY
from payviox.payout_users import service as payout_users
from payviox.payout_users.email import canonical
from payviox.payout_users.model import PayoutUser, Status
from payviox.reporting import balances
from payviox.sites import hosts
from payviox.treasury import service as treasury
from payviox.web.context import Call, business, read, services
from payviox.web.cursors import (
    Listed,
    Page,
    after_id,
    page_of,
    path_id,
    read_query,
    unknown_after,
)
from payviox.web.json_body import EMAIL
from payviox.web.moments import At, AtMoment
from payviox.web.request_json import read_json


class PayoutUserView(msgspec.Struct):
    """A payout user with what they have not spent, in US cents."""

    id: str
    email: str
    status: Status
    balance: int
    created_at: datetime


class Revoked(PayoutUserView):
    """The payout user after money was taken back, and the balance that it went to."""

    payout_balance: int


class NewHash(msgspec.Struct):
    """The payout user's new hash, shown this once; a replay answers without it."""

    id: str
    hash: str | None = None


class RedeemLink(msgspec.Struct):
    """A link that opens the payout user's redemption page once, until it expires. Its secret is
    shown this once; a replay answers without the link."""

    expires_at: datetime
    url: str | None = None


class UserFilter(Page, kw_only=True):
    """Which payout users to list."""

    email: Annotated[str, EMAIL] | None = None
    status: Status | None = None
    at: At = None


class RevokeRequest(msgspec.Struct):
    """How much to take back."""

    amount: Annotated[int, msgspec.Meta(ge=1, le=MAX_TREASURY, description="US cents")]


_ID = "usr_0192f0c1-7f4e-7c3a-9d58-2b8f4a6c1e70"
_SEEN = datetime(2026, 1, 31, 12, tzinfo=UTC)
EXAMPLE = PayoutUserView(_ID, "ada@example.com", "active", 2_500, _SEEN)


@get("/payout/users", guards=[require_business])
@documented("Payout users", {200: listed(EXAMPLE)}, query=UserFilter)
async def list_users(request: Call) -> Listed[PayoutUserView]:
    """List payout users, newest first, with what they have or had `at` a moment."""
    caller = business(request)
    wanted = read_query(request, UserFilter)
    after = after_id(wanted, ids.USER)
    email = None if wanted.email is None else canonical(wanted.email)

    async def fetch(connection: Any) -> list[PayoutUser]:
        if after is not None:
            try:
                await payout_users.get(connection, caller.business_id, after)
            except NotFound as error:
                raise unknown_after() from error
        users = await payout_users.list_page(
            connection,
            caller.business_id,
            email=email,
            status=wanted.status,
            after=after,
            limit=wanted.limit + 1,
        )
        return await balances.of_users(connection, caller.business_id, users, wanted.at)

    rows = await read(request, fetch)
    return page_of(rows, wanted.limit, _view)


@get("/payout/users/{id:str}", guards=[require_business])
@documented("Payout users", {200: EXAMPLE}, query=AtMoment)
async def get_user(request: Call) -> PayoutUserView:
    """One payout user, with what they have or had `at` a moment."""
    at = read_query(request, AtMoment).at
    user = await _read(request, path_id(request, ids.USER))
    [shown] = await read(request, balances.of_users, business(request).business_id, [user], at)
    return _view(shown)


@post("/payout/users/{id:str}/deactivate", guards=[require_business], status_code=200)
@documented(
    "Payout users",
    {200: PayoutUserView(_ID, "ada@example.com", "inactive", 2_500, _SEEN)},
)
async def deactivate_user(request: Call) -> Response[Any]:
    """Deactivate a payout user.

    Their hash opens nothing and nothing can be paid to them until they are activated again. Orders
    that are open go on.
    """
    return await _set_status(request, "inactive")


@post("/payout/users/{id:str}/activate", guards=[require_business], status_code=200)
@documented("Payout users", {200: EXAMPLE})
async def activate_user(request: Call) -> Response[Any]:
    """Activate a payout user."""
    return await _set_status(request, "active")


async def _set_status(request: Call, status: Status) -> Response[Any]:
    caller = business(request)
    user_id = path_id(request, ids.USER)
    known = await _read(request, user_id)

    async def effect(connection: Any) -> dict[str, object]:
        user = await allocations.set_status(
            connection, caller.business_id, user_id, status, caller.actor
        )
        return {"status": user.status, "balance": user.balance}

    return await run_once(
        request,
        caller.business_id,
        "business",
        effect,
        lambda _, done: PayoutUserView(
            ids.show(ids.USER, known.id), known.email, created_at=known.created_at, **done.reference
        ),
    )


@post("/payout/users/{id:str}/rotate-hash", guards=[require_business], status_code=200)
@documented("Payout users", {200: NewHash(_ID, EXAMPLE_HASH)})
async def rotate_hash(request: Call) -> Response[Any]:
    """Give a payout user a new hash.

    The old one stops at once. Every later payment to them answers the new one.
    """
    caller, process = business(request), services(request)
    user_id = path_id(request, ids.USER)

    async def effect(connection: Any) -> ShownOnce:
        made = await allocations.rotate_hash(
            connection, process.keyring, caller.business_id, user_id, caller.actor
        )
        return ShownOnce({}, made)

    return await run_once(
        request,
        caller.business_id,
        "business",
        effect,
        lambda _, done: NewHash(ids.show(ids.USER, user_id), done.shown_once),
    )


@post("/payout/users/{id:str}/redeem-link", guards=[require_business], status_code=201)
@documented(
    "Payout users",
    {201: RedeemLink(_SEEN, f"https://pay.example.com/redeem#{EXAMPLE_HASH[:8]}.{'x' * 43}")},
    errors=[PayoutUserInactive],
)
async def make_redeem_link(request: Call) -> Response[Any]:
    """Make a link that opens a payout user's redemption page once.

    It opens within ten minutes, for somebody who is signed in at the business already: send them
    there at once, and mail it to nobody.
    """
    caller, process = business(request), services(request)
    user_id = path_id(request, ids.USER)
    await _read(request, user_id)

    async def effect(connection: Any) -> ShownOnce:
        ticket = await redemption.make_ticket(connection, caller.business_id, user_id, caller.actor)
        site = await hosts.address(connection, caller.business_id, process.settings.public_url)
        address = redemption.redeem_address(site, ticket.token)
        return ShownOnce({"expires_at": ticket.expires_at.isoformat()}, address)

    return await run_once(
        request,
        caller.business_id,
        "business",
        effect,
        lambda _, done: RedeemLink(
            datetime.fromisoformat(done.reference["expires_at"]), done.shown_once
        ),
        status_code=201,
    )


@post("/payout/users/{id:str}/revoke", guards=[require_business], status_code=200)
@documented(
    "Payout users",
    {200: Revoked(_ID, "ada@example.com", "active", 1_500, _SEEN, 501_000)},
    request=RevokeRequest(1_000),
    errors=[InsufficientBalance],
)
async def revoke_balance(request: Call) -> Response[Any]:
    """Take unspent money back from a payout user.

    It goes to the payout balance. What an open order has reserved is out of reach.
    """
    caller = business(request)
    user_id = path_id(request, ids.USER)
    wanted = read_json(request, RevokeRequest)
    known = await _read(request, user_id)

    async def effect(connection: Any) -> dict[str, object]:
        await allocations.revoke(
            connection, caller.business_id, user_id, wanted.amount, caller.actor
        )
        user = await payout_users.get(connection, caller.business_id, user_id)
        after = await treasury.balances(connection, caller.business_id)
        return {
            "status": user.status,
            "balance": user.balance,
            "payout_balance": after.payout_balance,
        }

    return await run_once(
        request,
        caller.business_id,
        "business",
        effect,
        lambda _, done: Revoked(
            ids.show(ids.USER, known.id), known.email, created_at=known.created_at, **done.reference
        ),
    )


async def _read(request: Call, user_id: UUID) -> PayoutUser:
    caller = business(request)
    return await read(request, payout_users.get, caller.business_id, user_id)


def _view(user: PayoutUser) -> PayoutUserView:
    return PayoutUserView(
        ids.show(ids.USER, user.id), user.email, user.status, user.balance, user.created_at
    )


ROUTES = [
    list_users,
    get_user,
    deactivate_user,
    activate_user,
    rotate_hash,
    make_redeem_link,
    revoke_balance,
]
