"""The names of background jobs and how to defer one beside the money it follows. A job is only a
wake-up: what is due is found in the features' own rows, so a lost job delays and never loses.
wake_ups.py takes them; what they wake is wired in worker.py."""

import functools
from typing import TYPE_CHECKING, LiteralString
from uuid import UUID

from payviox.db.pool import Connection

if TYPE_CHECKING:
    from procrastinate.manager import JobManager

PROCESS_ORDERS = "process_orders"
DELIVER_WEBHOOKS = "deliver_webhooks"
PAY_UPLOADS = "pay_uploads"
SEND_MAILS = "send_mails"

QUEUE_OF = {
    PROCESS_ORDERS: "orders",
    DELIVER_WEBHOOKS: "webhooks",
    PAY_UPLOADS: "uploads",
    SEND_MAILS: "mails",
}
UPKEEP_QUEUE = "upkeep"
MOST_TAKEN = 1_000
"""Wake-ups that are taken in one transaction."""

# An array is looked for once. A join, planned while the queue was empty, would look again for each
# row of a long one.
TAKE: LiteralString = """
DELETE FROM procrastinate_jobs WHERE ctid = ANY (ARRAY(
  SELECT ctid FROM procrastinate_jobs WHERE status = 'todo' AND queue_name = ANY (%s)
  ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED))
RETURNING task_name, (args ->> 'business_id')::uuid
"""


async def wake(connection: Connection, job: str, business_id: UUID) -> None:
    """Defer `job` for one business in the connection's transaction: both commit or neither."""
    from procrastinate.tasks import configure_task  # noqa: PLC0415  # as below

    deferrer = configure_task(
        name=job, job_manager=_manager(), queue=QUEUE_OF[job], connection=connection
    )
    await deferrer.defer_async(business_id=str(business_id))


async def take(connection: Connection, most: int) -> list[tuple[str, UUID]]:
    """Take the oldest wake-ups that wait, each a job's name and a business: they are told to one
    worker, and no more in the queue."""
    cursor = await connection.execute(TAKE, [list(QUEUE_OF.values()), most])
    return await cursor.fetchall()  # type: ignore[return-value]  # a text and a uuid


@functools.cache
def _manager() -> "JobManager":
    """Never opened: every job is deferred on the connection of the money that it follows."""
    from procrastinate import PsycopgConnector  # noqa: PLC0415  # slow, and reading defers nothing
    from procrastinate.manager import JobManager  # noqa: PLC0415  # as above

    return JobManager(PsycopgConnector())


async def forget_lost(connection: Connection) -> int:
    """Delete the jobs of workers that died with them. What they told of, a sweep has found."""
    cursor = await connection.execute(
        "DELETE FROM procrastinate_jobs j WHERE status <> 'todo' AND NOT EXISTS ("
        " SELECT 1 FROM procrastinate_workers w WHERE w.id = j.worker_id"
        " AND w.last_heartbeat > now() - interval '1 minute')"
    )
    return cursor.rowcount
