"""`ledger verify` on books that somebody with more rights than the application has changed."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from uuid import UUID

import anyio
import pytest

from payviox import ids
from payviox.auth.restrictions import Restrictions
from payviox.db.pool import Database
from payviox.ledger import model
from payviox.ledger import service as ledger
from payviox.ledger import suspense as items
from payviox.ledger.model import (
    FEE_INCOME,
    MAIN,
    PAYOUT,
    WORLD,
    Posting,
    Transfer,
    rail_cost,
    settled,
    suspense,
)
from payviox.ledger.verify import NAMED, Problem, Report, verify
from payviox.treasury import restricted_keys
from payviox.treasury import service as treasury
from support import books
from support.businesses import TestBusiness, open_business
from support.citus import one_server
from support.databases import Urls

pytestmark = pytest.mark.anyio


@dataclass
class Books:
    urls: Urls
    database: Database
    business: TestBusiness
    users: list[UUID]

    def sql(self, query: str, *parameters: object) -> Any:
        """A statement of somebody who may do anything, and keeps triggers out; its first row."""
        with self.urls.as_admin() as admin:
            admin.execute("SET session_replication_role = replica")
            given = parameters[0] if parameters and isinstance(parameters[0], dict) else parameters
            cursor = admin.execute(query, given)  # type: ignore[arg-type]  # a test's own
            return cursor.fetchone() if cursor.description else None

    @contextmanager
    def edited(self, change: str, row_id: object) -> Iterator[None]:
        """`table SET …` on one row, put back afterwards."""
        table = change.split(maxsplit=1)[0]
        before = self.sql(f"SELECT to_jsonb(t) FROM {table} t WHERE id = %s", row_id)[0]
        self.sql(f"UPDATE {change} WHERE id = %s", row_id)
        yield
        columns = change.split(" SET ")[1].split(" = ", maxsplit=1)[0]
        self.sql(f"UPDATE {table} SET {columns} = %s WHERE id = %s", before[columns], row_id)

    async def post(self, *postings: Posting) -> list[Transfer]:
        return await self.database.write(ledger.post, self.business.business_id, postings)

    async def verify(self) -> Report:
        async with self.database.read() as connection:
            return await verify(connection)

    def transfer(self, condition: str, number: int = 1) -> int:
        """The `number`th transfer that this condition finds."""
        query = (
            f"SELECT id FROM transfers WHERE {condition} ORDER BY id LIMIT 1 OFFSET {number - 1}"
        )
        return int(self.sql(query)[0])


@pytest.fixture
async def kept(fresh_urls: Urls) -> AsyncIterator[Books]:
    database = Database(fresh_urls.application)
    await database.open()
    try:
        business = await open_business(database, funds=100_000, main=5_000)
        await open_business(database, funds=7)
        users = await books.fill(database, business.business_id)
        yield Books(fresh_urls, database, business, users)
    finally:
        await database.close()


def of_kind(report: Report, kind: str) -> list[Problem]:
    return [problem for problem in report.problems if problem.kind == kind]


async def test_books_with_orders_in_every_state_are_in_order(kept: Books) -> None:
    told: list[tuple[int, int]] = []
    async with kept.database.read() as connection:
        report = await verify(connection, lambda *sums: told.append(sums))
    assert report.ok
    assert report.problems == []
    counts = kept.sql(
        "SELECT (SELECT count(*) FROM businesses), (SELECT count(*) FROM accounts),"
        " (SELECT count(*) FROM transfers), (SELECT count(*) FROM orders)"
    )
    assert (report.businesses, report.accounts, report.transfers, report.orders) == counts
    assert told[-1] == (2 * report.transfers, 2 * report.transfers)
    assert (await kept.verify()).ok, "a second time, on the same connection"


async def test_it_tells_how_far_it_is_a_step_at_a_time(
    kept: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("payviox.ledger.verify.STEP", 5)
    told: list[int] = []
    async with kept.database.read() as connection:
        await verify(connection, lambda done, _: told.append(done))
    *steps, last = [after - before for before, after in pairwise(told)]
    assert len(steps) > 1
    assert min(steps) >= 5
    assert last < 5


async def test_an_amount_that_was_edited_is_named(kept: Books) -> None:
    for number, amount in ((4, "amount + 1"), (5, "9223372036854775807")):
        edited = kept.transfer("kind = 'allocation'", number)
        with kept.edited(f"transfers SET amount = {amount}", edited):
            report = await kept.verify()
        assert [p.transfer_id for p in of_kind(report, "balance")] == [edited, edited]
        assert all(p.business_id == kept.business.business_id for p in report.problems)


@pytest.mark.parametrize("side", ["from", "to"])
async def test_a_balance_that_was_edited_is_named(kept: Books, side: str) -> None:
    edited = kept.transfer("kind = 'allocation'", 4)
    account = kept.sql(f"SELECT {side}_account FROM transfers WHERE id = %s", edited)[0]
    for balance in ("+ 1", "- 1", "* 0 + 9223372036854775807", "* -1000"):
        with kept.edited(f"transfers SET {side}_balance = {side}_balance {balance}", edited):
            (problem,) = of_kind(await kept.verify(), "balance")
        assert (problem.transfer_id, problem.account_id) == (edited, account)


@pytest.mark.parametrize("side", ["from", "to"])
async def test_a_version_that_was_edited_is_named(kept: Books, side: str) -> None:
    for number in (1, 5, 9):
        edited = kept.transfer("kind = 'allocation'", number)
        with kept.edited(f"transfers SET {side}_version = {side}_version + 1000", edited):
            problems = of_kind(await kept.verify(), "version")
        assert problems[0].transfer_id == edited


async def test_a_version_that_two_transfers_of_an_account_have_is_named(kept: Books) -> None:
    user = kept.users[0]
    reserve = kept.transfer(f"from_account = '{user}'")
    kept.sql("UPDATE transfers SET from_version = 1 WHERE id = %s", reserve)
    (problem,) = of_kind(await kept.verify(), "version")
    first = kept.transfer(f"to_account = '{user}'")
    assert problem.account_id == user
    assert problem.transfer_id == reserve
    assert ids.show(ids.TRANSFER, str(first)) in problem.message


@pytest.mark.parametrize("side", ["from", "to"])
async def test_a_transfer_moved_to_another_account_is_named(kept: Books, side: str) -> None:
    edited = kept.transfer("kind = 'reserve'", 5)
    other = kept.sql("SELECT id FROM accounts WHERE kind = 'main' AND version = 2")[0]
    kept.sql(
        f"UPDATE transfers SET {side}_account = %s, {side}_version = 77 WHERE id = %s",
        other,
        edited,
    )
    report = await kept.verify()
    assert edited in {problem.transfer_id for problem in of_kind(report, "version")}
    assert edited in {problem.transfer_id for problem in of_kind(report, "order")}


@pytest.mark.parametrize("side", ["from", "to"])
async def test_a_transfer_of_an_account_that_does_not_exist_is_named(
    kept: Books, side: str
) -> None:
    edited = kept.transfer("kind = 'allocation'", 2)
    nowhere = ids.new()
    kept.sql(f"UPDATE transfers SET {side}_account = %s WHERE id = %s", nowhere, edited)
    (problem,) = of_kind(await kept.verify(), "orphan")
    assert (problem.transfer_id, problem.account_id) == (edited, nowhere)


async def test_a_transfer_with_another_business_account_is_named(kept: Books) -> None:
    edited = kept.transfer("kind = 'allocation'", 2)
    foreign = kept.sql(
        "SELECT id FROM accounts WHERE kind = 'payout' AND business_id <> %s",
        kept.business.business_id,
    )[0]
    kept.sql("UPDATE transfers SET to_account = %s WHERE id = %s", foreign, edited)
    (problem,) = of_kind(await kept.verify(), "orphan")
    assert (problem.transfer_id, problem.account_id) == (edited, foreign)


@one_server
@pytest.mark.parametrize("nobody", [UUID(int=0), UUID(int=2**128 - 1)])
async def test_a_transfer_moved_to_a_business_that_does_not_exist_is_named(
    kept: Books, nobody: UUID
) -> None:
    edited = kept.transfer("kind = 'fund'")
    kept.sql("UPDATE transfers SET business_id = %s WHERE id = %s", nobody, edited)
    problems = of_kind(await kept.verify(), "orphan")
    assert {problem.business_id for problem in problems} == {nobody}
    assert edited in {problem.transfer_id for problem in problems}


@pytest.mark.parametrize("which", ["first", "middle", "last"])
async def test_a_transfer_that_was_deleted_is_missed(kept: Books, which: str) -> None:
    user = kept.users[0]
    number = {"first": 1, "middle": 3}.get(which)
    condition = f"'{user}' IN (from_account, to_account)"
    deleted = (
        kept.transfer(condition, number)
        if number
        else kept.sql(f"SELECT max(id) FROM transfers WHERE {condition}")[0]
    )
    kept.sql("DELETE FROM transfers WHERE id = %s", deleted)
    report = await kept.verify()
    if which == "last":
        assert user in {problem.account_id for problem in of_kind(report, "account")}
        return
    (problem,) = [p for p in of_kind(report, "version") if p.account_id == user]
    assert problem.transfer_id == kept.transfer(condition, number or 0)
    assert "missing" in problem.message
    assert problem.expected == number


async def test_a_transfer_that_was_inserted_is_named(kept: Books) -> None:
    row = kept.sql(
        "INSERT INTO transfers (business_id, kind, amount, from_account, from_version,"
        " from_balance, to_account, to_version, to_balance)"
        " SELECT p.business_id, 'allocation', 5, p.id, p.version + 1, p.balance - 5,"
        " u.id, u.version + 1, u.balance + 5 FROM accounts p, accounts u"
        " WHERE p.kind = 'payout' AND p.business_id = u.business_id AND u.id = %s RETURNING id",
        kept.users[1],
    )
    report = await kept.verify()
    assert report.counts == {"account": 2}
    assert {problem.transfer_id for problem in report.problems} == {row[0]}


async def test_an_accounts_balance_that_was_edited_is_named(kept: Books) -> None:
    kept.sql("UPDATE accounts SET balance = balance + 100 WHERE id = %s", kept.users[1])
    report = await kept.verify()
    (account,) = of_kind(report, "account")
    assert account.account_id == kept.users[1]
    assert account.found == (account.expected or 0) + 100
    (business,) = of_kind(report, "business")
    assert (business.business_id, business.found) == (kept.business.business_id, 100)


async def test_an_accounts_version_that_was_edited_is_named(kept: Books) -> None:
    kept.sql("UPDATE accounts SET version = version + 1 WHERE id = %s", kept.users[1])
    (problem,) = (await kept.verify()).problems
    assert (problem.kind, problem.account_id) == ("account", kept.users[1])


async def test_money_moved_between_two_accounts_without_a_transfer_is_named(kept: Books) -> None:
    kept.sql("UPDATE accounts SET balance = balance - 100 WHERE id = %s", kept.users[0])
    kept.sql("UPDATE accounts SET balance = balance + 100 WHERE id = %s", kept.users[1])
    report = await kept.verify()
    assert report.counts == {"account": 2}
    assert {problem.account_id for problem in report.problems} == set(kept.users[:2])


async def test_an_account_that_was_deleted_leaves_orphans(kept: Books) -> None:
    kept.sql("DELETE FROM accounts WHERE id = %s", kept.users[1])
    (problem,) = of_kind(await kept.verify(), "orphan")
    assert problem.account_id == kept.users[1]
    assert problem.transfer_id == kept.transfer(f"to_account = '{kept.users[1]}'")


async def test_an_account_that_is_or_was_negative_is_named(kept: Books) -> None:
    kept.sql("ALTER TABLE accounts DROP CONSTRAINT accounts_not_negative")
    user = await books.open_user(kept.database, kept.business.business_id, 30)
    edited = kept.transfer(f"to_account = '{user}'", 2)
    kept.sql("UPDATE transfers SET to_balance = -1 WHERE id = %s", edited)
    (problem,) = of_kind(await kept.verify(), "negative")
    assert (problem.account_id, problem.transfer_id) == (user, edited)
    kept.sql("UPDATE accounts SET balance = -1 WHERE id = %s", kept.users[0])
    named = of_kind(await kept.verify(), "negative")
    assert {p.account_id for p in named} == {user, kept.users[0]}


@one_server
async def test_an_orders_status_that_was_edited_is_named(kept: Books) -> None:
    alike = (books.OPEN, books.GIVEN_BACK, ("succeeded",), ("returned",))
    for group in alike:
        for status in group:
            order_id = kept.sql("SELECT id FROM orders WHERE status = %s", status)[0]
            for other in {group[0] for group in alike} - {group[0]}:
                with kept.edited(f"orders SET status = '{other}'", order_id):
                    report = await kept.verify()
                (problem,) = of_kind(report, "order")
                assert problem.order_id == order_id
                open_ = {status, other} & set(books.OPEN)
                assert ("in_transit" in report.counts) == bool(open_)


@pytest.mark.parametrize(
    "change",
    ["amount = amount + 1, fees = fees + 1", "fees = fees + 1, net_amount = net_amount - 1"],
)
async def test_an_orders_amounts_that_were_edited_are_named(kept: Books, change: str) -> None:
    order_id = kept.sql("SELECT id FROM orders WHERE status = 'succeeded'")[0]
    kept.sql(f"UPDATE orders SET {change} WHERE id = %s", order_id)
    (problem,) = of_kind(await kept.verify(), "order")
    assert problem.order_id == order_id


async def test_an_order_given_to_another_user_or_rail_is_named(kept: Books) -> None:
    order_id = kept.sql("SELECT id FROM orders WHERE status = 'succeeded'")[0]
    for change in (f"payout_user_id = '{kept.users[1]}'", "rail = 'other'"):
        kept.sql(f"UPDATE orders SET {change} WHERE id = %s", order_id)
        (problem,) = of_kind(await kept.verify(), "order")
        assert problem.order_id == order_id


async def test_an_order_without_money_and_money_without_its_order_are_named(kept: Books) -> None:
    row = kept.sql("SELECT id FROM orders WHERE status = 'queued'")
    reserve = kept.transfer(f"order_id = '{row[0]}'")
    nowhere = ids.new()
    kept.sql("UPDATE transfers SET order_id = %s WHERE id = %s", nowhere, reserve)
    report = await kept.verify()
    assert [p.order_id for p in of_kind(report, "order")] == [row[0]]
    assert [(p.order_id, p.transfer_id) for p in of_kind(report, "orphan")] == [(nowhere, reserve)]


@pytest.mark.parametrize(
    "posting",
    [
        Posting("allocation", 700, WORLD, PAYOUT),
        Posting("fund", 700, PAYOUT, MAIN),
        Posting("settle", 700, PAYOUT, settled(books.RAIL)),
        Posting("fee", 700, PAYOUT, FEE_INCOME),
        Posting("adjustment", 700, PAYOUT, MAIN),
        Posting("adjustment", 700, WORLD, settled(books.RAIL)),
    ],
    ids=lambda posting: f"{posting.kind} from {posting.source.kind} to {posting.target.kind}",
)
async def test_a_transfer_whose_kind_does_not_move_money_there_is_named(
    kept: Books, posting: Posting
) -> None:
    (made, _) = await kept.post(posting, posting)
    report = await kept.verify()
    assert report.counts == {"kind": 2}
    (problem,) = report.problems
    assert (problem.kind, problem.transfer_id) == ("kind", made.id)
    assert posting.kind in problem.message


async def test_a_transfer_of_an_order_without_one_and_another_with_one_are_named(
    kept: Books,
) -> None:
    user = model.user(kept.users[0])
    order_id = kept.sql("SELECT id FROM orders WHERE status = 'succeeded'")[0]
    (fee,) = await kept.post(Posting("cost", 5, FEE_INCOME, rail_cost(books.RAIL)))
    (given,) = await kept.post(Posting("allocation", 5, PAYOUT, user, order_id=order_id))
    report = await kept.verify()
    named = of_kind(report, "kind")
    assert [problem.transfer_id for problem in named] == [fee.id, given.id]
    (astray,) = of_kind(report, "order")
    assert (astray.transfer_id, astray.order_id) == (given.id, order_id)
    message = "the transfer moves an order's money to or from where it does not belong"
    assert astray.message == message


async def test_adjustments_between_the_business_and_what_the_rails_left_are_in_order(
    kept: Books,
) -> None:
    user = model.user(kept.users[0])
    await kept.post(
        Posting("adjustment", 5, WORLD, suspense(books.RAIL)),
        Posting("adjustment", 5, suspense(books.RAIL), user),
        Posting("adjustment", 5, FEE_INCOME, PAYOUT),
        Posting("adjustment", 5, MAIN, rail_cost(books.RAIL)),
    )
    assert (await kept.verify()).ok


@one_server
async def test_a_failed_order_that_was_paid_after_all_three_times_is_named(kept: Books) -> None:
    order_id, net = kept.sql(
        "SELECT o.id, o.net_amount FROM orders o JOIN transfers t ON t.order_id = o.id"
        " WHERE t.kind = 'paid_after_all'"
    )
    again = Posting(
        "paid_after_all", net, suspense(books.RAIL), settled(books.RAIL), order_id=order_id
    )
    await kept.post(again, again)
    (problem,) = (await kept.verify()).problems
    assert (problem.kind, problem.order_id) == ("order", order_id)
    assert "more than one" in problem.message


def card_order(product: UUID) -> dict[str, object]:
    """What an order of this product says."""
    named = {"product": ids.show(ids.PRODUCT, product), "brand": "b", "country": "US"}
    return {**named, "currency": "USD", "face_value": 1}


async def test_an_order_from_stock_and_its_gift_card_are_compared(kept: Books) -> None:
    database, business_id = kept.database, kept.business.business_id
    product = ids.new()
    made = {
        status: await books.withdraw(
            database,
            business_id,
            kept.users[0],
            100,
            status,
            rail="stock",
            destination=card_order(product),
        )
        for status in ("sent", "succeeded", "failed")
    }
    (problem,) = (await kept.verify()).problems
    assert (problem.kind, problem.order_id) == ("card", made["succeeded"])
    kept.sql(
        "INSERT INTO gift_card_products (business_id, id, name, brand, country, currency,"
        " face_value, price) VALUES (%s, %s, 'n', 'b', 'US', 'USD', 1, %s)",
        business_id,
        product,
        100 - books.FEES,
    )
    for order_id in made.values():
        kept.sql(
            "INSERT INTO gift_cards (business_id, id, product_id, status, reference, order_id,"
            " code, key_id, fingerprint) VALUES (%s, %s, %s, 'delivered', %s, %s, %s, 'k', %s)",
            business_id,
            ids.new(),
            product,
            f"{ids.show(ids.ORDER, order_id)}.1",
            order_id,
            order_id.bytes,
            order_id.bytes,
        )
    (problem,) = (await kept.verify()).problems
    assert (problem.kind, problem.order_id) == ("card", made["failed"])
    assert "is delivered for the order, which is failed" in problem.message


@one_server
async def test_many_broken_rows_are_counted_and_the_first_are_named(kept: Books) -> None:
    kept.sql("UPDATE orders SET status = 'queued' WHERE status NOT IN ('queued')")
    business_id = kept.business.business_id
    for _ in range(NAMED):
        await books.withdraw(kept.database, business_id, kept.users[0], 100, "succeeded")
    kept.sql("UPDATE orders SET status = 'failed'")
    report = await kept.verify()
    assert len(of_kind(report, "order")) == NAMED
    assert report.counts["order"] > NAMED
    firsts = [problem.order_id for problem in of_kind(report, "order")]
    assert firsts == sorted(firsts, key=str)


async def test_money_that_moves_meanwhile_is_not_taken_for_broken(kept: Books) -> None:
    stop = anyio.Event()

    async def move() -> None:
        while not stop.is_set():
            await kept.database.write(treasury.fund, kept.business.business_id, 1, "test")

    async with anyio.create_task_group() as group:
        group.start_soon(move)
        for _ in range(10):
            assert (await kept.verify()).ok
        stop.set()


async def test_what_is_in_suspense_beyond_the_open_items_is_named(kept: Books) -> None:
    await kept.post(Posting("adjustment", 5, WORLD, suspense(books.RAIL)))
    (problem,) = (await kept.verify()).problems
    left = -kept.sql("SELECT net_amount FROM orders WHERE status = 'failed' AND amount = 800")[0]
    assert (problem.kind, problem.expected, problem.found) == ("suspense", left, left + 5)


async def test_an_item_without_its_booking_is_named(kept: Books) -> None:
    kept.sql(
        "INSERT INTO suspense_items (business_id, id, rail, cause, subject, amount, evidence)"
        " VALUES (%s, %s, 'other', 'unknown_payment', 'x', 7, '{}')",
        kept.business.business_id,
        ids.new(),
    )
    problem, of_item = (await kept.verify()).problems
    assert (problem.kind, problem.expected, problem.found) == ("suspense", -7, 0)
    assert "other" in problem.message
    assert (of_item.kind, "has 0 bookings" in of_item.message) == ("suspense", True)


async def test_what_was_paid_after_all_is_in_order_before_and_after_it_has_an_item(
    kept: Books,
) -> None:
    assert (await kept.verify()).ok
    order_id, net = kept.sql("SELECT id, net_amount FROM orders WHERE amount = 800")
    item = items.NewItem(
        books.RAIL, "paid_after_all", ids.show(ids.ORDER, order_id), order_id, net, {}
    )
    await kept.database.write(
        lambda db: items.change(db, kept.business.business_id, opening=[item], reason="told")
    )
    assert (await kept.verify()).ok


async def test_an_order_may_have_cost_something_at_each_attempt(kept: Books) -> None:
    order_id = kept.sql("SELECT id FROM orders WHERE status = 'succeeded'")[0]
    again = Posting("cost", 5, FEE_INCOME, rail_cost(books.RAIL), order_id=order_id)
    await kept.post(again, again)
    assert (await kept.verify()).ok


async def with_records(kept: Books) -> None:
    """Besides: a card that was delivered and shown, one in stock, an order by a quote, suspense
    items open and resolved, and idempotency keys of all that moves money."""
    database, business_id, user = kept.database, kept.business.business_id, kept.users[0]
    product = ids.new()
    kept.sql(
        "INSERT INTO gift_card_products (business_id, id, name, brand, country, currency,"
        " face_value, price) VALUES (%(b)s, %(p)s, 'n', 'b', 'US', 'USD', 1, %(price)s),"
        " (%(b)s, gen_random_uuid(), 'other', 'b', 'US', 'USD', 2, 7)",
        {"b": business_id, "p": product, "price": 100 - books.FEES},
    )
    destination = card_order(product)
    order = await books.withdraw(
        database, business_id, user, 100, "succeeded", rail="stock", destination=destination
    )
    given = {"b": business_id, "p": product, "o": order, "u": user}
    kept.sql(
        "INSERT INTO gift_cards (business_id, id, product_id, status, reference, order_id, code,"
        " key_id, fingerprint) VALUES (%(b)s, %(o)s, %(p)s, 'delivered', 'ord_' || %(o)s || '.1',"
        " %(o)s, 'x', 'k', 'x'),"
        " (%(b)s, gen_random_uuid(), %(p)s, 'available', NULL, NULL, 'y', 'k', 'y')",
        given,
    )
    kept.sql(
        "INSERT INTO gift_card_reveals (business_id, gift_card_id, order_id)"
        " VALUES (%(b)s, %(o)s, %(o)s)",
        given,
    )
    kept.sql(
        "INSERT INTO quotes (business_id, id, payout_user_id, provider, rail, amount, fees,"
        " net_amount, destination, expires_at) SELECT business_id, id, payout_user_id, provider,"
        " rail, amount, fees, net_amount, '{}', now() FROM orders WHERE id = %(o)s",
        given,
    )
    kept.sql("UPDATE orders SET quote_id = id WHERE id = %(o)s", given)
    for amount in (30, 40):
        item = items.NewItem(books.RAIL, "unknown_payment", f"theirs {amount}", None, amount, {})
        await database.write(
            lambda db, i=item: items.change(db, business_id, opening=[i], reason="told")
        )
    found = await database.fetch(lambda db: items.list_page(db, business_id, limit=10))
    await database.write(
        lambda db: items.resolve(db, found[-1], "absorbed", reason="ours", actor="test")
    )
    kept.sql(
        "INSERT INTO idempotency_keys (business_id, caller, path, key, digest, reference) SELECT"
        " %(b)s, 'business', '/payout/fund', 'k', ''::bytea, jsonb_build_object('balance',"
        " from_balance, 'payout_balance', to_balance) FROM transfers"
        " WHERE kind = 'fund' AND business_id = %(b)s"
        " UNION ALL SELECT %(b)s, %(u)s::text, '/payout/withdraw', 'k', ''::bytea,"
        " jsonb_build_object('order', 'ord_' || %(o)s)"
        " UNION ALL SELECT %(b)s, %(u)s::text, '/payout/quote', 'k', ''::bytea,"
        " to_jsonb('quo_' || %(o)s)",
        given,
    )


CHANGES = {
    "UPDATE orders SET amount = amount + 1, net_amount = net_amount + 1 WHERE status = 'failed'":
    ("order", "the order is failed (not paid) over"),
    "UPDATE orders SET destination = '{\"email\": \"mallory@x.test\"}' WHERE status = 'sent'":
    ("attempt", "something else than the order says"),
    "UPDATE orders SET attempt = 2 WHERE status = 'sent'": ("attempt", "sent at attempt 2, of 1"),
    "UPDATE order_attempts SET outcome = 'failed' WHERE outcome = 'succeeded'": (
        "attempt", "is succeeded at attempt 1, of 1 attempts the last came to failed"),
    "UPDATE order_attempts SET outcome = 'succeeded' WHERE outcome = 'failed'": (
        "attempt", "is failed at attempt 1, of 1 attempts the last came to succeeded"),
    "UPDATE order_attempts SET reference = 'other'": ("attempt", "reference of another"),
    "UPDATE order_attempts SET request = '{}'": ("attempt", "was asked to pay something else"),
    "DELETE FROM order_attempts": ("attempt", "of 0 attempts"),
    "UPDATE orders SET attempt = 0 WHERE status = 'sending'": ("attempt", "at attempt 0, of 1"),
    "DELETE FROM order_states": ("story", "its story of 0 lines tells nothing"),
    "DELETE FROM order_states WHERE number = 2": ("story", "leaps"),
    "UPDATE order_states SET number = 9 WHERE status = 'queued' AND number = 2": ("story", "tells"),
    "UPDATE order_states SET status = 'failed' WHERE status = 'succeeded'": ("story", "tells fail"),
    "DELETE FROM events WHERE type = 'payout.succeeded'": ("event", "payout.succeeded of the ord"),
    "UPDATE events SET type = 'payout.failed' WHERE type = 'payout.canceled'": (
        "event", "says payout.failed, which the order never was"),
    "DELETE FROM quotes": ("quote", "is not there"),
    "UPDATE quotes SET amount = amount + 1, fees = fees + 1": ("quote", "for something else"),
    "UPDATE quotes SET amount = amount + 1": ("quote", "which is not"),
    "UPDATE gift_cards SET product_id = (SELECT id FROM gift_card_products WHERE name = 'other')"
    " WHERE status = 'delivered'": ("card", "is not what the order ordered"),
    "UPDATE gift_card_products SET face_value = 9": ("card", "is not what the order ordered"),
    "UPDATE gift_card_products SET price = price + 1": ("card", "is not what the order ordered"),
    "UPDATE gift_cards SET reference = 'r' WHERE status = 'delivered'": ("card", "no attempt of"),
    "UPDATE gift_cards SET code = 'x'": ("card", "have the same code"),
    "UPDATE gift_cards SET order_id = NULL WHERE status = 'delivered'": ("card", "shown for an or"),
    "UPDATE suspense_items SET amount = amount + 1 WHERE resolved_at IS NULL": ("suspense", "31 ("),
    "UPDATE suspense_items SET amount = amount + 1 WHERE resolved_at IS NOT NULL":
    ("suspense", "item sus_"),
    "UPDATE suspense_items SET resolution = 'explained' WHERE resolved_at IS NOT NULL":
    ("suspense", "(explained) has 1 bookings and 1 resolutions"),
    "DELETE FROM suspense_items WHERE resolved_at IS NOT NULL": ("suspense", "an item that is not"),
    "UPDATE idempotency_keys SET reference = '{\"balance\": 1, \"payout_balance\": 2}'"
    " WHERE path = '/payout/fund'": ("key", "for /payout/fund remembers"),
    "UPDATE idempotency_keys SET reference = '{\"order\": \"ord_x\"}'"
    " WHERE path = '/payout/withdraw'": ("key", "for /payout/withdraw remembers"),
    "UPDATE idempotency_keys SET caller = gen_random_uuid() WHERE path = '/payout/quote'":
    ("key", "for /payout/quote remembers"),
    "UPDATE idempotency_keys SET reference = NULL": ("key", "remembers nothing"),
    "INSERT INTO accounts (business_id, id, kind) SELECT id, gen_random_uuid(), 'user'"
    " FROM businesses": ("payout_user", "is of no payout user"),
    "INSERT INTO payout_users (business_id, id, email, hash_key_id, hash_digest)"
    " SELECT id, gen_random_uuid(), 'b@x.test', 'k', 'd' FROM businesses": (
        "payout_user", "has no account"),
    "DELETE FROM accounts WHERE version = 0": ("payout_user", "the business has no account"),
}  # fmt: skip


@one_server
async def test_each_row_that_another_row_or_transfer_contradicts_is_named(kept: Books) -> None:
    """One change each, undone afterwards."""
    await with_records(kept)
    report = await kept.verify()
    assert report.ok, report.problems
    for change, (kind, part) in CHANGES.items():
        words = change.split()
        table = words[1] if words[0] == "UPDATE" else words[2]
        kept.sql(f"CREATE TABLE before AS SELECT * FROM {table}")
        kept.sql(change)
        messages = [problem.message for problem in of_kind(await kept.verify(), kind)]
        assert any(part in message for message in messages), (change, messages)
        kept.sql(f"DELETE FROM {table}")
        kept.sql(f"INSERT INTO {table} OVERRIDING SYSTEM VALUE SELECT * FROM before")
        kept.sql("DROP TABLE before")
    report = await kept.verify()
    assert report.ok, report.problems


async def with_keys(kept: Books) -> None:
    """Keys as they come to be: with the business, in another's place, restricted, stopped."""
    database, business_id = kept.database, kept.business.business_id
    wanted = Restrictions("Shop", ("read",))
    await database.write(treasury.regenerate_key, business_id, "secret", "test")
    for _ in range(2):
        made = await database.write(restricted_keys.create, business_id, wanted, "test")
    await database.write(restricted_keys.revoke, business_id, made.key.id, "test")


