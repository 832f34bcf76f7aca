"""The SQL of what operators were told of."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from psycopg import sql

from payviox import ids
from payviox.db.pool import Connection
from payviox.operator_mails.model import Subject, Told
from payviox.operator_mails.queries.choices import MAY


async def list_lasting(connection: Connection) -> list[tuple[UUID, Subject]]:
    """What operators were told of and has not been seen to end, each by its id."""
    cursor = await connection.execute(
        "SELECT id, business_id, cause FROM attention_mails WHERE NOT has_ended"
    )
    rows: Any = await cursor.fetchall()
    return [(row[0], Subject(row[1], row[2])) for row in rows]


async def end(connection: Connection, told_ids: Sequence[UUID]) -> None:
    """These have ended: whoever was told of them is told again when they come back."""
    await connection.execute(
        "UPDATE attention_mails SET has_ended = true WHERE id = ANY(%s)", [list(told_ids)]
    )


async def end_failed(connection: Connection) -> None:
    """What somebody was to be told by a mail that has failed they were not told."""
    await connection.execute(
        "UPDATE attention_mails a SET has_ended = true FROM mails m,"
        "  jsonb_array_elements_text(m.facts -> 'told_ids') AS t(id)"
        " WHERE m.business_id IS NULL AND m.status = 'failed' AND a.id = t.id::uuid"
        "  AND NOT a.has_ended"
    )


async def list_wanting(
    connection: Connection, subjects: Sequence[Subject], pause: timedelta
) -> list[Told]:
    """Whoever wants to be told of these at once and was not. Nothing is locked: the orders of a
    busy business do not wait for one another here."""
    cursor = await connection.execute(
        "SELECT o.id, o.email, b.id, s.cause"  # noqa: S608  # a constant
        " FROM unnest(%(businesses)s::uuid[], %(causes)s::text[]) AS s(business_id, cause)"
        " JOIN businesses b ON b.id = s.business_id"
        " JOIN attention_choices c ON s.cause = ANY(c.causes) AND NOT c.is_daily"
        "  AND (b.mode = 'live' OR c.with_test)"
        " JOIN operators o ON o.id = c.operator_id AND "
        + MAY
        + " WHERE NOT EXISTS (SELECT FROM attention_mails m WHERE m.business_id = b.id"
        "  AND m.operator_id = o.id AND m.cause = s.cause"
        "  AND NOT (m.has_ended AND m.told_at <= now() - %(pause)s))",
        {
            "businesses": [subject.business_id for subject in subjects],
            "causes": [subject.cause for subject in subjects],
            "pause": pause,
        },
    )
    rows: Any = await cursor.fetchall()
    return [Told(ids.new(), row[0], row[1], Subject(row[2], row[3])) for row in rows]


async def put(connection: Connection, wanting: Sequence[Told], pause: timedelta) -> list[Told]:
    """Note that they are told; answer those who were not told meanwhile, nor within the pause."""
    ordered = sorted(
        wanting, key=lambda told: (told.subject.business_id, told.operator_id, told.subject.cause)
    )
    cursor = await connection.execute(
        sql.SQL(
            "INSERT INTO attention_mails AS m (business_id, operator_id, cause, id)"
            " SELECT * FROM unnest(%(businesses)s::uuid[], %(operators)s::uuid[],"
            "  %(causes)s::text[], %(ids)s::uuid[])"
            " ON CONFLICT (business_id, operator_id, cause) DO UPDATE"
            " SET id = excluded.id, told_at = excluded.told_at, has_ended = false"
            " WHERE m.has_ended AND excluded.told_at - m.told_at >= {pause} RETURNING id"
        ).format(pause=sql.Literal(pause)),
        {
            "businesses": [told.subject.business_id for told in ordered],
            "operators": [told.operator_id for told in ordered],
            "causes": [told.subject.cause for told in ordered],
            "ids": [told.id for told in ordered],
        },
    )
    written = {row[0] for row in await cursor.fetchall()}
    return [told for told in ordered if told.id in written]
