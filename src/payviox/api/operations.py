"""`/payout/operations`: a payout user's own view of their balance, of what they can do with it, and
of their history."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import get, post
from msgspec import UNSET, UnsetType

from payviox import ids
from payviox.api.authentication import require_payout_user
from payviox.api.docs.declarations import documented
from payviox.businesses import service as businesses
from payviox.db.pool import Connection
from payviox.ledger import service as ledger
from payviox.money import CURRENCY
from payviox.order_states import Status
from payviox.rails.orders import Provider
from payviox.rails.protocol import Method
from payviox.web.context import Call, payout_user, read, services
from payviox.web.cursors import Page, page_of, read_query, unknown_after
from payviox.web.request_json import json_of
from payviox.withdrawals import history
from payviox.withdrawals.history import Movement, UnknownEntry


class MethodView(msgspec.Struct):
    """A way to withdraw, with its limits in US cents, and what there is to choose from."""

    provider: Provider
    enabled: bool
    min_amount: int
    max_amount: int
    chains: (
        Annotated[dict[str, list[str]], msgspec.Meta(description="Currencies of each chain")]
        | UnsetType
    ) = UNSET
    schemes: (
        Annotated[
            dict[str, list[str]],
            msgspec.Meta(description="Countries to which each scheme of bank transfers pays"),
        ]
        | UnsetType
    ) = UNSET


class OperationView(msgspec.Struct, kw_only=True):
    """One line of a payout user's history. An adjustment's amount may be negative."""

    id: str
    type: Literal["allocation", "revocation", "expiry", "adjustment", "withdrawal"]
    amount: Annotated[int, msgspec.Meta(description="US cents")]
    status: Status
    provider: Provider | UnsetType = UNSET
    created_at: datetime


class OperationsView(msgspec.Struct):
    """A payout user's own view."""

    email: str
    status: Literal["active"]
    balance: Annotated[int, msgspec.Meta(description="US cents")]
    methods: list[MethodView]
    operations: list[OperationView]
    has_more: bool
    currency: str = CURRENCY


_SEEN = datetime(2026, 1, 31, 12, tzinfo=UTC)
_VIEW = OperationsView(
    "ada@example.com",
    "active",
    2_500,
    [
        MethodView("paypal", True, 1, 100_000_000),
        MethodView("crypto", True, 500, 200_000, {"POLYGON": ["USDC", "USDT"]}),
        MethodView("bank", True, 1, 100_000_000, schemes={"ach": ["US"]}),
    ],
    [
        OperationView(
            id="trf_7", type="allocation", amount=2_500, status="succeeded", created_at=_SEEN
        )
    ],
    has_more=False,
)


@get("/payout/operations", guards=[require_payout_user])
@documented("Payout user", {200: _VIEW}, query=Page)
async def get_operations(request: Call) -> OperationsView:
    """Balance, what can be done, and history, newest first."""
    return await _operations(request)


@post("/payout/operations", guards=[require_payout_user], status_code=200)
@documented("Payout user", {200: _VIEW}, query=Page, idempotent=False)
async def post_operations(request: Call) -> OperationsView:
    """Balance, what can be done, and history, newest first.

    The same as with GET, for those who send the hash in a body.
    """
    json_of(request)  # malformed is malformed
    return await _operations(request)


async def _operations(request: Call) -> OperationsView:
    caller, process = payout_user(request), services(request)
    wanted = read_query(request, Page)
    after = _entry(wanted.after)
    at = (caller.business_id, caller.user_id)

    async def fetch(connection: Connection) -> tuple[Any, int, list[Movement]]:
        return (
            await businesses.get(connection, caller.business_id),
            await ledger.user_balance(connection, *at),
            await history.page(connection, *at, after=after, limit=wanted.limit + 1),
        )

    try:
        business, balance, rows = await read(request, fetch)
    except UnknownEntry as error:
        raise unknown_after() from error
    page = page_of(rows, wanted.limit, _operation)
    methods = [_method(method) for method in await process.rails.methods(business)]
    return OperationsView(caller.email, "active", balance, methods, page.data, page.has_more)


def _method(method: Method) -> MethodView:
    return MethodView(
        method.provider,
        method.enabled,
        method.min_amount,
        method.max_amount,
        method.options.get("chains", UNSET),
        method.options.get("schemes", UNSET),
    )


def _entry(after: str | None) -> UUID | int | None:
    if after is None:
        return None
    entry = ids.parse(ids.ORDER, after) or ids.parse_number(ids.TRANSFER, after)
    if entry is None:
        raise unknown_after()
    return entry


def _operation(row: Movement) -> OperationView:
    if row.order_id is not None and row.kind == "reserve":
        facts = {
            "id": ids.show(ids.ORDER, row.order_id),
            "type": "withdrawal",
            "amount": -row.amount,
            "status": row.status,
            "provider": row.provider,
        }
    else:
        amount = row.amount if row.kind == "adjustment" else abs(row.amount)
        facts = {
            "id": ids.show(ids.TRANSFER, str(row.id)),
            "type": row.kind,
            "amount": amount,
            "status": "succeeded",
        }
    return msgspec.convert(facts | {"created_at": row.created_at}, OperationView)


ROUTES = [get_operations, post_operations]
