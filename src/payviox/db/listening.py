"""A connection that listens: one a process, apart from the pools, which lend theirs around."""

from psycopg import AsyncConnection, sql

from payviox.db import session
from payviox.db.pool import Connection


async def listen(url: str, channel: str) -> Connection:
    """Connect and listen on this channel."""
    connection = await AsyncConnection.connect(
        url,
        autocommit=True,
        options=session.READ_ALIKE,
        application_name="payviox live",
        **session.LINK,
    )
    await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
    return connection
