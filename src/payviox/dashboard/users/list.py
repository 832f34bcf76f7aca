"""`…/users`: payout users, newest first, or those whose address or a part of it begins as asked."""

from collections.abc import Sequence
from datetime import datetime
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
from payviox.payout_users import service as payout_users
from payviox.payout_users.email import InvalidEmail, canonical
from payviox.payout_users.model import PayoutUser
from payviox.web.context import Call

LONGEST_SEARCH = 300


class UserRow(msgspec.Struct, frozen=True):
    """One line of the table; `balance` is US cents."""

    id: str
    address: str
    email: str
    status: str
    balance: int
    created_at: datetime


class UsersView(msgspec.Struct, frozen=True):
    rows: Sequence[UserRow]
    search: str
    here: str
    pager: Pager


@get("/dashboard/{business:str}/users", include_in_schema=False)
async def list_users(request: Call) -> Response[Any]:
    """Payout users by address or id; all of them where nothing is asked."""
    visit = await visit_of(request)
    search = request.query_params.get("search", "").strip()[:LONGEST_SEARCH]
    after = ids.parse(ids.USER, request.query_params.get("after", ""))
    users = await read(request, visit, _page, visit, search, after)
    here = f"{visit.base}/users"
    every = [_row(here, user) for user in users]
    rows, pager = lists.page_of(every, here, query_of({"search": search}), after=after)
    view = UsersView(
        rows=rows,
        search=search,
        here=here,
        pager=pager,
    )
    return show(request, visit, "users/list.html", view)


async def _page(
    connection: Connection, visit: Visit, search: str, after: UUID | None
) -> list[PayoutUser]:
    business_id = visit.business.id
    if not search:
        return await payout_users.list_page(
            connection, business_id, email=None, status=None, after=after, limit=PAGE + 1
        )
    if not search.isprintable():
        return []
    user_id = ids.parse(ids.USER, search)
    if user_id is not None:
        try:
            return [await payout_users.get(connection, business_id, user_id)]
        except NotFound:
            return []
    return await payout_users.search(connection, business_id, _prefix(search), after, PAGE + 1)


def _prefix(search: str) -> str:
    """What to look for in the spelling in which addresses are kept."""
    try:
        return canonical(search)
    except InvalidEmail:
        return search.lower()


def _row(here: str, user: PayoutUser) -> UserRow:
    shown = ids.show(ids.USER, user.id)
    return UserRow(
        id=shown,
        address=f"{here}/{shown}",
        email=user.email,
        status=user.status,
        balance=user.balance,
        created_at=user.created_at,
    )


ROUTES = [list_users]
