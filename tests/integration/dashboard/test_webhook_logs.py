"""The webhook log on pages: found, read attempt by attempt, sent again with a warning where that
would take a receiver back in time."""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from payviox import ids
from payviox.audit import service as audit
from payviox.db.pool import Database
from payviox.keyring import Keyring
from payviox.rights.roles import RIGHTS, ROLES, Role
from payviox.settings import Settings
from payviox.webhooks import replays
from payviox.webhooks import settings as webhooks
from payviox.webhooks.delivery import Courier
from payviox.webhooks.events import TYPES
from payviox.webhooks.replays import Period
from support.businesses import TestBusiness
from support.dashboard import Browser, base_of, heading, hidden, signed_in
from support.hooked import Hooked, deliver
from support.receiver import receiver

pytestmark = pytest.mark.anyio


@pytest.fixture
async def hooked(business: TestBusiness, settings: Settings) -> AsyncIterator[Hooked]:
    """A business whose webhook takes every type."""
    keyring = Keyring(settings.secret_key)
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(receiver())
        changes = {"url": one.url, "enabled": True, "events": list(TYPES)}
        _, token = await business.database.write(
            lambda db: webhooks.change(
                db, business.business_id, changes, keyring, "test", allow_private=True
            )
        )
        assert token is not None
        yield Hooked(business, one, keyring, token)


@pytest.fixture
async def courier(database: Database, hooked: Hooked) -> AsyncIterator[Courier]:
    one = Courier(database, hooked.keyring, allow_private=True)
    yield one
    await one.stop(grace_s=0)


async def fail(hooked: Hooked, courier: Courier) -> None:
    """Let everything that is pending fail for good."""
    hooked.receiver.answer = lambda _: 500
    for _ in range(4):
        await hooked.time_passes()
        await deliver(courier, hooked)
    hooked.receiver.answer = lambda _: 200


async def stale_order(hooked: Hooked, courier: Courier) -> UUID:
    """An order of which `processing` failed and `succeeded`, later, was delivered."""
    order_id = ids.new()
    await hooked.happen(hooked.event("payout.processing", order_id=order_id))
    await fail(hooked, courier)
    await hooked.happen(hooked.event("payout.succeeded", order_id=order_id))
    await deliver(courier, hooked)
    return order_id


async def events_of(hooked: Hooked, order_id: UUID) -> dict[str, str]:
    rows = await hooked.rows(
        "SELECT type, id FROM events WHERE business_id = %s AND order_id = %s", order_id
    )
    return {kind: ids.show(ids.EVENT, event_id) for kind, event_id in rows}


def rows_of(text: str) -> list[str]:
    """The event types of a table's rows."""
    return re.findall(r'<a href="[^"]+/logs/evt_[^"]+" id="event-\d+">([^<]+)<', text)


async def test_deliveries_are_listed_newest_first_and_filtered(
    browser: Browser, database: Database, business: TestBusiness, hooked: Hooked, courier: Courier
) -> None:
    base = await signed_in(browser, database, business, "viewer")
    logs = f"{base}/webhooks/logs"
    empty = await browser.get(logs)
    assert heading(empty) == "Webhook logs"
    assert "will be here" in empty.text
    order_id = await stale_order(hooked, courier)
    shown = ids.show(ids.ORDER, order_id)
    assert rows_of((await browser.get(logs)).text) == ["payout.succeeded", "payout.processing"]
    for query, expected in {
        "state=failed": ["payout.processing"],
        "state=delivered": ["payout.succeeded"],
        "state=pending": [],
        "type=payout.succeeded": ["payout.succeeded"],
        f"order={shown}": ["payout.succeeded", "payout.processing"],
        f"order={shown}.2": ["payout.succeeded", "payout.processing"],
        f"order={ids.show(ids.ORDER, ids.new())}": [],
        "from=2026-01-01T00:00": ["payout.succeeded", "payout.processing"],
        "to=2026-01-01T00:00": [],
    }.items():
        page = await browser.get(f"{logs}?{query}")
        assert page.status_code == 200
        assert rows_of(page.text) == expected, query
    for wrong in ("order=abc", "from=yesterday", "to=99999-01-01"):
        page = await browser.get(f"{logs}?{wrong}")
        assert page.status_code == 422
        assert 'aria-invalid="true"' in page.text
    event = (await events_of(hooked, order_id))["payout.processing"]
    assert (await browser.get(f"{logs}?order={event}")).headers["location"].endswith(event)


