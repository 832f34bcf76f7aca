"""The EVM wallets' books in our database. Each step commits on its own, between the rail's calls to
its node."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from payviox.db.pool import Connection, Database
from payviox.rail_accounts import evm_queries as queries
from payviox.rails.evm.books import (
    Ended,
    Fees,
    NotOurs,
    Owed,
    Payment,
    Seen,
    TooLittle,
    Transaction,
    Transfer,
    Wallet,
)

MISSING = 100
"""The most foreign nonces that are listed."""


class EvmBooks:
    """Implements payviox.rails.evm.books.Books."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def reserve(
        self, wallet: Wallet, order_id: UUID, reference: str, transfer: Transfer, seen: Seen
    ) -> Payment:
        """Raises TooLittle, NotOurs and Ended."""

        async def work(connection: Connection) -> Payment:
            # The order first, then the wallet: the order of locks everywhere.
            sending = await queries.lock_sending(
                connection, wallet.business_id, order_id, reference
            )
            found = await queries.find_payment(connection, wallet.business_id, reference)
            if found is not None:
                return found
            if not sending:
                raise Ended
            await _take_nonce(connection, wallet, reference, transfer, seen)
            found = await queries.find_payment(connection, wallet.business_id, reference)
            assert found is not None  # noqa: S101  # written just now
            return found

        return await self._database.write(work, keyed=True)

    async def next_nonce(self, wallet: Wallet) -> int | None:
        """None before the wallet's first payment."""
        return await self._database.fetch(lambda connection: queries.next_nonce(connection, wallet))

    async def find(self, business_id: UUID, reference: str) -> Payment | None:
        return await self._database.fetch(
            lambda connection: queries.find_payment(connection, business_id, reference)
        )

    async def transactions(self, payment: Payment) -> list[Transaction]:
        return await self._database.fetch(
            lambda connection: queries.list_transactions(connection, payment)
        )

    async def store(
        self, payment: Payment, number: int, hash_: str, raw: bytes, fees: Fees
    ) -> Transaction:
        async def work(connection: Connection) -> Transaction:
            await queries.insert_transaction(connection, payment, number, hash_, raw, fees)
            kept = await queries.list_transactions(connection, payment)
            return next(one for one in kept if one.number == number)

        return await self._database.write(work, keyed=True)

    async def owed(self, wallet: Wallet, mined: int) -> Owed:
        return await self._database.fetch(
            lambda connection: queries.owed(connection, wallet, mined)
        )

    async def missing(self, wallet: Wallet, start: int, end: int) -> list[int]:
        """The first hundred, should there be more."""
        return await self._database.fetch(
            lambda connection: queries.missing_nonces(connection, wallet, start, end, MISSING)
        )

    async def payments(
        self, business_id: UUID, since: datetime, after: str | None, limit: int
    ) -> Sequence[Payment]:
        return await self._database.fetch(
            lambda connection: queries.list_payments(connection, business_id, since, after, limit)
        )

    async def hashes(self, business_id: UUID, hashes: Sequence[str]) -> set[str]:
        return await self._database.fetch(
            lambda connection: queries.known_hashes(connection, business_id, hashes)
        )


async def _take_nonce(
    connection: Connection, wallet: Wallet, reference: str, transfer: Transfer, seen: Seen
) -> None:
    next_nonce = await queries.lock_wallet(connection, wallet, max(seen.mined, seen.pending))
    if next_nonce is None:
        raise NotOurs
    owed = await queries.owed(connection, wallet, seen.mined)
    _check(transfer, seen, owed)
    # A nonce that the chain has already, from a transaction made elsewhere with the wallet's key,
    # cannot be used again.
    nonce = max(next_nonce, seen.mined)
    await queries.insert_payment(connection, wallet, nonce, reference, transfer)


def _check(transfer: Transfer, seen: Seen, owed: Owed) -> None:
    """Raises TooLittle unless the wallet holds enough for this payment after all before it."""
    native = seen.native - owed.native
    evidence = {"gas_needed": str(transfer.fee), "coin_free": str(native)}
    if native < transfer.fee:
        raise TooLittle("gas_empty", evidence)
    if transfer.token is None:
        free = native - transfer.fee
    else:
        free = (seen.token or 0) - owed.tokens.get(transfer.token, 0)
    if free < transfer.units:
        evidence |= {"units_needed": str(transfer.units), "units_free": str(free)}
        raise TooLittle("float_empty", evidence)
