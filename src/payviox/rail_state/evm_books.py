"""The EVM wallets' books in our database. Each step commits between the rail's calls to its node,
together with what other payments do at the same time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from payviox import ids
from payviox.actors import Actor
from payviox.audit import service as audit
from payviox.db.pool import Connection, Database
from payviox.rail_state.queries import evm as queries
from payviox.rail_state.queries.evm import SignedPayment
from payviox.rail_state.together import Together
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

GROUP_WAITS_S = 1.0
"""What a group waits for a row that somebody holds: then each is tried alone, and waits as long as
any transaction."""
MISSING = 100
"""The most foreign nonces that are listed."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A reference that wants a nonce."""

    order_id: UUID
    reference: str
    transfer: Transfer


class EvmBooks:
    """Implements payviox.rails.evm.books.Books. What many calls do at the same time is done in one
    transaction: a wallet's payments would wait for one another's commits otherwise."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._reserving = Together(self._reserve)
        self._storing = Together(self._store)
        self._finding = Together(self._find)
        self._listing = Together(self._list)

    async def reserve(
        self, wallet: Wallet, order_id: UUID, reference: str, transfer: Transfer, seen: Seen
    ) -> Payment:
        """Raises TooLittle, NotOurs, UsedElsewhere and Ended."""
        return await self._reserving.ask((wallet, seen), _Asked(order_id, reference, transfer))

    async def _reserve(
        self, key: tuple[Wallet, Seen], asked: Sequence[_Asked]
    ) -> Sequence[Payment | Exception]:
        try:
            return await self._database.write(_reserve, *key, asked, keyed=True)
        except _NoneTaken as none:
            return none.answers

    async def next_nonce(self, wallet: Wallet) -> int | None:
        """None before the wallet's first payment."""
        return await self._database.fetch(queries.next_nonce, wallet)

    async def find(self, business_id: UUID, reference: str) -> Payment | None:
        return await self._finding.ask(business_id, reference)

    async def _find(self, business_id: UUID, asked: Sequence[str]) -> Sequence[Payment | None]:
        payments = await self._database.fetch(queries.find_payments, business_id, asked)
        return [payments.get(reference) for reference in asked]

    async def transactions(self, payment: Payment) -> list[Transaction]:
        return await self._listing.ask(payment.wallet, payment.nonce)

    async def _list(self, wallet: Wallet, asked: Sequence[int]) -> Sequence[list[Transaction]]:
        transactions = await self._database.fetch(queries.list_transactions, wallet, asked)
        return [transactions[nonce] for nonce in asked]

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
        signed = SignedPayment(order_id, payment, number, hash_, raw, fees)
        return await self._storing.ask(payment.wallet, signed)

    async def _store(
        self, wallet: Wallet, asked: Sequence[SignedPayment]
    ) -> Sequence[Transaction | Exception]:
        return await self._database.write(_store, wallet, asked, keyed=True)

    async def owed(self, wallet: Wallet, mined: int) -> Owed:
        return await self._database.fetch(queries.owed, wallet, mined)

    async def holder(self, wallet: Wallet, nonce: int) -> tuple[Holder, Payment | None]:
        async def read(connection: Connection) -> tuple[Holder, Payment | None]:
            payment = await queries.payment_of(connection, wallet, nonce)
            if payment is None:
                return "nobody", None
            order_id = ids.parse(ids.ORDER, payment.reference.partition(".")[0])
            assert order_id is not None  # noqa: S101  # we made it
            attempt = order_id, payment.reference
            holders = await queries.held_by(connection, wallet.business_id, [attempt])
            return holders[payment.reference], payment

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


class _NoneTaken(Exception):
    """Undoes what was written while no nonce was taken: a wallet's first row among it."""

    def __init__(self, answers: Sequence[Payment | Exception]) -> None:
        super().__init__()
        self.answers = answers


