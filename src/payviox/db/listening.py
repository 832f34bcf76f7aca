"""A connection that listens: one a process, apart from the pools, which lend theirs around."""

from psycopg import AsyncConnection, sql

from payviox.db import session
from payviox.db.pool import Connection, Database


async def listen(database: Database, channel: str) -> Connection:
    """Connect to the primary that the pools go to, and listen on this channel."""
    connection = await AsyncConnection.connect(
        await database.primary_url(),
        autocommit=True,
        options=session.READ_ALIKE,
        application_name="payviox live",
        **session.LINK,
    )
    await database.check_server(connection)
    await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
    return connection
