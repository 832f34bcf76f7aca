"""What is traced, as a collector of OpenTelemetry gets it over a real port: from a request to the
commit that it shared, from an order to its rail and its webhooks."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from payviox import ids, otlp, tracing
from payviox.db.pool import Connection, Database
from payviox.keyring import Keyring
from payviox.ledger import service as ledger
from payviox.ledger.model import PAYOUT
from payviox.rails.http import Http
from payviox.settings import Settings
from payviox.web.context import Services
from payviox.webhooks import settings as webhook_settings
from payviox.webhooks.delivery import Courier
from support import lock_waits
from support.businesses import TestBusiness
from support.collector import Collector, collector
from support.machine import stretch
from support.polling import eventually
from support.receiver import receiver
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio

SERVER, CLIENT = 2, 3
CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
ROUTE = "POST /payout/create"


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who sends spans gives the collector time, however slow this goes."""
    monkeypatch.setattr(otlp, "LAST_WORDS_S", stretch(60))


async def test_one_allocation_from_its_request_to_its_commit(business: TestBusiness) -> None:
    with collector() as collected, tracing.sending(collected.url, "web"):
        answer = await business.create("ada@example.com", 700, Idempotency_Key="the-key")
    assert answer.status_code == 201
    request, group = collected.one(ROUTE), collected.one("allocation group")
    assert (request.service, request.kind, request.parent_id) == ("payviox-web", SERVER, "")
    assert request.attributes == {
        "http.request.method": "POST",
        "http.route": "/payout/create",
        "http.response.status_code": 201,
        "payviox.request": answer.headers["request-id"],
        "payviox.business": ids.show(ids.BUSINESS, business.business_id),
    }
    assert (group.trace_id, group.parent_id) == (request.trace_id, request.id)
    assert request.links == [group.id]
    assert collected.below(group) == ["lock and read", "write and commit"]
    says_nothing(collected, "ada@example.com", "the-key", answer.json()["hash"], business)


async def test_requests_that_share_a_commit_point_to_it_from_traces_of_their_own(
    business: TestBusiness, services: Services
) -> None:
    def pay(email: str) -> "asyncio.Future[httpx.Response]":
        return asyncio.ensure_future(business.create(email, 100))

    with collector() as collected, tracing.sending(collected.url, "web"):
        async with locked(business):
            calls = [pay("first@example.com")]
            await eventually(lambda: business.database.fetch(lock_waits.waiting))
            calls += [pay(f"{number}@example.com") for number in range(3)]
            await eventually(lambda: services.batcher.queued == 3)
        await asyncio.gather(*calls)
    requests = collected.named(ROUTE)
    assert len({span.trace_id for span in requests}) == len(requests) == 4
    alone, together = collected.named("allocation group")
    assert together.attributes == {"payviox.submissions": 3}
    pointing = [span for span in requests if span.links == [together.id]]
    assert len(pointing) == 3
    assert {together.parent_id, alone.parent_id} < {span.id for span in requests}
    assert together.trace_id in {span.trace_id for span in pointing}


async def test_a_request_is_part_of_its_callers_trace_and_not_traced_where_that_is_not(
    business: TestBusiness,
) -> None:
    with collector() as collected, tracing.sending(collected.url, "web"):
        await business.create("ada@example.com", 100, traceparent=CALLER)
        await business.create("ada@example.com", 100, traceparent=f"{CALLER[:-2]}00")
        await business.create("ada@example.com", 100, traceparent="anything \x7f")
        await business.client.get("/health/live")
    first, last = collected.named(ROUTE)
    assert (first.trace_id, first.parent_id) == (CALLER[3:35], CALLER[36:52])
    assert (last.trace_id != first.trace_id, last.parent_id) == (True, "")
    assert len(collected.named("allocation group")) == 2
    assert {span.trace_id for span in collected.spans} == {first.trace_id, last.trace_id}


async def test_an_order_its_rail_and_its_webhooks_are_one_trace_in_several_processes(
    business: TestBusiness, database: Database, settings: Settings
) -> None:
    keyring = Keyring(settings.secret_key)
    async with receiver() as hook:
        await subscribe(business, hook.url, keyring)
        with collector() as collected:
            with tracing.sending(collected.url, "web"):
                order = await withdraw(business, "ada@paypal.example")
            with tracing.sending(collected.url, "worker"):
                await Desk.of(business).process()
                await deliver(business, database, keyring)
    request = collected.one("POST /payout/withdraw")
    ours = [span for span in collected.spans if span.service == "payviox-worker"]
    assert {span.trace_id for span in ours} == {request.trace_id}
    call = collected.one("submit sandbox")
    assert call.attributes == {
        "payviox.business": ids.show(ids.BUSINESS, business.business_id),
        "payviox.order": order["id"],
        "payviox.attempt": 1,
        "payviox.outcome": "succeeded",
    }
    assert call.failed is None
    hooks = collected.named("deliver webhook")
    assert {span.attributes["payviox.event"] for span in hooks} == set(hook.ids)
    assert {(one.kind, one.attributes["http.response.status_code"]) for one in hooks} == {
        (CLIENT, 200)
    }
    assert "traceparent" not in hook.received[0].headers
    says_nothing(collected, "ada@paypal.example", "ada@example.com", business)


