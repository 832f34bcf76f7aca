"""Posting to the ledger: lock, move, write. Everything here happens in the caller's transaction."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from payviox import ids
from payviox.db.pool import Connection
from payviox.ledger.model import (
    MAY_BE_NEGATIVE,
    OF_EVERY_BUSINESS,
    PAYOUT,
    Account,
    AccountName,
    InsufficientFunds,
    Posting,
    Transfer,
)
from payviox.ledger.queries import transfers as queries
from payviox.ledger.queries.transfers import MovementRow, SumRow

__all__ = [
    "MovementRow",
    "SumRow",
    "balances",
    "find_by_reference",
    "find_transfer",
    "in_transit_of",
    "list_movements",
    "lock",
    "open_business_accounts",
    "post",
    "sums",
    "user_balance",
    "versions",
]

balances = queries.balances
sums = queries.sums
user_balance = queries.user_balance
versions = queries.versions
find_transfer = queries.find_transfer
find_by_reference = queries.find_by_reference
in_transit_of = queries.in_transit_of
exchanged_of = queries.exchanged_of
list_movements = queries.list_movements


async def open_business_accounts(connection: Connection, business_id: UUID) -> None:
    """The accounts that every business has from its first day. The payout account, which every
    allocation locks, has the business's own id."""
    for name in OF_EVERY_BUSINESS:
        account_id = business_id if name == PAYOUT else ids.new()
        await queries.open_account(connection, business_id, account_id, name)


async def lock(
    connection: Connection, business_id: UUID, names: Iterable[AccountName]
) -> dict[AccountName, Account]:
    """Lock these accounts in the product's one order and answer their balances.

    A rail's accounts are opened on their first use. Raises LookupError where an account does not
    exist.
    """
    wanted = set(names)
    accounts = await _lock_existing(connection, business_id, wanted)
    missing = wanted - accounts.keys()
    if missing:
        for name in sorted(missing, key=lambda name: (name.kind, name.rail)):
            if not name.rail:
                raise LookupError(f"business {business_id} has no account {name}")
            await queries.open_account(connection, business_id, ids.new(), name)
        accounts = await _lock_existing(connection, business_id, wanted)
    return accounts


async def post(
    connection: Connection, business_id: UUID, postings: Sequence[Posting]
) -> list[Transfer]:
    """Make these transfers, in this order, in the caller's transaction.

    Raises InsufficientFunds before anything is written where an account that may not be negative
    would be, or where an order would take more out of transit than it has there: what others have
    reserved is not its money.
    """
    accounts = await lock(
        connection, business_id, {name for p in postings for name in (p.source, p.target)}
    )
    await _check_transit(connection, business_id, postings)
    moves = []
    for posting in postings:
        source, target = accounts[posting.source], accounts[posting.target]
        if source.balance < posting.amount and source.name.kind not in MAY_BE_NEGATIVE:
            raise InsufficientFunds(source.name, source.balance, posting.amount)
        source = _moved(source, -posting.amount)
        target = _moved(target, posting.amount)
        accounts[posting.source], accounts[posting.target] = source, target
        moves.append((posting, source, target))
    transfers = await queries.insert_transfers(connection, business_id, moves)
    await queries.update_accounts(connection, business_id, accounts.values())
    return transfers


async def _check_transit(
    connection: Connection, business_id: UUID, postings: Sequence[Posting]
) -> None:
    moves = [
        (posting.order_id, posting)
        for posting in postings
        if posting.order_id is not None
        and "in_transit" in (posting.source.kind, posting.target.kind)
    ]
    leaving = {each for each, posting in moves if posting.source.kind == "in_transit"}
    if not leaving:
        return
    in_transit = await queries.in_transit_of(connection, business_id, list(leaving))
    for order_id, posting in moves:
        gain = posting.amount if posting.target.kind == "in_transit" else -posting.amount
        in_transit[order_id] = in_transit.get(order_id, 0) + gain
        if in_transit[order_id] < 0:
            raise InsufficientFunds(posting.source, in_transit[order_id] - gain, posting.amount)


def _moved(account: Account, amount: int) -> Account:
    return Account(account.name, account.id, account.balance + amount, account.version + 1)


async def _lock_existing(
    connection: Connection, business_id: UUID, names: set[AccountName]
) -> dict[AccountName, Account]:
    rows = await queries.lock_accounts(connection, business_id, names)
    by_id = {name.user_id: name for name in names if name.user_id is not None}
    by_role = {(name.kind, name.rail): name for name in names if name.user_id is None}
    accounts = {}
    for row in rows:
        name = by_id.get(row.id) or by_role[row.kind, row.rail]  # type: ignore[index]  # kinds come from a CHECK
        accounts[name] = Account(name, row.id, row.balance, row.version)
    return accounts
