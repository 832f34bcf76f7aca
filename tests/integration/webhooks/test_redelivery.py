"""Deliveries by hand, test webhooks, and what waits while the webhook is switched off."""

import asyncio

import pytest

from payviox import ids
from payviox.db.pool import Database
from payviox.keyring import Keyring
from payviox.monitoring import service as monitoring
from payviox.webhooks import delivery, outbox
from payviox.webhooks.delivery import Courier
from support.hooked import Hook, deliver
from support.polling import eventually

pytestmark = pytest.mark.anyio


async def test_redelivered_by_hand_a_failed_one_has_four_attempts_again_under_the_same_id(
    hook: Hook, courier: Courier
) -> None:
    hooked = await hook()
    hooked.receiver.answer = lambda _: 500
    await hooked.happen()
    for _ in range(4):
        await deliver(courier, hooked)
        await hooked.time_passes()
    event_id = await hooked.only_event()
    await hooked.redeliver(event_id)
    for attempts in range(5, 9):
        await deliver(courier, hooked)
        ((status, made, _),) = await hooked.deliveries()
        assert (status, made) == ("pending" if attempts < 8 else "failed", attempts)
        await hooked.time_passes()
    await hooked.redeliver(event_id)
    hooked.receiver.answer = lambda _: 200
    await deliver(courier, hooked)
    assert await hooked.deliveries() == [("delivered", 9, None)]
    assert set(hooked.receiver.ids) == {ids.show(ids.EVENT, event_id)}
    assert len({one.body for one in hooked.receiver.received}) == 1


async def test_redelivered_by_hand_an_event_without_a_delivery_gets_one(
    hook: Hook, courier: Courier
) -> None:
    hooked = await hook(enabled=False)
    await hooked.happen()
    await deliver(courier, hooked)
    assert await hooked.deliveries() == []
    event_id = await hooked.only_event()
    with pytest.raises(outbox.SwitchedOff):
        await hooked.redeliver(event_id)
    await hooked.set(enabled=True)
    await asyncio.gather(*(hooked.redeliver(event_id) for _ in range(5)))
    await deliver(courier, hooked)
    assert await hooked.deliveries() == [("delivered", 1, None)]


async def test_what_is_sent_again_goes_behind_what_has_just_happened(
    hook: Hook, courier: Courier
) -> None:
    hooked = await hook()
    again = [hooked.event() for _ in range(4 * delivery.AT_ONCE)]
    await hooked.database.write(outbox.write_order_events, hooked.id, again)
    await deliver(courier, hooked)
    events = await hooked.rows("SELECT id FROM events WHERE business_id = %s")
    for (event_id,) in events:
        await hooked.redeliver(event_id)
    fresh = await hooked.happen()
    hooked.receiver.received.clear()
    courier = Courier(hooked.database, hooked.keyring, allow_private=True)
    await deliver(courier, hooked)
    assert len(hooked.receiver.received) == len(again) + 1
    first = [one.json["order_id"] for one in hooked.receiver.received[: delivery.AT_ONCE]]
    assert ids.show(ids.ORDER, fresh.order_id) in first


async def test_redelivered_while_an_attempt_is_in_flight_the_new_round_stands(
    hook: Hook, database: Database, keyring: Keyring
) -> None:
    slow = Courier(database, keyring, allow_private=True, timeout_s=0.3)
    hooked = await hook()
    hooked.receiver.answer = lambda _: None
    await hooked.happen()
    slow.wake(hooked.id)
    await eventually(lambda: hooked.receiver.at_once == 1)
    hooked.receiver.answer = lambda _: 500
    await hooked.redeliver(await hooked.only_event())
    await slow.idle()
    ((status, _, due_in),) = await hooked.deliveries()
    assert status == "pending"
    assert due_in is not None
    assert due_in <= 30


async def test_what_is_pending_waits_while_the_webhook_is_off_and_uses_up_no_attempt(
    hook: Hook, courier: Courier
) -> None:
    hooked = await hook()
    await hooked.happen()
    await hooked.set(enabled=False)
    await hooked.happen()
    await deliver(courier, hooked)
    await courier.sweep()
    await courier.idle()
    assert hooked.receiver.received == []
    await hooked.set(enabled=True)
    await deliver(courier, hooked)
    # What happened while it was off is listed, not delivered.
    assert await hooked.deliveries() == [("delivered", 1, None)]


async def test_what_is_pending_of_a_type_that_is_not_subscribed_any_more_waits(
    hook: Hook, courier: Courier
) -> None:
    hooked = await hook()
    hooked.receiver.answer = lambda _: 500
    await hooked.happen()
    await deliver(courier, hooked)
    hooked.receiver.answer = lambda _: 200
    await hooked.set(events=["payout.failed"])
    await hooked.time_passes()
    await deliver(courier, hooked)
    await courier.sweep()
    await courier.idle()
    assert len(hooked.receiver.received) == 1
    figures = await monitoring.figures(hooked.database)
    assert figures is not None
    assert figures.due.deliveries_age_s == 0
    await hooked.redeliver(await hooked.only_event())
    await deliver(courier, hooked)
    assert await hooked.deliveries() == [("delivered", 2, None)]


async def test_what_waits_because_its_webhook_is_off_is_late_for_nobody(hook: Hook) -> None:
    hooked = await hook()
    await hooked.happen()
    await hooked.database.write(
        lambda c: c.execute(
            "UPDATE deliveries SET due_at = now() - interval '30 days' WHERE business_id = %s",
            [hooked.id],
        )
    )

    async def late_s() -> float:
        """Of all businesses: those of other tests may be due for moments."""
        figures = await monitoring.figures(hooked.database)
        assert figures is not None
        return figures.due.deliveries_age_s

    assert await late_s() > 29 * 86_400
    await hooked.set(enabled=False)
    assert await late_s() < 86_400
    await hooked.set(enabled=True, events=[])
    assert await late_s() < 86_400
    await hooked.set(events=["payout.succeeded"])
    assert await late_s() > 29 * 86_400


async def test_a_test_webhook_arrives_whatever_is_subscribed_or_switched_on(
    hook: Hook, courier: Courier
) -> None:
    hooked = await hook(enabled=False, events=[])
    await hooked.database.write(outbox.send_test, hooked.id, "payout.rejected", "test")
    await courier.sweep()
    await courier.idle()
    (received,) = hooked.receiver.received
    received.verify(hooked.token)
    assert received.json["test_mode"] is True
    assert received.json["type"] == "payout.rejected"
    assert await hooked.rows("SELECT order_id FROM events WHERE business_id = %s") == [(None,)]


async def test_another_business_s_event_cannot_be_redelivered(hook: Hook) -> None:
    mine, yours = await hook(), await hook()
    await yours.happen()
    with pytest.raises(outbox.NotFound):
        await mine.redeliver(await yours.only_event())
