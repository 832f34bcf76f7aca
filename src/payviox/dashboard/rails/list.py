"""`…/rails`: which rails a business has connected, and how each stands."""

from datetime import datetime
from typing import Any

import msgspec
from litestar import Response, get

from payviox.dashboard.rails.words import RAILS, FeeExample, RailWords, example
from payviox.dashboard.visits import Visit, read, show, visit_of
from payviox.db.pool import Connection
from payviox.rail_accounts import callbacks, rules, service
from payviox.rail_accounts.model import RailAccount
from payviox.reconciliation import service as reconciliation
from payviox.reconciliation.model import Kept
from payviox.web.context import Call, services

ROUTE = "/dashboard/{business:str}/rails"
DONE = {"disconnected": "The account is forgotten, with its credentials."}


class FloatView(msgspec.Struct, frozen=True):
    """What an account held when it was last asked, in cents; `problem` where it could not say."""

    at: datetime
    cents: int | None
    low: bool
    problem: str | None


class RailCard(msgspec.Struct, frozen=True):
    """A rail, with its account where one is connected."""

    words: RailWords
    address: str
    account: RailAccount | None
    fees: FeeExample | None
    float: FloatView | None
    callback_url: str | None
    last_callback: datetime | None


class RailsView(msgspec.Struct, frozen=True):
    cards: list[RailCard]
    may_connect: bool
    is_test: bool
    done: str | None


@get(ROUTE, include_in_schema=False)
async def list_rails(request: Call) -> Response[Any]:
    """Every rail that may be connected."""
    visit = await visit_of(request)
    public_url = services(request).settings.public_url
    cards = await read(request, visit, _cards, visit, public_url)
    view = RailsView(
        cards=cards,
        may_connect=visit.may("rail.connect"),
        is_test=visit.business.test,
        done=DONE.get(request.query_params.get("done", "")),
    )
    return show(request, visit, "rails/list.html", view)


async def _cards(connection: Connection, visit: Visit, public_url: str) -> list[RailCard]:
    business_id = visit.business.id
    accounts = {each.rail: each for each in await service.list_all(connection, business_id)}
    reports = {each.rail: each for each in await reconciliation.latest(connection, business_id)}
    cards = []
    for name, words in RAILS.items():
        account = accounts.get(name)
        url = last = None
        if account is not None and name in rules.CALLS_BACK:
            url = callbacks.url(public_url, account)
            latest = await callbacks.list_latest(connection, business_id, name, 1)
            last = latest[0].received_at if latest else None
        cards.append(
            RailCard(
                words=words,
                address=f"{visit.base}/rails/{name}",
                account=account,
                fees=None if account is None else example(account.fees),
                float=None if account is None else float_of(reports.get(name), account),
                callback_url=url,
                last_callback=last,
            )
        )
    return cards


def float_of(kept: Kept | None, account: RailAccount) -> FloatView | None:
    """What the account held at the latest comparison; None where there was none yet."""
    if kept is None or kept.finished_at < account.created_at:
        return None
    told = kept.report.get("float") or {}
    cents = told.get("cents")
    low = cents is not None and account.low_float is not None and cents < account.low_float
    return FloatView(kept.finished_at, cents, low, told.get("problem"))


ROUTES = [list_rails]
