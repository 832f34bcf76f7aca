"""The worker on a real database: jobs wake it, sweeps find what no job told of, it hands back what
it holds, and comes back after the database was away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from payviox import wiring
from payviox import worker as worker_module
from payviox.db.pool import Connection, Database
from payviox.errors import DatabaseAway
from payviox.installation import Installation, keyring_of
from payviox.keyring import Keyring
from payviox.maintenance import tasks
from payviox.monitoring import service as monitoring
from payviox.settings import Settings
from payviox.worker import Worker
from support.ageing import set_back
from support.businesses import TestBusiness
from support.databases import Urls
from support.live import SECRET_KEY
from support.machine import stretch
from support.polling import eventually
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio

KEYS = Keyring(SECRET_KEY)


def worker_of(settings: Settings, database: Database) -> Worker:
    installation = Installation(settings, database, keyring_of(settings))
    return Worker(installation, wiring.rails(database, installation.keyring))


@pytest.fixture
async def worker(settings: Settings, database: Database) -> AsyncIterator[Worker]:
    """Running, until the test ends."""
    made = worker_of(settings, database)
    running = asyncio.create_task(made.run())
    yield made
    await made.stop()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def count(database: Database, statement: str) -> int:
    async def read(connection: Connection) -> int:
        cursor = await connection.execute(statement)
        row: Any = await cursor.fetchone()
        return int(row[0])

    return await database.fetch(read)


async def test_an_order_is_sent_without_anybody_asking(
    worker: Worker, business: TestBusiness
) -> None:
    desk = Desk.of(business)
    order = await desk.withdraw(await desk.user(5_000), 5_000)

    async def succeeded() -> bool:
        return (await desk.get(order)).status == "succeeded"

    await eventually(succeeded)


async def test_a_worker_tells_that_it_works_and_not_while_it_hangs(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    hangs = asyncio.Event()
    looks = 0

    async def due(_: Database) -> list[UUID]:
        nonlocal looks
        looks += 1
        if looks == 2:
            raise DatabaseAway
        if looks == 4:
            hangs.set()
            await asyncio.Event().wait()
        return []

    monkeypatch.setattr(worker_module, "SWEEP_S", 0.01)
    told: list[int] = []

    def tell() -> None:
        told.append(looks)
        if looks == 1:
            raise OSError("the file's disk is away")

    worker = worker_of(settings, database)
    sweep = worker._sweep("orders", due, worker._orders, tell)
    sweeping = asyncio.create_task(sweep)
    await hangs.wait()
    sweeping.cancel()
    await asyncio.gather(sweeping, return_exceptions=True)
    assert told == [1, 2, 3], "a database that is away is no fault of the worker"


async def test_a_worker_ends_though_what_it_does_when_it_is_stopped_forgets_that(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Python 3.11 does where what was waited for comes at the same moment."""
    looks, opens = asyncio.Event(), asyncio.Event()

    async def forget(reached: asyncio.Event) -> None:
        reached.set()
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()

    async def due(_: Database) -> list[UUID]:
        await forget(looks)
        return []

    monkeypatch.setattr(worker_module, "due_businesses", due)
    monkeypatch.setattr(worker_module, "SWEEP_S", 0.01)
    worker = worker_of(settings, database)
    queue = worker._jobs.connector
    open_queue = queue.open_async

    async def open_and_forget(pool: Any = None) -> None:
        await open_queue(pool)
        await forget(opens)

    monkeypatch.setattr(queue, "open_async", open_and_forget)
    running = asyncio.create_task(worker.run())
    await looks.wait()
    await opens.wait()
    await worker.stop()
    running.cancel()
    ended, _ = await asyncio.wait([running], timeout=stretch(20))
    running.cancel()
    assert ended


