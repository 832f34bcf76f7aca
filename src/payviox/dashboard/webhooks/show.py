"""`…/webhooks`: the webhook's URL, switch and events; a test webhook whose answer is shown."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from litestar import Response, get, post

from payviox import ids
from payviox.dashboard.visits import Visit, act, act_once, read, show, visit_of
from payviox.db.pool import Connection
from payviox.errors import FieldErrors, NotFound
from payviox.idempotency.service import ShownOnce
from payviox.web.context import Call, services
from payviox.web.forms import new_key, read_form
from payviox.web.pages import redirect
from payviox.webhooks import log, settings, trying
from payviox.webhooks.attempts import TIMEOUT_S
from payviox.webhooks.events import TYPES, EventType
from payviox.webhooks.model import Attempt
from payviox.webhooks.settings import NoWebhook, Webhook

ROUTE = "/dashboard/{business:str}/webhooks"
MEANINGS: Mapping[EventType, str] = {
    "payout.created": "the order exists and its money is reserved",
    "payout.processing": "it is being sent",
    "payout.succeeded": "confirmed and delivered",
    "payout.failed": "it failed; the money is back with the payout user",
    "payout.rejected": "somebody rejected it",
    "payout.canceled": "it was canceled",
    "payout.returned": "it came back after success",
}
DONE = {
    "saved": "The webhook is saved.",
    "confirmed": "The new token signs from now on.",
}
NO_URL = "Save a URL first: there is nowhere to send to yet."


class TestAnswer(msgspec.Struct, frozen=True):
    """What the receiver said to a test webhook; `log` is its page in the log."""

    attempt: Attempt
    log: str


class WebhookView(msgspec.Struct, frozen=True):
    """The settings as they are, or as somebody typed them."""

    here: str
    url: str
    enabled: bool
    events: frozenset[str]
    types: list[tuple[EventType, str]]
    rotating_since: datetime | None
    may_change: bool
    may_send: bool
    may_rotate: bool
    timeout_s: float = TIMEOUT_S
    key: str = msgspec.field(default_factory=new_key)
    test: TestAnswer | None = None
    done: str | None = None
    refused: str | None = None
    errors: dict[str, list[str]] = msgspec.field(default_factory=dict)


class NewTokenView(msgspec.Struct, frozen=True):
    """A token that was just made; None where the form was sent before and has shown it. `waits`: it
    does not sign yet."""

    token: str | None
    waits: bool
    back: str


@get(ROUTE, include_in_schema=False)
async def show_webhook(request: Call) -> Response[Any]:
    """The webhook as it is set, with the answer to a test webhook where one was just sent."""
    visit = await visit_of(request)
    done = DONE.get(request.query_params.get("done", ""))
    test = await _test_answer(request, visit)
    return await webhook_page(request, visit, done=done, test=test)


@post(ROUTE, include_in_schema=False, status_code=200, right="webhook.change")
async def save_webhook(request: Call) -> Response[Any]:
    """Save URL, switch and events. The first time the token is made and shown."""
    visit = await visit_of(request)
    form = await read_form(request)
    typed: dict[str, Any] = {
        "url": form.get("url", "").strip() or None,
        "enabled": form.get("enabled") == "yes",
        "events": [name for name in TYPES if form.get(name) == "yes"],
    }
    found = services(request)

    async def effect(connection: Connection) -> dict[str, bool] | ShownOnce:
        _, token = await settings.change(
            connection,
            visit.business.id,
            typed,
            found.keyring,
            visit.session.actor,
            allow_private=found.settings.allow_private_webhooks,
        )
        return ShownOnce({"token": True}, token) if token else {"token": False}

    try:
        done = await act_once(request, visit, form, effect)
    except FieldErrors as error:
        return await webhook_page(request, visit, typed=typed, errors=error.fields, status=422)
    if done.reference["token"]:
        return show_token(request, visit, done.shown_once, waits=False)
    return redirect(f"{visit.base}/webhooks?done=saved")


@post(f"{ROUTE}/test", include_in_schema=False, status_code=200, right="webhook.send")
async def send_test(request: Call) -> Response[Any]:
    """Send a sample now and show what was answered."""
    visit = await visit_of(request)
    form = await read_form(request)
    event_type = _type_of(form)
    found = services(request)
    async with found.webhook_tests.slot(visit.business.id):
        try:
            claim = await act(
                request,
                visit.session,
                trying.begin,
                visit.business.id,
                event_type,
                visit.session.actor,
            )
        except NoWebhook:
            return await webhook_page(request, visit, refused=NO_URL, status=409)
        await trying.finish(
            found.database,
            claim,
            found.keyring,
            allow_private=found.settings.allow_private_webhooks,
        )
    return redirect(f"{visit.base}/webhooks?test={ids.show(ids.EVENT, claim.event_id)}#test")


async def webhook_page(
    request: Call,
    visit: Visit,
    *,
    status: int = 200,
    typed: Mapping[str, Any] | None = None,
    **more: Any,
) -> Response[Any]:
    """The page, with what was typed where that could not be saved."""
    now: Webhook = await read(request, visit, settings.get, visit.business.id)
    view = WebhookView(
        here=f"{visit.base}/webhooks",
        url=(typed["url"] if typed else now.url) or "",
        enabled=typed["enabled"] if typed else now.enabled,
        events=frozenset(typed["events"] if typed else now.events),
        types=[(name, MEANINGS[name]) for name in TYPES],
        rotating_since=now.rotating_since,
        may_change=visit.may("webhook.change"),
        may_send=visit.may("webhook.send"),
        may_rotate=visit.may("webhook.rotate_token"),
        **more,
    )
    return show(request, visit, "webhooks/show.html", view, status=status)


def show_token(request: Call, visit: Visit, token: str | None, *, waits: bool) -> Response[Any]:
    """The page that shows a token this once."""
    view = NewTokenView(token, waits, f"{visit.base}/webhooks")
    return show(request, visit, "webhooks/new_token.html", view)


def _type_of(form: Mapping[str, str]) -> EventType:
    return next((name for name in TYPES if name == form.get("type")), "payout.succeeded")


async def _test_answer(request: Call, visit: Visit) -> TestAnswer | None:
    event_id = ids.parse(ids.EVENT, request.query_params.get("test", ""))
    if event_id is None:
        return None
    try:
        entry = await read(request, visit, log.get, visit.business.id, event_id)
    except NotFound:
        return None
    if not entry.event.is_test or not entry.attempts:
        return None
    shown = ids.show(ids.EVENT, event_id)
    return TestAnswer(entry.attempts[-1], f"{visit.base}/webhooks/logs/{shown}")


ROUTES = [show_webhook, save_webhook, send_test]