async def test_a_call_that_a_rail_refuses_is_marked_and_so_is_a_webhook_nobody_takes(
    business: TestBusiness, database: Database, settings: Settings
) -> None:
    keyring = Keyring(settings.secret_key)
    async with receiver() as hook:
        hook.answer = lambda _: 500
        await subscribe(business, hook.url, keyring)
        with collector() as collected, tracing.sending(collected.url, "worker"):
            await withdraw(business, "fail@paypal.example")
            await Desk.of(business).process()
            await deliver(business, database, keyring)
    call = collected.one("submit sandbox")
    assert call.attributes["payviox.outcome"] == "failed"
    assert call.failed == call.attributes["payviox.reason"] == "sandbox_failed"
    assert {span.failed for span in collected.named("deliver webhook")} == {"HTTP 500"}


async def test_of_a_vendors_address_the_host_alone_is_told() -> None:
    http = Http()
    with collector() as vendor, collector() as collected:
        with tracing.sending(collected.url, "worker"):
            await http.request("POST", f"{vendor.url}/the-secret?key=other-secret")
            with tracing.span("submit vendor"):
                await http.request("POST", f"{vendor.url}/the-secret?key=other-secret")
        await http.close()
    call = collected.one("POST")
    assert call.attributes == {
        "http.request.method": "POST",
        "server.address": "127.0.0.1",
        "http.response.status_code": 404,
    }
    assert (call.kind, call.failed) == (CLIENT, "404")
    assert b"secret" not in collected.raw


async def test_a_collector_that_is_away_keeps_nobody_waiting(
    business: TestBusiness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(otlp, "LAST_WORDS_S", 0.1)
    with collector() as gone:
        pass
    with tracing.sending(gone.url, "web"):
        assert (await business.create("ada@example.com", 700)).status_code == 201


async def test_where_traces_are_off_an_order_has_none(
    business: TestBusiness, database: Database
) -> None:
    await withdraw(business, "ada@paypal.example")
    await Desk.of(business).process()
    kept = "SELECT trace FROM {} WHERE business_id = %s"
    assert await business.rows(kept.format("orders")) == [(None,)]
    assert set(await business.rows(kept.format("events"))) == {(None,)}


@contextlib.asynccontextmanager
async def locked(business: TestBusiness) -> AsyncIterator[None]:
    """Hold the lock of the payout account: allocations wait."""
    entered, leave = asyncio.Event(), asyncio.Event()

    async def work(connection: Connection) -> None:
        await ledger.lock(connection, business.business_id, [PAYOUT])
        entered.set()
        await leave.wait()

    holding = asyncio.ensure_future(business.database.write(work))
    await entered.wait()
    try:
        yield
    finally:
        leave.set()
        await holding


async def withdraw(business: TestBusiness, paypal: str) -> dict[str, Any]:
    """An order over everything that Ada has, made by the API."""
    made = (await business.create("ada@example.com", 5_000)).json()
    client = business.client_with({"X-Payout-Hash": made["hash"], "Idempotency-Key": "once"})
    wanted = {"provider": "paypal", "amount": 5_000, "paypal": {"email": paypal}}
    answer = await client.post("/payout/withdraw", json=wanted)
    assert answer.status_code == 201, answer.text
    order: dict[str, Any] = answer.json()
    return order


async def subscribe(business: TestBusiness, url: str, keyring: Keyring) -> None:
    await business.database.write(
        lambda connection: webhook_settings.change(
            connection,
            business.business_id,
            {"url": url, "enabled": True, "events": ["payout.succeeded", "payout.failed"]},
            keyring,
            "test",
            allow_private=True,
        )
    )


async def deliver(business: TestBusiness, database: Database, keyring: Keyring) -> None:
    courier = Courier(database, keyring, allow_private=True)
    courier.wake(business.business_id)
    await courier.idle()
    await courier.stop(grace_s=0)


def says_nothing(collected: Collector, *secrets: Any) -> None:
    """None of it is in what was sent, nor a business's keys."""
    for secret in secrets:
        each = (
            [secret.secret_key, secret.public_key] if isinstance(secret, TestBusiness) else [secret]
        )
        for text in each:
            assert text.encode() not in collected.raw