async def test_an_order_whose_job_was_lost_is_found_by_the_sweep(
    business: TestBusiness, settings: Settings, database: Database, urls: Urls
) -> None:
    desk = Desk.of(business)
    order = await desk.withdraw(await desk.user(5_000), 5_000)
    with urls.as_admin() as connection:
        connection.execute("DELETE FROM procrastinate_jobs")
    worker = worker_of(settings, database)
    running = asyncio.create_task(worker.run())

    async def succeeded() -> bool:
        return (await desk.get(order)).status == "succeeded"

    await eventually(succeeded)
    await worker.stop()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_two_workers_share_the_work_and_send_each_order_once(
    worker: Worker, business: TestBusiness, settings: Settings, database: Database
) -> None:
    second = worker_of(settings, database)
    running = asyncio.create_task(second.run())
    desk = Desk.of(business)
    user_id = await desk.user(50_000)
    orders = [await desk.withdraw(user_id, 1_000) for _ in range(50)]

    async def all_succeeded() -> bool:
        return {(await desk.get(order)).status for order in orders} == {"succeeded"}

    await eventually(all_succeeded, timeout_s=30)
    await second.stop()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert {len(await desk.attempts(order)) for order in orders} == {1}


async def test_jobs_leave_no_rows_behind(
    worker: Worker, business: TestBusiness, database: Database
) -> None:
    desk = Desk.of(business)
    await desk.withdraw(await desk.user(5_000), 5_000)

    async def none_left() -> bool:
        wakings = "task_name IN ('process_orders', 'deliver_webhooks')"
        return not await count(database, f"SELECT count(*) FROM procrastinate_jobs WHERE {wakings}")

    await eventually(none_left)


async def test_the_workers_heartbeat_is_in_the_database(worker: Worker, database: Database) -> None:
    recent = "last_heartbeat > now() - interval '30 seconds'"

    async def alive() -> bool:
        return (
            await count(database, f"SELECT count(*) FROM procrastinate_workers WHERE {recent}") > 0
        )

    await eventually(alive)


async def test_the_worker_goes_on_after_its_connections_were_cut(
    worker: Worker, business: TestBusiness, urls: Urls
) -> None:
    desk = Desk.of(business)
    user_id = await desk.user(10_000)
    with urls.as_admin() as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    order = await desk.withdraw(user_id, 5_000)

    async def succeeded() -> bool:
        return (await desk.get(order)).status == "succeeded"

    await eventually(succeeded, timeout_s=20)


async def test_a_worker_that_is_stopped_while_its_connections_are_cut_leaves_nothing_running(
    settings: Settings, database: Database, urls: Urls
) -> None:
    before = asyncio.all_tasks()
    worker = worker_of(settings, database)
    running = asyncio.create_task(worker.run())
    registered = "SELECT count(*) FROM procrastinate_workers"
    others = await count(database, registered)

    async def takes_jobs() -> bool:
        return await count(database, registered) > others

    await eventually(takes_jobs)
    with urls.as_admin() as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    await worker.stop()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    left = {
        task
        for task in asyncio.all_tasks() - before
        if "keep_up" in repr(task) or "take_all" in repr(task)
    }
    assert not left


async def test_jobs_of_dead_workers_are_forgotten_and_waiting_ones_are_not(
    business: TestBusiness, database: Database, urls: Urls, settings: Settings
) -> None:
    desk = Desk.of(business)
    await desk.withdraw(await desk.user(5_000), 5_000)
    await desk.withdraw(await desk.user(5_000), 5_000)
    with urls.as_admin() as connection:
        lost = connection.execute(
            "UPDATE procrastinate_jobs SET status = 'doing' WHERE id ="
            " (SELECT min(id) FROM procrastinate_jobs WHERE status = 'todo') RETURNING id"
        ).fetchone()
    before = await count(database, "SELECT count(*) FROM procrastinate_jobs WHERE status = 'todo'")
    assert before > 0
    await tasks.tidy(database, settings)
    assert (
        await count(database, "SELECT count(*) FROM procrastinate_jobs WHERE status = 'todo'")
        == before
    )
    assert lost is not None
    assert not await count(
        database, f"SELECT count(*) FROM procrastinate_jobs WHERE id = {lost[0]}"
    )


