"""The SQL of the EVM wallets' books: nonces, payments, signed transactions. Amounts are in an
asset's smallest unit, and wei; they outgrow a bigint, so they are text in JSON and numeric here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from psycopg.types.json import Jsonb

from payviox.db.pool import Connection
from payviox.order_states import FOR_A_RAIL
from payviox.rails.evm.books import Fees, Holder, Owed, Payment, Transaction, Transfer, Wallet

Attempt = tuple[UUID, str]
"""An order and the reference of one of its attempts."""


@dataclass(frozen=True, slots=True)
class SignedPayment:
    """A transaction to be stored, the `number`-th for its payment's nonce."""

    order_id: UUID
    payment: Payment
    number: int
    hash: str
    raw: bytes = field(repr=False)
    fees: Fees


CALL_S = 45.0
"""Until when after its attempt began a call may take a nonce, in seconds: less than any claim on an
order lasts, so that a look-up that finds no payment may rely on it that none will come."""

PAYMENT = (
    "SELECT p.business_id, p.chain_id, p.wallet, p.nonce, p.reference, p.request, p.created_at"
    " FROM evm_payments p"
)
TRANSACTION = (
    "SELECT p.nonce, p.number, p.hash, p.raw, p.fees, p.created_at FROM evm_transactions p"
)
OWED = (
    "SELECT p.request->>'token', sum((p.request->>'units')::numeric)::text,"
    " sum(greatest((p.request->>'gas')::numeric * (p.request->>'max_price')::numeric,"
    "   (SELECT max((t.fees->>'gas')::numeric * (t.fees->>'max_price')::numeric)"
    "    FROM evm_transactions t WHERE t.business_id = p.business_id"
    "    AND t.chain_id = p.chain_id AND t.wallet = p.wallet AND t.nonce = p.nonce)))::text"
    " FROM evm_payments p"
)
OF_ATTEMPTS = (
    " FROM orders o JOIN order_attempts a ON a.business_id = o.business_id"
    " AND a.order_id = o.id AND a.number = o.attempt"
    " WHERE o.business_id = %(b)s AND o.id = ANY(%(o)s) AND a.reference = ANY(%(r)s)"
)
"""Orders whose current attempts have these references, which name their orders."""
HELD_BY = (
    "SELECT a.reference, CASE WHEN o.status = 'succeeded' THEN 'paid'"  # noqa: S608  # constants
    " WHEN o.status = ANY(%(open)s)"
    f"   AND a.outcome IS DISTINCT FROM 'failed' THEN 'open' ELSE 'given_back' END{OF_ATTEMPTS}"
)
LOCKED = " ORDER BY o.id FOR UPDATE OF o"
UNUSED = (
    "SELECT n FROM generate_series(%(s)s::bigint, %(e)s::bigint - 1) AS n"
    " WHERE NOT EXISTS (SELECT 1 FROM evm_payments p"
)
ONE_WALLET = " WHERE p.business_id = %(b)s AND p.chain_id = %(c)s AND p.wallet = %(w)s"


def _key(wallet: Wallet) -> dict[str, Any]:
    return {"b": wallet.business_id, "c": wallet.chain_id, "w": wallet.address}


async def wait_at_most(connection: Connection, seconds: float) -> None:
    """Let this transaction wait no longer for each row that somebody holds."""
    limit = f"{round(seconds * 1000)}ms"
    await connection.execute("SELECT set_config('lock_timeout', %s, true)", [limit])


async def lock_sending(
    connection: Connection, business_id: UUID, attempts: Sequence[Attempt]
) -> set[str]:
    """The references of those whose orders are being sent under them, by claims that still last; it
    stays so until this transaction ends."""
    cursor = await connection.execute(
        f"SELECT a.reference{OF_ATTEMPTS} AND o.status = 'sending'"
        f" AND clock_timestamp() < a.started_at + make_interval(secs => %(s)s){LOCKED}",
        _named(business_id, attempts) | {"s": CALL_S},
    )
    return {str(row[0]) for row in await cursor.fetchall()}


async def held_by(
    connection: Connection, business_id: UUID, attempts: Sequence[Attempt], *, lock: bool = False
) -> dict[str, Holder]:
    """Who has what is paid under each reference; it stays so until this transaction ends where the
    orders are to be locked."""
    cursor = await connection.execute(
        HELD_BY + (LOCKED if lock else ""),
        _named(business_id, attempts) | {"open": list(FOR_A_RAIL)},
    )
    found = {str(row[0]): cast("Holder", row[1]) for row in await cursor.fetchall()}
    return {reference: found.get(reference, "given_back") for _, reference in attempts}


