"""Events of a business: what happened to its orders and what became of telling it."""

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from litestar import Response, get, post
from msgspec import UNSET, UnsetType

from payviox import ids
from payviox.api.authentication import require_business
from payviox.api.docs.declarations import documented, listed
from payviox.api.idempotent import run_once
from payviox.db.pool import Connection
from payviox.errors import NotFound
from payviox.web.context import Call, business, read
from payviox.web.cursors import (
    Listed,
    Page,
    after_id,
    filter_id,
    page_of,
    path_id,
    read_query,
    unknown_after,
)
from payviox.webhooks import log, outbox
from payviox.webhooks.events import EventType
from payviox.webhooks.log import Entry
from payviox.webhooks.model import Attempt as AttemptRow
from payviox.webhooks.settings import NoWebhook

TAG = "Webhooks"
ANSWER_CHARS_IN_LIST = 200


class Attempt(msgspec.Struct):
    """One POST of an event. `status` is the HTTP status of the answer, of which the first 4 kB are
    kept (a list shows less); `error` says why there was none."""

    number: int
    created_at: datetime
    duration_ms: int
    url: str
    request_headers: dict[str, str]
    status: int | UnsetType = UNSET
    answer: str | UnsetType = UNSET
    error: str | UnsetType = UNSET


class Delivery(msgspec.Struct):
    """Telling the webhook of an event: `pending`, `delivered` or `failed`, with the attempts made.
    While the webhook is switched off, what is pending waits."""

    id: str
    status: str
    attempts: list[Attempt]
    next_attempt_at: datetime | UnsetType = UNSET


class Event(msgspec.Struct):
    """Something that happened to an order. `body` is what the webhook is sent. Without `delivery`
    the webhook was switched off or not subscribed. A test webhook's event has no `order_id`."""

    id: str
    type: str
    created_at: datetime
    body: Annotated[
        msgspec.Raw,
        msgspec.Meta(extra_json_schema={"$ref": "#/components/schemas/PayoutEvent"}),
    ]
    order_id: str | UnsetType = UNSET
    delivery: Delivery | UnsetType = UNSET


class Queued(msgspec.Struct):
    """An event that is being delivered now; `GET /payout/events/{id}` tells how it went."""

    id: str
    type: str


class EventFilter(Page, kw_only=True):
    """Which events to list."""

    type: EventType | None = None
    order: str | None = None


EXAMPLE_ID = "evt_01a202e8-721a-71df-8a38-5481fe42890e"
EXAMPLE_ORDER = "ord_01a202e8-721a-71df-8a38-548020e40686"
EXAMPLE_TIME = datetime(2026, 1, 31, 12, tzinfo=UTC)
EXAMPLE = Event(
    id=EXAMPLE_ID,
    type="payout.succeeded",
    created_at=EXAMPLE_TIME,
    order_id=EXAMPLE_ORDER,
    body=msgspec.Raw(
        b'{"amount":5000,"currency":"USD","metadata":{"payout_user_id":'
        b'"usr_01a202e8-721a-71df-8a38-5490c8b1a6c4"},"type":"payout.succeeded","provider":"paypal",'
        b'"order_id":"%b","recipient":{"email":"user@example.com"},'
        b'"paypal":{"order_id":"PP-1234","email":"user@example.com"}}' % EXAMPLE_ORDER.encode()
    ),
    delivery=Delivery(
        id="dlv_01a202e8-721b-7a10-9c1e-0d7c2f3b5e11",
        status="delivered",
        attempts=[
            Attempt(
                number=1,
                created_at=EXAMPLE_TIME,
                duration_ms=87,
                url="https://example.com/webhooks",
                request_headers={"webhook-id": EXAMPLE_ID, "webhook-timestamp": "1769860800"},
                status=200,
                answer="ok",
            )
        ],
    ),
)


@get("/payout/events", guards=[require_business])
@documented(TAG, {200: listed(EXAMPLE)}, query=EventFilter)
async def list_events(request: Call) -> Listed[Event]:
    """Events, newest first, with their delivery and its last four attempts."""
    query = read_query(request, EventFilter)
    after = after_id(query, ids.EVENT)
    order_id = filter_id(query.order, ids.ORDER, "order")
    business_id = business(request).business_id

    async def fetch(connection: Connection) -> list[Entry]:
        if after is not None:
            try:
                await log.get(connection, business_id, after)
            except NotFound as error:
                raise unknown_after() from error
        return await log.latest(
            connection,
            business_id,
            event_type=query.type,
            order_id=order_id,
            after=after,
            limit=query.limit + 1,
        )

    entries = await read(request, fetch)
    return page_of(entries, query.limit, lambda entry: show(entry, ANSWER_CHARS_IN_LIST))


@get("/payout/events/{id:str}", guards=[require_business])
@documented(TAG, {200: EXAMPLE})
async def get_event(request: Call) -> Event:
    """One event with its delivery and its last hundred attempts."""
    event_id = path_id(request, ids.EVENT)
    entry = await read(request, log.get, business(request).business_id, event_id)
    return show(entry)


@post("/payout/events/{id:str}/redeliver", guards=[require_business], status_code=202)
@documented(
    TAG,
    {202: Queued(EXAMPLE_ID, "payout.succeeded")},
    errors=[NoWebhook, outbox.SwitchedOff],
)
async def redeliver_event(request: Call) -> Response[Any]:
    """Deliver an event again, or for the first time: up to four attempts from now on, under the
    same `webhook-id`."""
    business_id = business(request).business_id
    event_id = path_id(request, ids.EVENT)

    async def effect(connection: Connection) -> dict[str, str]:
        event = await outbox.redeliver(connection, business_id, event_id, business(request).actor)
        return {"id": ids.show(ids.EVENT, event.id), "type": event.type}

    return await run_once(
        request, business_id, "business", effect, lambda _, done: done.reference, status_code=202
    )


def show(entry: Entry, answer_chars: int | None = None) -> Event:
    """An event as it is answered; `answer_chars` cuts the receiver's answers."""
    event, delivery = entry.event, entry.delivery
    shown = Event(
        id=ids.show(ids.EVENT, event.id),
        type=event.type,
        created_at=event.created_at,
        body=msgspec.Raw(event.body.encode()),
    )
    if event.order_id is not None:
        shown.order_id = ids.show(ids.ORDER, event.order_id)
    if delivery is not None:
        shown.delivery = Delivery(
            id=ids.show(ids.DELIVERY, delivery.id),
            status=delivery.status,
            attempts=[_attempt(attempt, answer_chars) for attempt in entry.attempts],
            next_attempt_at=delivery.due_at or UNSET,
        )
    return shown


def _attempt(attempt: AttemptRow, answer_chars: int | None) -> Attempt:
    return Attempt(
        number=attempt.number,
        created_at=attempt.created_at,
        duration_ms=attempt.duration_ms,
        url=attempt.url,
        request_headers=attempt.request_headers,
        status=UNSET if attempt.status is None else attempt.status,
        answer=attempt.answer[:answer_chars] if attempt.answer else UNSET,
        error=attempt.error or UNSET,
    )


ROUTES = [list_events, get_event, redeliver_event]