async def test_the_log_goes_on_page_by_page(
    browser: Browser, database: Database, business: TestBusiness, hooked: Hooked
) -> None:
    base = await signed_in(browser, database, business)
    for _ in range(51):
        await hooked.happen()
    first = await browser.get(f"{base}/webhooks/logs?state=pending")
    assert len(rows_of(first.text)) == 50
    older = re.search(r'href="([^"]+)" rel="next"', first.text)
    assert older is not None
    second = await browser.get(older[1].replace("&amp;", "&"))
    assert len(rows_of(second.text)) == 1
    assert 'rel="prev"' in second.text


async def test_a_delivery_shows_each_attempt_with_bytes_headers_and_timing_and_no_secret(
    browser: Browser, database: Database, business: TestBusiness, hooked: Hooked, courier: Courier
) -> None:
    base = await signed_in(browser, database, business)
    hooked.receiver.content = b"<script>alert(1)</script>"
    await hooked.happen()
    await fail(hooked, courier)
    event = ids.show(ids.EVENT, await hooked.only_event())
    page = await browser.get(f"{base}/webhooks/logs/{event}")
    assert re.findall(r'id="attempt-(\d)"', page.text) == ["4", "3", "2", "1"]
    body = hooked.receiver.received[0].body
    assert f"Body, {len(body)} bytes" in page.text
    assert "Answer: 25 bytes" in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text
    assert "<script>alert" not in page.text
    assert "content-length" in page.text
    assert hooked.receiver.url in page.text
    signature = hooked.receiver.received[0].headers["signature"]
    assert signature not in page.text
    assert signature[:11] in page.text
    assert hooked.token not in page.text


async def test_a_failed_delivery_is_sent_again_under_the_same_id_and_marked(
    browser: Browser, database: Database, business: TestBusiness, hooked: Hooked, courier: Courier
) -> None:
    base = await signed_in(browser, database, business, "developer")
    await hooked.happen()
    await fail(hooked, courier)
    event = ids.show(ids.EVENT, await hooked.only_event())
    listed = await browser.get(f"{base}/webhooks/logs")
    assert ">Retry</button>" in listed.text
    answer = await browser.post(f"{base}/webhooks/logs/{event}/retry")
    assert answer.headers["location"].endswith(f"{event}?done=retried")
    await deliver(courier, hooked)
    again = hooked.receiver.received[-1]
    assert again.id == event
    assert again.headers["webhook-replayed"] == "true"
    again.verify(hooked.token)
    page = await browser.get(f"{base}/webhooks/logs/{event}")
    assert "webhook-replayed" in page.text
    assert ">Retry</button>" not in (await browser.get(f"{base}/webhooks/logs")).text
    await hooked.set(enabled=False)
    off = await browser.post(f"{base}/webhooks/logs/{event}/retry")
    assert off.status_code == 409
    assert "switched off" in off.text


async def test_what_is_out_of_date_is_sent_again_only_after_a_question(
    browser: Browser, database: Database, business: TestBusiness, hooked: Hooked, courier: Courier
) -> None:
    base = await signed_in(browser, database, business)
    event = (await events_of(hooked, await stale_order(hooked, courier)))["payout.processing"]
    address = f"{base}/webhooks/logs/{event}"
    assert "Out of date" in (await browser.get(address)).text
    before = len(hooked.receiver.received)
    asked = await browser.post(f"{address}/retry")
    assert "out of date" in heading(asked)
    await deliver(courier, hooked)
    assert len(hooked.receiver.received) == before
    await browser.post(f"{address}/retry", anyway=hidden(asked, "anyway"))
    await deliver(courier, hooked)
    assert hooked.receiver.received[-1].json["type"] == "payout.processing"


async def test_all_failed_of_a_period_are_sent_again_without_what_is_out_of_date(
    browser: Browser, database: Database, business: TestBusiness, hooked: Hooked, courier: Courier
) -> None:
    base = await signed_in(browser, database, business)
    address = f"{base}/webhooks/replay"
    stale = (await events_of(hooked, await stale_order(hooked, courier)))["payout.processing"]
    for _ in range(2):
        await hooked.happen()
    await fail(hooked, courier)
    before = len(hooked.receiver.received)
    question = await browser.get(f"{address}?from=2026-01-01T00:00&to=&which=failed")
    assert "3 events" in question.text
    assert "1 is out of date" in question.text
    assert stale in question.text
    names = ("key", "since", "until", "events", "total", "out_of_date")
    form = {name: hidden(question, name) for name in names}
    await hooked.happen()
    answer = await browser.post(address, **form, stale="leave")
    assert answer.headers["location"].endswith("/logs?done=replayed")
    await browser.post(address, **form, stale="leave")
    await deliver(courier, hooked)
    sent = hooked.receiver.received[before:]
    # What has just happened, and two, and not the one that is out of date.
    assert sorted("webhook-replayed" in one.headers for one in sent) == [False, True, True]
    assert stale not in [one.id for one in sent]
    [entry] = await database.fetch(
        lambda db: audit.list_page(db, business.business_id, act="webhook.replay", limit=5)
    )
    assert (entry.detail["events"], entry.detail["left_out"]) == (2, 1)
    assert (await browser.get(f"{base}/webhooks/logs?state=failed")).text.count(
        "Retry</button>"
    ) == 1


