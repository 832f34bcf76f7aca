"""What left the wallets, as their chains have it: our payments, and whatever else was made with the
wallets' keys. It does not see tokens and chains that the account does not name."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from uuid import UUID

from payviox.rails.base import Entry, Known, RailError
from payviox.rails.evm import amounts, arrival, outside
from payviox.rails.evm.answers import TransferLog
from payviox.rails.evm.books import Books, Payment
from payviox.rails.evm.chains import COIN_DECIMALS
from payviox.rails.evm.desk import Desk
from payviox.rails.evm.node import NodeError
from payviox.rails.evm.prices import PriceError

PAGE = 50
"""Payments looked at together."""

BLOCKS, FEWEST_BLOCKS = 2_000, 50
"""Blocks asked for events at once; fewer where a node will not have it."""


async def read(
    books: Books,
    desks: Sequence[Desk],
    business_id: UUID,
    since: datetime,
    known: AsyncIterator[Sequence[Known]],
) -> AsyncIterator[Sequence[Entry]]:
    """Page by page. Raises RailError."""
    by_chain = {desk.chain.chain_id: desk for desk in desks}
    try:
        seen: set[str] = set()
        async for payments in _payments(books, business_id, since, known):
            new = [payment for payment in payments if payment.reference not in seen]
            seen |= {payment.reference for payment in new}
            yield [
                *await asyncio.gather(
                    *(_entry(by_chain.get(payment.wallet.chain_id), payment) for payment in new)
                )
            ]
        for desk in desks:
            async for entries in _others(desk, since):
                yield entries
    except NodeError as error:
        raise RailError(str(error)) from error


async def _payments(
    books: Books,
    business_id: UUID,
    since: datetime,
    known: AsyncIterator[Sequence[Known]],
) -> AsyncIterator[Sequence[Payment]]:
    """Those since then, and those of known attempts that are older."""
    after: str | None = None
    while page := await books.payments(business_id, since, after, PAGE):
        yield page
        after = page[-1].reference
    async for attempts in known:
        older = [
            await books.find(business_id, attempt.reference)
            for attempt in attempts
            if attempt.created_at < since
        ]
        yield [payment for payment in older if payment is not None]


async def _entry(desk: Desk | None, payment: Payment) -> Entry:
    """Raises NodeError."""
    if desk is None:
        where = {"chain_id": payment.wallet.chain_id, "problem": "the chain is not connected"}
        cents = payment.transfer.cents
        return Entry(
            payment.reference, None, "pending", cents, at=payment.created_at, evidence=where
        )
    kept = await desk.books.transactions(payment)
    found = await arrival.mined(desk, payment, kept)
    evidence: dict[str, object] = {"chain": desk.chain.name, "nonce": payment.nonce}
    if found is None or not found.final or not found.sure:
        hash_ = kept[-1].hash if kept else None
        cents = payment.transfer.cents
        return Entry(
            payment.reference, hash_, "pending", cents, at=payment.created_at, evidence=evidence
        )
    evidence |= {"block": found.block.number, "units": str(found.received)}
    return Entry(
        payment.reference,
        found.receipt.hash,
        "paid" if found.received else "failed",
        _cents(payment, found.received),
        arrival.cost(payment, found.receipt),
        _time(found.block.timestamp),
        evidence,
    )


def _cents(payment: Payment, received: int) -> int:
    """What the order said for the whole amount; in proportion where less or more arrived."""
    transfer = payment.transfer
    if received in (0, transfer.units):
        return transfer.cents
    return transfer.cents * received // transfer.units


async def _others(desk: Desk, since: datetime) -> AsyncIterator[Sequence[Entry]]:
    """What left the wallet and is no payment of ours. Raises NodeError."""
    head = await desk.node.head()
    start = await _block_at(desk, since.timestamp(), head.number)
    found: set[str] = set()
    async for logs in _logs(desk, start, head.number):
        ours = await desk.books.hashes(desk.account.business_id, [log.hash for log in logs])
        foreign = [log for log in logs if log.hash not in ours]
        found |= {log.hash for log in foreign}
        if foreign:
            yield [await _transfer(desk, log) for log in foreign]
    entries = await _transactions(desk, start, found)
    if entries:
        yield entries


async def _transfer(desk: Desk, log: TransferLog) -> Entry:
    token = next(t for t in desk.chain.tokens.values() if t.address.lower() == log.token)
    block = await desk.node.block_at(log.block)
    evidence = {
        "chain": desk.chain.name,
        "currency": token.symbol,
        "to_address": log.target,
        "crypto_amount": amounts.text(log.units, token.decimals),
        "block": log.block,
    }
    cents = await _worth(desk, token.symbol, log.units)
    return Entry(None, log.hash, "paid", cents, at=_time(block.timestamp), evidence=evidence)


async def _transactions(desk: Desk, start: int, shown: set[str]) -> list[Entry]:
    """Transactions of the wallet with nonces that are not ours, beyond those `shown`; none where
    the node has forgotten how many there were then."""
    head = await desk.node.head()
    used = await desk.node.count_at(desk.address, head.number)
    try:
        first = await desk.node.count_at(desk.address, max(start - 1, 0))
    except NodeError:
        first = used
    entries = []
    for nonce in await desk.books.missing(desk.wallet, first, used):
        sent = await outside.find(desk.node, desk.address, nonce, head)
        evidence: dict[str, object] = {"chain": desk.chain.name, "nonce": nonce}
        if sent is None:
            entries.append(
                Entry(None, f"{desk.chain.name}:{nonce}", "paid", None, None, None, evidence)
            )
            continue
        if sent.hash in shown:
            continue
        receipt = await desk.node.receipt(sent.hash)
        if receipt is None:
            continue
        moved = sent.value if receipt.ok else 0
        block = await desk.node.block_at(receipt.block)
        evidence |= {
            "currency": desk.chain.coin,
            "to_address": sent.to,
            "crypto_amount": amounts.text(moved, COIN_DECIMALS),
            "block": receipt.block,
        }
        entries.append(
            Entry(
                None,
                sent.hash,
                "paid" if receipt.ok else "failed",
                await _worth(desk, desk.chain.coin, moved),
                await _worth(desk, desk.chain.coin, receipt.fee),
                _time(block.timestamp),
                evidence,
            )
        )
    return entries


async def _logs(desk: Desk, start: int, end: int) -> AsyncIterator[Sequence[TransferLog]]:
    tokens = [token.address for token in desk.chain.tokens.values()]
    step = BLOCKS
    while start <= end and tokens:
        last = min(start + step - 1, end)
        try:
            logs = await desk.node.transfers_from(desk.address, tokens, start, last)
        except NodeError:
            if step <= FEWEST_BLOCKS:
                raise
            step //= 2
            continue
        if logs:
            yield logs
        start = last + 1


async def _block_at(desk: Desk, timestamp: float, head: int) -> int:
    """The first block that is not older."""
    low, high = 0, head
    while low < high:
        middle = (low + high) // 2
        if (await desk.node.block(middle)).timestamp < timestamp:
            low = middle + 1
        else:
            high = middle
    return low


async def _worth(desk: Desk, currency: str, units: int) -> int | None:
    """In cents at the price of now, None where nobody knows that."""
    try:
        rate = await desk.rate(currency)
    except PriceError:
        return None
    return amounts.worth(units, rate.rate, desk.chain.decimals(currency))


def _time(timestamp: int) -> datetime:
    return datetime.fromtimestamp(timestamp, UTC)
