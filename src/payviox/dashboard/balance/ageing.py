"""`…/balance/ageing`: money that payout users have not taken, by its age, and whose it is; the same
as a file."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get

from payviox import ids
from payviox.dashboard import lists
from payviox.dashboard.lists import PAGE, Pager, query_of
from payviox.dashboard.visits import Visit, read, show, visit_of
from payviox.db.pool import Connection
from payviox.errors import NotFound
from payviox.money import decimal
from payviox.reporting import ageing
from payviox.reporting.ageing import BUCKETS, Ageing, Bucket, UnclaimedRow
from payviox.web import sheets
from payviox.web.context import Call

ROUTE = "/dashboard/{business:str}/balance/ageing"
FILE_PAGE = 1_000
FILES = ("unclaimed.csv", "unclaimed.xlsx")
HEADER = (
    "payout user",
    "email",
    "status",
    "balance",
    "unclaimed since (UTC)",
    "reminders",
    "last reminder (UTC)",
    "stopped reminders (UTC)",
    "last mail",
    "its state",
    "last seen (UTC)",
    "expires (UTC)",
)


@dataclass(frozen=True, slots=True)
class Line:
    """Somebody with money, and their page's address."""

    id: str
    address: str
    person: UnclaimedRow


class AgeingView(msgspec.Struct, frozen=True):
    here: str
    back: str
    settings: str
    ageing: Ageing
    chosen: str
    names: dict[str, str]
    lines: Sequence[Line]
    pager: Pager
    files: list[tuple[str, str]]
    lifetime: int | None


@get(ROUTE, include_in_schema=False)
async def show_ageing(request: Call) -> Response[Any]:
    """Every bucket's sum, and those who have the oldest money."""
    visit = await visit_of(request)
    chosen = request.query_params.get("age", "")
    bucket = ageing.bucket_of(chosen)
    after = ids.parse(ids.USER, request.query_params.get("after", ""))
    sums, people = await read(request, visit, _find, visit, bucket, after)
    here = f"{visit.base}/balance/ageing"
    query = query_of({"age": bucket.name if bucket else ""})
    every = [_line(visit, person) for person in people]
    lines, pager = lists.page_of(every, here, query, after=after)
    view = AgeingView(
        here=here,
        back=f"{visit.base}/balance",
        settings=f"{visit.base}/settings/expiry",
        ageing=sums,
        chosen=bucket.name if bucket else "",
        names={each.name: words_of(each) for each in BUCKETS},
        lines=lines,
        pager=pager,
        files=[(name, lists.address(f"{here}/{name}", query)) for name in FILES],
        lifetime=visit.business.balance_lifetime_days,
    )
    return show(request, visit, "balance/ageing.html", view)


@get(f"{ROUTE}/{{file:str}}", include_in_schema=False)
async def download(request: Call) -> Response[Any]:
    """Everybody of a bucket, or of all, as a file."""
    visit = await visit_of(request)
    name = str(request.path_params["file"])
    if name not in FILES:
        raise NotFound
    bucket = ageing.bucket_of(request.query_params.get("age", ""))
    return sheets.answer(name, HEADER, _rows(request, visit, bucket))


async def _find(
    connection: Connection, visit: Visit, bucket: Bucket | None, after: UUID | None
) -> tuple[Ageing, list[UnclaimedRow]]:
    sums = await ageing.find(connection, visit.business.id)
    people = await ageing.list_page(connection, visit.business.id, bucket, after, PAGE + 1)
    return sums, people


async def _rows(
    request: Call, visit: Visit, bucket: Bucket | None
) -> AsyncIterator[Sequence[Sequence[object]]]:
    after: UUID | None = None
    while True:
        people = await read(
            request, visit, ageing.list_page, visit.business.id, bucket, after, FILE_PAGE
        )
        yield [_cells(person) for person in people]
        if len(people) < FILE_PAGE:
            return
        after = people[-1].user_id


def _cells(person: UnclaimedRow) -> list[object]:
    return [
        ids.show(ids.USER, person.user_id),
        person.email,
        person.status,
        Decimal(decimal(person.balance)),
        person.since,
        person.reminders,
        person.reminded_at,
        person.reminders_stopped_at,
        person.message and person.message.replace("_", " "),
        person.mail_status,
        person.seen_at,
        person.expires_at,
    ]


def _line(visit: Visit, person: UnclaimedRow) -> Line:
    shown = ids.show(ids.USER, person.user_id)
    return Line(shown, f"{visit.base}/users/{shown}", person)


def words_of(bucket: Bucket) -> str:
    """A bucket as people read it."""
    if bucket == BUCKETS[0]:
        return f"Up to {bucket.most} days"
    if bucket == BUCKETS[-1]:
        return "More than a year"
    return f"{bucket.least} to {bucket.most} days"


ROUTES = [show_ageing, download]
