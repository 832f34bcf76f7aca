"""The engine's SQL: set-based, one JSON parameter each, sent in two round trips around one decision
in Python. They run on the engine's own connections, which leave the planner only index plans."""

from collections.abc import Sequence
from uuid import UUID

import msgspec
from psycopg.errors import InFailedSqlTransaction
from psycopg.pq import TransactionStatus

from payviox.allocations.model import AccountRow, Payout, SpendingKey, User, Writes
from payviox.db.pool import Connection
from payviox.db.round_trip import Sent, Statement, round_trip

encode = msgspec.json.Encoder().encode

BEGIN = Statement("begin", "BEGIN")
COMMIT = Statement("commit", "COMMIT")

# The payout account has its business's id: nothing but the primary key can find it.
LOCK_PAYOUT = Statement(
    "lock_payout",
    """
SELECT id::text, balance, version FROM accounts WHERE business_id = $1 AND id = $1 FOR UPDATE
""",
)

# A statement of its own, after the lock: its snapshot sees what was committed while we waited.
READ_BUSINESS = Statement(
    "read_business",
    """
SELECT hash_code, payouts_enabled, hash_lifetime_days, notify,
       ARRAY(SELECT k.id::text FROM api_keys k
             WHERE k.business_id = b.id AND k.kind = 'secret' AND k.revoked_at IS NULL)
FROM businesses b WHERE b.id = $1
""",
)

# LATERAL leaves the planner one order: a key's look-up for each of the wanted, whatever it believes
# of the tables' sizes. A business that its statistics do not know looks empty to it, so that any
# index starting with business_id seems as good; asking for a range in order, where sorting is dear
# (see db/pool.py), leaves the one that has the key. The accounts are locked in `found`'s order.
LOCK_USERS = Statement(
    "lock_users",
    """
WITH found AS MATERIALIZED (
  SELECT u.* FROM json_array_elements_text($2::json) AS wanted(email)
  CROSS JOIN LATERAL (
    SELECT id, email, status, hash_key_id, hash_generation FROM payout_users
    WHERE business_id = $1 AND email >= wanted.email AND email <= wanted.email
    ORDER BY email LIMIT 1
  ) u ORDER BY u.id
)
SELECT f.id::text, f.email, f.status = 'active', f.hash_key_id, f.hash_generation,
       a.balance, a.version
FROM found f CROSS JOIN LATERAL (
  SELECT balance, version FROM accounts WHERE business_id = $1 AND id = f.id FOR UPDATE
) a
""",
)

FIND_REPLAYS = Statement(
    "find_replays",
    """
SELECT t.idempotency_key, t.digest, t.user_id, u.hash_key_id, u.hash_generation
FROM json_array_elements_text($2::json) AS wanted(key)
CROSS JOIN LATERAL (
  SELECT idempotency_key, encode(idempotency_digest, 'hex') AS digest, to_account::text AS user_id
  FROM transfers
  WHERE business_id = $1 AND idempotency_key >= wanted.key AND idempotency_key <= wanted.key
  ORDER BY transfers.idempotency_key LIMIT 1
) t
CROSS JOIN LATERAL (
  SELECT hash_key_id, hash_generation FROM payout_users
  WHERE business_id = $1 AND id >= t.user_id::uuid AND id <= t.user_id::uuid
  ORDER BY id LIMIT 1
) u
""",
)

