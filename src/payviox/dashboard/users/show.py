"""`…/users/<payout user>`: where a person's money is, and what can be done for them."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get, post

from payviox import ids
from payviox.allocations import service as allocations
from payviox.dashboard.orders.recipients import recipient
from payviox.dashboard.people import actor_words, emails_of
from payviox.dashboard.users.mails import MailsOfUser, mails_of
from payviox.dashboard.visits import Visit, act, read, show, visit_of
from payviox.db.pool import Connection
from payviox.ledger import service as ledger
from payviox.ledger.service import MovementRow
from payviox.payout_users import service as payout_users
from payviox.payout_users.model import PayoutUser, Status
from payviox.web.context import Call
from payviox.web.cursors import path_id
from payviox.web.forms import new_key
from payviox.web.pages import redirect
from payviox.withdrawals import listing, whereabouts
from payviox.withdrawals.whereabouts import UserMoney

ROUTE = "/dashboard/{business:str}/users/{user:str}"
LATEST = 10
DONE = {
    "active": "They can be paid and can withdraw again.",
    "inactive": "Their hash opens nothing any more, and nobody can pay them.",
    "added": "The money is in their balance.",
    "mails": "Mails go to this address again.",
    "revoked": "The money is back in the payout balance.",
}


class OrderLine(msgspec.Struct, frozen=True):
    """One of their orders; `amount` is US cents."""

    address: str
    to: str
    status: str
    amount: int
    created_at: datetime


class Moved(msgspec.Struct, frozen=True):
    """A movement of their balance: cents, negative where they left it, and who moved them."""

    kind: str
    amount: int
    balance: int
    at: datetime
    who: str | None


class UserView(msgspec.Struct, frozen=True):
    """A payout user; amounts are US cents. `movements` are the latest of their balance."""

    user: PayoutUser
    shown_id: str
    address: str
    in_transit: int
    withdrawn: int
    orders: list[OrderLine]
    movements: list[Moved]
    mails: MailsOfUser
    statement: str
    money: UserMoney
    orders_address: str
    offers: frozenset[str]
    done: str | None = None
    key: str = msgspec.field(default_factory=new_key)


@get(ROUTE, include_in_schema=False)
async def show_user(request: Call) -> Response[Any]:
    """One payout user."""
    visit = await visit_of(request)
    done = DONE.get(request.query_params.get("done", ""))
    view = await read(request, visit, _view, visit, path_id(request, ids.USER, "user"), done)
    return show(request, visit, "users/show.html", view)


@post(f"{ROUTE}/activate", include_in_schema=False, status_code=200, right="payout_user.activate")
async def activate(request: Call) -> Response[Any]:
    """Let them be paid and withdraw again."""
    return await _set_status(request, "active")


@post(
    f"{ROUTE}/deactivate", include_in_schema=False, status_code=200, right="payout_user.deactivate"
)
async def deactivate(request: Call) -> Response[Any]:
    """Close their hash and let nobody pay them."""
    return await _set_status(request, "inactive")


async def _set_status(request: Call, status: Status) -> Response[Any]:
    visit = await visit_of(request)
    user_id = path_id(request, ids.USER, "user")
    await act(
        request,
        visit.session,
        allocations.set_status,
        visit.business.id,
        user_id,
        status,
        visit.session.actor,
    )
    return redirect(f"{address_of(visit, user_id)}?done={status}")


async def _view(connection: Connection, visit: Visit, user_id: UUID, done: str | None) -> UserView:
    business_id = visit.business.id
    user = await payout_users.get(connection, business_id, user_id)
    totals = await listing.totals_of_user(connection, business_id, user_id)
    money = await whereabouts.of_user(connection, business_id, user)
    movements = await ledger.list_movements(connection, business_id, user_id=user_id, limit=LATEST)
    people = await emails_of(connection, [each.actor for each in movements if each.actor])
    shown = ids.show(ids.USER, user_id)
    return UserView(
        user=user,
        shown_id=shown,
        address=address_of(visit, user_id),
        in_transit=totals.in_transit,
        withdrawn=totals.withdrawn,
        orders=[
            OrderLine(
                address=f"{visit.base}/orders/{ids.show(ids.ORDER, order.id)}",
                to=recipient(order),
                status=order.status,
                amount=order.amount,
                created_at=order.created_at,
            )
            for order in money.latest
        ],
        movements=[_moved(each, user_id, people) for each in movements],
        mails=await mails_of(connection, visit, user),
        statement=f"{visit.base}/balance?search={shown}",
        money=money,
        orders_address=f"{visit.base}/orders",
        offers=_offers(visit, user),
        done=done,
    )


def _moved(row: MovementRow, user_id: UUID, people: dict[str, str]) -> Moved:
    is_theirs = row.to_account == user_id
    return Moved(
        kind=row.kind,
        amount=row.amount if is_theirs else -row.amount,
        balance=row.to_balance if is_theirs else row.from_balance,
        at=row.created_at,
        who=row.actor and actor_words(row.actor, people),
    )


def address_of(visit: Visit, user_id: UUID) -> str:
    return f"{visit.base}/users/{ids.show(ids.USER, user_id)}"


def _offers(visit: Visit, user: PayoutUser) -> frozenset[str]:
    """What this person's state allows and this operator may do."""
    is_active = user.status == "active"
    return frozenset(
        name
        for name, right, can in (
            ("activate", "payout_user.activate", not is_active),
            ("deactivate", "payout_user.deactivate", is_active),
            ("add-funds", "allocation.create", is_active),
            ("revoke", "payout_user.revoke", user.balance > 0),
            ("redemption-link", "payout_user.make_redeem_link", is_active),
            ("rotate-hash", "payout_user.rotate_hash", True),
        )
        if can and visit.may(right)  # type: ignore[arg-type]  # literals of the table
    )


ROUTES = [show_user, activate, deactivate]
