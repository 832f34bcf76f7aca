"""Rails' callbacks: a forged one does nothing, a true one has its orders looked up, once, and no
state changes because of what it says."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from conftest import Build
from payviox import app, ids
from payviox.api import rail_callbacks
from payviox.audit import service as audit
from payviox.db.pool import Database
from payviox.errors import Conflict
from payviox.maintenance import tasks
from payviox.rail_accounts import callbacks
from payviox.rails.fees import FeePolicy
from payviox.rails.protocol import Account, Callback
from payviox.reconciliation import service as reconciliation
from payviox.settings import Settings
from payviox.web.asgi import Application
from payviox.web.context import Services
from payviox.web.limits import Gate
from payviox.web.request_body import MAX_CALLBACK_BODY
from payviox.withdrawals.model import Order
from payviox.withdrawals.routing import Rails, Route
from support.businesses import TestBusiness
from support.databases import Urls
from support.polling import eventually
from support.unclaimed import UnclaimedVendor, rail_id, signature
from support.vendor import COST, FEES
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio


@dataclass
class Connections:
    """Implements payviox.rails.protocol.Accounts for one rail."""

    businesses: set[UUID] = field(default_factory=set)

    async def find(self, business_id: UUID, rail: str) -> Account | None:
        if business_id not in self.businesses or rail != "vendor":
            return None
        return Account(business_id, rail, "sandbox", True, None, None, None, FeePolicy(), {}, {})

    find_to_route = find


@pytest.fixture
def vendor() -> UnclaimedVendor:
    return UnclaimedVendor()


@pytest.fixture
def connections() -> Connections:
    return Connections()


@pytest.fixture
async def services(
    settings: Settings, urls: Urls, vendor: UnclaimedVendor, connections: Connections
) -> AsyncIterator[Services]:
    routes = [Route("paypal", vendor)]
    rails = Rails(live=routes, test=routes, accounts=connections)
    async with app.open_services(settings, urls.application) as opened:
        yield replace(opened, rails=rails, callbacks=Gate(4))


@pytest.fixture
def application(services: Services, build: Build) -> Application:
    return build(services)


@pytest.fixture
def desk(business: TestBusiness, vendor: UnclaimedVendor, connections: Connections) -> Desk:
    connections.businesses.add(business.business_id)
    return Desk.of(business, vendor.rails)


Client = httpx.AsyncClient


async def call(
    client: Client,
    business_id: UUID,
    *references: str,
    rail_ids: tuple[str, ...] = (),
    event: str = "E-1",
    rail: str = "vendor",
    sign: Any = signature,
    **headers: str,
) -> httpx.Response:
    told = {"id": event, "references": references, "rail_order_ids": rail_ids}
    body = json.dumps(told).encode()
    return await client.post(
        f"/rails/{rail}/{ids.show(ids.BUSINESS, business_id)}/callback",
        content=body,
        headers={
            "Content-Type": "application/json",
            "Vendor-Signature": sign(body),
            **headers,
        },
    )


async def unclaimed(desk: Desk, vendor: UnclaimedVendor) -> Order:
    vendor.plan = ["accept"]
    order = await desk.withdraw(await desk.user(1_000), 1_000)
    await desk.process()
    return await desk.get(order)


async def kept(desk: Desk) -> int:
    found = await desk.business.scalar(
        "SELECT count(*) FROM rail_callbacks WHERE business_id = %s", desk.business.business_id
    )
    return int(found)


async def of_order(desk: Desk, order: Order) -> list[callbacks.KeptCallback]:
    return (await desk.story(order)).of(callbacks.KeptCallback)


async def told(desk: Desk, order: Order) -> list[str]:
    """What the business's audit has of the order."""
    entries = await desk.database.fetch(
        lambda db: audit.list_page(db, order.business_id, order_id=order.id, limit=50)
    )
    return [entry.act for entry in entries]


async def untouched(desk: Desk, order: Order) -> None:
    now = await desk.get(order)
    assert (now.status, now.due_at) == (order.status, order.due_at)


