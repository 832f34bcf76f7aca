"""What comparing says, keeps and tells of: sums, periods, floats, alerts, refusals."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from payviox.errors import Conflict, FieldErrors, NotFound
from payviox.keyring import Keyring
from payviox.maintenance import tasks
from payviox.monitoring.queries import reconciliation as figures
from payviox.rails.protocol import Entry, Holding
from payviox.reconciliation import alerts, service
from payviox.reconciliation import resolve as resolving
from payviox.reporting import attention
from payviox.withdrawals.model import Order
from support.ageing import set_back
from support.businesses import TestBusiness
from support.finance import Finance
from support.giftcards import csv_of, import_text, only_product
from support.live import SECRET_KEY
from support.vendor import FEES
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio

NET = 1_000 - FEES
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


async def aged(finance: Finance, order: Order, days: int) -> None:
    """As if the order had been made so long ago, by both books."""
    by = timedelta(days=days)
    for statement in (
        f"UPDATE orders SET updated_at = {set_back('updated_at', by)} WHERE id = %s",
        f"UPDATE order_attempts SET started_at = {set_back('started_at', by)} WHERE order_id = %s",
    ):
        await finance.desk.write(lambda db, s=statement: db.execute(s, [order.id]))
    finance.vendor.taken_at[f"ord_{order.id}.1"] -= timedelta(days=days)


async def audited(finance: Finance, action: str) -> list[dict[str, Any]]:
    async def read(connection: Any) -> list[Any]:
        cursor = await connection.execute(
            "SELECT detail FROM audit_entries WHERE business_id = %s AND act = %s ORDER BY id",
            [finance.desk.business.business_id, action],
        )
        return [row[0] for row in await cursor.fetchall()]

    return await finance.desk.database.fetch(read)


async def resolve(finance: Finance, item_id: Any, how: Any, reason: str = "why") -> None:
    business_id = finance.desk.business.business_id
    await finance.desk.write(
        lambda db: resolving.resolve(db, business_id, item_id, how, reason=reason, actor="ada")
    )


async def test_both_sides_add_up_whatever_is_in_between(finance: Finance) -> None:
    plans = ["pay", "fail", "accept", "empty", "pay", "pay_silently"]  # nobody looks up the last
    orders = [
        await finance.order(1_000, plan, email=f"{number}@x.test")
        for number, plan in enumerate(plans)
    ]
    finance.vendor.others = [Entry(None, "X", "paid", 77, 1, LONG_AGO)]
    finance.vendor.books[f"ord_{orders[0].id}.1"] = "failed"
    report = await finance.compare(since=LONG_AGO)
    assert report.theirs.told == 2 * NET + 77
    assert (report.theirs.matched, report.theirs.in_transit, report.theirs.suspense) == (
        NET,
        NET,
        77,
    )
    # Two that wait or are under way, and the one that the look-up will find paid.
    assert (report.ours.matched, report.ours.in_transit, report.ours.suspense) == (NET, 3_000, NET)
    assert report.settled_before == 0, "over all time every cent on the account is explained"


async def test_a_shorter_period_leaves_older_items_and_payments_alone(finance: Finance) -> None:
    old, new = [await finance.order(1_000, email=f"{n}@x.test") for n in range(2)]
    finance.vendor.books[f"ord_{old.id}.1"] = "failed"
    await finance.compare()
    await aged(finance, old, days=20)
    report = await finance.compare(since=datetime.now(UTC) - timedelta(days=7))
    assert (report.orders, report.closed) == (1, 0)
    assert (report.ours.matched, report.settled_before) == (NET, 0)
    assert [item.cause for item in report.items] == ["not_paid"], "it is open all the same"
    assert not report.is_clean
    await resolve(finance, (await finance.items())[0].id, "absorbed")
    assert (await finance.compare(since=datetime.now(UTC) - timedelta(days=7))).is_clean
    assert (await finance.desk.get(new)).status == "succeeded"


async def test_an_order_that_was_sent_before_the_period_and_ended_in_it_is_no_difference(
    finance: Finance,
) -> None:
    order = await finance.order(1_000)
    await aged(finance, order, days=20)
    await finance.desk.write(
        lambda db: db.execute("UPDATE orders SET updated_at = now() WHERE id = %s", [order.id])
    )
    report = await finance.compare(since=datetime.now(UTC) - timedelta(days=7))
    assert report.is_clean
    assert report.ours.in_transit == NET, "the statement does not reach back so far"


async def test_what_has_just_happened_at_the_rail_is_in_transit(finance: Finance) -> None:
    order = await finance.order(1_000)
    finance.vendor.books[f"ord_{order.id}.1"] = "failed"
    report = await finance.compare(young_s=300.0)
    assert report.is_clean
    assert report.ours.in_transit == NET


async def test_a_statement_that_breaks_off_is_not_compared(finance: Finance) -> None:
    await finance.order(1_000)
    await finance.order(1_000)
    finance.vendor.refusal = "The vendor is closed. Ask again tomorrow."
    report = await finance.compare()
    assert report.not_compared == "The vendor is closed. Ask again tomorrow."
    assert not report.is_clean
    assert await finance.items() == []


async def test_a_rail_that_breaks_otherwise_is_not_compared_either(
    finance: Finance, monkeypatch: pytest.MonkeyPatch
) -> None:
    await finance.order(1_000)

    def broken(*_: object) -> Any:
        raise KeyError("secret")

    monkeypatch.setattr(finance.vendor, "statement", broken)
    monkeypatch.setattr(finance.vendor, "read_float", broken)
    report = await finance.compare()
    assert report.not_compared == "its books could not be read (KeyError)"
    assert report.float.problem == "its float could not be read (KeyError)"


async def test_a_rail_that_is_not_configured_any_more_is_not_compared(finance: Finance) -> None:
    await finance.order(1_000)
    finance.desk.rails = Desk.of(finance.desk.business).rails
    report = await finance.compare()
    assert report.not_compared is not None
    assert "not configured" in report.not_compared


async def test_pages_are_laid_together_and_what_is_told_twice_counts_once(
    finance: Finance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("payviox.reconciliation.compare.PAGE", 2)
    monkeypatch.setattr("payviox.reconciliation.entries.PAGE", 2)
    finance.vendor.page = 2
    for number in range(7):
        await finance.order(1_000, email=f"{number}@x.test")
    others = [Entry(None, f"X{number}", "paid", 10, None, LONG_AGO) for number in range(5)]
    finance.vendor.others = [*others, others[0]]
    report = await finance.compare()
    assert (report.orders, report.entries) == (7, 12)
    assert (report.ours.matched, report.theirs.told) == (7 * NET, 7 * NET + 50)
    assert await finance.causes() == [("unknown_payment", 10)] * 5
    assert (await finance.compare()).opened == 0


async def test_a_rail_that_is_asked_for_each_attempt_is_given_all_that_may_have_been_sent(
    finance: Finance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("payviox.reconciliation.compare.PAGE", 2)
    orders = [await finance.order(1_000, p) for p in ("pay", "fail", "lost", "empty", "accept")]
    asked: list[str] = []

    async def statement(_: Any, __: Any, known: Any) -> Any:
        async for page in known:
            asked.extend(one.reference for one in page)
            yield []

    monkeypatch.setattr(finance.vendor, "statement", statement)
    finance.vendor.lists_all = False
    await finance.compare()
    sent = [order for number, order in enumerate(orders) if number != 3]
    assert asked == [f"ord_{order.id}.1" for order in sent]


async def test_the_float_is_laid_against_what_is_owed(finance: Finance) -> None:
    await finance.order(1_000, "accept")
    await finance.desk.user(3_000, "eve@x.test")
    finance.vendor.holdings = [Holding("USD", "10.00", 1_000), Holding("EUR", "0", 0)]
    report = await finance.compare()
    assert report.float.cents == 1_000
    assert (report.liability.in_transit, report.liability.users) == (1_000, 3_000)
    finance.vendor.refusal = "The vendor is closed."
    report = await finance.compare()
    assert report.not_compared is not None
    assert (report.liability.in_transit, report.liability.users) == (1_000, 3_000), "by our books"
    assert report.as_json()["coverage_percent"] == "25.0"
    finance.vendor.holdings = [Holding("USD", "10.00", 1_000), Holding("WEI", "1", None)]
    report = await finance.compare()
    assert report.float.cents is None, "what is not known is not guessed"
    assert report.as_json()["coverage_percent"] is None


async def test_a_low_float_is_told_once_until_it_recovers(finance: Finance) -> None:
    await finance.order(1_000)
    low, fine = Holding("ETH", "0.1", 1, low=True), Holding("ETH", "9", 9)
    for holding, told in ((low, 1), (low, 1), (fine, 1), (low, 2)):
        finance.vendor.holdings = [holding]
        await finance.compare()
        assert len(await audited(finance, alerts.LOW_FLOAT)) == told
    (first, _) = await audited(finance, alerts.LOW_FLOAT)
    assert first == {"rail": "vendor", "asset": "ETH", "amount": "0.1"}


async def test_what_stays_unexplained_for_too_long_is_told_once(finance: Finance) -> None:
    business_id = finance.desk.business.business_id
    order = await finance.order(1_000)
    finance.vendor.books[f"ord_{order.id}.1"] = "failed"
    await finance.compare()

    async def tell() -> int:
        return int(await finance.desk.write(lambda db: alerts.tell_of_items(db, business_id)))

    assert await tell() == 0, "not yet: a day is the rule"
    await finance.desk.business.set(suspense_alert_hours=0)
    assert (await tell(), await tell()) == (1, 0)
    (told,) = await audited(finance, alerts.UNEXPLAINED)
    assert (told["cause"], told["amount"], told["order"]) == ("not_paid", -NET, str(order.id))


async def test_the_periodic_comparison_goes_on_after_a_business_that_breaks(
    finance: Finance, business: TestBusiness, monkeypatch: pytest.MonkeyPatch
) -> None:
    await finance.order(1_000)
    real, asked = service.rails_of, []

    async def rails_of(connection: Any, business_id: Any) -> list[str]:
        asked.append(business_id)
        if len(asked) == 1:
            raise RuntimeError("broken")
        return await real(connection, business_id)

    monkeypatch.setattr(service, "rails_of", rails_of)
    await tasks.reconcile(finance.desk.database, finance.desk.rails)
    assert business.business_id in asked
    assert business.business_id != asked[0], "its live twin comes before it"
    kept = await business.scalar(
        "SELECT report FROM reconciliations WHERE business_id = %s", business.business_id
    )
    assert kept["not_compared"] is None
    assert kept["ours"]["matched"] == NET


async def test_a_decision_needs_a_reason_and_money_to_book_it_with(finance: Finance) -> None:
    finance.vendor.others = [Entry(None, "X", "paid", 10**7, None, LONG_AGO)]
    order = await finance.order(1_000, "accept")
    await finance.desk.write(
        lambda db: db.execute(
            "UPDATE orders SET updated_at = now() - interval '4 days' WHERE id = %s", [order.id]
        )
    )
    await finance.compare()
    stuck, unknown = sorted(await finance.items(), key=lambda item: item.amount)
    before = await finance.desk.business.ledger()
    with pytest.raises(FieldErrors):
        await resolve(finance, unknown.id, "absorbed", reason=" ")
    with pytest.raises(Conflict, match="main balance has too little"):
        await resolve(finance, unknown.id, "absorbed")
    with pytest.raises(Conflict, match="no payout user"):
        await resolve(finance, unknown.id, "charged")
    with pytest.raises(Conflict, match="only be explained"):
        await resolve(finance, stuck.id, "absorbed")
    with pytest.raises(NotFound):
        await resolve(finance, order.id, "absorbed")
    assert await finance.desk.business.ledger() == before
    await resolve(finance, stuck.id, "explained")
    await resolve(finance, unknown.id, "written_off")
    report = await finance.compare()
    assert report.is_clean, "a person knows about the stuck one"
    (decided, _) = await audited(finance, "suspense.resolve")
    assert (decided["resolution"], decided["reason"]) == ("explained", "why")


async def test_the_products_own_rails_agree_with_our_books(business: TestBusiness) -> None:
    """The sandbox, through endings of every kind."""
    desk = Desk.of(business)
    for ending in ("succeed", "fail", "slow", "returned", "retry", "float-empty", "unknown-failed"):
        user = await desk.user(2_000, f"{ending}@x.test")
        await desk.withdraw(user, 1_000, {"email": f"{ending}@example.com"})
    for _ in range(4):
        await desk.process()
        await desk.hurry()
    (report,) = [
        await service.reconcile_rail(
            desk.database, desk.rails, business.business_id, rail, young_s=0.0
        )
        for rail in await desk.database.fetch(service.rails_of, business.business_id)
    ]
    assert report.rail == "sandbox"
    assert report.is_clean, report.items
    assert report.ours.in_transit == 1_000, "what waits for the float"


async def test_metrics_tell_of_what_is_open_and_of_the_last_comparison(
    finance: Finance,
) -> None:
    order = await finance.order(1_000)
    await finance.order(500, "accept", email="eve@x.test")
    finance.vendor.books[f"ord_{order.id}.1"] = "failed"
    finance.vendor.holdings = [Holding("USD", "12.00", 1_200)]
    await finance.compare()
    finance.vendor.refusal = "closed"
    await finance.compare()
    business_id = finance.desk.business.business_id

    async def read(connection: Any) -> tuple[Any, Any]:
        found = await attention.unexplained(connection, business_id)
        return found, await figures.compared(connection)

    (unexplained,) = (await finance.desk.database.fetch(read))[0]
    assert (unexplained.rail, unexplained.subject, unexplained.number) == ("vendor", "not_paid", 1)
    # Other tests' businesses are in the same sums.
    compared = (await finance.desk.database.fetch(read))[1]
    (vendor,) = [row for row in compared if row.rail == "vendor"]
    kept = await finance.desk.business.scalar(
        "SELECT report FROM reconciliations WHERE business_id = %s AND"
        " report->>'not_compared' IS NULL",
        business_id,
    )
    assert (kept["float"]["cents"], kept["liability"]["in_transit"]) == (1_200, 500)
    assert vendor.float_cents >= 1_200
    assert vendor.in_transit_cents >= 500
    text = (await finance.desk.business.client.get("/metrics")).text
    assert 'payviox_suspense_items{cause="not_paid",mode="test",rail="vendor"}' in text
    for name in ("rail_float_cents", "rail_in_transit_cents", "reconciliation_age_seconds"):
        assert f'payviox_{name}{{mode="test",rail="vendor"}}' in text


async def test_the_stock_agrees_with_our_books(business: TestBusiness) -> None:
    text = csv_of(["ONE-1", "TWO-2"])
    keyring = Keyring(SECRET_KEY)
    await import_text(business.database, keyring, business.business_id, text)
    product = await only_product(business.database, business.business_id)
    desk = Desk.of(business)
    await desk.withdraw(
        await desk.user(product.price), product.price, {"product": product.shown_id}, "gift_card"
    )
    await desk.process()
    report = await service.reconcile_rail(
        desk.database, desk.rails, business.business_id, "stock", young_s=0.0
    )
    assert report.is_clean
    assert (report.ours.matched, report.theirs.told) == (product.price, product.price)
