"""What left the wallets, as their chains have it: our payments, and whatever else was made with the
wallets' keys. It does not see tokens and chains that the account does not name."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from uuid import UUID

from payviox.rails.evm import amounts, foreign_transactions, receipts
from payviox.rails.evm.books import Books, Payment
from payviox.rails.evm.chain_account import ChainAccount
from payviox.rails.evm.chains import COIN_DECIMALS
from payviox.rails.evm.client import NodeError
from payviox.rails.evm.node_answers import TransferLog
from payviox.rails.evm.prices import PriceError
from payviox.rails.protocol import Entry, Known, RailError

PAGE = 50
"""Payments looked at together."""

BLOCKS, FEWEST_BLOCKS = 2_000, 50
"""Blocks asked for events at once; fewer where a node will not have it."""


async def read(
    books: Books,
    chain_accounts: Sequence[ChainAccount],
    business_id: UUID,
    since: datetime,
    known: AsyncIterator[Sequence[Known]],
) -> AsyncIterator[Sequence[Entry]]:
    """Page by page. Raises RailError."""
    by_chain = {chain_account.chain.chain_id: chain_account for chain_account in chain_accounts}
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
        for chain_account in chain_accounts:
            async for entries in _others(chain_account, since):
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


async def _entry(chain_account: ChainAccount | None, payment: Payment) -> Entry:
    """Raises NodeError."""
    if chain_account is None:
        where = {"chain_id": payment.wallet.chain_id, "problem": "the chain is not connected"}
        cents = payment.transfer.cents
        return Entry(
            payment.reference, None, "pending", cents, at=payment.created_at, evidence=where
        )
    transactions = await chain_account.books.transactions(payment)
    mined = await receipts.mined(chain_account, payment, transactions)
    evidence: dict[str, object] = {"chain": chain_account.chain.name, "nonce": payment.nonce}
    if mined is None or not mined.final or not mined.sure:
        hash_ = transactions[-1].hash if transactions else None
        cents = payment.transfer.cents
        return Entry(
            payment.reference, hash_, "pending", cents, at=payment.created_at, evidence=evidence
        )
    evidence |= {"block": mined.block.number, "units": str(mined.received)}
    return Entry(
        payment.reference,
        mined.receipt.hash,
        "paid" if mined.received else "failed",
        _cents(payment, mined.received),
        receipts.cost(payment, mined.receipt),
        _time(mined.block.timestamp),
        evidence,
    )


def _cents(payment: Payment, received: int) -> int:
    """What the order said for the whole amount; in proportion where less or more arrived."""
    transfer = payment.transfer
    if received in (0, transfer.units):
        return transfer.cents
    return transfer.cents * received // transfer.units


async def _others(chain_account: ChainAccount, since: datetime) -> AsyncIterator[Sequence[Entry]]:
    """What left the wallet and is no payment of ours. Raises NodeError."""
    head = await chain_account.node.head()
    start = await _block_at(chain_account, since.timestamp(), head.number)
    foreign_hashes: set[str] = set()
    async for logs in _logs(chain_account, start, head.number):
        ours = await chain_account.books.hashes(
            chain_account.account.business_id, [log.hash for log in logs]
        )
        foreign = [log for log in logs if log.hash not in ours]
        foreign_hashes |= {log.hash for log in foreign}
        if foreign:
            yield [await _transfer(chain_account, log) for log in foreign]
    entries = await _transactions(chain_account, start, foreign_hashes)
    if entries:
        yield entries


async def _transfer(chain_account: ChainAccount, log: TransferLog) -> Entry:
    token = next(t for t in chain_account.chain.tokens.values() if t.address.lower() == log.token)
    block = await chain_account.node.block_at(log.block)
    evidence = {
        "chain": chain_account.chain.name,
        "currency": token.symbol,
        "to_address": log.target,
        "crypto_amount": amounts.text(log.units, token.decimals),
        "block": log.block,
    }
    cents = await _worth(chain_account, token.symbol, log.units)
    return Entry(None, log.hash, "paid", cents, at=_time(block.timestamp), evidence=evidence)


async def _transactions(chain_account: ChainAccount, start: int, shown: set[str]) -> list[Entry]:
    """Transactions of the wallet with nonces that are not ours, beyond those `shown`; none where
    the node has forgotten how many there were then."""
    head = await chain_account.node.head()
    used = await chain_account.node.count_at(chain_account.address, head.number)
    try:
        first = await chain_account.node.count_at(chain_account.address, max(start - 1, 0))
    except NodeError:
        first = used
    entries = []
    for nonce in await chain_account.books.missing(chain_account.wallet, first, used):
        sent = await foreign_transactions.find(
            chain_account.node, chain_account.address, nonce, head
        )
        evidence: dict[str, object] = {"chain": chain_account.chain.name, "nonce": nonce}
        if sent is None:
            entries.append(
                Entry(
                    None, f"{chain_account.chain.name}:{nonce}", "paid", None, None, None, evidence
                )
            )
            continue
        if sent.hash in shown:
            continue
        receipt = await chain_account.node.receipt(sent.hash)
        if receipt is None:
            continue
        moved = sent.value if receipt.ok else 0
        block = await chain_account.node.block_at(receipt.block)
        evidence |= {
            "currency": chain_account.chain.coin,
            "to_address": sent.to,
            "crypto_amount": amounts.text(moved, COIN_DECIMALS),
            "block": receipt.block,
        }
        entries.append(
            Entry(
                None,
                sent.hash,
                "paid" if receipt.ok else "failed",
                await _worth(chain_account, chain_account.chain.coin, moved),
                await _worth(chain_account, chain_account.chain.coin, receipt.fee),
                _time(block.timestamp),
                evidence,
            )
        )
    return entries


async def _logs(
    chain_account: ChainAccount, start: int, end: int
) -> AsyncIterator[Sequence[TransferLog]]:
    tokens = [token.address for token in chain_account.chain.tokens.values()]
    step = BLOCKS
    while start <= end and tokens:
        last = min(start + step - 1, end)
        try:
            logs = await chain_account.node.transfers_from(
                chain_account.address, tokens, start, last
            )
        except NodeError:
            if step <= FEWEST_BLOCKS:
                raise
            step //= 2
            continue
        if logs:
            yield logs
        start = last + 1


async def _block_at(chain_account: ChainAccount, timestamp: float, head: int) -> int:
    """The first block that is not older."""
    low, high = 0, head
    while low < high:
        middle = (low + high) // 2
        if (await chain_account.node.block(middle)).timestamp < timestamp:
            low = middle + 1
        else:
            high = middle
    return low


async def _worth(chain_account: ChainAccount, currency: str, units: int) -> int | None:
    """What it is worth in cents at the price of now, None where nobody knows that."""
    try:
        rate = await chain_account.rate(currency)
    except PriceError:
        return None
    return amounts.worth(units, rate.rate, chain_account.chain.decimals(currency))


def _time(timestamp: int) -> datetime:
    return datetime.fromtimestamp(timestamp, UTC)