@pytest.mark.parametrize("by", ["reference", "rail id"])
async def test_the_order_that_it_names_is_looked_up_at_once(
    desk: Desk, vendor: UnclaimedVendor, anonymous: Client, by: str
) -> None:
    order = await unclaimed(desk, vendor)
    reference = f"ord_{order.id}.1"
    vendor.claim(reference)
    assert await desk.process() == 0
    named = [reference] if by == "reference" else []
    rail_ids = (rail_id(reference),) if by == "rail id" else ()
    answer = await call(anonymous, order.business_id, *named, rail_ids=rail_ids)
    assert (answer.status_code, answer.json()) == (200, {})
    assert (await desk.get(order)).status == "sent", "what it says is not believed"
    assert await desk.process() == 1
    assert (await desk.get(order)).status == "succeeded"
    assert (await desk.business.ledger())["settled:vendor"] == 1_000 - FEES


async def test_it_wakes_the_worker(desk: Desk, vendor: UnclaimedVendor, anonymous: Client) -> None:
    order = await unclaimed(desk, vendor)
    jobs = "SELECT count(*) FROM procrastinate_jobs WHERE args ->> 'business_id' = %s"
    before = await desk.business.scalar(jobs, str(order.business_id))
    await call(anonymous, order.business_id, f"ord_{order.id}.1")
    assert await desk.business.scalar(jobs, str(order.business_id)) == before + 1


async def test_it_is_kept_as_it_came_without_secrets(
    desk: Desk, vendor: UnclaimedVendor, anonymous: Client
) -> None:
    order = await unclaimed(desk, vendor)
    await call(
        anonymous,
        order.business_id,
        f"ord_{order.id}.1",
        Authorization="Bearer secret",
        Cookie="secret=1",
    )
    (found,) = await of_order(desk, order)
    assert json.loads(found.body)["references"] == [f"ord_{order.id}.1"]
    assert found.headers["vendor-signature"] == signature(found.body)
    assert "secret" not in json.dumps(dict(found.headers))
    assert (found.rail, found.event_id) == ("vendor", "E-1")


@pytest.mark.parametrize("sign", [lambda _: "", lambda _: "00" * 32, lambda b: signature(b + b" ")])
async def test_a_forged_one_is_refused_and_writes_nothing(
    desk: Desk,
    vendor: UnclaimedVendor,
    anonymous: Client,
    monkeypatch: pytest.MonkeyPatch,
    sign: Any,
) -> None:
    order = await unclaimed(desk, vendor)

    async def written(*_: object, **__: object) -> None:
        raise AssertionError("a forged callback costs a write")

    with monkeypatch.context() as patched:
        patched.setattr(Database, "write", written)
        answer = await call(anonymous, order.business_id, f"ord_{order.id}.1", sign=sign)
    assert (answer.status_code, answer.json()) == (401, {"error": "Unauthorized"})
    assert await kept(desk) == 0
    await untouched(desk, order)
    shown = (await anonymous.get("/metrics")).text
    assert 'payviox_rail_callbacks_total{outcome="forged",rail="vendor"} 1.0' in shown


async def test_a_repeated_one_does_nothing_more(
    desk: Desk, vendor: UnclaimedVendor, anonymous: Client
) -> None:
    order = await unclaimed(desk, vendor)
    answers = await asyncio.gather(
        *(call(anonymous, order.business_id, f"ord_{order.id}.1") for _ in range(4))
    )
    assert [answer.status_code for answer in answers] == [200] * 4
    assert await kept(desk) == 1
    await desk.process()
    order = await desk.get(order)
    again = await call(anonymous, order.business_id, f"ord_{order.id}.1")
    assert again.status_code == 200
    await untouched(desk, order)
    assert len(await of_order(desk, order)) == 1


async def test_in_whatever_order_they_come_the_rail_has_the_last_word(
    desk: Desk, vendor: UnclaimedVendor, anonymous: Client
) -> None:
    order = await unclaimed(desk, vendor)
    reference = f"ord_{order.id}.1"
    vendor.claim(reference)
    for event in ("E-3 succeeded", "E-1 created", "E-2 unclaimed"):
        answer = await call(anonymous, order.business_id, reference, event=event)
        assert answer.status_code == 200
        await desk.process()
        assert (await desk.get(order)).status == "succeeded"
    assert await kept(desk) == 3
    books = await desk.business.ledger()
    assert books.transfers["settle"] == 1