KEYS_CHANGED = {
    "INSERT INTO api_keys (id, business_id, kind, digest, hint)"
    " SELECT gen_random_uuid(), id, 'secret', sha256(id::text::bytea), 'abcd' FROM businesses":
    "no act made the secret API key that ends in abcd",
    "UPDATE api_keys SET created_at = now() WHERE kind = 'public'": "no act made the public API",
    "UPDATE api_keys SET revoked_at = NULL WHERE kind = 'restricted'":
    "the restricted API key that ends in",
    "UPDATE api_keys SET revoked_at = CASE WHEN revoked_at IS NULL THEN now() END"
    " WHERE kind = 'secret'": "the secret API key that ends in",
}  # fmt: skip


@one_server
async def test_a_key_that_no_act_made_or_that_one_stopped_is_named(kept: Books) -> None:
    await with_keys(kept)
    report = await kept.verify()
    assert report.ok, report.problems
    kept.sql("DROP INDEX api_keys_one_live")
    kept.sql("CREATE TABLE before AS SELECT * FROM api_keys")
    for change, part in KEYS_CHANGED.items():
        kept.sql(change)
        messages = [problem.message for problem in of_kind(await kept.verify(), "api_key")]
        assert any(message.startswith(part) for message in messages), (change, messages)
        kept.sql("DELETE FROM api_keys")
        kept.sql("INSERT INTO api_keys SELECT * FROM before")
    await kept.database.write(treasury.revoke_keys, kept.business.business_id, "test")
    await kept.database.write(treasury.regenerate_key, kept.business.business_id, "public", "test")
    assert of_kind(await kept.verify(), "api_key") == []
    kept.sql("UPDATE api_keys SET revoked_at = NULL WHERE kind = 'secret'")
    assert len(of_kind(await kept.verify(), "api_key")) == 2