def _named(business_id: UUID, attempts: Sequence[Attempt]) -> dict[str, Any]:
    orders, references = zip(*attempts, strict=True)
    return {"b": business_id, "o": list(orders), "r": list(references)}


async def lock_wallet(connection: Connection, wallet: Wallet, first_nonce: int) -> int | None:
    """The wallet's next nonce, its row held; made on first use. None where it is another
    business's."""
    nonce = await _lock_nonce(connection, wallet)
    if nonce is None and await _own(connection, wallet):
        await connection.execute(
            "INSERT INTO evm_wallets (business_id, chain_id, address, next_nonce)"
            " VALUES (%(b)s, %(c)s, %(w)s, %(n)s) ON CONFLICT DO NOTHING",
            _key(wallet) | {"n": first_nonce},
        )
        nonce = await _lock_nonce(connection, wallet)
    return nonce


async def _lock_nonce(connection: Connection, wallet: Wallet) -> int | None:
    cursor = await connection.execute(
        "SELECT next_nonce FROM evm_wallets"
        " WHERE business_id = %(b)s AND chain_id = %(c)s AND address = %(w)s FOR UPDATE",
        _key(wallet),
    )
    row = await cursor.fetchone()
    return None if row is None else int(str(row[0]))


async def _own(connection: Connection, wallet: Wallet) -> bool:
    """Make the wallet its business's, unless it is another's; whether it is."""
    await connection.execute(
        "INSERT INTO evm_wallet_owners (chain_id, address, business_id)"
        " VALUES (%(c)s, %(w)s, %(b)s) ON CONFLICT DO NOTHING",
        _key(wallet),
    )
    cursor = await connection.execute(
        "SELECT FROM evm_wallet_owners"
        " WHERE business_id = %(b)s AND chain_id = %(c)s AND address = %(w)s",
        _key(wallet),
    )
    return await cursor.fetchone() is not None


async def next_nonce(connection: Connection, wallet: Wallet) -> int | None:
    """None before the wallet's first payment."""
    cursor = await connection.execute(
        "SELECT next_nonce FROM evm_wallets"
        " WHERE business_id = %(b)s AND chain_id = %(c)s AND address = %(w)s",
        _key(wallet),
    )
    row = await cursor.fetchone()
    return None if row is None else int(str(row[0]))


async def skip_to(connection: Connection, wallet: Wallet, nonce: int) -> None:
    """The wallet's next nonce is this one, or a later one. Another business's stays as it is."""
    if await _own(connection, wallet):
        await connection.execute(
            "INSERT INTO evm_wallets AS w (business_id, chain_id, address, next_nonce)"
            " VALUES (%(b)s, %(c)s, %(w)s, %(n)s)"
            " ON CONFLICT (business_id, chain_id, address) DO UPDATE"
            " SET next_nonce = greatest(w.next_nonce, excluded.next_nonce)",
            _key(wallet) | {"n": nonce},
        )


async def insert_payments(
    connection: Connection, wallet: Wallet, nonce: int, transfers: Mapping[str, Transfer]
) -> None:
    """Payments by their references, with the nonces from this one on. The caller holds the wallet's
    row."""
    key = _key(wallet)
    await connection.cursor().executemany(
        "INSERT INTO evm_payments (business_id, chain_id, wallet, nonce, reference, request)"
        " VALUES (%(b)s, %(c)s, %(w)s, %(n)s, %(r)s, %(t)s)",
        [
            key | {"n": nonce + number, "r": reference, "t": Jsonb(_request(transfer))}
            for number, (reference, transfer) in enumerate(transfers.items())
        ],
    )
    await connection.execute(
        "UPDATE evm_wallets SET next_nonce = %(n)s"
        " WHERE business_id = %(b)s AND chain_id = %(c)s AND address = %(w)s",
        key | {"n": nonce + len(transfers)},
    )


async def find_payments(
    connection: Connection, business_id: UUID, references: Sequence[str]
) -> dict[str, Payment]:
    """Those of these references that have a nonce."""
    cursor = await connection.execute(
        f"{PAYMENT} WHERE p.business_id = %s AND p.reference = ANY(%s)",
        [business_id, list(references)],
    )
    payments = [_payment(row) for row in await cursor.fetchall()]
    return {payment.reference: payment for payment in payments}


async def payment_of(connection: Connection, wallet: Wallet, nonce: int) -> Payment | None:
    cursor = await connection.execute(
        f"{PAYMENT}{ONE_WALLET} AND p.nonce = %(n)s", _key(wallet) | {"n": nonce}
    )
    row = await cursor.fetchone()
    return None if row is None else _payment(row)