async def _reserve(
    connection: Connection, wallet: Wallet, seen: Seen, asked: Sequence[_Asked]
) -> Sequence[Payment | Exception]:
    """A nonce for each reference, or why it gets none. Raises _NoneTaken."""
    await _wait_as_a_group(connection, asked)
    business_id = wallet.business_id
    references = [one.reference for one in asked]
    # The orders first, then the wallet: the order of locks everywhere.
    sending = await queries.lock_sending(
        connection, business_id, [(one.order_id, one.reference) for one in asked]
    )
    payments = await queries.find_payments(connection, business_id, references)
    new = {
        one.reference: one.transfer
        for one in asked
        if one.reference in sending and one.reference not in payments
    }
    refused = await _take_nonces(connection, wallet, seen, new) if new else {}
    taken = [reference for reference in new if reference not in refused]
    if taken:
        payments |= await queries.find_payments(connection, business_id, taken)
    answers = [payments.get(r) or refused.get(r) or Ended() for r in references]
    if not taken:
        raise _NoneTaken(answers)
    return answers


async def _wait_as_a_group(connection: Connection, asked: Sequence[object]) -> None:
    if len(asked) > 1:
        await queries.wait_at_most(connection, GROUP_WAITS_S)


async def _take_nonces(
    connection: Connection, wallet: Wallet, seen: Seen, transfers: Mapping[str, Transfer]
) -> dict[str, Exception]:
    """Give each its nonce that the wallet can still pay; answers why the others have none."""
    nonce = await queries.lock_wallet(connection, wallet, seen.mined)
    if nonce is None:
        return {reference: NotOurs() for reference in transfers}
    # What only waits may be dropped, and whatever is behind it would wait for it.
    if seen.used > nonce:
        return {reference: UsedElsewhere(seen.used, nonce) for reference in transfers}
    owed = await queries.owed(connection, wallet, seen.mined)
    payable, refused = {}, dict[str, Exception]()
    for reference, transfer in transfers.items():
        try:
            owed = _with(owed, transfer, seen)
        except TooLittle as short:
            refused[reference] = short
        else:
            payable[reference] = transfer
    if payable:
        await queries.insert_payments(connection, wallet, nonce, payable)
    return refused


def _with(owed: Owed, transfer: Transfer, seen: Seen) -> Owed:
    """What is owed with this payment too. Raises TooLittle unless the wallet holds enough for it
    after all before it."""
    native = seen.native - owed.native
    evidence = {"gas_needed": str(transfer.fee), "coin_free": str(native)}
    if native < transfer.fee:
        raise TooLittle("gas_empty", evidence)
    tokens = dict(owed.tokens)
    if transfer.token is None:
        free = native - transfer.fee
        coin = transfer.fee + transfer.units
    else:
        free = (seen.token or 0) - tokens.get(transfer.token, 0)
        coin = transfer.fee
        tokens[transfer.token] = tokens.get(transfer.token, 0) + transfer.units
    if free < transfer.units:
        evidence |= {"units_needed": str(transfer.units), "units_free": str(free)}
        raise TooLittle("float_empty", evidence)
    return Owed(owed.native + coin, tokens)


async def _store(
    connection: Connection, wallet: Wallet, asked: Sequence[SignedPayment]
) -> Sequence[Transaction | Exception]:
    """What is stored under each number now, or Ended."""
    await _wait_as_a_group(connection, asked)
    holders = await queries.held_by(
        connection,
        wallet.business_id,
        [(one.order_id, one.payment.reference) for one in asked],
        lock=True,
    )
    signed = [one for one in asked if _may_be_signed(holders[one.payment.reference], one.number)]
    if signed:
        await queries.insert_transactions(connection, wallet, signed)
    nonces = [one.payment.nonce for one in signed]
    transactions = await queries.list_transactions(connection, wallet, nonces)
    stored = {(nonce, one.number): one for nonce, listed in transactions.items() for one in listed}
    return [stored[one.payment.nonce, one.number] if one in signed else Ended() for one in asked]


def _may_be_signed(holder: Holder, number: int) -> bool:
    """What a person settled as paid, by whatever way, is not signed for the first time."""
    return holder == "open" or (holder == "paid" and number > 1)
