"""A process that pays uploads and ends itself by SIGKILL at a named point. Run as a program:
`python dying_payer.py DATABASE_URL BUSINESS_ID POINT`; it says `paid` where it never came to that
point."""

import asyncio
import sys
from collections.abc import Callable
from uuid import UUID

from payviox.allocations.batcher import Batcher
from payviox.allocations.queries import upload_rows, uploads
from payviox.allocations.uploads import paying
from payviox.db.pool import Database
from payviox.keyring import Keyring
from support import live
from support.dying import after, before

POINTS: dict[str, Callable[[], None]] = {
    "the upload is claimed, not committed": lambda: after(uploads, "claim"),
    "the claim is committed": lambda: before(upload_rows, "next_payments"),
    "the money is written, the rows are not": lambda: before(uploads, "add_paid"),
    "everything is written, not committed": lambda: after(upload_rows, "settle"),
    "a chunk is committed": lambda: after(Batcher, "submit"),
    "all chunks are committed": lambda: before(uploads, "finish"),
}
"""Where it dies, in the order of paying."""


async def pay(url: str, business_id: UUID) -> None:
    database = Database(url)
    await database.open()
    await paying.pay_due(database, Batcher(database, Keyring(live.SECRET_KEY)), business_id)
    sys.stdout.write("paid\n")


if __name__ == "__main__":
    POINTS[sys.argv[3]]()
    asyncio.run(pay(sys.argv[1], UUID(sys.argv[2])))
