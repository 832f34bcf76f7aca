"""A ledger's transfers as journal lines for accounting: one row a transfer, or one an account and
day. What an account receives is its debit, what it gives its credit; both sums are equal. Payout
users' accounts are one. Amounts in these files are dollars."""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import UTC
from decimal import Decimal

from payviox import ids
from payviox.ledger.model import show_account
from payviox.ledger.service import MovementRow
from payviox.money import CURRENCY, decimal

TRANSFERS = (
    "date (UTC)",
    "transfer",
    "what",
    "debit",
    "credit",
    "amount",
    "currency",
    "reference",
    "order",
    "payout user",
    "reason",
)
DAYS = ("date (UTC)", "account", "debit", "credit", "currency", "transfers")
Pages = AsyncIterator[list[MovementRow]]
Rows = AsyncIterator[Sequence[Sequence[object]]]


async def by_transfer(pages: Pages) -> Rows:
    """One row a transfer."""
    async for page in pages:
        yield [_transfer(row) for row in page]


async def by_day(pages: Pages) -> Rows:
    """One row an account and day, and the two sums."""
    came: dict[tuple[str, str], int] = defaultdict(int)
    went: dict[tuple[str, str], int] = defaultdict(int)
    number: dict[tuple[str, str], int] = defaultdict(int)
    async for page in pages:
        for row in page:
            day = row.created_at.astimezone(UTC).date().isoformat()
            for sums, account in ((came, _to(row)), (went, _from(row))):
                sums[day, account] += row.amount
                number[day, account] += 1
    yield [
        [*at, _dollars(came[at]), _dollars(went[at]), CURRENCY, number[at]] for at in sorted(number)
    ]
    yield [["total", None, _total(came.values()), _total(went.values()), CURRENCY, None]]


def _transfer(row: MovementRow) -> list[object]:
    return [
        row.created_at,
        ids.show(ids.TRANSFER, str(row.id)),
        row.kind,
        _to(row),
        _from(row),
        _dollars(row.amount),
        CURRENCY,
        row.reference,
        row.order_id and ids.show(ids.ORDER, row.order_id),
        row.email,
        row.reason,
    ]


def _to(row: MovementRow) -> str:
    return "payout_users" if row.to_kind == "user" else show_account(row.to_kind, row.to_rail)


def _from(row: MovementRow) -> str:
    return "payout_users" if row.from_kind == "user" else show_account(row.from_kind, row.from_rail)


def _total(amounts: Iterable[int]) -> Decimal:
    return _dollars(sum(amounts))


def _dollars(cents: int) -> Decimal:
    return Decimal(decimal(cents))
