"""Checking every invariant of the ledger, one business after another, each from one snapshot (they
share nothing) and in constant memory: the transfers, what other rows say of them, the seals over
them, and the tables' own constraints and rights. It only reads and may run beside everything else;
what it finds is named, never mended. Amounts are US cents."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from payviox import ids
from payviox.db import catalogue
from payviox.db.pool import Connection, roll_back
from payviox.keyring import Keyring
from payviox.ledger import seal_check
from payviox.ledger.model import MAY_BE_NEGATIVE, MOVES
from payviox.ledger.queries import records, suspense
from payviox.ledger.queries import verify as queries
from payviox.ledger.queries.records import RecordKind
from payviox.ledger.queries.verify import Chain, OrderMoney
from payviox.ledger.seal_check import Kept, SealCheck

Kind = (
    RecordKind
    | Literal[
        "business",
        "negative",
        "account",
        "version",
        "balance",
        "orphan",
        "kind",
        "order",
        "in_transit",
        "catalogue",
        "seal",
    ]
)
KINDS: dict[Kind, str] = {
    "business": "all balances of a business sum to 0",
    "negative": "no account but world, fee_income, exchange and suspense is ever negative",
    "account": "an account's balance and version are those of its transfers",
    "version": "the versions of an account's transfers are 1, 2, 3 and so on",
    "balance": "each balance is the one before it and the amount",
    "orphan": "transfers have a business, accounts and orders that exist",
    "kind": "each kind of transfer moves money where it may, for an order or for none",
    "order": "each order's money is in the one place that its state says",
    "in_transit": "what is in transit on a rail is what its open orders reserve",
    "suspense": "what is in suspense on a rail is what its open items say, and what each moved",
    "card": "an order from stock has succeeded where the gift card that it ordered is delivered"
    " for it, no code is two cards', and each can be read with the secret key",
    "payout_user": "each payout user has an account and the hash that the secret key derives, and a"
    " business one account of each other kind",
    "story": "an order is in the state that its story tells last, each state after the one before",
    "attempt": "an order's attempts are as many as it says, for just that, and came to what it is",
    "event": "an order has one event of each state that is told, and of no other",
    "quote": "an order is for just what its quote was made for",
    "key": "what an idempotency key remembers was done",
    "api_key": "each API key was made by an act of the audit, and works until one stopped it",
    "catalogue": "tables, constraints, triggers and rights are those that the migrations make",
    "seal": "what was sealed is as it was then, and the seals follow each other",
}
"""What is checked."""

NAMED = 10
"""How many broken rows of a kind are named; the others are counted."""

STEP = 20_000
"""Progress is told about every so many sides of transfers."""

Progress = Callable[[int, int], None]
"""Told how many sides of transfers were checked, and of about how many."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A broken row. `message` says what was expected and what was found; `business_id` None: it is
    no single business's."""

    kind: Kind
    business_id: UUID | None
    message: str
    account_id: UUID | None = None
    transfer_id: int | None = None
    order_id: UUID | None = None
    expected: int | None = None
    found: int | None = None


Check = Callable[[Connection, UUID], AsyncIterator[Problem]]
"""What is wrong with a business, looked at in the snapshot."""


@dataclass(slots=True)
class Report:
    """What was looked at and what was found, first things first."""

    businesses: int = 0
    accounts: int = 0
    transfers: int = 0
    orders: int = 0
    seals: int = 0
    problems: list[Problem] = field(default_factory=list)
    counts: Counter[Kind] = field(default_factory=Counter)

    @property
    def ok(self) -> bool:
        return not self.counts


async def verify(
    connection: Connection,
    progress: Progress = lambda *_: None,
    *,
    keyring: Keyring | None = None,
    kept: Kept | None = None,
    checks: Sequence[Check] = (),
) -> Report:
    """Check the whole ledger, on a connection outside any transaction.

    `keyring` says which keys may have signed seals; `kept` are seals that were kept elsewhere;
    `checks` look at each business besides.
    """
    return await _Check(connection, progress, keyring, kept or {}, checks).run()