# One statement: each costs a send and a start of the executor. The accounts, the payout account
# among them, are written by an upsert and not an UPDATE … FROM: its only plan is the primary key.
# Business, group, payout account; users, accounts and transfers as JSON.
WRITE = Statement(
    "write",
    """
WITH new_users AS (
  INSERT INTO payout_users (business_id, id, email, hash_key_id, hash_digest)
  SELECT $1::uuid, n.u, n.e, n.k, decode(n.h, 'hex')
  FROM json_to_recordset($4::json) AS n(u uuid, e text, k text, h text)
  ON CONFLICT (business_id, id) DO UPDATE SET hash_renewed_at = excluded.hash_renewed_at
), written_accounts AS (
  INSERT INTO accounts (business_id, id, kind, balance, version)
  SELECT $1::uuid, n.u, 'user', n.b, n.v
  FROM json_to_recordset($5::json) AS n(u uuid, b bigint, v bigint)
  ON CONFLICT (business_id, id) DO UPDATE SET balance = excluded.balance, version = excluded.version
), new_transfers AS (
  INSERT INTO transfers (business_id, kind, amount, from_account, from_version, from_balance,
                         to_account, to_version, to_balance, reference, idempotency_key,
                         idempotency_digest, actor)
  SELECT $1::uuid, 'allocation', n.a, $3::uuid, n.fv, n.fb, n.u, n.tv, n.tb, n.r, n.k,
         decode(n.d, 'hex'), n.ac
  FROM json_to_recordset($6::json)
    AS n(u uuid, a bigint, fv bigint, fb bigint, tv bigint, tb bigint, r text, k text, d text,
         ac text)
)
INSERT INTO allocation_groups (business_id, id) VALUES ($1::uuid, $2::uuid)
""",
)

# What is already collected for somebody's next mail grows; otherwise a mail is begun.
WRITE_NOTICES = Statement(
    "write_notices",
    """
INSERT INTO allocation_notices AS n (business_id, payout_user_id, id, amount)
SELECT $1::uuid, w.u, w.i, w.a
FROM json_to_recordset($2::json) AS w(u uuid, i uuid, a bigint)
ON CONFLICT (business_id, payout_user_id) DO UPDATE SET amount = n.amount + excluded.amount
""",
)

# Sent only where a restricted key is among the callers. It follows the lock under which every key
# of the business spends, is changed and is revoked: nothing of a key changes until the commit.
READ_KEYS = Statement(
    "read_keys",
    """
SELECT k.id::text, k.scopes, k.networks, k.amount_limit, k.daily_limit, d.today::text,
       coalesce((SELECT amount FROM key_spending
                 WHERE business_id = $1 AND key_id = k.id AND day = d.today), 0)
FROM json_array_elements_text($2::json) AS wanted(id)
CROSS JOIN LATERAL (SELECT (statement_timestamp() AT TIME ZONE 'UTC')::date) AS d(today)
JOIN api_keys k ON k.id = wanted.id::uuid
WHERE k.business_id = $1 AND k.kind = 'restricted' AND k.revoked_at IS NULL
  AND (k.expires_at IS NULL OR k.expires_at > statement_timestamp())
""",
)

WRITE_SPENDING = Statement(
    "write_spending",
    """
INSERT INTO key_spending AS s (business_id, key_id, day, amount)
SELECT $1::uuid, w.k, w.d, w.a FROM json_to_recordset($2::json) AS w(k uuid, d date, a bigint)
ON CONFLICT (business_id, key_id, day) DO UPDATE SET amount = s.amount + excluded.amount
""",
)

FIND_GROUP = Statement(
    "find_group", "SELECT 1 FROM allocation_groups WHERE business_id = $1 AND id = $2"
)

Replays = dict[str, tuple[str, User]]
"""Idempotency key → the digest of its first request and the payout user whom it paid."""


class Begun(msgspec.Struct):
    """What a group's decision needs, read under its locks. `users` are by email, restricted `keys`
    by id; one that works no more is not there."""

    payout: Payout
    users: dict[str, User]
    replays: Replays
    keys: dict[str, SpendingKey]


