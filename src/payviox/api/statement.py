"""`GET /payout/statement`: one account between two moments, with the balance before, after each
movement and at the end."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import get

from payviox import ids
from payviox.api.authentication import require_business
from payviox.api.docs.declarations import documented
from payviox.api.history import EXAMPLE as MOVEMENT
from payviox.db.pool import Connection
from payviox.errors import FieldErrors
from payviox.ledger import statements
from payviox.ledger.statements import MovementRow, Period
from payviox.payout_users import service as payout_users
from payviox.web import movements
from payviox.web.context import Call, business, read
from payviox.web.cursors import Page, after_number, filter_id, read_query, unknown_after
from payviox.web.movements import Movement


class StatementFilter(Page, kw_only=True):
    """Which account, between which moments."""

    account: Literal["main", "payout"] = "payout"
    user: Annotated[
        str | None, msgspec.Meta(description="A payout user's id: their account instead")
    ] = None
    since: Annotated[datetime, msgspec.Meta(description="From this moment on (RFC 3339)")] = (
        msgspec.field(name="from")
    )
    until: Annotated[datetime, msgspec.Meta(description="Before this moment, which is past")] = (
        msgspec.field(name="to")
    )


class Line(Movement):
    """A movement of the account, and what it held right after it."""

    balance: Annotated[int, msgspec.Meta(description="US cents")]


class Statement(msgspec.Struct):
    """An account between two moments, in US cents: `opening` is what it held just before the first,
    `closing` just before the second; `movements` says how many lines there are in all."""

    opening: int
    closing: int
    movements: int
    data: list[Line]
    has_more: bool


EXAMPLE = Statement(
    opening=100_000,
    closing=97_500,
    movements=1,
    data=[Line(**msgspec.structs.asdict(MOVEMENT), balance=97_500)],
    has_more=False,
)


@get("/payout/statement", guards=[require_business])
@documented("History", {200: EXAMPLE}, query=StatementFilter)
async def get_statement(request: Call) -> Statement:
    """An account's statement between two moments, oldest movement first.

    Opening and every movement come to the closing balance, whatever `limit` shows of them.
    """
    wanted = read_query(request, StatementFilter)
    user_id = filter_id(wanted.user, ids.USER, "user")
    after = after_number(wanted, ids.TRANSFER)
    business_id = business(request).business_id
    if wanted.until < wanted.since:
        raise FieldErrors({"to": ["The to must not be before the from."]})

    async def find(connection: Connection) -> tuple[Period, list[MovementRow]]:
        await statements.require_past(connection, to=wanted.until)
        edges = wanted.since, wanted.until
        if user_id is None:
            period = await statements.period(connection, business_id, wanted.account, *edges)
        else:
            await payout_users.get(connection, business_id, user_id)
            period = await statements.period_of_user(connection, business_id, user_id, *edges)
        version: int | None = period.first
        if after is not None:
            version = await statements.version_of(connection, business_id, period, after)
        if version is None:
            raise unknown_after()
        rows = await statements.list_rows(
            connection, business_id, period, version, wanted.limit + 1
        )
        return period, rows

    period, rows = await read(request, find)
    return Statement(
        period.opening,
        period.closing,
        period.number,
        [_line(period, row) for row in rows[: wanted.limit]],
        has_more=len(rows) > wanted.limit,
    )


def _line(period: Period, row: MovementRow) -> Line:
    came = row.to_account == period.account_id
    shown: dict[str, Any] = msgspec.structs.asdict(movements.shown(row))
    return Line(**shown, balance=row.to_balance if came else row.from_balance)


ROUTES = [get_statement]
