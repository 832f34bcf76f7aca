"""The engine's SQL: set-based, one JSON parameter each, sent in two pipelines around one decision
in Python. They run on the engine's own connections, which leave the planner only index plans."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from payviox.allocations.model import AccountRow, Payout, User, Writes
from payviox.db.pool import Connection

encode = msgspec.json.Encoder().encode

# The payout account has its business's id: nothing but the primary key can find it.
LOCK_PAYOUT = """
SELECT id::text, balance, version FROM accounts WHERE business_id = %s AND id = %s FOR UPDATE
"""

# A statement of its own, after the lock: its snapshot sees what was committed while we waited.
READ_BUSINESS = """
SELECT hash_code, payouts_enabled, hash_lifetime_days, notify,
       ARRAY(SELECT k.id::text FROM api_keys k
             WHERE k.business_id = b.id AND k.kind = 'secret' AND k.revoked_at IS NULL)
FROM businesses b WHERE b.id = %s
"""

# LATERAL leaves the planner one order: a key's look-up for each of the wanted, whatever it believes
# of the tables' sizes. A business that its statistics do not know looks empty to it, so that any
# index starting with business_id seems as good; asking for a range in order, where sorting is dear
# (see db/pool.py), leaves the one that has the key. The accounts are locked in `found`'s order.
LOCK_USERS = """
WITH found AS MATERIALIZED (
  SELECT u.* FROM json_array_elements_text(%s::json) AS wanted(email)
  CROSS JOIN LATERAL (
    SELECT id, email, status, hash_key_id, hash_generation FROM payout_users
    WHERE business_id = %s AND email >= wanted.email AND email <= wanted.email
    ORDER BY email LIMIT 1
  ) u ORDER BY u.id
)
SELECT f.id::text, f.email, f.status = 'active', f.hash_key_id, f.hash_generation,
       a.balance, a.version
