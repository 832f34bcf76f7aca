"""Which orders a list shows, as its form asks for them."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import get_args
from uuid import UUID

import msgspec

from payviox import ids
from payviox.businesses.rules import REVIEWABLE
from payviox.dashboard.lists import query_of
from payviox.db.pool import Connection
from payviox.money import MAX_ALLOCATION, InvalidAmount, typed_cents
from payviox.order_states import Status
from payviox.payout_users import service as payout_users
from payviox.rails.waiting import PERSON, WAITING
from payviox.reporting.attention import NOT_A_PERSON
from payviox.withdrawals.listing import Criteria

ALL = "all"
RAILS = tuple(name for name in REVIEWABLE if name not in ("crypto", "gift_card"))
AGES: Mapping[str, tuple[str, timedelta]] = {
    "1h": ("over an hour", timedelta(hours=1)),
    "1d": ("over a day", timedelta(days=1)),
    "3d": ("over three days", timedelta(days=3)),
    "7d": ("over a week", timedelta(days=7)),
    "30d": ("over a month", timedelta(days=30)),
}
FIELDS = ("status", "user", "rail", "waiting", "age", "least", "most")
CAUSES: Mapping[str, str] = {name: name.replace("_", " ") for name in WAITING} | {
    NOT_A_PERSON: "anything but a person"
}
MOST_USERS = 50
LONGEST = 320


class Filters(msgspec.Struct, frozen=True):
    """What was asked, as it was typed, and what is wrong with it."""

    status: str
    user: str
    rail: str
    waiting: str
    age: str
    least: str
    most: str
    errors: dict[str, list[str]] = msgspec.field(default_factory=dict)

    @property
    def query(self) -> str:
        """The same again, for an address."""
        return query_of({name: getattr(self, name) for name in FIELDS})

    def in_state(self, status: str) -> str:
        """The same filters in another state."""
        return query_of({name: getattr(self, name) for name in FIELDS} | {"status": status})

    @property
    def narrows(self) -> bool:
        """Whether more than the state is asked for."""
        return any(getattr(self, name) for name in FIELDS if name != "status")


def read_filters(query: Mapping[str, str]) -> Filters:
    """What a form asks for; an unknown state asks for all, without any those in review."""
    typed = {name: query.get(name, "").strip()[:LONGEST] for name in FIELDS}
    status = typed["status"] or "review"
    typed["status"] = status if status in get_args(Status) else ALL
    for name, known in (("rail", RAILS), ("waiting", tuple(CAUSES)), ("age", tuple(AGES))):
        if typed[name] not in known:
            typed[name] = ""
    errors: dict[str, list[str]] = {}
    for name in ("least", "most"):
        try:
            if typed[name]:
                typed_cents(typed[name], MAX_ALLOCATION)
        except InvalidAmount as error:
            errors[name] = [str(error)]
    if not typed["user"].isprintable():
        errors["user"] = ["Give how an email or its domain begins, or an id (usr_…)."]
    return Filters(**typed, errors=errors)


async def criteria_of(connection: Connection, business_id: UUID, filters: Filters) -> Criteria:
    """What the filters come to; the caller has seen that nothing is wrong with them."""
    age = AGES.get(filters.age)
    return Criteria(
        status=None if filters.status == ALL else filters.status,
        waiting=filters.waiting if filters.waiting in WAITING else None,
        not_waiting=PERSON if filters.waiting == NOT_A_PERSON else None,
        rail=filters.rail or None,
        user_ids=await _users(connection, business_id, filters.user) if filters.user else None,
        before=ids.first_at(datetime.now(UTC) - age[1]) if age else None,
        least=typed_cents(filters.least, MAX_ALLOCATION) if filters.least else None,
        most=typed_cents(filters.most, MAX_ALLOCATION) if filters.most else None,
    )


async def _users(connection: Connection, business_id: UUID, text: str) -> list[UUID]:
    user_id = ids.parse(ids.USER, text)
    if user_id is not None:
        return [user_id]
    users = await payout_users.search(connection, business_id, text.lower(), None, MOST_USERS)
    return [each.id for each in users]