async def list_payments(
    connection: Connection, business_id: UUID, since: datetime, after: str | None, limit: int
) -> list[Payment]:
    cursor = await connection.execute(
        f"{PAYMENT} WHERE p.business_id = %s AND p.created_at >= %s AND p.reference > %s"
        " ORDER BY p.reference LIMIT %s",
        [business_id, since, after or "", limit],
    )
    return [_payment(row) for row in await cursor.fetchall()]


async def list_transactions(
    connection: Connection, wallet: Wallet, nonces: Sequence[int]
) -> dict[int, list[Transaction]]:
    """What was signed for each of these nonces, in order."""
    cursor = await connection.execute(
        f"{TRANSACTION}{ONE_WALLET} AND p.nonce = ANY(%(n)s) ORDER BY p.nonce, p.number",
        _key(wallet) | {"n": list(nonces)},
    )
    transactions: dict[int, list[Transaction]] = {nonce: [] for nonce in nonces}
    for row in await cursor.fetchall():
        transactions[int(str(row[0]))].append(_transaction(row[1:]))
    return transactions


async def insert_transactions(
    connection: Connection, wallet: Wallet, signed: Sequence[SignedPayment]
) -> None:
    """Nothing for a nonce that has one of this number already."""
    key = _key(wallet)
    await connection.cursor().executemany(
        "INSERT INTO evm_transactions"
        " (business_id, chain_id, wallet, nonce, number, hash, raw, fees)"
        " VALUES (%(b)s, %(c)s, %(w)s, %(n)s, %(i)s, %(h)s, %(raw)s, %(f)s)"
        " ON CONFLICT DO NOTHING",
        [
            key
            | {
                "n": each.payment.nonce,
                "i": each.number,
                "h": each.hash,
                "raw": each.raw,
                "f": Jsonb(_offered(each.payment, each.fees)),
            }
            for each in signed
        ],
    )


async def owed(connection: Connection, wallet: Wallet, mined: int) -> Owed:
    """What the payments from this nonce on may still take, each with its dearest transaction."""
    cursor = await connection.execute(
        f"{OWED}{ONE_WALLET} AND p.nonce >= %(n)s GROUP BY 1",
        _key(wallet) | {"n": mined},
    )
    native, tokens = 0, {}
    for token, units, fees in await cursor.fetchall():
        native += int(str(fees))
        if token is None:
            native += int(str(units))
        else:
            tokens[str(token)] = int(str(units))
    return Owed(native, tokens)


async def missing_nonces(
    connection: Connection, wallet: Wallet, start: int, end: int, limit: int
) -> list[int]:
    cursor = await connection.execute(
        f"{UNUSED}{ONE_WALLET} AND p.nonce = n) ORDER BY n LIMIT %(l)s",
        _key(wallet) | {"s": start, "e": end, "l": limit},
    )
    return [int(str(row[0])) for row in await cursor.fetchall()]


async def known_hashes(
    connection: Connection, business_id: UUID, hashes: Sequence[str]
) -> set[str]:
    cursor = await connection.execute(
        "SELECT hash FROM evm_transactions WHERE business_id = %s AND hash = ANY(%s)",
        [business_id, list(hashes)],
    )
    return {str(row[0]) for row in await cursor.fetchall()}


def _request(transfer: Transfer) -> dict[str, Any]:
    rate = transfer.coin_rate
    return {
        "token": transfer.token,
        "to": transfer.to,
        "units": str(transfer.units),
        "cents": transfer.cents,
        "gas": str(transfer.gas),
        "max_price": str(transfer.max_price),
        "coin_rate": None if rate is None else f"{rate:f}",
        "block": transfer.block,
    }


def _payment(row: Any) -> Payment:
    business_id, chain_id, wallet, nonce, reference, request, created_at = row
    rate = request["coin_rate"]
    transfer = Transfer(
        request["token"],
        request["to"],
        int(request["units"]),
        int(request["cents"]),
        int(request["gas"]),
        int(request["max_price"]),
        None if rate is None else Decimal(rate),
        request["block"],
    )
    return Payment(Wallet(business_id, chain_id, wallet), nonce, reference, transfer, created_at)


def _offered(payment: Payment, fees: Fees) -> dict[str, Any]:
    return {
        "max_price": str(fees.max_price),
        "tip": None if fees.tip is None else str(fees.tip),
        "gas": str(payment.transfer.gas if fees.gas is None else fees.gas),
        "block": fees.block,
    }


def _transaction(row: Any) -> Transaction:
    number, hash_, raw, fees, created_at = row
    tip = None if fees["tip"] is None else int(fees["tip"])
    offered = Fees(int(fees["max_price"]), tip, int(fees["gas"]), fees["block"])
    return Transaction(number, hash_, bytes(raw), offered, created_at)
