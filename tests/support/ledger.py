"""Looks at a business's ledger by SQL of its own, independent of the product's: every invariant at
once, so that a test can say after each refusal that nothing moved."""

from collections import Counter
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from payviox.db.pool import Connection, Database

_BOOKS = """
SELECT
  (SELECT jsonb_agg(jsonb_build_array(a.id, a.kind, a.rail, a.balance, a.version, u.email))
   FROM accounts a LEFT JOIN payout_users u ON u.business_id = a.business_id AND u.id = a.id
   WHERE a.business_id = %(b)s),
  (SELECT jsonb_agg(jsonb_build_array(t.kind, t.amount,
                                      t.from_account, t.from_version, t.from_balance,
                                      t.to_account, t.to_version, t.to_balance) ORDER BY t.id)
   FROM transfers t WHERE t.business_id = %(b)s),
  (SELECT count(*) FROM payout_users WHERE business_id = %(b)s),
  (SELECT count(*) FROM orders WHERE business_id = %(b)s),
  (SELECT count(*) FROM idempotency_keys WHERE business_id = %(b)s),
  (SELECT count(*) FROM transfers WHERE business_id = %(b)s AND idempotency_key IS NOT NULL)
"""
"""All in one statement, which sees one moment."""

MAY_BE_NEGATIVE = ("world", "fee_income", "suspense")


@dataclass(frozen=True)
class Snapshot:
    """A business's books at one moment; two are equal if nothing moved and nothing was written.
    Accounts that have never moved do not count."""

    balances: dict[str, int]
    """Cents by account: `main`, `payout`, `in_transit:paypal`, or a payout user's email."""
    transfers: dict[str, int]
    """How many transfers of each kind."""
    users: int
    orders: int
    idempotency_keys: int

    def __getitem__(self, account: str) -> int:
        return self.balances.get(account, 0)


async def snapshot(database: Database, business_id: UUID) -> Snapshot:
    """The business's books from one moment, every invariant checked."""

    async def read(connection: Connection) -> Any:
        return await (await connection.execute(_BOOKS, {"b": business_id})).fetchone()

    accounts, transfers, users, orders, keys, transfer_keys = await database.fetch(read)
    accounts, transfers = accounts or [], transfers or []
    _check(accounts, transfers)
    return Snapshot(
        balances={_name(row): row[3] for row in accounts if row[4]},
        transfers=dict(Counter(row[0] for row in transfers)),
        users=users,
        orders=orders,
        idempotency_keys=keys + transfer_keys,
    )


def _name(row: Any) -> str:
    _, kind, rail, _, _, email = row
    return email or (f"{kind}:{rail}" if rail else kind)


def _check(accounts: list[Any], transfers: list[Any]) -> None:
    assert sum(row[3] for row in accounts) == 0, "the balances of a business sum to 0"
    for row in accounts:
        assert row[3] >= 0 or row[1] in MAY_BE_NEGATIVE, f"{_name(row)} is negative"
    chains: dict[str, list[tuple[int, int, int]]] = {row[0]: [] for row in accounts}
    for _, amount, source, source_version, source_balance, target, version, balance in transfers:
        assert amount > 0
        chains[source].append((source_version, -amount, source_balance))
        chains[target].append((version, amount, balance))
    for row in accounts:
        balance = 0
        chain = sorted(chains[row[0]])
        for position, (version, amount, after) in enumerate(chain, start=1):
            balance += amount
            assert version == position, f"{_name(row)}: version {version} stands at {position}"
            assert after == balance, f"{_name(row)}: balance after version {version}"
            # Never negative, not even for a moment.
            assert after >= 0 or row[1] in MAY_BE_NEGATIVE, f"{_name(row)} was negative"
        assert (row[4], row[3]) == (len(chain), balance), f"{_name(row)}: account and its transfers"
