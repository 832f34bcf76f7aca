"""The SQL of who had a hand in what somebody was paid."""

from uuid import UUID

from payviox.db.pool import Connection


async def had_a_hand(connection: Connection, business_id: UUID, user_id: UUID, actor: str) -> bool:
    """Whether this actor ever allocated to the payout user: by hand, or by an upload that they sent
    in, confirmed or let go on. An upload's id is in the keys of what it paid, which nobody else can
    make."""
    cursor = await connection.execute(
        "SELECT FROM transfers t LEFT JOIN uploads u ON u.business_id = t.business_id"
        " AND u.id = CASE WHEN t.idempotency_key LIKE 'upload %%'"
        "                 THEN split_part(t.idempotency_key, ' ', 2)::uuid END"
        " WHERE t.business_id = %(business)s AND t.to_account = %(user)s AND t.kind = 'allocation'"
        " AND %(actor)s IN (t.actor, u.created_by, u.started_by, u.asked->>'by') LIMIT 1",
        {"business": business_id, "user": user_id, "actor": actor},
    )
    return await cursor.fetchone() is not None
