"""Wake-ups on a real queue: all that wait are taken at once, by one worker each."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest

from payviox.db import jobs, wake_ups
from payviox.db.pool import Connection, Database
from support.databases import Urls
from support.polling import eventually

pytestmark = pytest.mark.anyio


async def defer(database: Database, job: str, *businesses: UUID) -> None:
    async def work(connection: Connection) -> None:
        for business_id in businesses:
            await jobs.wake(connection, job, business_id)

    await database.write(work)


@asynccontextmanager
async def taking(database: Database, heard: Counter[UUID]) -> AsyncIterator[None]:
    def count(business_id: UUID) -> None:
        heard[business_id] += 1

    wakes: dict[str, Callable[[UUID], None]] = dict.fromkeys(jobs.QUEUE_OF, count)
    task = asyncio.create_task(wake_ups.take_all(database, wakes))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def waiting(database: Database, *businesses: UUID) -> list[object]:
    async def read(connection: Connection) -> list[object]:
        cursor = await connection.execute(
            "SELECT id FROM procrastinate_jobs WHERE (args ->> 'business_id')::uuid = ANY (%s)",
            [list(businesses)],
        )
        return [row[0] async for row in cursor]

    return await database.fetch(read)


async def test_what_was_deferred_before_and_what_is_deferred_later_wakes_its_business(
    database: Database,
) -> None:
    before, later = uuid4(), uuid4()
    heard: Counter[UUID] = Counter()
    await defer(database, jobs.SEND_MAILS, before)
    async with taking(database, heard):
        await eventually(lambda: heard[before] == 1)
        await defer(database, jobs.DELIVER_WEBHOOKS, later)
        await eventually(lambda: heard[later] == 1)
    assert not await waiting(database, before, later)


async def test_wake_ups_of_one_business_that_wait_together_wake_it_once_for_each_job(
    database: Database,
) -> None:
    business = uuid4()
    heard: Counter[UUID] = Counter()
    await defer(database, jobs.DELIVER_WEBHOOKS, *[business] * 50)
    await defer(database, jobs.PROCESS_ORDERS, business)
    async with taking(database, heard):
        await eventually(lambda: heard[business])
    assert heard[business] == 2


async def test_several_workers_share_them_and_nobody_takes_upkeep(
    database: Database, urls: Urls
) -> None:
    businesses = [uuid4() for _ in range(40)]
    heard: Counter[UUID] = Counter()
    with urls.as_admin() as connection:
        upkeep = connection.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, status)"
            " VALUES (%s, 'tidy', 'todo') RETURNING id",
            [jobs.UPKEEP_QUEUE],
        ).fetchone()
    async with taking(database, heard), taking(database, heard):
        for business_id in businesses:
            await defer(database, jobs.DELIVER_WEBHOOKS, business_id)
        await eventually(lambda: all(heard[business_id] for business_id in businesses))
    assert [heard[business_id] for business_id in businesses] == [1] * len(businesses)
    with urls.as_admin() as connection:
        assert connection.execute(
            "DELETE FROM procrastinate_jobs WHERE id = %s RETURNING id", upkeep
        ).fetchone()


def test_they_are_looked_for_once_however_many_wait(fresh_urls: Urls) -> None:
    """By a plan that was made while nothing waited, as a worker's is."""
    fill = (
        "INSERT INTO procrastinate_jobs (queue_name, task_name, status, args)"
        " SELECT %s, %s, 'todo', jsonb_build_object('business_id', gen_random_uuid())"
        " FROM generate_series(1, 100)"
    )
    name = jobs.PROCESS_ORDERS
    take = f"take('{{{jobs.QUEUE_OF[name]}}}', 1000)"
    with fresh_urls.as_admin() as connection:
        connection.execute("VACUUM ANALYZE procrastinate_jobs")
        connection.execute("SET plan_cache_mode = force_generic_plan")
        prepared = jobs.TAKE.replace("%s", "$1", 1).replace("%s", "$2")
        connection.execute(f"PREPARE take (text[], integer) AS {prepared}")
        connection.execute(f"EXECUTE {take}")
        connection.execute(fill, [jobs.QUEUE_OF[name], name])
        explained = connection.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE {take}").fetchone()
        assert connection.execute("SELECT FROM procrastinate_jobs").rowcount == 0
    assert explained is not None
    loops = {node["Node Type"]: node["Actual Loops"] for node in _nodes(explained[0][0]["Plan"])}
    assert loops["LockRows"] == 1, loops


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for each in plan.get("Plans", ()):
        yield from _nodes(each)


async def test_they_are_taken_again_after_every_connection_was_cut(
    database: Database, urls: Urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wake_ups, "AWAY_S", 0.05)
    first, second = uuid4(), uuid4()
    heard: Counter[UUID] = Counter()
    await defer(database, jobs.SEND_MAILS, first)
    async with taking(database, heard):
        await eventually(lambda: heard[first])
        with urls.as_admin() as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        await defer(database, jobs.SEND_MAILS, second)
        await eventually(lambda: heard[second])
