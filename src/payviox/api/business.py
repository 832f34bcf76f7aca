"""What a business may do with its secret key: balances, of now and of any moment. Users, orders and
webhooks have files of their own."""

from typing import Annotated, Any

import msgspec
from litestar import Response, get, post

from payviox.api.authentication import require_business
from payviox.api.docs.declarations import documented
from payviox.api.idempotent import run_once
from payviox.errors import InsufficientBalance
from payviox.money import MAX_TREASURY
from payviox.reporting import business_summary
from payviox.treasury import service as treasury
from payviox.web.context import Call, business, read
from payviox.web.cursors import read_query
from payviox.web.moments import AtMoment
from payviox.web.request_json import read_json


class Balances(msgspec.Struct):
    """Both balances of a business, in US cents."""

    balance: int
    payout_balance: int


class MoveRequest(msgspec.Struct):
    """How much to move between the main and the payout balance."""

    amount: Annotated[int, msgspec.Meta(ge=1, le=MAX_TREASURY, description="US cents")]


class Account(msgspec.Struct):
    """What an account holds, in US cents. `account` names it by its role: `main`, `payout`,
    `payout_users` (all of them together), `world`, `fee_income`, or a rail's, such as
    `in_transit:paypal`."""

    account: str
    balance: int


class Accounts(msgspec.Struct):
    """Every account of a business; together they hold nothing."""

    accounts: list[Account]


EXAMPLE = Balances(balance=1_500_000, payout_balance=500_000)
EXAMPLE_ACCOUNTS = Accounts(
    [
        Account("main", 1_500_000),
        Account("payout", 500_000),
        Account("payout_users", 250_000),
        Account("settled:paypal", 50_000),
        Account("world", -2_300_000),
    ]
)


@get("/balance", guards=[require_business])
@documented("Balances", {200: EXAMPLE}, query=AtMoment)
async def get_balance(request: Call) -> Balances:
    """Main and payout balance, now or `at` a moment.

    At a moment a balance is what the last transfer recorded until then left. An answer about the
    last seconds may still change, by what is being recorded right now.
    """
    wanted = read_query(request, AtMoment)
    caller = business(request)
    balances = await read(request, treasury.balances, caller.business_id, wanted.at)
    return Balances(balances.balance, balances.payout_balance)


@get("/payout/accounts", guards=[require_business])
@documented("Balances", {200: EXAMPLE_ACCOUNTS}, query=AtMoment)
async def list_accounts(request: Call) -> Accounts:
    """Every account, now or `at` a moment: a trial balance, which comes to zero.

    `payout_users` is what the other accounts leave to zero; that it is the sum of theirs is checked
    by the operator's `payviox ledger verify`, not here.
    """
    wanted = read_query(request, AtMoment)
    caller = business(request)
    held = await read(request, business_summary.trial_balance, caller.business_id, wanted.at)
    return Accounts([Account(name, cents) for name, cents in held.items()])


@post("/payout/fund", guards=[require_business], status_code=200)
@documented("Balances", {200: EXAMPLE}, request=MoveRequest(100_000), errors=[InsufficientBalance])
async def fund(request: Call) -> Response[Any]:
    """Move money from the main to the payout balance."""
    return await _move(request, treasury.fund)


@post("/payout/defund", guards=[require_business], status_code=200)
@documented("Balances", {200: EXAMPLE}, request=MoveRequest(100_000), errors=[InsufficientBalance])
async def defund(request: Call) -> Response[Any]:
    """Move money back from the payout to the main balance."""
    return await _move(request, treasury.defund)


async def _move(request: Call, move: Any) -> Response[Any]:
    caller = business(request)
    wanted = read_json(request, MoveRequest)

    async def effect(connection: Any) -> dict[str, int]:
        await move(connection, caller.business_id, wanted.amount, caller.actor)
        after = await treasury.balances(connection, caller.business_id)
        return {"balance": after.balance, "payout_balance": after.payout_balance}

    return await run_once(
        request, caller.business_id, "business", effect, lambda _, done: done.reference
    )


ROUTES = [get_balance, list_accounts, fund, defund]
