"""The SQL of a payout user's history: the transfers that moved their balance, newest first, each
order once, with its state of now."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import class_row

from payviox.db.pool import Connection
from payviox.order_states import Status
from payviox.rails.orders import Provider


@dataclass(frozen=True, slots=True)
class Movement:
    """A transfer of the payout user's account. `amount` is signed: what it did to the balance. An
    order's first transfer stands for the order; what it gave back later is told by its status."""

    version: int
    id: int
    kind: str
    amount: int
    order_id: UUID | None
    provider: Provider | None
    status: Status | None
    destination: dict[str, Any] | None
    waiting: str | None
    failure: str | None
    note: str | None
    created_at: datetime
    is_own: bool
    """Whether the payout user did it themselves."""


_SHOWN = "('allocation', 'revocation', 'expiry', 'adjustment', 'reserve')"

# Both sides by their unique index on (account, version), newest first; merged, then cut.
_HISTORY = f"""
SELECT m.version, m.id, m.kind, m.amount, m.order_id, o.provider, o.status,
       o.destination, o.waiting, o.failure, o.note, m.created_at,
       coalesce(m.actor LIKE 'payout_user:%%', false) AS is_own
FROM (
  (SELECT from_version AS version, id, kind, -amount AS amount, order_id, created_at, actor
   FROM transfers
   WHERE business_id = %(b)s AND from_account = %(u)s AND from_version < %(before)s
     AND kind IN {_SHOWN} ORDER BY from_version DESC LIMIT %(limit)s)
  UNION ALL
  (SELECT to_version, id, kind, amount, order_id, created_at, actor FROM transfers
   WHERE business_id = %(b)s AND to_account = %(u)s AND to_version < %(before)s
     AND kind IN {_SHOWN} ORDER BY to_version DESC LIMIT %(limit)s)
) m LEFT JOIN orders o ON o.business_id = %(b)s AND o.id = m.order_id
ORDER BY m.version DESC LIMIT %(limit)s
"""  # noqa: S608  # constants

_VERSION = """
SELECT CASE %(u)s WHEN from_account THEN from_version ELSE to_version END FROM transfers
WHERE business_id = %(b)s AND %(u)s IN (from_account, to_account)
"""


async def list_movements(
    connection: Connection, business_id: UUID, user_id: UUID, *, before: int, limit: int
) -> list[Movement]:
    """Movements of the account's versions below `before`."""
    async with connection.cursor(row_factory=class_row(Movement)) as cursor:
        await cursor.execute(
            _HISTORY, {"b": business_id, "u": user_id, "before": before, "limit": limit}
        )
        return await cursor.fetchall()


async def version_of_transfer(
    connection: Connection, business_id: UUID, user_id: UUID, transfer_id: int
) -> int | None:
    return await _version(
        connection,
        f"{_VERSION} AND id = %(id)s",
        {"b": business_id, "u": user_id, "id": transfer_id},
    )


async def version_of_order(
    connection: Connection, business_id: UUID, user_id: UUID, order_id: UUID
) -> int | None:
    return await _version(
        connection,
        f"{_VERSION} AND order_id = %(id)s AND kind = 'reserve'",
        {"b": business_id, "u": user_id, "id": order_id},
    )


async def _version(connection: Connection, query: str, parameters: dict[str, object]) -> int | None:
    row = await (await connection.execute(query, parameters)).fetchone()
    return None if row is None else int(str(row[0]))
