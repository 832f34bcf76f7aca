"""The EVM wallets' books in our database. Each step commits on its own, between the rail's calls to
its node."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from payviox import ids
from payviox.actors import Actor
from payviox.audit import service as audit
from payviox.db.pool import Connection, Database
from payviox.rail_state.queries import evm as queries
from payviox.rails.evm.books import (
    Ended,
    Fees,
    Holder,
    NotOurs,
    Owed,
    Payment,
    Seen,
    TooLittle,
    Transaction,
    Transfer,
    UsedElsewhere,
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
        """Raises TooLittle, NotOurs, UsedElsewhere and Ended."""

        async def work(connection: Connection) -> Payment:
            # The order first, then the wallet: the order of locks everywhere.
            sending = await queries.lock_sending(
                connection, wallet.business_id, order_id, reference
            )
            payment = await queries.find_payment(connection, wallet.business_id, reference)
            if payment is not None:
                return payment
            if not sending:
                raise Ended
            await _take_nonce(connection, wallet, reference, transfer, seen)
            payment = await queries.find_payment(connection, wallet.business_id, reference)
            assert payment is not None  # noqa: S101  # written just now
            return payment

        return await self._database.write(work, keyed=True)

    async def next_nonce(self, wallet: Wallet) -> int | None:
        """None before the wallet's first payment."""
        return await self._database.fetch(queries.next_nonce, wallet)

    async def find(self, business_id: UUID, reference: str) -> Payment | None:
        return await self._database.fetch(queries.find_payment, business_id, reference)

    async def transactions(self, payment: Payment) -> list[Transaction]:
        return await self._database.fetch(queries.list_transactions, payment)

    async def store(
        self,
        order_id: UUID,
        payment: Payment,
        number: int,
        hash_: str,
        raw: bytes,
        fees: Fees,
    ) -> Transaction:
        """Raises Ended."""
        business_id = payment.wallet.business_id

        async def work(connection: Connection) -> Transaction:
            holder = await queries.held_by(
                connection, business_id, order_id, payment.reference, lock=True
            )
            # What a person settled as paid, by whatever way, is not signed for the first time.
            if holder == "given_back" or (holder == "paid" and number == 1):
                raise Ended
            await queries.insert_transaction(connection, payment, number, hash_, raw, fees)
            transactions = await queries.list_transactions(connection, payment)
            return next(one for one in transactions if one.number == number)

        return await self._database.write(work, keyed=True)

    async def owed(self, wallet: Wallet, mined: int) -> Owed:
        return await self._database.fetch(queries.owed, wallet, mined)

    async def holder(self, wallet: Wallet, nonce: int) -> tuple[Holder, Payment | None]:
        async def read(connection: Connection) -> tuple[Holder, Payment | None]:
            payment = await queries.payment_of(connection, wallet, nonce)
            if payment is None:
                return "nobody", None
            order_id = ids.parse(ids.ORDER, payment.reference.partition(".")[0])
            assert order_id is not None  # noqa: S101  # we made it
            holder = await queries.held_by(
                connection, wallet.business_id, order_id, payment.reference
            )
            return holder, payment

        return await self._database.fetch(read)

    async def missing(self, wallet: Wallet, start: int, end: int) -> list[int]:
        """The first hundred, should there be more."""
        return await self._database.fetch(queries.missing_nonces, wallet, start, end, MISSING)

    async def payments(
        self, business_id: UUID, since: datetime, after: str | None, limit: int
    ) -> Sequence[Payment]:
        return await self._database.fetch(queries.list_payments, business_id, since, after, limit)

    async def hashes(self, business_id: UUID, hashes: Sequence[str]) -> set[str]:
        return await self._database.fetch(queries.known_hashes, business_id, hashes)


async def accept_nonces(connection: Connection, wallet: Wallet, used: int, actor: Actor) -> None:
    """An operator says that the wallet's transactions with nonces before this one are accounted
    for, whoever made them: it goes on behind them."""
    await queries.skip_to(connection, wallet, used)
    about = {"rail": "evm", "chain_id": wallet.chain_id, "wallet": wallet.address}
    await audit.record(
        connection,
        wallet.business_id,
        actor,
        "rail.accept_nonces",
        about,
        after={"next_nonce": used},
    )


async def _take_nonce(
    connection: Connection, wallet: Wallet, reference: str, transfer: Transfer, seen: Seen
) -> None:
    nonce = await queries.lock_wallet(connection, wallet, seen.mined)
    if nonce is None:
        raise NotOurs
    # What only waits may be dropped, and whatever is behind it would wait for it.
    if seen.used > nonce:
        raise UsedElsewhere(seen.used, nonce)
    owed = await queries.owed(connection, wallet, seen.mined)
    _check(transfer, seen, owed)
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
