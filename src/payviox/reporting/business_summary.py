"""What a business's accounts hold, in cents, for a list of businesses and for one of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from payviox.businesses import service as businesses
from payviox.businesses.model import Business
from payviox.db.pool import Connection
from payviox.ledger import service as ledger
from payviox.ledger import statements
from payviox.ledger.model import show_account
from payviox.ledger.service import SumRow
from payviox.reporting.queries import balances as queries

RAIL_ACCOUNTS = ("in_transit", "settled", "rail_cost", "exchange", "suspense")
"""Kinds of account that a business has once for each rail."""


class BusinessSummary(msgspec.Struct, frozen=True):
    """A business with the two balances that it works with, and what was deposited in all, less what
    was taken out again."""

    business: Business
    balance: int
    payout_balance: int
    deposited: int


class Accounts(msgspec.Struct, frozen=True):
    """Everything that a business's accounts hold; together it is zero. Payout users' accounts are
    one sum; `by_rail` holds, for each kind that there is one of for each rail, each rail's."""

    single: Mapping[str, int]
    by_rail: Mapping[str, Mapping[str, int]]


class BusinessDetails(msgspec.Struct, frozen=True):
    """A business's summary with all of its accounts."""

    summary: BusinessSummary
    payout_users: int
    accounts: Accounts


async def summaries(
    connection: Connection, chosen: Sequence[Business] | None = None
) -> list[BusinessSummary]:
    """The chosen businesses, else every one, in the order of `businesses.list_all`."""
    rows = await queries.working_balances(connection)
    held = {(row.business_id, row.kind): row.balance for row in rows}
    return [
        BusinessSummary(
            each,
            held.get((each.id, "main"), 0),
            held.get((each.id, "payout"), 0),
            -held.get((each.id, "world"), 0),
        )
        for each in (await businesses.list_all(connection) if chosen is None else chosen)
    ]


async def trial_balance(
    connection: Connection, business_id: UUID, at: datetime | None = None
) -> dict[str, int]:
    """What each account holds, or held at a moment, by its name; payout users' together, which is
    what the others leave to zero, as there may be millions. Raises FieldErrors where the moment is
    still to come."""
    await statements.require_past(connection, at=at)
    rows = await statements.own_accounts_at(connection, business_id, at)
    held = {show_account(row.kind, row.rail): row.balance for row in rows}
    main, payout = held.pop("main"), held.pop("payout")
    users = -(main + payout + sum(held.values()))
    return {"main": main, "payout": payout, "payout_users": users, **held}


async def details(connection: Connection, business_id: UUID) -> BusinessDetails:
    """One business with all of its accounts. Raises NotFound."""
    business = await businesses.get(connection, business_id)
    rows = await ledger.sums(connection, business_id)
    accounts = _accounts(rows)
    single = accounts.single
    summary = BusinessSummary(business, single["main"], single["payout"], -single.get("world", 0))
    return BusinessDetails(
        summary, sum(row.accounts for row in rows if row.kind == "user"), accounts
    )


def _accounts(rows: list[SumRow]) -> Accounts:
    single = {"main": 0, "payout": 0, "users": 0}
    by_rail: dict[str, dict[str, int]] = {kind: {} for kind in RAIL_ACCOUNTS}
    for row in rows:
        if row.rail:
            by_rail.setdefault(row.kind, {})[row.rail] = row.balance
        else:
            single["users" if row.kind == "user" else row.kind] = row.balance
    return Accounts(single, by_rail)
