"""The SQL of holding all stock, and all files to banks, after a restore."""

from uuid import UUID

from payviox.db.pool import Connection


async def hold_all(connection: Connection) -> list[UUID]:
    """Hold the stock of every business, those without cards too: what is imported again may have
    left as well. Answers those that were not held before."""
    cursor = await connection.execute(
        "INSERT INTO stock_holds (business_id) SELECT id FROM businesses ORDER BY id"
        " ON CONFLICT DO NOTHING RETURNING business_id"
    )
    return [UUID(str(row[0])) for row in await cursor.fetchall()]


async def hold_bank_files(connection: Connection) -> None:
    """Hold the files of every business that pays by its bank: which have left is not known."""
    await connection.execute(
        "INSERT INTO bank_holds (business_id) SELECT business_id FROM rail_accounts"
        " WHERE rail = 'bank' ORDER BY business_id ON CONFLICT DO NOTHING"
    )
