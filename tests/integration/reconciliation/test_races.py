"""Comparisons beside everything else: other comparisons, a processor, deaths half way."""

import asyncio
from typing import Any

import pytest

from payviox.errors import Conflict
from payviox.ledger import service as ledger
from payviox.ledger import suspense
from payviox.ledger.queries import suspense as suspense_queries
from payviox.reconciliation import apply
from payviox.reconciliation import resolve as resolving
from payviox.reconciliation.queries import reports as queries
from payviox.withdrawals import statements
from support.finance import Finance
from support.vendor import FEES, Vendor

pytestmark = pytest.mark.anyio

NET = 1_000 - FEES


class Killed(BaseException):
    """The process is gone."""


async def differing(finance: Finance, number: int) -> None:
    """Orders that are booked, of which the vendor says otherwise."""
    for position in range(number):
        order = await finance.order(1_000, email=f"{position}@x.test")
        finance.vendor.books[f"ord_{order.id}.1"] = "failed"


async def test_several_comparisons_at_once_make_each_item_once(
    finance: Finance, monkeypatch: pytest.MonkeyPatch
) -> None:
    await differing(finance, 5)

    async def take_turn(*_: object) -> bool:
        return True

    # Without the turns that spare the rail, too, each item is made once.
    monkeypatch.setattr(queries, "take_turn", take_turn)
    reports = await asyncio.gather(*(finance.compare() for _ in range(3)))
    assert sum(report.opened for report in reports) == 5
    assert await finance.causes() == [("not_paid", -NET)] * 5
    assert await finance.balance("suspense:vendor") == 5 * NET


async def test_while_a_rail_is_compared_nobody_else_asks_it(finance: Finance) -> None:
    await finance.order()
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        asked.set()
        await go_on.wait()

    finance.vendor.on_statement = wait
    first = asyncio.create_task(finance.compare())
    await asked.wait()
    other = await finance.compare()
    assert other.not_compared is not None
    assert "somebody else" in other.not_compared
    go_on.set()
    assert (await first).is_clean


PLACES: list[tuple[Any, str]] = [
    (suspense_queries, "insert"),
    (ledger, "post"),
    (statements, "lock"),
    (suspense, "change"),
    (queries, "keep"),
]


@pytest.mark.parametrize(("place", "name"), PLACES, ids=[name for _, name in PLACES])
@pytest.mark.parametrize("after", [0, 1])
async def test_killed_half_way_it_is_finished_by_the_next(
    finance: Finance, monkeypatch: pytest.MonkeyPatch, place: Any, name: str, after: int
) -> None:
    await differing(finance, 2)
    await finance.order(1_000, "accept")
    real, calls = getattr(place, name), 0

    async def dying(*given: Any, **more: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > after:
            raise Killed
        return await real(*given, **more)

    with monkeypatch.context() as patched:
        patched.setattr(place, name, dying)
        try:
            await finance.compare()
        except Killed:
            await finance.check_books()
    report = await finance.compare()
    assert await finance.causes() == [("not_paid", -NET)] * 2
    assert await finance.balance("suspense:vendor") == 2 * NET
    assert await finance.balance("in_transit:vendor") == 1_000
    assert report.ours.difference == 0


async def test_an_order_that_moves_while_the_rail_tells_its_books_is_no_difference(
    finance: Finance,
) -> None:
    """The rail has not heard of what is sent after it was asked, nor do we know of its end."""
    sent = await finance.order(1_000, "accept")
    told = dict(finance.vendor.books)

    async def go_on() -> None:
        finance.vendor.books[f"ord_{sent.id}.1"] = "paid"
        await finance.order(500, email="late@x.test")
        await finance.desk.hurry()
        await finance.desk.process()
        finance.vendor.on_statement = None

    finance.vendor.on_statement = go_on
    report = await finance.compare()
    assert told != finance.vendor.books
    assert (await finance.desk.get(sent)).status == "succeeded"
    assert (report.opened, report.look_ups) == (0, 0)
    assert report.ours.in_transit == NET + 500 - FEES
    assert (await finance.compare()).is_clean


async def test_an_order_that_moves_between_the_comparison_and_its_item_is_left_alone(
    finance: Finance, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = await finance.order(1_000, "accept")
    finance.vendor.silent = True
    finance.vendor.books[f"ord_{order.id}.1"] = "paid"
    await finance.compare()
    await finance.desk.process()
    finance.vendor.silent = False
    real = apply.carry_out

    async def late(*given: Any) -> None:
        await finance.desk.hurry()
        await finance.desk.process()
        await real(*given)

    monkeypatch.setattr("payviox.reconciliation.service.carry_out", late)
    report = await finance.compare()
    assert report.opened == 0
    assert (await finance.desk.get(order)).status == "succeeded"
    monkeypatch.undo()
    assert (await finance.compare()).is_clean


async def test_comparisons_beside_busy_processors_find_nothing(
    finance: Finance, vendor: Vendor
) -> None:
    users = [await finance.desk.user(20_000, f"{n}@x.test") for n in range(4)]
    plans = ["pay", "accept", "pay_silently", "fail", "fail_retryable", "lost", "empty"]
    done = asyncio.Event()

    async def withdraw() -> None:
        for number in range(28):
            vendor.plan += [plans[number % len(plans)]]  # type: ignore[list-item]  # behaviours
            await finance.desk.withdraw(users[number % 4], 1_000)
            await finance.desk.process()
            if number % 5 == 0:
                await finance.desk.hurry(age_s=120)
                for reference, state in list(vendor.books.items()):
                    if state == "pending":
                        vendor.books[reference] = "paid"
        done.set()

    async def compare() -> int:
        opened = 0
        while not done.is_set():
            opened += (await finance.compare(young_s=300.0)).opened
        return opened

    _, opened = await asyncio.gather(withdraw(), compare())
    assert opened == 0


async def test_of_two_who_resolve_one_item_one_does(finance: Finance) -> None:
    await differing(finance, 1)
    await finance.compare()
    (item,) = await finance.items()

    async def resolve(how: Any) -> None:
        await finance.desk.write(
            lambda db: resolving.resolve(
                db, item.business_id, item.id, how, reason="why", actor="ada"
            )
        )

    answers = await asyncio.gather(resolve("absorbed"), resolve("charged"), return_exceptions=True)
    assert [type(answer) for answer in answers if answer is not None] == [Conflict]
    assert await finance.balance("suspense:vendor") == 0


async def test_a_person_who_resolves_what_a_comparison_closes_is_told(finance: Finance) -> None:
    await differing(finance, 1)
    await finance.compare()
    (item,) = await finance.items()
    for reference in finance.vendor.books:
        finance.vendor.books[reference] = "paid"
    await finance.compare()
    with pytest.raises(Conflict, match="resolved already"):
        await finance.desk.write(
            lambda db: resolving.resolve(
                db, item.business_id, item.id, "absorbed", reason="why", actor="ada"
            )
        )
    assert await finance.balance("suspense:vendor") == 0