async def test_final_states_stand(desk: Desk, vendor: UnclaimedVendor, anonymous: Client) -> None:
    taken_back = await unclaimed(desk, vendor)
    await desk.cancel(taken_back)
    await desk.process()
    never_sent = await desk.withdraw(await desk.user(1_000), 1_000)
    await desk.cancel(never_sent)
    for number, (order, asked) in enumerate(((taken_back, 1), (never_sent, 0))):
        before = await desk.get(order)
        assert before.status == "canceled"
        answer = await call(anonymous, order.business_id, f"ord_{order.id}.1", event=f"E-{number}")
        assert answer.status_code == 200
        assert await desk.process() == asked
        await untouched(desk, before)
        assert len(await of_order(desk, order)) == asked
    assert await desk.process() == 0
    books = await desk.business.ledger()
    assert (books["in_transit:vendor"], books["suspense:vendor"]) == (0, 0)


@pytest.mark.parametrize("ended", ["canceled", "rejected"])
async def test_what_was_taken_back_as_unsent_and_was_paid_is_booked_and_told(
    desk: Desk, vendor: UnclaimedVendor, anonymous: Client, ended: str
) -> None:
    vendor.plan = ["empty"]
    order = await desk.withdraw(await desk.user(1_000), 1_000)
    await desk.process()
    await (desk.cancel(order) if ended == "canceled" else desk.reject(order))
    reference = f"ord_{order.id}.1"
    vendor.books[reference] = "paid"
    await call(anonymous, order.business_id, reference, rail_ids=(rail_id(reference),))
    assert await desk.process() == 1
    assert vendor.known_as[-1] == (reference, rail_id(reference))
    after = await desk.get(order)
    assert (after.status, after.due_at) == (ended, None)
    books = await desk.business.ledger()
    assert (books["ada@example.com"], books["in_transit:vendor"]) == (1_000, 0)
    assert (books["settled:vendor"], books["suspense:vendor"]) == (1_000 - FEES, -(1_000 - FEES))
    assert books.transfers["paid_after_all"] == 1
    assert "order.paid_after_all" in await told(desk, order)
    await call(anonymous, order.business_id, reference, event="E-2")
    await desk.process()
    assert (await desk.business.ledger()).transfers["paid_after_all"] == 1


@pytest.mark.parametrize("plan", ["empty", "fail_retryable"])
async def test_what_it_names_is_neither_taken_back_nor_sent_anew_before_it_was_looked_up(
    desk: Desk, vendor: UnclaimedVendor, anonymous: Client, plan: Any
) -> None:
    vendor.plan = [plan]
    order = await desk.withdraw(await desk.user(1_000), 1_000)
    await desk.process()
    assert (await desk.get(order)).status == "queued"
    reference = f"ord_{order.id}.1"
    vendor.books[reference] = "paid"
    await call(anonymous, order.business_id, reference, rail_ids=(rail_id(reference),))
    with pytest.raises(Conflict):
        await desk.cancel(order)
    assert await desk.process() == 1
    assert (await desk.get(order)).status == "succeeded"
    assert (vendor.submitted, vendor.looked_up) == ([reference], [reference])
    books = await desk.business.ledger()
    assert (books["settled:vendor"], books["in_transit:vendor"]) == (1_000 - FEES, 0)


async def test_an_id_that_it_tells_is_what_the_rail_is_asked_for_and_replaces_none(
    desk: Desk, vendor: UnclaimedVendor, anonymous: Client
) -> None:
    vendor.plan = ["pay_silently"]
    order = await desk.withdraw(await desk.user(1_000), 1_000)
    await desk.process()
    reference = f"ord_{order.id}.1"
    await call(anonymous, order.business_id, reference, rail_ids=("V-1",))
    await call(anonymous, order.business_id, reference, rail_ids=("V-2",), event="E-2")
    assert [attempt.rail_order_id for attempt in await desk.attempts(order)] == ["V-1"]
    await desk.process()
    assert vendor.known_as[-1] == (reference, "V-1")
    assert (await desk.get(order)).status == "succeeded"
    assert vendor.submitted == [reference]