async def test_old_quotes_are_forgotten_but_those_that_an_order_or_a_replay_still_reads(
    business: TestBusiness, database: Database, urls: Urls, settings: Settings
) -> None:
    hash_ = (await business.create("ada@example.com", 5_000)).json()["hash"]
    user = business.client_with({"X-Payout-Hash": hash_})
    keyed = business.client_with({"X-Payout-Hash": hash_, "Idempotency-Key": "k"})
    body = {"provider": "paypal", "amount": 1_000, "paypal": {"email": "ada@example.com"}}
    made = [await user.post("/payout/quote", json=body) for _ in range(4)]
    unused, used, young, fresh = [answer.json()["quote_id"] for answer in made]
    again = await keyed.post("/payout/quote", json=body)
    order = await user.post("/payout/withdraw", json=body | {"quote_id": used})
    assert order.status_code == 201, order.text
    with urls.as_admin() as connection:
        for quote_id, age in ((unused, "25 hours"), (used, "25 hours"), (young, "23 hours")):
            connection.execute(
                "UPDATE quotes SET expires_at = now() - %s::interval WHERE id = %s",
                [age, quote_id.removeprefix("quo_")],
            )
        connection.execute(
            "UPDATE quotes SET expires_at = now() - interval '9 days' WHERE id = %s",
            [again.json()["quote_id"].removeprefix("quo_")],
        )
    await tasks.tidy(database, settings)
    with urls.as_admin() as connection:
        found = connection.execute(
            "SELECT 'quo_' || id FROM quotes WHERE business_id = %s", [business.business_id]
        ).fetchall()
    assert {row[0] for row in found} == {used, young, fresh, again.json()["quote_id"]}
    replay = await keyed.post("/payout/quote", json=body)
    assert replay.headers["Idempotent-Replayed"] == "true"


async def test_every_upkeep_task_runs_on_an_empty_and_on_a_busy_database(
    business: TestBusiness, database: Database, settings: Settings
) -> None:
    desk = Desk.of(business)
    await desk.withdraw(await desk.user(5_000), 2_000)
    before = await business.ledger()
    for _, work in tasks.SCHEDULE.values():
        await work(database)
    await tasks.tidy(database, settings)
    for _, keyed in tasks.KEYS_SCHEDULE.values():
        await keyed(database, KEYS)
    assert await business.ledger() == before


async def test_the_audit_writes_down_which_business_is_broken(
    business: TestBusiness, database: Database, urls: Urls
) -> None:
    await business.create("ada@example.com", 500)
    business.tampered = True
    with urls.as_admin() as connection:
        connection.execute(
            "UPDATE accounts SET balance = balance + 1 WHERE business_id = %s AND kind = 'payout'",
            [business.business_id],
        )
    await tasks.audit_ledger(database, KEYS)
    found = await business.scalar(
        "SELECT detail FROM audit_entries WHERE business_id = %s AND act = 'ledger.broken'",
        business.business_id,
    )
    assert isinstance(found, dict)
    assert found["account"] >= 1
    figures = await monitoring.figures(database)
    assert figures is not None
    assert [(each.mode, each.value) for each in figures.broken_ledgers] == [("test", 1)]


async def test_the_audit_tells_that_transfers_are_not_sealed(
    business: TestBusiness, database: Database, urls: Urls
) -> None:
    alerts = "SELECT count(*) FROM audit_entries WHERE business_id = %s AND act = %s"
    told = (alerts, business.business_id, "ledger.not_sealed")
    await business.create("ada@example.com", 500)
    await tasks.audit_ledger(database, KEYS)
    assert await business.scalar(*told) == 0, "they are new"
    with urls.as_admin() as connection:
        connection.execute(
            f"UPDATE transfers SET created_at = {set_back('created_at', timedelta(hours=2))}"
            " WHERE business_id = %s",
            [business.business_id],
        )
    await tasks.audit_ledger(database, KEYS)
    assert await business.scalar(*told) == 1
    await tasks.seal_ledger(database, KEYS)
    await tasks.audit_ledger(database, KEYS)
    assert await business.scalar(*told) == 1