async def test_keys_that_came_with_a_business_before_that_was_an_act_are_no_finding(
    kept: Books,
) -> None:
    kept.sql("DELETE FROM audit_entries WHERE act = 'business.create'")
    await with_keys(kept)
    assert of_kind(await kept.verify(), "api_key") == []


async def test_the_least_integer_as_an_orders_amount_is_named(kept: Books) -> None:
    kept.sql("ALTER TABLE orders DROP CONSTRAINT orders_net")
    kept.sql("ALTER TABLE orders DROP CONSTRAINT orders_amount_check")
    order_id = kept.sql("SELECT id FROM orders WHERE status = 'queued'")[0]
    kept.sql("UPDATE orders SET amount = -9223372036854775808 WHERE id = %s", order_id)
    report = await kept.verify()
    (problem,) = of_kind(report, "order")
    assert problem.order_id == order_id
    assert "over -9223372036854775808" in problem.message
    assert report.counts["catalogue"] == 2


async def test_an_accounts_second_and_a_right_too_many_are_named(kept: Books) -> None:
    kept.sql("DROP INDEX accounts_of_business")
    kept.sql(
        "INSERT INTO accounts (business_id, id, kind) SELECT id, gen_random_uuid(), 'main'"
        " FROM businesses WHERE id = %s",
        kept.business.business_id,
    )
    kept.sql("GRANT UPDATE ON transfers TO payviox_app")
    report = await kept.verify()
    (problem,) = of_kind(report, "payout_user")
    assert "there are 2 accounts main" in problem.message
    named = [problem.message for problem in of_kind(report, "catalogue")]
    assert "payviox_app has UPDATE of table transfers" in named
    assert any("accounts_of_business of accounts is missing" in message for message in named)
