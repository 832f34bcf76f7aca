"""Each cause of a difference, from the order through to its item, the ledger and its end."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest

from payviox.ledger.suspense import Cause, Resolution
from payviox.rails.protocol import Entry
from payviox.reconciliation import resolve as resolving
from payviox.reconciliation.causes import CAUSES
from support.finance import Finance
from support.vendor import COST, FEES

pytestmark = pytest.mark.anyio

NET = 1_000 - FEES


async def resolve(finance: Finance, how: Resolution) -> None:
    """A person resolves the only open item; the books are in order and stay explained."""
    (item,) = await finance.items()
    await finance.desk.write(
        lambda db: resolving.resolve(
            db, item.business_id, item.id, how, reason="case 4711", actor="ada"
        )
    )
    await finance.check_books()
    assert await finance.balance("suspense:vendor") == 0
    report = await finance.compare()
    assert report.is_clean
    assert (report.opened, report.closed) == (0, 0)
    (after,) = [each for each in await finance.items(resolved=True) if each.id == item.id]
    assert (after.resolution, after.resolved_by, after.reason) == (how, "ada", "case 4711")


def test_every_cause_has_words() -> None:
    assert set(CAUSES) == set(get_args(Cause))


async def test_books_that_agree_leave_nothing_open(finance: Finance) -> None:
    await finance.order()
    await finance.order(500, "fail")
    report = await finance.compare()
    assert report.is_clean
    assert (report.ours.matched, report.theirs.matched) == (NET, NET)
    assert (report.costs_booked, report.costs_charged) == (COST, COST)
    assert (report.settled, report.settled_before) == (NET, 0)


async def test_what_is_under_way_is_in_transit(finance: Finance) -> None:
    await finance.order(1_000, "accept")
    report = await finance.compare()
    assert report.is_clean
    assert (report.ours.matched, report.ours.in_transit, report.theirs.told) == (0, 1_000, 0)


async def test_paid_after_all(finance: Finance) -> None:
    order = await finance.order(1_000, "fail")
    reference = f"ord_{order.id}.1"
    finance.vendor.books[reference] = "paid"
    report = await finance.compare()
    assert (report.look_ups, report.opened) == (1, 0), "the worker asks first"
    assert report.theirs.in_transit == NET
    await finance.desk.process()
    await finance.check_books()
    await finance.compare()
    assert await finance.balance("suspense:vendor") == -NET
    assert await finance.causes() == [("paid_after_all", NET)]
    await resolve(finance, "charged")
    assert await finance.balance("ada@x.test") == FEES


async def test_paid_after_all_is_an_item_even_where_the_rail_cannot_be_asked(
    finance: Finance,
) -> None:
    order = await finance.order(1_000, "fail")
    finance.vendor.books[f"ord_{order.id}.1"] = "paid"
    await finance.compare()
    await finance.desk.process()
    finance.vendor.refusal = "no answer"
    report = await finance.compare()
    assert report.not_compared == "no answer"
    assert await finance.causes() == [("paid_after_all", NET)]


async def test_what_was_paid_after_all_and_came_back_explains_itself(finance: Finance) -> None:
    order = await finance.order(1_000, "fail")
    finance.vendor.books[f"ord_{order.id}.1"] = "paid"
    finance.vendor.retold[f"ord_{order.id}.1"] = {"cost": None}
    await finance.compare()
    await finance.desk.process()
    await finance.compare()
    finance.vendor.books[f"ord_{order.id}.1"] = "returned"
    report = await finance.compare()
    assert report.closed == 1
    assert await finance.items() == []
    assert await finance.balance("settled:vendor") == 0
    finance.vendor.books[f"ord_{order.id}.1"] = "paid"
    await finance.compare()
    await finance.desk.process()
    await finance.compare()
    assert await finance.causes() == [("paid_not_booked", NET)]
    await resolve(finance, "absorbed")


async def test_paid_not_booked(finance: Finance) -> None:
    order = await finance.order(1_000, "empty")
    await finance.desk.cancel(order)
    finance.vendor.books[f"ord_{order.id}.1"] = "paid"
    finance.vendor.retold[f"ord_{order.id}.1"] = {"cost": None}
    report = await finance.compare()
    assert (report.opened, report.theirs.suspense) == (1, NET)
    assert await finance.causes() == [("paid_not_booked", NET)]
    assert await finance.balance("settled:vendor") == NET
    assert await finance.balance("suspense:vendor") == -NET
    main = await finance.balance("main")
    await resolve(finance, "absorbed")
    assert await finance.balance("main") == main - NET
    assert await finance.balance("settled:vendor") == NET


async def test_paid_while_we_say_sent_is_looked_up_first(finance: Finance) -> None:
    order = await finance.order(1_000, "accept")
    finance.vendor.books[f"ord_{order.id}.1"] = "paid"
    report = await finance.compare()
    assert (report.look_ups, report.opened) == (1, 0)
    assert (report.ours.in_transit, report.theirs.in_transit) == (1_000, NET)
    again = await finance.compare()
    assert (again.look_ups, again.opened) == (0, 0), "asked once"
    await finance.desk.process()
    assert (await finance.desk.get(order)).status == "succeeded"
    assert (await finance.compare()).is_clean


async def test_a_look_up_that_explains_nothing_leaves_an_item(finance: Finance) -> None:
    order = await finance.order(1_000, "accept")
    finance.vendor.books[f"ord_{order.id}.1"] = "paid"
    finance.vendor.silent = True
    await finance.compare()
    await finance.desk.process()
    await finance.compare()
    assert await finance.causes() == [("paid_not_booked", NET), ("cost_differs", COST)]
    # The rail tells at last: the order's own booking takes the place of the items.
    finance.vendor.silent = False
    await finance.desk.hurry()
    await finance.desk.process()
    await finance.check_books()
    assert await finance.items() == []
    assert await finance.balance("settled:vendor") == NET
    assert (await finance.compare()).is_clean


async def test_not_paid(finance: Finance) -> None:
    order = await finance.order()
    finance.vendor.books[f"ord_{order.id}.1"] = "failed"
    report = await finance.compare()
    assert (report.ours.suspense, report.theirs.told) == (NET, 0)
    assert await finance.causes() == [("not_paid", -NET)]
    assert await finance.balance("settled:vendor") == 0
    await resolve(finance, "charged")
    assert await finance.balance("ada@x.test") == NET


async def test_a_rail_that_lists_all_and_never_heard_of_a_payment_did_not_make_it(
    finance: Finance,
) -> None:
    order = await finance.order()
    del finance.vendor.books[f"ord_{order.id}.1"]
    await finance.compare()
    assert await finance.causes() == [("not_paid", -NET)]


async def test_a_rail_that_does_not_list_all_is_not_taken_at_its_silence(finance: Finance) -> None:
    order = await finance.order()
    del finance.vendor.books[f"ord_{order.id}.1"]
    finance.vendor.lists_all = False
    report = await finance.compare()
    assert report.is_clean
    assert (report.ours.in_transit, report.theirs.told) == (NET, 0)


async def test_a_payment_that_comes_back_after_it_was_called_not_paid_is_booked(
    finance: Finance,
) -> None:
    order = await finance.order()
    reference = f"ord_{order.id}.1"
    finance.vendor.books[reference] = "failed"
    await finance.compare()
    assert await finance.balance("settled:vendor") == 0
    finance.vendor.books[reference] = "returned"
    await finance.desk.write(
        lambda db: db.execute("UPDATE orders SET due_at = now() WHERE id = %s", [order.id])
    )
    await finance.desk.process()
    assert (await finance.desk.get(order)).status == "returned"
    await finance.check_books()
    assert await finance.items() == []
    assert (await finance.compare()).is_clean


async def test_amount_differs(finance: Finance) -> None:
    order = await finance.order()
    finance.vendor.retold[f"ord_{order.id}.1"] = {"amount": NET + 20}
    await finance.compare()
    assert await finance.causes() == [("amount_differs", 20)]
    finance.vendor.retold[f"ord_{order.id}.1"] = {"amount": NET - 30}
    report = await finance.compare()
    assert (report.opened, report.closed) == (1, 1), "another amount is another item"
    assert await finance.causes() == [("amount_differs", -30)]
    assert await finance.balance("suspense:vendor") == 30
    await resolve(finance, "written_off")


async def test_cost_differs(finance: Finance) -> None:
    order = await finance.order()
    finance.vendor.retold[f"ord_{order.id}.1"] = {"cost": COST + 2}
    report = await finance.compare()
    assert (report.costs_booked, report.costs_charged) == (COST, COST + 2)
    assert await finance.causes() == [("cost_differs", 2)]
    assert await finance.balance("rail_cost:vendor") == COST + 2
    await resolve(finance, "absorbed")


async def test_paid_twice(finance: Finance) -> None:
    order = await finance.order(1_000, "fail_retryable", "pay")
    await finance.desk.hurry()
    await finance.desk.process()
    assert (await finance.desk.get(order)).attempt == 2
    assert (await finance.compare()).is_clean
    finance.vendor.books[f"ord_{order.id}.1"] = "paid"
    finance.vendor.retold[f"ord_{order.id}.1"] = {"cost": 0}
    await finance.compare()
    assert await finance.causes() == [("paid_twice", NET)]
    await resolve(finance, "absorbed")


async def test_unknown_payment(finance: Finance) -> None:
    at = datetime.now(UTC) - timedelta(hours=1)
    finance.vendor.others = [Entry(None, "0xabc", "paid", 5_000, None, at, {"to": "0xdef"})]
    report = await finance.compare()
    assert report.theirs.suspense == 5_000
    (item,) = await finance.items()
    assert (item.cause, item.subject, item.amount, item.order_id) == (
        "unknown_payment",
        "0xabc",
        5_000,
        None,
    )
    assert item.evidence["rail"][0]["evidence"] == {"to": "0xdef"}
    await resolve(finance, "explained")
    assert await finance.balance("settled:vendor") == 0, "none of our money"
    report = await finance.compare()
    assert (report.theirs.explained, report.theirs.told) == (5_000, 5_000)


async def test_an_unknown_payment_that_turns_out_to_be_an_orders_explains_itself(
    finance: Finance,
) -> None:
    order = await finance.order(1_000, "accept")
    at = datetime.now(UTC) - timedelta(hours=1)
    told = Entry(None, "V-77", "paid", NET, None, at)
    finance.vendor.others = [told]
    del finance.vendor.books[f"ord_{order.id}.1"]
    await finance.compare()
    assert await finance.causes() == [("unknown_payment", NET)]
    await finance.desk.write(
        lambda db: db.execute(
            "UPDATE order_attempts SET rail_order_id = 'V-77' WHERE order_id = %s", [order.id]
        )
    )
    report = await finance.compare()
    assert (report.closed, report.look_ups) == (1, 1)
    assert await finance.items() == []
    finance.vendor.others = [replace(told, rail_order_id="V-78")]
    await finance.compare()
    assert await finance.causes() == [("unknown_payment", NET)]
    finance.vendor.others = []
    await finance.compare()
    assert await finance.items() == [], "the rail, which lists all, does not list it any more"


async def test_returned_not_booked(finance: Finance) -> None:
    order = await finance.order()
    finance.vendor.books[f"ord_{order.id}.1"] = "returned"
    finance.vendor.silent = True
    report = await finance.compare()
    assert (report.look_ups, report.opened, report.ours.in_transit) == (1, 0, NET)
    await finance.desk.process()
    await finance.compare()
    assert await finance.causes() == [("returned_not_booked", -NET)]
    await resolve(finance, "charged")


async def test_stuck(finance: Finance) -> None:
    order = await finance.order(1_000, "accept")
    await finance.desk.write(
        lambda db: db.execute(
            "UPDATE orders SET updated_at = now() - interval '4 days' WHERE id = %s", [order.id]
        )
    )
    report = await finance.compare()
    assert await finance.causes() == [("stuck", 0)]
    assert report.ours.in_transit == 1_000
    finance.vendor.books[f"ord_{order.id}.1"] = "paid"
    await finance.desk.hurry()
    await finance.desk.process()
    assert (await finance.compare()).is_clean