async def test_a_replay_of_everything_includes_what_was_never_sent_and_is_bound_to_what_was_seen(
    browser: Browser, database: Database, business: TestBusiness, hooked: Hooked, courier: Courier
) -> None:
    base = await signed_in(browser, database, business)
    address = f"{base}/webhooks/replay"
    await hooked.set(enabled=False)
    for _ in range(3):
        await hooked.happen()
    question = await browser.get(f"{address}?from=2026-01-01T00:00&to=&which=all")
    names = ("key", "since", "until", "events", "total", "out_of_date")
    form = {name: hidden(question, name) for name in names}
    assert form["total"] == "3"
    off = await browser.post(address, **form)
    assert off.status_code == 409
    assert "switched off" in off.text
    await hooked.set(enabled=True)
    changed = await browser.post(address, **(form | {"total": "2", "key": "form:other"}))
    assert changed.status_code == 409
    assert "while you were reading" in changed.text
    sent = await browser.post(address, **form)
    assert sent.status_code == 303, sent.text
    await deliver(courier, hooked)
    events = await hooked.rows("SELECT id FROM events WHERE business_id = %s ORDER BY id")
    expected = [ids.show(ids.EVENT, event_id) for (event_id,) in events]
    assert sorted(hooked.receiver.ids) == expected


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("from=2026-01-02T00:00&to=2026-01-01T00:00", "not after the beginning"),
        ("from=x&to=", "Give a time such as"),
        ("from=2026-01-01T00:00&to=y", "Give a time such as"),
    ],
)
async def test_a_period_that_is_none_is_said_beside_its_field(
    browser: Browser, database: Database, business: TestBusiness, query: str, words: str
) -> None:
    base = await signed_in(browser, database, business)
    page = await browser.get(f"{base}/webhooks/replay?{query}")
    assert page.status_code == 422
    assert words in page.text


async def test_more_than_one_step_takes_is_refused(
    browser: Browser,
    database: Database,
    business: TestBusiness,
    hooked: Hooked,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(replays, "MOST", 2)
    base = await signed_in(browser, database, business)
    for _ in range(3):
        await hooked.happen()
    page = await browser.get(f"{base}/webhooks/replay?from=2026-01-01T00:00&to=&which=all")
    assert page.status_code == 409
    assert "Choose a shorter one" in page.text
    period = Period(datetime(2026, 1, 1, tzinfo=UTC), datetime.now(UTC) + timedelta(1), False)
    with pytest.raises(replays.TooMany):
        await database.fetch(replays.plan, hooked.id, period)


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_sends_again_as_the_table_says_whatever_the_page_shows(
    browser: Browser,
    database: Database,
    business: TestBusiness,
    hooked: Hooked,
    courier: Courier,
    role: Role,
) -> None:
    base = await signed_in(browser, database, business, role)
    await hooked.happen()
    await fail(hooked, courier)
    may = "webhook.send" in RIGHTS[role]
    assert may == ("webhook.replay" in RIGHTS[role])
    listed = await browser.get(f"{base}/webhooks/logs")
    assert ("Retry</button>" in listed.text) == ("Send again" in listed.text) == may
    address = f"{base}/webhooks/replay"
    question = await browser.get(f"{address}?from=2026-01-01T00:00&to=&which=failed")
    names = ("key", "since", "until", "events", "total", "out_of_date")
    form = {name: hidden(question, name) for name in names}
    assert (await browser.post(address, **form)).status_code == (303 if may else 403)
    event = ids.show(ids.EVENT, await hooked.only_event())
    retried = await browser.post(f"{base}/webhooks/logs/{event}/retry")
    assert retried.status_code == (303 if may else 403)


async def test_another_organizations_log_is_not_there(
    browser: Browser, database: Database, hooked: Hooked, make_business: Any
) -> None:
    own = await signed_in(browser, database, await make_business())
    await hooked.happen()
    event = ids.show(ids.EVENT, await hooked.only_event())
    theirs = base_of(hooked.business)
    for address in (f"{theirs}/webhooks/logs", f"{theirs}/webhooks/replay"):
        assert (await browser.get(address)).status_code == 404
    for base in (theirs, own):
        address = f"{base}/webhooks/logs/{event}"
        assert (await browser.get(address)).status_code == 404
        assert (await browser.post(f"{address}/retry")).status_code == 404
