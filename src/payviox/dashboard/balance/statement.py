"""Which movements of a statement are wanted, as its form asks for them."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import get_args
from uuid import UUID

import msgspec

from payviox import ids
from payviox.dashboard.lists import query_of
from payviox.db.pool import Connection
from payviox.ledger import service as ledger
from payviox.ledger.model import TransferKind
from payviox.ledger.service import MovementRow
from payviox.payout_users import service as payout_users
from payviox.payout_users.email import InvalidEmail, canonical
from payviox.text import spellings
from payviox.withdrawals import listing

KINDS: tuple[TransferKind, ...] = get_args(TransferKind)
DAY = timedelta(days=1)
LONGEST_SEARCH = 500
FIELDS = ("kind", "from", "to", "search")
WITH_ANOTHER: tuple[TransferKind, ...] = (
    "fee",
    "cost",
    "exchange",
    "fee_return",
    "exchange_return",
)
"""Steps of an order that are booked together with another, which stands for them in a list of
everything; an order's own page and its search show them all."""


class Filters(msgspec.Struct, frozen=True):
    """What was asked, as it was typed, and what is wrong with it."""

    kind: str
    since: str
    until: str
    search: str
    errors: dict[str, list[str]] = msgspec.field(default_factory=dict)

    @property
    def query(self) -> str:
        """The same again, for an address; empty where nothing was asked."""
        typed = (self.kind, self.since, self.until, self.search)
        return query_of(dict(zip(FIELDS, typed, strict=True)))

    @property
    def leaves_out(self) -> bool:
        """Whether steps that are booked with another are left out."""
        return not (self.kind or self.search)


def read_filters(query: Mapping[str, str]) -> Filters:
    """What a form asks for; an unknown kind asks for all."""
    kind, since, until, search = (query.get(name, "").strip() for name in FIELDS)
    errors = {
        name: ["Give a day such as 2026-01-31."]
        for name, text in (("from", since), ("to", until))
        if text and _day(text) is None
    }
    if not errors and since and until and until < since:
        errors["to"] = ["The last day is before the first."]
    if len(search) > LONGEST_SEARCH or not search.isprintable():
        errors["search"] = ["Search for a reference, an order, an email or a payout user."]
    return Filters(kind if kind in KINDS else "", since, until, search, errors)


async def find_page(
    connection: Connection, business_id: UUID, filters: Filters, after: int | None, limit: int
) -> list[MovementRow]:
    """Movements, newest first; none where something is wrong with what was asked."""
    if filters.errors:
        return []
    order_id = ids.parse(ids.ORDER, filters.search)
    user_id = ids.parse(ids.USER, filters.search)
    references: list[str] = []
    if filters.search and order_id is None and user_id is None:
        user_id = await _user_with(connection, business_id, filters.search)
        if user_id is None:
            order_id = await _order_of(connection, business_id, filters.search)
        references = spellings(filters.search) if (user_id or order_id) is None else []
    first, last = _day(filters.since), _day(filters.until)
    return await ledger.list_movements(
        connection,
        business_id,
        kind=filters.kind or None,
        user_id=user_id,
        order_id=order_id,
        references=references,
        without=WITH_ANOTHER if filters.leaves_out else None,
        since=first,
        until=None if last is None else last + DAY,
        after=after,
        limit=limit,
    )


async def _order_of(connection: Connection, business_id: UUID, search: str) -> UUID | None:
    """The order that goes by a name at a rail: the rail's own, or an attempt's reference."""
    attempt = ids.parse(ids.ORDER, search.partition(".")[0])
    return attempt or await listing.find_by_rail_id(connection, business_id, search)


async def _user_with(connection: Connection, business_id: UUID, search: str) -> UUID | None:
    try:
        email = canonical(search)
    except InvalidEmail:
        return None
    users = await payout_users.list_page(
        connection, business_id, email=email, status=None, after=None, limit=1
    )
    return users[0].id if users else None


def _day(text: str) -> datetime | None:
    """The beginning of a day in UTC; the last year has no next day."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    if day.year == date.max.year:
        return None
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
