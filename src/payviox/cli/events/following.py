"""Events of a business as they happen, asked for again and again."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta

import msgspec

from payviox.cli.events.api import Api, Away

EVERY_S = 1.0
PAGE = 100
LATE = timedelta(seconds=10)
"""An event may show up behind one that was made after it: so far back is looked each time."""


class Event(msgspec.Struct):
    """An event as the API lists it; `body` are the very bytes that its webhook is sent."""

    id: str
    type: str
    created_at: datetime
    body: msgspec.Raw
    order_id: str | None = None


class _Listed(msgspec.Struct):
    data: list[Event]
    has_more: bool


async def follow(
    api: Api, tell: Callable[[str], object], begin: Callable[[], object] = lambda: None
) -> AsyncIterator[Event]:
    """Every event from now on, once, the older first, for ever. `begin` is called once the API has
    let us in. One that is away is asked again; `tell` hears of that once, and of its return. Raises
    CallFailed."""
    first = await _page(api)
    begin()
    seen = {event.id: event.created_at for event in first.data}
    if first.has_more:
        _remember(seen, await _news(api, seen))  # as old, and further back than a page
    is_away = False
    while True:
        try:
            news = await _news(api, seen)
        except Away as error:
            if not is_away:
                tell(f"{error} Asking again every second.")
            is_away = True
        else:
            if is_away:
                tell(f"{api.url} answers again.")
            is_away = False
            for event in reversed(news):
                yield event
            _remember(seen, news)
        await asyncio.sleep(EVERY_S)


async def _news(api: Api, seen: dict[str, datetime]) -> list[Event]:
    """What was not seen yet, newest first."""
    news: list[Event] = []
    page = await _page(api)
    while True:
        news += [event for event in page.data if event.id not in seen and _may_be_news(event, seen)]
        if not page.has_more or not _may_be_news(page.data[-1], seen):
            return news
        page = await _page(api, after=page.data[-1].id)


async def _page(api: Api, **after: str) -> _Listed:
    return await api.get("/payout/events", _Listed, limit=PAGE, **after)


def _may_be_news(event: Event, seen: dict[str, datetime]) -> bool:
    """Whether it may be news: it is not much older than what was seen last."""
    return not seen or event.created_at >= max(seen.values()) - LATE


def _remember(seen: dict[str, datetime], news: list[Event]) -> None:
    seen.update((event.id, event.created_at) for event in news)
    if seen:
        since = max(seen.values()) - LATE
        for event_id in [each for each, created_at in seen.items() if created_at < since]:
            del seen[event_id]
