"""`ledger verify` with the secret keys: besides every invariant of the ledger what the keys made,
payout users' hashes and gift cards' codes, and seals that were kept elsewhere."""

from collections.abc import AsyncIterator
from uuid import UUID

from payviox.auth import users
from payviox.db.pool import Connection
from payviox.giftcards import code_check
from payviox.keyring import Keyring
from payviox.ledger import verify as verification
from payviox.ledger.seal_check import Kept
from payviox.ledger.verify import Problem, Progress, Report


async def verify(
    connection: Connection,
    keyring: Keyring,
    progress: Progress = lambda *_: None,
    kept: Kept | None = None,
) -> Report:
    """Check everything as it is at this moment, on a connection outside any transaction; `kept` are
    seals of a file."""

    async def hashes(connection: Connection, business_id: UUID) -> AsyncIterator[Problem]:
        async for message, user_id in users.broken_hashes(connection, business_id, keyring):
            yield Problem("payout_user", business_id, message, user_id)

    async def codes(connection: Connection, business_id: UUID) -> AsyncIterator[Problem]:
        async for message in code_check.broken_codes(connection, business_id, keyring):
            yield Problem("card", business_id, message)

    return await verification.verify(
        connection, progress, keyring=keyring, kept=kept, checks=(hashes, codes)
    )
