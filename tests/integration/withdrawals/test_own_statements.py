"""What the sandbox and the stock say of their own books, page by page."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from payviox import ids
from payviox.giftcards.queries import stock as stock_queries
from payviox.giftcards.rail import StockRail
from payviox.rail_state import sandbox_books
from payviox.rails.protocol import Entry, Known, Rail
from payviox.rails.sandbox.rail import SandboxRail
from support.businesses import TestBusiness
from support.giftcards import csv_of, import_text, only_product
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio


async def nothing_known() -> AsyncIterator[Sequence[Known]]:
    """Neither rail needs to be told what to look for."""
    return
    yield


async def pages(rail: Rail, business: TestBusiness, since: datetime) -> list[Sequence[Entry]]:
    return [page async for page in rail.statement(business.business_id, since, nothing_known())]


def long_ago() -> datetime:
    return datetime.now(UTC) - timedelta(days=1)


async def test_the_sandboxs_statement_is_what_our_books_come_to(
    business: TestBusiness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox_books, "PAGE", 2)
    desk = Desk.of(business)
    user = await desk.user(10_000)
    names = ("succeed", "fail", "fail-after-accept", "returned", "retry", "float-empty", "slow")
    orders = {
        name: await desk.withdraw(user, 1_000, {"email": f"{name}@example.com"}) for name in names
    }
    await desk.process()
    rail = SandboxRail(desk.books)
    assert rail.lists_all

    def of(name: str, found: list[Sequence[Entry]]) -> list[Entry]:
        prefix = ids.show(ids.ORDER, orders[name].id)
        return [e for page in found for e in page if str(e.reference).startswith(prefix)]

    early = await pages(rail, business, long_ago())
    assert max(map(len, early)) == 2
    assert [entry.state for entry in of("slow", early)] == ["pending"]
    for _ in range(3):
        await desk.hurry()
        await desk.process()
    late = await pages(rail, business, long_ago())
    states = {name: [entry.state for entry in of(name, late)] for name in names}
    assert states == {
        "succeed": ["paid"],
        "fail": ["failed"],
        "fail-after-accept": ["failed"],
        "returned": ["returned"],
        "retry": ["failed", "paid"],
        "float-empty": [],
        "slow": ["paid"],
    }
    (paid,) = of("succeed", late)
    order = await desk.get(orders["succeed"])
    assert (paid.amount, paid.cost) == (1_000, 0)
    assert paid.rail_order_id == order.rail_order_id
    assert sum(len(page) for page in late) == 7
    assert await pages(rail, business, datetime.now(UTC)) == []


async def test_a_crypto_payment_of_the_sandbox_has_its_cost(business: TestBusiness) -> None:
    desk = Desk.of(business)
    destination = {
        "currency": "USDT",
        "chain": "ERC20",
        "to_address": "0xdAC17F958D2ee523a2206206994597C13D831ec7",
    }
    order = await desk.withdraw(await desk.user(5_000), 5_000, destination, "crypto")
    await desk.process()
    ((entry,),) = await pages(SandboxRail(desk.books), business, long_ago())
    assert (entry.amount, entry.cost) == (4_950, 50)
    assert entry.rail_order_id == (await desk.get(order)).rail_order_id


async def test_the_stocks_statement_has_each_delivered_card_at_its_price(
    business: TestBusiness, services: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyring = services.keyring  # type: ignore[attr-defined]  # the application's
    codes = [f"SECRET-{number}" for number in range(5)]
    await import_text(business.database, keyring, business.business_id, csv_of(codes))
    product = await only_product(business.database, business.business_id)
    desk = Desk.of(business)
    user = await desk.user(100_000)
    references = set()
    for _ in range(4):
        order = await desk.withdraw(user, product.price, {"product": product.shown_id}, "gift_card")
        references.add(f"{ids.show(ids.ORDER, order.id)}.1")
    await desk.process()
    monkeypatch.setattr(stock_queries.list_delivered, "__defaults__", (3,))
    rail = StockRail(business.database)
    assert rail.lists_all
    found = await pages(rail, business, long_ago())
    assert [len(page) for page in found] == [3, 1]
    entries = [entry for page in found for entry in page]
    assert {entry.reference for entry in entries} == references
    assert {(entry.state, entry.amount) for entry in entries} == {("paid", product.price)}
    assert "SECRET" not in repr(entries)
    assert await pages(rail, business, datetime.now(UTC)) == []
    assert await rail.read_float(business.business_id) == []