async def test_one_about_an_earlier_attempt_is_told_and_two_payments_go_into_suspense(
    desk: Desk, vendor: UnclaimedVendor, anonymous: Client
) -> None:
    vendor.plan = ["fail_retryable"]
    order = await desk.withdraw(await desk.user(1_000), 1_000)
    for _ in range(2):
        await desk.process()
        await desk.hurry()
    assert (await desk.get(order)).status == "succeeded"
    first = f"ord_{order.id}.1"
    vendor.books[first] = "paid"
    await call(anonymous, order.business_id, first, rail_ids=(rail_id(first),))
    assert "order.earlier_attempt_named" in await told(desk, order)
    await desk.process()
    assert (await desk.get(order)).status == "succeeded"
    await reconciliation.reconcile_rail(
        desk.database, desk.rails, order.business_id, "vendor", young_s=0
    )
    books = await desk.business.ledger()
    assert (books["settled:vendor"], books["suspense:vendor"]) == (
        2 * (1_000 - FEES),
        -(1_000 - FEES + COST),
    )


async def test_after_success_it_finds_out_that_the_money_came_back(
    desk: Desk, vendor: UnclaimedVendor, anonymous: Client
) -> None:
    order = await desk.withdraw(await desk.user(1_000), 1_000)
    await desk.process()
    reference = f"ord_{order.id}.1"
    vendor.books[reference] = "returned"
    await call(anonymous, order.business_id, reference, event="E-returned")
    await desk.process()
    assert (await desk.get(order)).status == "returned"
    assert (await desk.business.ledger())["ada@example.com"] == 1_000


async def test_after_a_failure_it_finds_out_that_it_was_paid_after_all(
    desk: Desk, vendor: UnclaimedVendor, anonymous: Client
) -> None:
    vendor.plan = ["fail"]
    order = await desk.withdraw(await desk.user(1_000), 1_000)
    await desk.process()
    reference = f"ord_{order.id}.1"
    vendor.books[reference] = "paid"
    await call(anonymous, order.business_id, reference)
    await desk.process()
    assert (await desk.get(order)).status == "failed"
    assert (await desk.business.ledger())["suspense:vendor"] == -(1_000 - FEES)


async def test_one_that_names_nothing_of_ours_is_kept_and_does_no_harm(
    desk: Desk, anonymous: Client
) -> None:
    answer = await call(
        anonymous,
        desk.business.business_id,
        f"ord_{ids.new()}.1",
        "ord_",
        "nonsense",
        "usr_1.1",
        "",
        rail_ids=("", "V-nobody's"),
    )
    assert answer.status_code == 200
    assert await kept(desk) == 1


async def test_another_business_order_is_not_reached(
    desk: Desk,
    vendor: UnclaimedVendor,
    anonymous: Client,
    make_business: Any,
    connections: Connections,
) -> None:
    order = await unclaimed(desk, vendor)
    stranger = await make_business(funds=1_000)
    connections.businesses.add(stranger.business_id)
    reference = f"ord_{order.id}.1"
    answer = await call(anonymous, stranger.business_id, reference, rail_ids=(rail_id(reference),))
    assert answer.status_code == 200
    await untouched(desk, order)
    assert await of_order(desk, order) == []


async def test_an_order_of_another_rail_is_not_reached(
    desk: Desk, vendor: UnclaimedVendor, anonymous: Client
) -> None:
    order = await Desk.of(desk.business).withdraw(await desk.user(1_000), 1_000)
    await Desk.of(desk.business).process()
    order = await desk.get(order)
    assert order.rail == "sandbox"
    await call(
        anonymous, order.business_id, f"ord_{order.id}.1", rail_ids=(order.rail_order_id or "",)
    )
    await untouched(desk, order)