FROM found f CROSS JOIN LATERAL (
  SELECT balance, version FROM accounts WHERE business_id = %s AND id = f.id FOR UPDATE
) a
"""

FIND_REPLAYS = """
SELECT t.idempotency_key, t.digest, t.user_id, u.hash_key_id, u.hash_generation
FROM json_array_elements_text(%s::json) AS wanted(key)
CROSS JOIN LATERAL (
  SELECT idempotency_key, encode(idempotency_digest, 'hex') AS digest, to_account::text AS user_id
  FROM transfers
  WHERE business_id = %s AND idempotency_key >= wanted.key AND idempotency_key <= wanted.key
  ORDER BY transfers.idempotency_key LIMIT 1
) t
CROSS JOIN LATERAL (
  SELECT hash_key_id, hash_generation FROM payout_users
  WHERE business_id = %s AND id >= t.user_id::uuid AND id <= t.user_id::uuid
  ORDER BY id LIMIT 1
) u
"""

# One statement: each costs a send, a plan and a start of the executor. The accounts, the payout
# account among them, are written by an upsert and not an UPDATE … FROM: its only plan is the
# primary key.
WRITE = """
WITH new_users AS (
  INSERT INTO payout_users (business_id, id, email, hash_key_id, hash_digest)
  SELECT %(business)s, n.u, n.e, n.k, decode(n.h, 'hex')
  FROM json_to_recordset(%(users)s::json) AS n(u uuid, e text, k text, h text)
  ON CONFLICT (business_id, id) DO UPDATE SET hash_renewed_at = excluded.hash_renewed_at
), written_accounts AS (
  INSERT INTO accounts (business_id, id, kind, balance, version)
  SELECT %(business)s, n.u, 'user', n.b, n.v
  FROM json_to_recordset(%(accounts)s::json) AS n(u uuid, b bigint, v bigint)
  ON CONFLICT (business_id, id) DO UPDATE SET balance = excluded.balance, version = excluded.version
), new_transfers AS (
  INSERT INTO transfers (business_id, kind, amount, from_account, from_version, from_balance,
                         to_account, to_version, to_balance, reference, idempotency_key,
                         idempotency_digest, actor)
  SELECT %(business)s, 'allocation', n.a, %(payout)s, n.fv, n.fb, n.u, n.tv, n.tb, n.r, n.k,
         decode(n.d, 'hex'), n.ac
  FROM json_to_recordset(%(transfers)s::json)
    AS n(u uuid, a bigint, fv bigint, fb bigint, tv bigint, tb bigint, r text, k text, d text,
         ac text)
)
INSERT INTO allocation_groups (business_id, id) VALUES (%(business)s, %(group)s)
"""

# What is already collected for somebody's next mail grows; otherwise a mail is begun.
WRITE_NOTICES = """
INSERT INTO allocation_notices AS n (business_id, payout_user_id, id, amount)
SELECT %(business)s, w.u, w.i, w.a
FROM json_to_recordset(%(notices)s::json) AS w(u uuid, i uuid, a bigint)
ON CONFLICT (business_id, payout_user_id) DO UPDATE SET amount = n.amount + excluded.amount
"""

Replays = dict[str, tuple[str, User]]
"""Idempotency key → the digest of its first request and the payout user whom it paid."""


async def begin(
    connection: Connection, business_id: UUID, emails: Sequence[str], keys: Sequence[str]
) -> tuple[Payout, dict[str, User], Replays]:
    """Open the transaction, take the locks in order, and read what the decision needs."""
    async with connection.pipeline():
        await connection.execute("BEGIN")
        lock = await connection.execute(LOCK_PAYOUT, [business_id, business_id])
        state = await connection.execute(READ_BUSINESS, [business_id])
        users = await connection.execute(
            LOCK_USERS, [encode(emails).decode(), business_id, business_id]
        )
        replays = (
            await connection.execute(
                FIND_REPLAYS, [encode(keys).decode(), business_id, business_id]
            )
            if keys
            else None
        )
        payout_row, business_row = await lock.fetchone(), await state.fetchone()
        user_rows = await users.fetchall()
        replay_rows = await replays.fetchall() if replays else []
    if payout_row is None or business_row is None:
        raise LookupError(f"business {business_id} does not exist")
    known = [User(*row) for row in user_rows]  # type: ignore[arg-type]  # typed by the statement
    return (
        Payout(*payout_row, *business_row),  # type: ignore[arg-type]  # likewise
        {user.email: user for user in known},
        {
            str(key): (str(digest), User(str(user_id), "", True, str(key_id), int(str(gen)), 0, 0))
            for key, digest, user_id, key_id, gen in replay_rows
        },
    )


async def write(connection: Connection, writes: Writes) -> None:
    """Send a group's rows and its id; the caller commits."""
    payout = writes.payout
    accounts = [*writes.accounts, AccountRow(payout.account_id, payout.balance, payout.version)]
    await connection.execute(
        WRITE,
        {
            "business": writes.business_id,
            "group": writes.group_id,
            "payout": payout.account_id,
            "users": encode(writes.users).decode(),
            "accounts": encode(accounts).decode(),
            "transfers": encode(writes.transfers).decode(),
        },
    )


async def write_notices(connection: Connection, writes: Writes) -> None:
    """Send what is to be told by mail, after the rows that it tells of."""
    await connection.execute(
        WRITE_NOTICES,
        {"business": writes.business_id, "notices": encode(writes.notices).decode()},
    )


async def group_exists(connection: Connection, business_id: UUID, group_id: UUID) -> bool:
    """Whether this group was committed. Waits for the payout lock first: a transaction whose
    connection we lost may still be about to commit, and holds it until it has or has not."""
    async with connection.transaction():
        await connection.execute(LOCK_PAYOUT, [business_id, business_id])
        cursor = await connection.execute(
            "SELECT 1 FROM allocation_groups WHERE business_id = %s AND id = %s",
            [business_id, group_id],
        )
        return await cursor.fetchone() is not None


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


async def forget_old_groups(connection: Connection) -> int:
    """Delete the ids of groups that nobody can still be asking for."""
    cursor = await connection.execute(
        "DELETE FROM allocation_groups WHERE created_at < now() - interval '1 day'"
    )
    return cursor.rowcount
