"""Events that arrive, and when they are tried again: a real receiver and a real database."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from payviox import ids
from payviox.db.pool import Database
from payviox.keyring import Keyring
from payviox.webhooks import delivery, outbox
from payviox.webhooks.delivery import LEASE, Courier
from support.hooked import Hook, deliver
from support.live import free_port

pytestmark = pytest.mark.anyio


async def test_an_event_arrives_once_with_both_signatures_and_is_then_delivered(
    hook: Hook, courier: Courier
) -> None:
    hooked = await hook()
    event = await hooked.happen()
    await deliver(courier, hooked)
    await deliver(courier, hooked)
    (received,) = hooked.receiver.received
    received.verify(hooked.token)
    assert received.json["order_id"] == ids.show(ids.ORDER, event.order_id)
    assert received.headers["content-type"] == "application/json"
    ((body, event_id),) = await hooked.rows("SELECT body, id FROM events WHERE business_id = %s")
    assert received.body == body.encode()
    assert received.id == ids.show(ids.EVENT, event_id)
    assert await hooked.deliveries() == [("delivered", 1, None)]


async def test_only_subscribed_types_are_delivered_and_the_others_still_written_down(
    hook: Hook, courier: Courier
) -> None:
    hooked = await hook()
    for event_type in ("payout.created", "payout.succeeded", "payout.canceled"):
        await hooked.happen(hooked.event(event_type))
    await deliver(courier, hooked)
    assert [one.json["type"] for one in hooked.receiver.received] == ["payout.succeeded"]
    assert await hooked.rows("SELECT count(*) FROM events WHERE business_id = %s") == [(3,)]
    await hooked.set(events=["payout.canceled"])
    for event_type in ("payout.succeeded", "payout.canceled"):
        await hooked.happen(hooked.event(event_type))
    await deliver(courier, hooked)
    assert hooked.receiver.received[-1].json["type"] == "payout.canceled"
    assert len(hooked.receiver.received) == 2


async def test_an_order_has_one_body_of_each_type_however_many_write_it_at_once(
    hook: Hook, courier: Courier
) -> None:
    hooked = await hook()
    event = hooked.event()
    others = [replace(event, fees=fees, net_amount=5000 - fees) for fees in range(1, 13)]
    await asyncio.gather(*(hooked.happen(one) for one in others))
    await hooked.happen(event)
    await deliver(courier, hooked)
    assert len(hooked.receiver.received) == 1
    assert await hooked.rows("SELECT count(*) FROM events WHERE business_id = %s") == [(1,)]


async def test_what_is_rolled_back_tells_nobody(hook: Hook, courier: Courier) -> None:
    hooked = await hook()

    async def money(connection: Any) -> None:
        await outbox.write_order_event(connection, hooked.event())
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await hooked.database.write(money)
    await deliver(courier, hooked)
    assert hooked.receiver.received == []
    assert await hooked.rows("SELECT count(*) FROM events WHERE business_id = %s") == [(0,)]
    assert await hooked.rows(
        "SELECT count(*) FROM procrastinate_jobs WHERE args->>'business_id' = %s::text"
    ) == [(0,)]


async def test_an_event_wakes_the_worker_in_the_same_transaction(hook: Hook) -> None:
    hooked = await hook()
    await hooked.happen()
    jobs = await hooked.rows(
        "SELECT task_name FROM procrastinate_jobs WHERE args->>'business_id' = %s::text"
    )
    assert jobs == [("deliver_webhooks",)]


async def test_attempts_come_30_s_5_min_and_30_min_after_the_failure_before_and_then_end(
    hook: Hook, courier: Courier
) -> None:
    hooked = await hook()
    hooked.receiver.answer = lambda _: 500
    await hooked.happen()
    waits: list[tuple[str, int, float | None]] = []
    for _ in range(4):
        await deliver(courier, hooked)
        await deliver(courier, hooked)  # not due: nothing is sent
        waits += await hooked.deliveries()
        await hooked.time_passes()
    await deliver(courier, hooked)
    assert [wait[:2] for wait in waits] == [
        ("pending", 1),
        ("pending", 2),
        ("pending", 3),
        ("failed", 4),
    ]
    assert [wait[2] and pytest.approx(wait[2], abs=2) for wait in waits] == [30, 300, 1800, None]
    assert len(hooked.receiver.received) == 4
    assert len(set(hooked.receiver.ids)) == 1
    assert len({one.body for one in hooked.receiver.received}) == 1
    log = await hooked.rows(
        "SELECT number, status, answer, error, duration_ms >= 0 FROM delivery_attempts"
        " WHERE business_id = %s ORDER BY number"
    )
    assert log == [(n, 500, "thank you", None, True) for n in range(1, 5)]


@pytest.mark.parametrize("status", [201, 204, 301, 302, 400, 410, 503])
async def test_nothing_but_200_counts_as_delivered(
    hook: Hook, courier: Courier, status: int
) -> None:
    hooked = await hook()
    hooked.receiver.answer = lambda _: status
    await hooked.happen()
    await deliver(courier, hooked)
    assert [d[:2] for d in await hooked.deliveries()] == [("pending", 1)]
    assert await hooked.rows("SELECT status FROM delivery_attempts WHERE business_id = %s") == [
        (status,)
    ]


async def test_a_retry_that_is_answered_200_ends_it(hook: Hook, courier: Courier) -> None:
    hooked = await hook()
    hooked.receiver.answer = lambda _: 200 if len(hooked.receiver.received) > 1 else 500
    await hooked.happen()
    await deliver(courier, hooked)
    await hooked.time_passes()
    await deliver(courier, hooked)
    assert await hooked.deliveries() == [("delivered", 2, None)]


async def test_a_receiver_that_is_away_is_an_attempt_with_the_reason(
    hook: Hook, courier: Courier
) -> None:
    url = f"http://127.0.0.1:{free_port()}/"
    hooked = await hook(url=url)
    await hooked.happen()
    await deliver(courier, hooked)
    log = await hooked.rows(
        "SELECT status, error, url FROM delivery_attempts WHERE business_id = %s"
    )
    assert log == [(None, "connection refused", url)]


async def test_a_receiver_that_answers_too_late_is_an_attempt_with_the_reason(
    hook: Hook, database: Database, keyring: Keyring
) -> None:
    assert delivery.TIMEOUT_S == 30
    assert LEASE.total_seconds() > delivery.TIMEOUT_S + 30
    courier = Courier(database, keyring, allow_private=True, timeout_s=0.2)
    hooked = await hook()
    hooked.receiver.answer = lambda _: None
    await hooked.happen()
    await deliver(courier, hooked)
    log = await hooked.rows("SELECT status, error FROM delivery_attempts WHERE business_id = %s")
    assert log == [(None, "no answer within 0.2 s")]


async def test_four_kilobytes_of_an_answer_are_kept(hook: Hook, courier: Courier) -> None:
    hooked = await hook()
    hooked.receiver.content = b"x" * 20_000
    await hooked.happen()
    await deliver(courier, hooked)
    assert await hooked.deliveries() == [("delivered", 1, None)]
    assert await hooked.rows(
        "SELECT length(answer) FROM delivery_attempts WHERE business_id = %s"
    ) == [(4096,)]
