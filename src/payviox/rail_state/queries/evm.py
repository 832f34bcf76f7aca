"""The SQL of the EVM wallets' books: nonces, payments, signed transactions. Amounts are in an
asset's smallest unit, and wei; they outgrow a bigint, so they are text in JSON and numeric here."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from psycopg import AsyncCursor
from psycopg.types.json import Jsonb

from payviox.db.pool import Connection
from payviox.order_states import FOR_A_RAIL
from payviox.rails.evm.books import Fees, Holder, Owed, Payment, Transaction, Transfer, Wallet

CALL_S = 45.0
"""Until when after its attempt began a call may take a nonce, in seconds: less than any claim on an
order lasts, so that a look-up that finds no payment may rely on it that none will come."""

PAYMENT = (
    "SELECT p.business_id, p.chain_id, p.wallet, p.nonce, p.reference, p.request, p.created_at"
    " FROM evm_payments p"
)
TRANSACTION = "SELECT p.number, p.hash, p.raw, p.fees, p.created_at FROM evm_transactions p"
OWED = (
    "SELECT p.request->>'token', sum((p.request->>'units')::numeric)::text,"
    " sum(greatest((p.request->>'gas')::numeric * (p.request->>'max_price')::numeric,"
    "   (SELECT max((t.fees->>'gas')::numeric * (t.fees->>'max_price')::numeric)"
    "    FROM evm_transactions t WHERE t.business_id = p.business_id"
    "    AND t.chain_id = p.chain_id AND t.wallet = p.wallet AND t.nonce = p.nonce)))::text"
    " FROM evm_payments p"
)
HELD_BY = (
    "SELECT CASE WHEN o.status = 'succeeded' THEN 'paid'"
    " WHEN o.status = ANY(%s)"
    "   AND a.outcome IS DISTINCT FROM 'failed' THEN 'open' ELSE 'given_back' END"
    " FROM orders o JOIN order_attempts a ON a.business_id = o.business_id"
    " AND a.order_id = o.id AND a.number = o.attempt"
    " WHERE o.business_id = %s AND o.id = %s AND a.reference = %s"
)
UNUSED = (
    "SELECT n FROM generate_series(%(s)s::bigint, %(e)s::bigint - 1) AS n"
    " WHERE NOT EXISTS (SELECT 1 FROM evm_payments p"
)
ONE_WALLET = " WHERE p.business_id = %(b)s AND p.chain_id = %(c)s AND p.wallet = %(w)s"


def _key(wallet: Wallet) -> dict[str, Any]:
    return {"b": wallet.business_id, "c": wallet.chain_id, "w": wallet.address}


async def lock_sending(
    connection: Connection, business_id: UUID, order_id: UUID, reference: str
) -> bool:
    """Whether the order is being sent under this reference by a claim that still lasts; it stays so
    until this transaction ends."""
    cursor = await connection.execute(
        "SELECT FROM orders o JOIN order_attempts a ON a.business_id = o.business_id"
        " AND a.order_id = o.id AND a.number = o.attempt"
        " WHERE o.business_id = %s AND o.id = %s AND o.status = 'sending' AND a.reference = %s"
        " AND clock_timestamp() < a.started_at + make_interval(secs => %s)"
        " FOR UPDATE OF o",
        [business_id, order_id, reference, CALL_S],
    )
    return cursor.rowcount == 1


async def held_by(
    connection: Connection, business_id: UUID, order_id: UUID, reference: str, *, lock: bool = False
) -> Holder:
    """Who has what is paid under this reference; it stays so until this transaction ends where the
    order is to be locked."""
    cursor = await connection.execute(
        HELD_BY + (" FOR UPDATE OF o" if lock else ""),
        [list(FOR_A_RAIL), business_id, order_id, reference],
    )
    row = await cursor.fetchone()
    return "given_back" if row is None else cast("Holder", row[0])


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


async def insert_payment(
    connection: Connection, wallet: Wallet, nonce: int, reference: str, transfer: Transfer
) -> None:
    """The caller holds the wallet's row."""
    key = _key(wallet) | {"n": nonce}
    await connection.execute(
        "INSERT INTO evm_payments (business_id, chain_id, wallet, nonce, reference, request)"
        " VALUES (%(b)s, %(c)s, %(w)s, %(n)s, %(r)s, %(t)s)",
        key | {"r": reference, "t": Jsonb(_request(transfer))},
    )
    await connection.execute(
        "UPDATE evm_wallets SET next_nonce = %(n)s + 1"
        " WHERE business_id = %(b)s AND chain_id = %(c)s AND address = %(w)s",
        key,
    )


async def find_payment(connection: Connection, business_id: UUID, reference: str) -> Payment | None:
    cursor = await connection.execute(
        f"{PAYMENT} WHERE p.business_id = %s AND p.reference = %s", [business_id, reference]
    )
    row = await cursor.fetchone()
    return None if row is None else _payment(row)


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


async def list_transactions(connection: Connection, payment: Payment) -> list[Transaction]:
    cursor = await connection.execute(
        f"{TRANSACTION}{ONE_WALLET} AND p.nonce = %(n)s ORDER BY p.number",
        _key(payment.wallet) | {"n": payment.nonce},
    )
    return await _transactions(cursor)


async def insert_transaction(
    connection: Connection, payment: Payment, number: int, hash_: str, raw: bytes, fees: Fees
) -> None:
    """Nothing where this number of the nonce has one already."""
    offered = {
        "max_price": str(fees.max_price),
        "tip": None if fees.tip is None else str(fees.tip),
        "gas": str(payment.transfer.gas if fees.gas is None else fees.gas),
        "block": fees.block,
    }
    await connection.execute(
        "INSERT INTO evm_transactions"
        " (business_id, chain_id, wallet, nonce, number, hash, raw, fees)"
        " VALUES (%(b)s, %(c)s, %(w)s, %(n)s, %(i)s, %(h)s, %(raw)s, %(f)s)"
        " ON CONFLICT DO NOTHING",
        _key(payment.wallet)
        | {"n": payment.nonce, "i": number, "h": hash_, "raw": raw, "f": Jsonb(offered)},
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


async def _transactions(cursor: AsyncCursor[Any]) -> list[Transaction]:
    transactions = []
    for number, hash_, raw, fees, created_at in await cursor.fetchall():
        tip = None if fees["tip"] is None else int(fees["tip"])
        offered = Fees(int(fees["max_price"]), tip, int(fees["gas"]), fees["block"])
        transactions.append(Transaction(number, hash_, bytes(raw), offered, created_at))
    return transactions