async def test_what_is_not_connected_is_not_found_whatever_it_lacks(
    desk: Desk, anonymous: Client, make_business: Any
) -> None:
    unconnected = await make_business()
    answers = [
        await call(anonymous, desk.business.business_id, rail="paypal"),
        await call(anonymous, desk.business.business_id, rail="nonsense"),
        await call(anonymous, ids.new()),
        await call(anonymous, unconnected.business_id),
        await anonymous.post("/rails/vendor/nonsense/callback", json={}),
    ]
    assert {(a.status_code, a.text) for a in answers} == {(404, '{"error":"Not found"}')}
    assert await kept(desk) == 0


async def test_what_cannot_be_verified_now_is_to_be_sent_again(
    desk: Desk, vendor: UnclaimedVendor, anonymous: Client
) -> None:
    order = await unclaimed(desk, vendor)
    vendor.away = True
    answer = await call(anonymous, order.business_id, f"ord_{order.id}.1")
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert await kept(desk) == 0
    await untouched(desk, order)
    vendor.away = False
    assert (await call(anonymous, order.business_id, f"ord_{order.id}.1")).status_code == 200
    assert await kept(desk) == 1


async def test_one_that_takes_too_long_to_verify_is_to_be_sent_again(
    desk: Desk, vendor: UnclaimedVendor, anonymous: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def slow(*_: object) -> Callback:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(vendor, "parse_callback", slow)
    monkeypatch.setattr(rail_callbacks, "VERIFY_S", 0.01)
    assert (await call(anonymous, desk.business.business_id)).status_code == 503


async def test_no_more_than_a_few_are_verified_at_once_and_no_transaction_is_held_meanwhile(
    desk: Desk, vendor: UnclaimedVendor, anonymous: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside, on = 0, asyncio.Event()

    async def slow(*_: object) -> Callback:
        nonlocal inside
        inside += 1
        await on.wait()
        return Callback(f"E-{inside}")

    monkeypatch.setattr(vendor, "parse_callback", slow)
    calls = [asyncio.create_task(call(anonymous, desk.business.business_id)) for _ in range(4)]
    await eventually(lambda: inside == 4)
    refused = await call(anonymous, desk.business.business_id)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")

    async def nobody_holds_a_transaction() -> bool:
        idle = await desk.business.scalar(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND state = 'idle in transaction'"
        )
        return bool(idle == 0)

    await eventually(nobody_holds_a_transaction)  # others may be between two statements
    on.set()
    assert {answer.status_code for answer in await asyncio.gather(*calls)} == {200}


async def test_a_big_body_is_refused_before_anything_is_asked(
    desk: Desk, anonymous: Client
) -> None:
    answer = await anonymous.post(
        f"/rails/vendor/{ids.show(ids.BUSINESS, desk.business.business_id)}/callback",
        content=b"{" + b" " * MAX_CALLBACK_BODY + b"}",
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 413


async def test_a_header_sent_twice_is_no_choice_of_the_senders(
    desk: Desk, vendor: UnclaimedVendor, anonymous: Client
) -> None:
    body = json.dumps({"id": "E-1", "references": [], "rail_order_ids": []}).encode()
    answer = await anonymous.post(
        f"/rails/vendor/{ids.show(ids.BUSINESS, desk.business.business_id)}/callback",
        content=body,
        headers=[
            ("Content-Type", "application/json"),
            ("Vendor-Signature", "00"),
            ("Vendor-Signature", signature(body)),
        ],
    )
    assert answer.status_code == 401


async def test_what_is_older_than_a_year_and_some_is_forgotten(
    desk: Desk, anonymous: Client, urls: Urls, settings: Settings
) -> None:
    for event in ("old", "new"):
        await call(anonymous, desk.business.business_id, event=event)
    with urls.as_admin() as admin:
        admin.execute(
            "UPDATE rail_callbacks SET received_at = now() - %s WHERE event_id = 'old'",
            [timedelta(days=settings.keep_callbacks_days + 1)],
        )
    await tasks.tidy(desk.database, settings)
    left = await desk.business.scalar(
        "SELECT array_agg(event_id) FROM rail_callbacks WHERE business_id = %s",
        desk.business.business_id,
    )
    assert left == ["new"]