async def begin(
    connection: Connection,
    business_id: UUID,
    emails: Sequence[str],
    idempotency_keys: Sequence[str],
    restricted_keys: Sequence[str],
) -> Begun:
    """Open the transaction, take the locks in order, and read what the decision needs."""
    business = _text(business_id)
    sent: list[Sent] = [
        (BEGIN, ()),
        (LOCK_PAYOUT, (business,)),
        (READ_BUSINESS, (business,)),
        (LOCK_USERS, (business, encode(emails))),
    ]
    if restricted_keys:
        sent.append((READ_KEYS, (business, encode(restricted_keys))))
    if idempotency_keys:
        sent.append((FIND_REPLAYS, (business, encode(idempotency_keys))))
    _, payout, state, users, *more = await round_trip(connection, *sent)
    if not payout or not state:
        raise LookupError(f"business {business_id} does not exist")
    keys = more.pop(0) if restricted_keys else []
    return Begun(
        Payout(*payout[0], *state[0]),
        {email: User(user_id, email, *rest) for user_id, email, *rest in users},
        {
            key: (digest, User(user_id, "", True, key_id, generation, 0, 0))
            for replays in more
            for key, digest, user_id, key_id, generation in replays
        },
        {key_id: SpendingKey(key_id, *rest) for key_id, *rest in keys},
    )


async def write(connection: Connection, writes: Writes) -> None:
    """Write a group's rows and its id; the caller commits."""
    await round_trip(connection, *_rows_of(writes))


async def write_and_commit(connection: Connection, writes: Writes) -> None:
    """Write a group's rows and its id, if it moved anything, and commit, in one round trip."""
    rows = _rows_of(writes) if writes.transfers else ()
    await round_trip(connection, *rows, (COMMIT, ()))


async def commit(connection: Connection) -> None:
    """Commit what was written. Raises InFailedSqlTransaction where a statement failed and nobody
    heeded it: COMMIT would roll back, and call it a success."""
    if connection.info.transaction_status != TransactionStatus.INTRANS:
        raise InFailedSqlTransaction("a statement of this transaction failed")
    await round_trip(connection, (COMMIT, ()))


def _rows_of(writes: Writes) -> list[Sent]:
    """A group's rows, and behind them what is to be told of them by mail."""
    payout, business = writes.payout, _text(writes.business_id)
    accounts = [*writes.accounts, AccountRow(payout.account_id, payout.balance, payout.version)]
    sent: list[Sent] = [
        (
            WRITE,
            (
                business,
                _text(writes.group_id),
                payout.account_id.encode(),
                encode(writes.users),
                encode(accounts),
                encode(writes.transfers),
            ),
        )
    ]
    if writes.notices:
        sent.append((WRITE_NOTICES, (business, encode(writes.notices))))
    if writes.spending:
        sent.append((WRITE_SPENDING, (business, encode(writes.spending))))
    return sent


def _text(value: UUID) -> bytes:
    return str(value).encode()


async def group_exists(connection: Connection, business_id: UUID, group_id: UUID) -> bool:
    """Whether this group was committed. Waits for the payout lock first: a transaction whose
    connection we lost may still be about to commit, and holds it until it has or has not."""
    business = _text(business_id)
    _, group = await round_trip(
        connection, (LOCK_PAYOUT, (business,)), (FIND_GROUP, (business, _text(group_id)))
    )
    return bool(group)


async def find_hashes(
    connection: Connection, business_id: UUID, emails: Sequence[str]
) -> tuple[str, dict[str, tuple[str, str, int]]]:
    """What hashes are made from: the business's code; by email the payout user's id, the server
    key's id and the generation."""
    code = await connection.execute("SELECT hash_code FROM businesses WHERE id = %s", [business_id])
    row = await code.fetchone()
    cursor = await connection.execute(
        "SELECT email, id::text, hash_key_id, hash_generation FROM payout_users"
        " WHERE business_id = %s AND email = ANY(%s)",
        [business_id, list(emails)],
    )
    return str(row[0]) if row else "", {
        str(email): (str(user_id), str(key_id), int(str(generation)))
        for email, user_id, key_id, generation in await cursor.fetchall()
    }


async def forget_old_groups(connection: Connection, limit: int) -> int:
    """Delete the ids of groups that nobody can still be asking for, so many at most."""
    cursor = await connection.execute(
        "DELETE FROM allocation_groups WHERE (business_id, id) IN ("
        " SELECT business_id, id FROM allocation_groups"
        " WHERE created_at < now() - interval '1 day' ORDER BY created_at LIMIT %s)",
        [limit],
    )
    return cursor.rowcount
