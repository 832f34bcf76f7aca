"""Several deliveries and several workers at once, slow receivers, and workers that end."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from payviox.db.pool import Database
from payviox.keyring import Keyring
from payviox.webhooks import attempts, delivery, outbox
from payviox.webhooks.delivery import LEASE, Courier
from support.databases import Urls
from support.hooked import Hook, deliver
from support.polling import eventually

pytestmark = pytest.mark.anyio


@pytest.fixture
async def database(urls: Urls) -> AsyncIterator[Database]:
    """Pools of each test alone: these tests fill them."""
    opened = Database(urls.application)
    await opened.open()
    try:
        yield opened
    finally:
        await opened.close()


async def test_a_slow_receiver_delays_its_own_business_alone(hook: Hook, courier: Courier) -> None:
    slow, quick = await hook(), await hook()
    slow.receiver.answer = lambda _: None
    for _ in range(10):
        await slow.happen()
    courier.wake(slow.id)
    await eventually(lambda: slow.receiver.at_once == delivery.AT_ONCE)
    for _ in range(10):
        await quick.happen()
    courier.wake(quick.id)
    await eventually(lambda: len(quick.receiver.received) == 10)
    assert len(slow.receiver.received) == delivery.AT_ONCE
    slow.receiver.gate.set()
    await courier.idle()
    assert len(set(slow.receiver.ids)) == len(slow.receiver.ids) == 10


async def test_the_slots_of_all_are_bounded_and_everybody_gets_a_turn(
    hook: Hook, database: Database, keyring: Keyring
) -> None:
    courier = Courier(database, keyring, allow_private=True, overall=2)
    hooked = [await hook() for _ in range(3)]
    for one in hooked:
        for _ in range(5):
            await one.happen()
    await deliver(courier, *hooked)
    assert [len(one.receiver.received) for one in hooked] == [5, 5, 5]
    assert max(one.receiver.most_at_once for one in hooked) <= 2


async def test_slow_receivers_fill_half_of_all_slots_and_leave_the_rest_to_others(
    hook: Hook, database: Database, keyring: Keyring
) -> None:
    courier = Courier(database, keyring, allow_private=True, overall=12)
    slow = [await hook() for _ in range(4)]
    for one in slow:
        one.receiver.answer = lambda _: None
        for _ in range(5):
            await one.happen()
        courier.wake(one.id)
    await eventually(lambda: all(one.receiver.at_once for one in slow))
    await eventually(lambda: sum(one.receiver.at_once for one in slow) >= 6)
    quick = await hook()
    for _ in range(5):
        await quick.happen()
    courier.wake(quick.id)
    await eventually(lambda: len(quick.receiver.received) == 5)
    assert sum(one.receiver.most_at_once for one in slow) < 12
    for one in slow:
        one.receiver.gate.set()
    await courier.idle()
    assert [len(one.receiver.received) for one in slow] == [5] * 4


async def test_a_receiver_that_answers_promptly_gets_more_at_once_up_to_a_limit(
    hook: Hook, courier: Courier
) -> None:
    hooked = await hook()
    received = hooked.receiver.received
    prompt = 2 * delivery.MOST_AT_ONCE
    hooked.receiver.answer = lambda _: 200 if len(received) <= prompt else None
    events = [hooked.event() for _ in range(prompt + 2 * delivery.MOST_AT_ONCE)]
    await hooked.database.write(outbox.write_order_events, hooked.id, events)
    courier.wake(hooked.id)
    await eventually(lambda: hooked.receiver.at_once == delivery.MOST_AT_ONCE)
    hooked.receiver.gate.set()
    await courier.idle()
    assert hooked.receiver.most_at_once == delivery.MOST_AT_ONCE
    assert len(set(hooked.receiver.ids)) == len(hooked.receiver.ids) == len(events)
    assert await hooked.deliveries() == [("delivered", 1, None)] * len(events)


@pytest.mark.parametrize("status", [500, None])
async def test_one_that_fails_or_is_slow_gets_few_at_once_again(
    hook: Hook,
    database: Database,
    keyring: Keyring,
    monkeypatch: pytest.MonkeyPatch,
    status: int | None,
) -> None:
    monkeypatch.setattr(delivery, "PROMPT_S", 0.1)
    courier = Courier(database, keyring, allow_private=True, timeout_s=0.3)
    hooked = await hook()
    prompt = 2 * delivery.MOST_AT_ONCE
    for _ in range(2):
        events = [hooked.event() for _ in range(prompt)]
        await hooked.database.write(outbox.write_order_events, hooked.id, events)
        hooked.receiver.most_at_once = 0
        await deliver(courier, hooked)
        hooked.receiver.answer = lambda _: status
    await hooked.time_passes()
    hooked.receiver.most_at_once = 0
    await deliver(courier, hooked)
    assert 0 < hooked.receiver.most_at_once <= delivery.AT_ONCE


async def test_what_was_claimed_ahead_goes_out_without_a_sweep_after_its_receiver_failed(
    hook: Hook, courier: Courier
) -> None:
    hooked = await hook()
    received, number = hooked.receiver.received, 4 * delivery.MOST_AT_ONCE
    fails = number - delivery.MOST_AT_ONCE - delivery.MOST_AT_ONCE // 2
    hooked.receiver.answer = lambda _: 500 if len(received) == fails else 200
    events = [hooked.event() for _ in range(number)]
    await hooked.database.write(outbox.write_order_events, hooked.id, events)
    courier.wake(hooked.id)
    await courier.idle()
    assert len(set(hooked.receiver.ids)) == number
    statuses = [status for status, *_ in await hooked.deliveries()]
    assert sorted(statuses) == ["delivered"] * (number - 1) + ["pending"]


async def test_receivers_that_are_known_to_be_slow_have_half_of_all_slots_together(
    hook: Hook, database: Database, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "PROMPT_S", 0.1)
    courier = Courier(database, keyring, allow_private=True, overall=12, timeout_s=0.3)
    quick = await hook()
    shared = await hook()
    shared.receiver.answer = lambda _: None
    slow = [await hook(url=f"{shared.receiver.url}/{number}") for number in range(14)]
    for one in slow:
        await one.happen()
    await deliver(courier, *slow)
    for one in slow:
        await one.time_passes()
    shared.receiver.most_at_once = 0
    for one in slow:
        courier.wake(one.id)
    await eventually(lambda: shared.receiver.at_once == 6)
    await quick.happen()
    courier.wake(quick.id)
    await eventually(lambda: len(quick.receiver.received) == 1)
    await courier.idle()
    assert shared.receiver.most_at_once == 6
    assert [d[1] for one in slow for d in await one.deliveries()] == [2] * 14


async def test_one_attempt_that_cannot_be_written_down_is_not_the_others_trouble(
    hook: Hook, courier: Courier, urls: Urls
) -> None:
    hooked = [await hook(), await hook()]
    for one in hooked:
        one.receiver.answer = lambda _: None
        for _ in range(2):
            await one.happen()
        courier.wake(one.id)
    await eventually(lambda: all(one.receiver.at_once == 2 for one in hooked))
    with urls.as_admin() as admin:
        admin.execute(
            "DELETE FROM deliveries WHERE business_id = %s AND id = (SELECT min(id::text)::uuid"
            " FROM deliveries WHERE business_id = %s)",
            [hooked[0].id, hooked[0].id],
        )
    for one in hooked:
        one.receiver.gate.set()
    await courier.idle()
    assert await hooked[0].deliveries() == [("delivered", 1, None)]
    assert await hooked[1].deliveries() == [("delivered", 1, None)] * 2


async def test_several_workers_send_each_event_once(
    hook: Hook, database: Database, keyring: Keyring
) -> None:
    hooked = await hook()
    for _ in range(20):
        await hooked.happen()
    workers = [Courier(database, keyring, allow_private=True) for _ in range(3)]
    for worker in workers:
        worker.wake(hooked.id)
    for worker in workers:
        await worker.idle()
    assert len(hooked.receiver.ids) == len(set(hooked.receiver.ids)) == 20
    assert [d[:2] for d in await hooked.deliveries()] == [("delivered", 1)] * 20


async def test_the_sweep_finds_what_nobody_was_woken_for(hook: Hook, courier: Courier) -> None:
    hooked = [await hook(), await hook()]
    for one in hooked:
        await one.happen()
    await courier.sweep()
    await courier.idle()
    assert [len(one.receiver.received) for one in hooked] == [1, 1]


async def test_killed_after_the_post_it_is_sent_again_with_the_same_id(
    hook: Hook, courier: Courier, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooked = await hook()
    await hooked.happen()

    async def killed(*_: object, **__: object) -> None:
        raise SystemError("kill -9")

    began = time.monotonic()
    with monkeypatch.context() as patch:
        patch.setattr(attempts, "record", killed)
        await deliver(courier, hooked)
    assert len(hooked.receiver.received) == 1
    ((status, tried, due_in),) = await hooked.deliveries()
    assert (status, tried) == ("pending", 0)
    assert due_in is not None
    lease_s, passed_s = LEASE.total_seconds(), time.monotonic() - began
    assert lease_s - passed_s - 1 <= due_in <= lease_s
    await deliver(courier, hooked)  # the lease still keeps others away
    assert len(hooked.receiver.received) == 1
    await hooked.time_passes()
    await deliver(courier, hooked)
    assert len(hooked.receiver.received) == 2
    assert len(set(hooked.receiver.ids)) == 1
    assert await hooked.deliveries() == [("delivered", 1, None)]


async def test_stopped_a_worker_hands_back_what_it_holds_and_another_goes_on_at_once(
    hook: Hook, courier: Courier, database: Database, keyring: Keyring
) -> None:
    hooked = await hook()
    hooked.receiver.answer = lambda _: None
    for _ in range(6):
        await hooked.happen()
    courier.wake(hooked.id)
    await eventually(lambda: hooked.receiver.at_once == 4)
    await courier.stop(grace_s=0.05)
    courier.wake(hooked.id)
    await courier.idle()
    assert all(
        status == "pending" and attempts == 0 and due_in is not None and due_in <= 0
        for status, attempts, due_in in await hooked.deliveries()
    )
    hooked.receiver.answer = lambda _: 200
    await deliver(Courier(database, keyring, allow_private=True), hooked)
    assert await hooked.deliveries() == [("delivered", 1, None)] * 6


async def test_stopped_a_worker_lets_what_is_in_flight_finish(hook: Hook, courier: Courier) -> None:
    hooked = await hook()
    hooked.receiver.answer = lambda _: None
    await hooked.happen()
    courier.wake(hooked.id)
    await eventually(lambda: hooked.receiver.at_once == 1)
    stopping = asyncio.create_task(courier.stop(grace_s=10))
    await asyncio.sleep(0)
    hooked.receiver.gate.set()
    await stopping
    assert await hooked.deliveries() == [("delivered", 1, None)]


async def test_a_worker_that_lost_its_lease_writes_its_attempt_down_and_settles_nothing(
    hook: Hook, courier: Courier, database: Database, keyring: Keyring
) -> None:
    hooked = await hook()
    hooked.receiver.answer = lambda _: None if len(hooked.receiver.received) == 1 else 500
    await hooked.happen()
    courier.wake(hooked.id)
    await eventually(lambda: hooked.receiver.at_once == 1)
    await hooked.time_passes()  # as though it had hung for longer than its lease
    other = Courier(database, keyring, allow_private=True)
    await deliver(other, hooked)
    assert [d[:2] for d in await hooked.deliveries()] == [("pending", 1)]
    hooked.receiver.gate.set()
    await courier.idle()
    # It was delivered after all, so nobody need send it again; both attempts are in the log.
    assert await hooked.deliveries() == [("delivered", 2, None)]


async def test_a_failure_after_a_lost_lease_does_not_count_for_the_round(
    hook: Hook, database: Database, keyring: Keyring
) -> None:
    slow = Courier(database, keyring, allow_private=True, timeout_s=0.3)
    hooked = await hook()
    hooked.receiver.answer = lambda _: None
    await hooked.happen()
    slow.wake(hooked.id)
    await eventually(lambda: hooked.receiver.at_once == 1)
    await hooked.database.write(
        lambda c: c.execute(
            "UPDATE deliveries SET due_at = now() + interval '9 s' WHERE business_id = %s",
            [hooked.id],
        )
    )
    await slow.idle()
    ((status, attempts, due_in),) = await hooked.deliveries()
    assert (status, attempts) == ("pending", 1)
    assert due_in is not None
    assert due_in <= 9
