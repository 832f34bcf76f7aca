"""`…/webhooks/replay`: what happened in a period, sent again: counted, with what is out of date by
now, and then asked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from litestar import Response, get, post

from payviox import ids
from payviox.dashboard.periods import HINT, moment, typed
from payviox.dashboard.visits import Visit, act_once, read, show, visit_of
from payviox.db.pool import Connection
from payviox.errors import Conflict, Malformed
from payviox.web.context import Call
from payviox.web.forms import new_key, read_form
from payviox.web.pages import redirect
from payviox.webhooks import replays
from payviox.webhooks.model import Newer
from payviox.webhooks.replays import MOST, Period, Plan

ROUTE = "/dashboard/{business:str}/webhooks/replay"
SHOWN = 10
"""So many of what is out of date are named."""


class StaleLine(msgspec.Struct, frozen=True):
    """An event that is out of date, and what was delivered about its order since."""

    address: str
    event: str
    newer: Newer


@dataclass(frozen=True, slots=True)
class Found:
    """What a period holds, as it is asked about."""

    since: str
    until: str
    total: int
    stale: int
    lines: list[StaleLine]
    key: str = field(default_factory=new_key)


class ReplayView(msgspec.Struct, frozen=True):
    here: str
    back: str
    since: str
    until: str
    failed_only: bool
    most: int = MOST
    found: Found | None = None
    refused: str | None = None
    errors: dict[str, list[str]] = msgspec.field(default_factory=dict)


@get(ROUTE, include_in_schema=False)
async def ask_to_replay(request: Call) -> Response[Any]:
    """Which period; and, where one is given, what it holds."""
    visit = await visit_of(request)
    query = request.query_params
    now = datetime.now(UTC)
    if "from" not in query:
        view = _view(visit, typed(now - timedelta(days=1)), "", failed_only=True)
        return show(request, visit, "webhook_logs/replay.html", view)
    since, until = query.get("from", "").strip(), query.get("to", "").strip()
    failed_only = query.get("which") != "all"
    begin, end = moment(since), moment(until) if until else now
    errors = {name: [HINT] for name, found in (("from", begin), ("to", end)) if found is None}
    if begin and end and begin >= end:
        errors["to"] = ["The end is not after the beginning."]
    if begin is None or end is None or errors:
        view = _view(visit, since, until, failed_only=failed_only, errors=errors)
        return show(request, visit, "webhook_logs/replay.html", view, status=422)
    period = Period(begin, min(end, now), failed_only)
    return await _page(request, visit, period, since, until)


@post(ROUTE, include_in_schema=False, status_code=200, right="webhook.replay")
async def replay(request: Call) -> Response[Any]:
    """Send them again, as many as the page counted."""
    visit = await visit_of(request)
    form = await read_form(request)
    period = _period(form)
    with_stale = form.get("stale") == "send"
    expected = _number(form, "total") - (0 if with_stale else _number(form, "out_of_date"))

    async def effect(connection: Connection) -> dict[str, int]:
        sent = await replays.replay(
            connection,
            visit.business.id,
            period,
            with_stale=with_stale,
            expected=expected,
            actor=visit.session.actor,
        )
        return {"events": sent}

    try:
        await act_once(request, visit, form, effect)
    except Conflict as error:
        return await _page(
            request,
            visit,
            period,
            typed(period.since),
            typed(period.until),
            refused=_refusal(error),
            status=409,
        )
    return redirect(f"{visit.base}/webhooks/logs?done=replayed")


async def _page(
    request: Call,
    visit: Visit,
    period: Period,
    since: str,
    until: str,
    *,
    refused: str | None = None,
    status: int = 200,
) -> Response[Any]:
    """The period with what it holds; without it where that is too much."""
    found = None
    try:
        plan = await read(request, visit, replays.plan, visit.business.id, period)
        found = _found(visit, period, plan)
    except replays.TooMany as error:
        refused, status = str(error), 409
    view = _view(visit, since, until, failed_only=period.failed_only, found=found, refused=refused)
    return show(request, visit, "webhook_logs/replay.html", view, status=status)


def _view(visit: Visit, since: str, until: str, *, failed_only: bool, **more: Any) -> ReplayView:
    logs = f"{visit.base}/webhooks"
    return ReplayView(f"{logs}/replay", f"{logs}/logs", since, until, failed_only, **more)


def _found(visit: Visit, period: Period, plan: Plan) -> Found:
    logs = f"{visit.base}/webhooks/logs"
    shown = [(ids.show(ids.EVENT, newer.event_id), newer) for newer in plan.stale[:SHOWN]]
    return Found(
        since=period.since.isoformat(),
        until=period.until.isoformat(),
        total=len(plan.events),
        stale=len(plan.stale),
        lines=[StaleLine(f"{logs}/{event}", event, newer) for event, newer in shown],
    )


def _period(form: Mapping[str, str]) -> Period:
    """Raises Malformed where a form of ours was changed."""
    since, until = moment(form.get("since", "")), moment(form.get("until", ""))
    if since is None or until is None:
        raise Malformed("The form could not be read")
    return Period(since, until, form.get("events") != "all")


def _number(form: Mapping[str, str], name: str) -> int:
    text = form.get(name, "")
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(MOST))):
        raise Malformed("The form could not be read")
    return int(text)


def _refusal(error: Conflict) -> str:
    words = {
        "NoWebhook": "The webhook has no URL. Save one first.",
        "SwitchedOff": "The webhook is switched off. Switch it on first.",
    }
    return words.get(type(error).__name__, str(error))


ROUTES = [ask_to_replay, replay]
