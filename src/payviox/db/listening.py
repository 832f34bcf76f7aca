"""A connection that listens: one a process, apart from the pools, which lend theirs around."""

from psycopg import AsyncConnection, sql

from payviox.db import session
from payviox.db.pool import CONNECT_S, SILENCE_S, Connection


async def listen(url: str, channel: str) -> Connection:
    """Connect and listen on this channel."""
    connection = await AsyncConnection.connect(
        url,
        autocommit=True,
        options=session.READ_ALIKE,
        application_name="payviox live",
        connect_timeout=CONNECT_S,
        keepalives_idle=SILENCE_S // 3,
        keepalives_interval=SILENCE_S // 3,
        keepalives_count=2,
        tcp_user_timeout=SILENCE_S * 1000,
    )
    await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
    return connection
