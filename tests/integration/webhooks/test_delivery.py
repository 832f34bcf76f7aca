"""Deliveries against a real receiver and a real database: the schedule of attempts, slow and hostile
receivers, workers that die, and the one body of each order and type."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import pytest

from payviox import ids
from payviox.auth.keyring import Keyring
from payviox.db.pool import Database
from payviox.settings import Settings
from payviox.webhooks import delivery, outbox, queries
from payviox.webhooks import settings as webhook_settings
from payviox.webhooks.delivery import LEASE, Courier
from payviox.webhooks.events import EventType, OrderEvent
from payviox.webhooks.samples import sample
from support.businesses import TestBusiness
from support.polling import eventually
from support.receiver import Received, Receiver, receiver

pytestmark = pytest.mark.anyio


@dataclass
class Hooked:
    """A business whose webhook goes to a receiver of its own."""

    business: TestBusiness
    receiver: Receiver
    keyring: Keyring
    token: str = field(repr=False)

    @property
    def id(self) -> UUID:
        return self.business.business_id

    @property
    def database(self) -> Database:
        return self.business.database

    async def set(self, **changes: Any) -> None:
        await self.database.write(
            lambda connection: webhook_settings.change(
                connection, self.id, changes, self.keyring, allow_private=True
            )
        )

    def event(self, event_type: EventType = "payout.succeeded", **fields: Any) -> OrderEvent:
        return replace(sample(self.id, event_type), test_mode=False, **fields)

    async def happen(self, event: OrderEvent | None = None) -> OrderEvent:
        happened = event or self.event()
        await self.database.write(lambda c: outbox.write_order_event(c, happened))
        return happened

    async def rows(self, query: str, *more: object) -> list[Any]:
        async def read(connection: Any) -> list[Any]:
            return await (await connection.execute(query, [self.id, *more])).fetchall()

        return await self.database.fetch(read)

    async def deliveries(self) -> list[tuple[str, int, float | None]]:
        """Status, attempts, and in how many seconds the next one is due, oldest first."""
        return await self.rows(
            "SELECT status, attempts, round(extract(epoch FROM due_at - now()))::float"
            " FROM deliveries WHERE business_id = %s ORDER BY id"
        )

    async def time_passes(self) -> None:
        """Whatever waits is due now, leases included."""
        await self.database.write(
            lambda c: c.execute(
                "UPDATE deliveries SET due_at = now() WHERE business_id = %s AND due_at > now()",
                [self.id],
            )
        )


Hook = Callable[..., Awaitable[Hooked]]


@pytest.fixture
def keyring(settings: Settings) -> Keyring:
    return Keyring(settings.secret_key)


@pytest.fixture
async def hook(make_business: Any, keyring: Keyring) -> AsyncIterator[Hook]:
    running = []

    async def make(**changes: Any) -> Hooked:
        context = receiver()
        one = await context.__aenter__()
        running.append(context)
        business = await make_business()
        changes = {"url": one.url, "enabled": True} | changes
        _, token = await business.database.write(
            lambda connection: webhook_settings.change(
                connection, business.business_id, changes, keyring, allow_private=True
            )
        )
        return Hooked(business, one, keyring, token)

    yield make
    for context in running:
        await context.__aexit__(None, None, None)


@pytest.fixture
async def courier(database: Database, keyring: Keyring) -> AsyncIterator[Courier]:
    one = Courier(database, keyring, allow_private=True)
    yield one
    await one.stop(grace_s=0)


async def deliver(courier: Courier, *hooked: Hooked) -> None:
    for one in hooked:
        courier.wake(one.id)
    await courier.idle()


# What arrives ---------------------------------------------------------------------------------


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


# When again -----------------------------------------------------------------------------------


async def test_attempts_come_30_s_5_min_and_30_min_after_the_failure_before_and_then_end(
    hook: Hook, courier: Courier
) -> None:
    hooked = await hook()
    hooked.receiver.answer = lambda _: 500
    await hooked.happen()
    waits = []
    for _ in range(4):
        await deliver(courier, hooked)
        await deliver(courier, hooked)  # not due: nothing is sent
        ((status, attempts, due_in),) = await hooked.deliveries()
        waits.append((status, attempts, due_in))
        await hooked.time_passes()
    await deliver(courier, hooked)
    statuses, attempts, due_in = zip(*waits, strict=True)
    assert statuses == ("pending", "pending", "pending", "failed")
    assert attempts == (1, 2, 3, 4)
    assert [d and pytest.approx(d, abs=2) for d in due_in] == [30, 300, 1800, None]
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
    hooked = await hook(url="http://127.0.0.1:1027/")
    await hooked.happen()
    await deliver(courier, hooked)
    log = await hooked.rows(
        "SELECT status, error, url FROM delivery_attempts WHERE business_id = %s"
    )
    assert log == [(None, "connection refused", "http://127.0.0.1:1027/")]


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


# Several at once ------------------------------------------------------------------------------


async def test_a_slow_receiver_delays_its_own_business_alone(hook: Hook, courier: Courier) -> None:
    slow, quick = await hook(), await hook()
    slow.receiver.answer = lambda _: None
    for _ in range(10):
        await slow.happen()
    courier.wake(slow.id)
    await eventually(lambda: slow.receiver.at_once == delivery.PER_BUSINESS)
    for _ in range(10):
        await quick.happen()
    courier.wake(quick.id)
    await eventually(lambda: len(quick.receiver.received) == 10)
    assert len(slow.receiver.received) == delivery.PER_BUSINESS
    slow.receiver.gate.set()
    await courier.idle()
    assert slow.receiver.most_at_once == delivery.PER_BUSINESS
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


# Workers that end -----------------------------------------------------------------------------


async def test_killed_after_the_post_it_is_sent_again_with_the_same_id(
    hook: Hook, courier: Courier, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooked = await hook()
    await hooked.happen()

    async def killed(*_: object, **__: object) -> None:
        raise SystemError("kill -9")

    with monkeypatch.context() as patch:
        patch.setattr(courier, "_record", killed)
        await deliver(courier, hooked)
    assert len(hooked.receiver.received) == 1
    ((status, attempts, due_in),) = await hooked.deliveries()
    assert (status, attempts) == ("pending", 0)
    assert due_in == pytest.approx(LEASE.total_seconds(), abs=2)
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


# Again by hand, tests, switches ---------------------------------------------------------------


async def only_event(hooked: Hooked) -> UUID:
    ((event_id,),) = await hooked.rows("SELECT id FROM events WHERE business_id = %s")
    return event_id


async def redeliver(hooked: Hooked, event_id: UUID) -> None:
    await hooked.database.write(lambda c: outbox.redeliver(c, hooked.id, event_id))


async def test_redelivered_by_hand_a_failed_one_has_four_attempts_again_under_the_same_id(
    hook: Hook, courier: Courier
) -> None:
    hooked = await hook()
    hooked.receiver.answer = lambda _: 500
    await hooked.happen()
    for _ in range(4):
        await deliver(courier, hooked)
        await hooked.time_passes()
    event_id = await only_event(hooked)
    await redeliver(hooked, event_id)
    for attempts in range(5, 9):
        await deliver(courier, hooked)
        ((status, made, _),) = await hooked.deliveries()
        assert (status, made) == ("pending" if attempts < 8 else "failed", attempts)
        await hooked.time_passes()
    await redeliver(hooked, event_id)
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
    event_id = await only_event(hooked)
    with pytest.raises(outbox.SwitchedOff):
        await redeliver(hooked, event_id)
    await hooked.set(enabled=True)
    await asyncio.gather(*(redeliver(hooked, event_id) for _ in range(5)))
    await deliver(courier, hooked)
    assert await hooked.deliveries() == [("delivered", 1, None)]


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
    await redeliver(hooked, await only_event(hooked))
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


async def test_a_test_webhook_arrives_whatever_is_subscribed_or_switched_on(
    hook: Hook, courier: Courier
) -> None:
    hooked = await hook(enabled=False, events=[])
    await hooked.database.write(lambda c: outbox.send_test(c, hooked.id, "payout.rejected"))
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
        await redeliver(mine, await only_event(yours))


# Tokens ---------------------------------------------------------------------------------------


async def test_while_the_token_is_rotated_no_delivery_fails(hook: Hook, courier: Courier) -> None:
    hooked = await hook()
    known = [hooked.token]

    def accept_what_is_known(one: Received) -> int:
        for token in known:
            try:
                one.verify(token)
            except Exception:  # noqa: BLE001, S112  # whatever the library says: not this token
                continue
            return 200
        return 401

    hooked.receiver.answer = accept_what_is_known
    write = hooked.database.write
    await hooked.happen()
    await deliver(courier, hooked)
    new = await write(lambda c: webhook_settings.rotate(c, hooked.id, hooked.keyring))
    await hooked.happen()
    await deliver(courier, hooked)
    assert len(hooked.receiver.received[-1].headers["webhook-signature"].split(" ")) == 2
    known[:] = [new]  # even a receiver that knows only one token at a time
    await hooked.happen()
    await deliver(courier, hooked)
    await write(lambda c: webhook_settings.confirm(c, hooked.id))
    await hooked.happen()
    await deliver(courier, hooked)
    assert len(hooked.receiver.received[-1].headers["webhook-signature"].split(" ")) == 1
    assert await hooked.deliveries() == [("delivered", 1, None)] * 4


async def test_a_token_without_its_server_key_stops_its_own_business_alone(
    hook: Hook, database: Database, keyring: Keyring
) -> None:
    other_key = Courier(
        database, Keyring("another secret key of a fine length, not"), allow_private=True
    )
    hooked = await hook()
    await hooked.happen()
    await hooked.happen()
    await deliver(other_key, hooked)
    assert hooked.receiver.received == []
    assert sorted(d[1] for d in await hooked.deliveries()) == [0, 0]
    await hooked.time_passes()
    await deliver(Courier(database, keyring, allow_private=True), hooked)
    assert len(hooked.receiver.received) == 2


async def test_reencryption_is_resumed_where_it_was_interrupted_and_loses_no_token(
    hook: Hook, database: Database, keyring: Keyring, settings: Settings
) -> None:
    hooked = [await hook() for _ in range(3)]
    new = await database.write(lambda c: webhook_settings.rotate(c, hooked[0].id, keyring))
    rotated = Keyring("the next secret key of a fine length", (settings.secret_key,))
    assert await database.write(lambda c: webhook_settings.reencrypt(c, rotated, limit=2)) == 2

    async def broken_off(connection: Any) -> None:
        await webhook_settings.reencrypt(connection, rotated)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await database.write(broken_off)
    while await database.write(lambda c: webhook_settings.reencrypt(c, rotated, limit=2)):
        pass
    after = Courier(database, Keyring("the next secret key of a fine length"), allow_private=True)
    await database.write(lambda c: webhook_settings.confirm(c, hooked[0].id))
    for one, token in zip(hooked, [new, hooked[1].token, hooked[2].token], strict=True):
        await one.happen()
        await deliver(after, one)
        one.receiver.received[0].verify(token)
    # The rest of this file's businesses still have the tests' own key to be read with.
    while await database.write(
        lambda c: webhook_settings.reencrypt(
            c, Keyring(settings.secret_key, ("the next secret key of a fine length",)), limit=50
        )
    ):
        pass


# Targets and secrets --------------------------------------------------------------------------


async def test_a_private_target_is_never_connected_to_once_the_operator_forbids_it(
    hook: Hook, database: Database, keyring: Keyring
) -> None:
    strict = Courier(database, keyring, allow_private=False)
    hooked = await hook()
    port = hooked.receiver.port
    await hooked.happen()
    for url in (hooked.receiver.url, f"https://127.0.0.1:{port}/", f"https://2130706433:{port}/"):
        await hooked.set(url=url)
        await deliver(strict, hooked)
        await hooked.time_passes()
    errors = await hooked.rows(
        "SELECT error FROM delivery_attempts WHERE business_id = %s ORDER BY number"
    )
    assert [error for (error,) in errors] == [
        "the URL must begin with https://",
        "the address is not public: 127.0.0.1 (loopback)",
        "the URL has no valid host",
    ]
    assert hooked.receiver.received == []


async def test_neither_tokens_nor_whole_signatures_are_in_the_database(
    hook: Hook, courier: Courier
) -> None:
    hooked = await hook()
    await hooked.happen()
    new = await hooked.database.write(
        lambda c: webhook_settings.rotate(c, hooked.id, hooked.keyring)
    )
    await deliver(courier, hooked)
    (received,) = hooked.receiver.received
    everything = "".join(
        str(row)
        for table in ("webhook_settings", "events", "deliveries", "delivery_attempts")
        for row in await hooked.rows(f"SELECT t::text FROM {table} t WHERE business_id = %s")
    )
    for secret in (hooked.token, new):
        raw = secret.removeprefix("whsec_")
        assert raw not in everything
        assert secret.encode().hex() not in everything
    assert received.headers["signature"] not in everything
    assert received.headers["webhook-signature"][3:] not in everything
    ((headers,),) = await hooked.rows(
        "SELECT request_headers FROM delivery_attempts WHERE business_id = %s"
    )
    assert headers["webhook-id"] == received.id
    assert json.dumps(headers).count("…") == 2


async def test_claiming_finds_its_delivery_by_an_index(hook: Hook) -> None:
    hooked = await hook()

    async def plan(connection: Any) -> str:
        await connection.execute("SET LOCAL enable_seqscan = off")
        rows = await connection.execute(
            "EXPLAIN SELECT id FROM deliveries WHERE business_id = %s AND due_at <= now()"
            " ORDER BY due_at LIMIT 1",
            [hooked.id],
        )
        return str(await rows.fetchall())

    assert "deliveries_due" in await hooked.database.write(plan)
    assert await hooked.database.fetch(queries.businesses_due) == []
