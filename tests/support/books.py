"""A small ledger with a bit of everything, posted as the product posts it: for tests that look at
books and need no rail."""

import hashlib
from uuid import UUID

from psycopg.types.json import Jsonb

from payviox import ids
from payviox.auth.hashes import digest, payout_hash
from payviox.db.pool import Connection, Database
from payviox.keyring import ServerKey
from payviox.ledger import model
from payviox.ledger import service as ledger
from payviox.ledger.model import FEE_INCOME, PAYOUT, Posting
from payviox.ledger.queries import transfers as queries
from support.live import SECRET_KEY

KEY = ServerKey(SECRET_KEY)
RAIL = "sandbox"
OPEN = ("created", "review", "queued", "sending", "sent", "unknown")
GIVEN_BACK = ("failed", "rejected", "canceled")
FEES = 50


async def open_user(database: Database, business_id: UUID, cents: int = 0) -> UUID:
    """A payout user with their account, `cents` of it allocated in three parts."""
    user_id = ids.new()

    async def work(connection: Connection) -> None:
        cursor = await connection.execute(
            "SELECT hash_code FROM businesses WHERE id = %s", [business_id]
        )
        (hash_code,) = await cursor.fetchone() or ("",)
        value = payout_hash(KEY, str(hash_code), business_id, user_id, 1)
        await connection.execute(
            "INSERT INTO payout_users (business_id, id, email, hash_key_id, hash_digest)"
            " VALUES (%s, %s, %s, %s, %s)",
            [business_id, user_id, f"{user_id}@x.test", KEY.id, digest(value)],
        )
        name = model.user(user_id)
        await queries.open_account(connection, business_id, user_id, name)
        parts = [cents - 2 * (cents // 3), cents // 3, cents // 3]
        postings = [Posting("allocation", part, PAYOUT, name) for part in parts if part]
        await ledger.post(connection, business_id, postings)

    await database.write(work)
    return user_id


async def withdraw(
    database: Database,
    business_id: UUID,
    user_id: UUID,
    amount: int,
    status: str,
    *,
    rail: str = RAIL,
    destination: dict[str, object] | None = None,
    **how: bool,
) -> UUID:
    """An order in this state with its money where the state says; `fee_back`: a returned order
    whose fee was given back, `paid_after_all`: one that the rail paid though it had failed."""
    order_id = ids.new()
    accounts = (model.in_transit(rail), model.settled(rail))
    postings = order_postings(model.user(user_id), accounts, amount, status, **how)

    async def work(connection: Connection) -> None:
        await connection.execute(
            "INSERT INTO orders (business_id, id, payout_user_id, provider, rail, status, amount,"
            " fees, net_amount, destination, destination_digest)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                business_id,
                order_id,
                user_id,
                "gift_card" if rail == "stock" else "paypal",
                rail,
                status,
                amount,
                FEES,
                amount - FEES,
                Jsonb(destination or {}),
                hashlib.sha256(order_id.bytes).digest(),
            ],
        )
        outcome = "succeeded" if how.get("paid_after_all") else None
        await _tell(connection, business_id, order_id, status, outcome)
        named = [Posting(p.kind, p.amount, p.source, p.target, order_id=order_id) for p in postings]
        await ledger.post(connection, business_id, named)

    await database.write(work)
    return order_id


PATHS = {
    "created": ("created",),
    "review": ("created", "review"),
    "queued": ("created", "queued"),
    "rejected": ("created", "review", "rejected"),
    "canceled": ("created", "queued", "canceled"),
    "returned": ("created", "queued", "sending", "succeeded", "returned"),
}
"""How an order came to a state; to all others by `sending`."""


async def _tell(
    connection: Connection, business_id: UUID, order_id: UUID, status: str, outcome: str | None
) -> None:
    """The order's story, its events, and the attempt of one that its rail has, or had."""
    path = PATHS.get(status, ("created", "queued", "sending", status))
    given = {"b": business_id, "o": order_id, "path": list(dict.fromkeys(path))}
    await connection.execute(
        "INSERT INTO order_states (business_id, order_id, number, status, actor)"
        " SELECT %(b)s, %(o)s, n, s, 'test'"
        " FROM unnest(%(path)s::text[]) WITH ORDINALITY AS told(s, n)",
        given,
    )
    await connection.execute(
        "INSERT INTO events (business_id, id, type, order_id, body)"
        " SELECT %(b)s, gen_random_uuid(), 'payout.' || CASE s WHEN 'sending' THEN 'processing'"
        " ELSE s END, %(o)s, '{}' FROM unnest(%(path)s::text[]) AS told(s)"
        " WHERE s NOT IN ('review', 'queued', 'sent', 'unknown')",
        given,
    )
    if "sending" not in path:
        return
    await connection.execute(
        "INSERT INTO order_attempts (business_id, order_id, number, reference, request)"
        " SELECT business_id, id, 1, 'ord_' || id || '.1', jsonb_build_object('rail', rail,"
        " 'provider', provider, 'amount', amount, 'net_amount', net_amount,"
        " 'destination', destination) FROM orders WHERE business_id = %(b)s AND id = %(o)s",
        given,
    )
    ended = status if status in ("succeeded", "returned", "failed") else None
    await connection.execute(
        "UPDATE order_attempts SET outcome = %s WHERE business_id = %s AND order_id = %s",
        [outcome or ended, business_id, order_id],
    )
    await connection.execute(
        "UPDATE orders SET attempt = 1 WHERE business_id = %s AND id = %s", [business_id, order_id]
    )


def order_postings(
    owner: model.AccountName,
    rail: tuple[model.AccountName, model.AccountName],
    amount: int,
    status: str,
    *,
    fee_back: bool = False,
    paid_after_all: bool = False,
) -> list[Posting]:
    transit, settled = rail
    net = amount - FEES
    postings = [Posting("reserve", amount, owner, transit)]
    if status in ("succeeded", "returned"):
        postings += [
            Posting("settle", net, transit, settled),
            Posting("fee", FEES, transit, FEE_INCOME),
            Posting("cost", FEES + 10, FEE_INCOME, model.rail_cost(settled.rail)),
        ]
    if status == "returned":
        postings.append(Posting("return", net, settled, owner))
    if fee_back:
        postings.append(Posting("fee_return", FEES, FEE_INCOME, owner))
    if status in GIVEN_BACK:
        postings.append(Posting("release", amount, transit, owner))
    if paid_after_all:
        postings.append(Posting("paid_after_all", net, model.suspense(settled.rail), settled))
    return postings


async def fill(database: Database, business_id: UUID) -> list[UUID]:
    """Users and orders in every state; answers the users. Needs 30,000 cents to pay out."""
    users = [await open_user(database, business_id, 10_000) for _ in range(3)]
    for number, status in enumerate((*OPEN, "succeeded", "returned", *GIVEN_BACK)):
        await withdraw(database, business_id, users[number % 3], 500 + number, status)
    await withdraw(database, business_id, users[0], 700, "returned", fee_back=True)
    await withdraw(database, business_id, users[0], 800, "failed", paid_after_all=True)
    return users