class _Check:
    def __init__(
        self,
        connection: Connection,
        progress: Progress,
        keyring: Keyring | None,
        kept: Kept,
        checks: Sequence[Check],
    ) -> None:
        self._connection = connection
        self._progress = progress
        self._keyring = keyring
        self._kept = kept
        self._checks = checks
        self._report = Report()
        self._sides = self._told = self._total = 0

    async def run(self) -> Report:
        async with self._snapshot():
            businesses = await self._look_at_all()
        for business_id, exists in businesses:
            async with self._snapshot():
                await self._business(business_id, exists)
        self._progress(self._sides, self._sides)
        self._report.transfers = self._sides // 2
        return self._report

    @asynccontextmanager
    async def _snapshot(self) -> AsyncIterator[None]:
        await queries.begin(self._connection)
        try:
            yield
        finally:
            await roll_back(self._connection)

    async def _look_at_all(self) -> list[tuple[UUID, bool]]:
        """Check what is no single business's; answers the businesses."""
        self._total = await queries.count_sides(self._connection)
        self._progress(0, self._total)
        for difference in await catalogue.find_differences(self._connection):
            self._found(Problem("catalogue", None, difference))
        for message in await seal_check.missing(self._connection, self._kept):
            self._found(Problem("seal", None, message))
        return await queries.list_businesses(self._connection)

    async def _business(self, business_id: UUID, exists: bool) -> None:
        self._report.businesses += 1
        if not exists:
            message = "there are transfers of a business that does not exist"
            self._found(Problem("orphan", business_id, message))
        await self._accounts(business_id)
        await self._kinds(business_id)
        await self._orders(business_id)
        await self._suspense(business_id)
        await self._cards(business_id)
        await self._records(business_id)
        await self._seals(business_id)
        for check in self._checks:
            async for problem in check(self._connection, business_id):
                self._found(problem)

    async def _accounts(self, business_id: UUID) -> None:
        total = 0
        async for chain in queries.chains(self._connection, business_id):
            self._report.accounts += chain.kind is not None
            total += chain.balance or 0
            self._count(chain.sides)
            if _broken(chain):
                await self._chain(business_id, chain)
        if total:
            message = f"the balances of the business sum to {total} where 0 is expected"
            self._found(Problem("business", business_id, message, expected=0, found=total))

    async def _kinds(self, business_id: UUID) -> None:
        for moved in await queries.transfers_by_kind(self._connection, business_id):
            if (moved.source, moved.target, moved.for_order) in MOVES.get(moved.kind, ()):
                continue
            which = "an order" if moved.for_order else "no order"
            message = (
                f"{moved.kind} from {moved.source} to {moved.target} for {which} is not allowed;"
                f" the first of {moved.number}"
            )
            self._found(Problem("kind", business_id, message, None, moved.first_id), moved.number)

    async def _cards(self, business_id: UUID) -> None:
        async for order_id, card_id, status in queries.misplaced_cards(
            self._connection, business_id
        ):
            card = "no gift card" if card_id is None else f"gift card {card_id}"
            message = f"{card} is delivered for the order, which is {status or 'not there'}"
            self._found(Problem("card", business_id, message, order_id=order_id))

    async def _records(self, business_id: UUID) -> None:
        for kind, statement in records.STATEMENTS:
            async for message, account_id, order_id in records.broken(
                self._connection, business_id, statement
            ):
                self._found(Problem(kind, business_id, message, account_id, order_id=order_id))

    async def _seals(self, business_id: UUID) -> None:
        check = SealCheck(
            self._connection, business_id, self._keyring, self._kept.get(business_id, {})
        )
        async for message in check.problems():
            self._found(Problem("seal", business_id, message))
        self._report.seals += check.count

    async def _orders(self, business_id: UUID) -> None:
        self._report.orders += await queries.count_orders(self._connection, business_id)
        async for order in queries.misplaced_orders(self._connection, business_id):
            self._order(business_id, order)
        for rail, account_id, expected, actual in await queries.in_transit_differences(
            self._connection, business_id
        ):
            message = f"open orders reserve {expected} on {rail}, in transit are {actual}"
            self._differs("in_transit", business_id, message, account_id, expected, actual)

    async def _suspense(self, business_id: UUID) -> None:
        for rail, account_id, expected, actual in await suspense.differences(
            self._connection, business_id
        ):
            message = f"the items open on {rail} come to {expected}, in suspense are {actual}"
            self._differs("suspense", business_id, message, account_id, expected, actual)

    def _differs(
        self,
        kind: Kind,
        business_id: UUID,
        message: str,
        account_id: UUID | None,
        expected: int,
        actual: int,
    ) -> None:
        self._found(
            Problem(kind, business_id, message, account_id, expected=expected, found=actual)
        )

    async def _chain(self, business_id: UUID, chain: Chain) -> None:
        """Name what is wrong with an account; look-ups only for what will be named."""
        if chain.kind is None:
            message = "the transfer names an account that the business does not have"
            self._found(Problem("orphan", business_id, message, chain.id, chain.first_id))
        if chain.gap is not None:
            await self._gap(business_id, chain.id, chain.gap)
        if chain.jump is not None:
            version, transfer_id, expected, actual = chain.jump
            message = f"the balance after version {version} is {actual}, expected {expected}"
            self._found(
                Problem(
                    "balance",
                    business_id,
                    message,
                    chain.id,
                    transfer_id,
                    expected=expected,
                    found=actual,
                )
            )
        if chain.kind is not None:
            await self._account(business_id, chain, chain.balance or 0, chain.version or 0)

    async def _gap(self, business_id: UUID, account: UUID, gap: list[int]) -> None:
        version, transfer, before, last = gap
        if self._full("version"):
            self._report.counts["version"] += 1
            return
        expected = before + 1
        message = f"version {version} follows version {before}: version {expected} is missing"
        if version == before:
            message = f"version {version} is also that of {ids.show(ids.TRANSFER, str(last))}"
        else:
            # Ids and versions of an account grow together, so what was made between the two
            # transfers once had the version that is missing.
            strayed = await queries.side_between(
                self._connection, business_id, account, last, transfer
            )
            if strayed is not None:
                transfer, version = strayed
                message = f"version {version} stands where version {expected} is expected"
        self._found(
            Problem(
                "version",
                business_id,
                message,
                account,
                transfer,
                expected=expected,
                found=version,
            )
        )

    async def _account(self, business_id: UUID, chain: Chain, balance: int, version: int) -> None:
        if version != chain.last_version:
            self._found(
                Problem(
                    "account",
                    business_id,
                    f"the account is at version {version}, its transfers at {chain.last_version}",
                    chain.id,
                    await queries.side_with(
                        self._connection, business_id, chain.id, least_version=version + 1
                    ),
                    expected=chain.last_version,
                    found=version,
                )
            )
        elif balance != chain.sum:
            message = f"the account's balance is {balance}, its transfers sum to {chain.sum}"
            self._found(
                Problem(
                    "account",
                    business_id,
                    message,
                    chain.id,
                    expected=int(chain.sum),
                    found=balance,
                )
            )
        lowest = min(balance, chain.lowest)
        if lowest < 0 and chain.kind not in MAY_BE_NEGATIVE:
            transfer = await queries.first_negative(self._connection, business_id, chain.id)
            message = f"the {chain.kind} account is or was at {lowest}"
            self._found(Problem("negative", business_id, message, chain.id, transfer, found=lowest))

    def _order(self, business_id: UUID, order: OrderMoney) -> None:
        if order.status is None:
            message = "the transfer names an order that the business does not have"
            problem = Problem("orphan", business_id, message, None, order.first_id, order.id)
        elif order.astray is not None:
            message = "the transfer moves an order's money to or from where it does not belong"
            problem = Problem("order", business_id, message, None, order.astray, order.id)
        elif order.repeated:
            message = "the order has more than one transfer of a kind"
            problem = Problem("order", business_id, message, None, order.first_id, order.id)
        else:
            paid = "not paid" if order.paid is None else f"paid {order.paid}"
            message = (
                f"the order is {order.status} ({paid}) over {order.amount}, {order.net_amount} and"
                f" {order.order_fees} fees, its money: {order.reserved or 0} reserved,"
                f" {order.transit} in transit,"
                f" {order.settled} settled, {order.fees} fees, {order.with_user} with the user"
            )
            problem = Problem("order", business_id, message, None, order.first_id, order.id)
        self._found(problem)

    def _found(self, problem: Problem, number: int = 1) -> None:
        """`number`: how many rows the problem stands for."""
        if not self._full(problem.kind):
            self._report.problems.append(problem)
        self._report.counts[problem.kind] += number

    def _full(self, kind: Kind) -> bool:
        return self._report.counts[kind] >= NAMED

    def _count(self, sides: int) -> None:
        self._sides += sides
        if self._sides - self._told >= STEP:
            self._told = self._sides
            self._progress(self._sides, max(self._sides, self._total))


def _broken(chain: Chain) -> bool:
    return bool(
        chain.gap
        or chain.jump
        or (chain.balance, chain.version) != (chain.sum, chain.last_version)
        or (min(chain.sum, chain.lowest) < 0 and chain.kind not in MAY_BE_NEGATIVE)
    )
