"""Payments in euros: what is promised, what leaves, and what the books say of the rate."""

from collections.abc import AsyncIterator
from decimal import Decimal

import psycopg
import pytest

from payviox.bank.euros import Euros
from payviox.bank.rail import BankRail
from payviox.dashboard.orders import recipients
from payviox.errors import ProviderUnavailable
from payviox.rail_accounts.directory import Directory
from payviox.rates import service as rates
from payviox.withdrawals import manual_settlement
from payviox.withdrawals.model import Order
from support.banking import KEYRING, PERSON, SEPA, Banking, entry, statement
from support.businesses import TestBusiness
from support.databases import Urls

pytestmark = pytest.mark.anyio

OURS = "<IBAN>DE02120300000000202051</IBAN>"


@pytest.fixture
async def bank(business: TestBusiness, urls: Urls) -> AsyncIterator[Banking]:
    """A business whose payees get a euro for one percent more than the rate that somebody says."""
    with psycopg.connect(urls.owner, autocommit=True) as owner:
        owner.execute("TRUNCATE exchange_rates")
        yield await Banking.of(
            business,
            converter=Euros(business.database),
            rate_source="fixed",
            spread_bp=100,
        )
        owner.execute("TRUNCATE exchange_rates")


async def say(bank: Banking, rate: str) -> None:
    await bank.database.write(rates.set_fixed, "EUR", Decimal(rate), 1, PERSON)


async def books(bank: Banking) -> dict[str, int]:
    """What the accounts hold that an order's money goes through, in US cents."""
    rows = await bank.business.rows(
        "SELECT kind, sum(balance)::bigint FROM accounts WHERE business_id = %s"
        " AND kind IN ('user', 'in_transit', 'settled', 'exchange') GROUP BY kind"
    )
    return {str(kind): int(str(cents)) for kind, cents in rows}


async def settled_by_a_person(bank: Banking, order: Order, urls: Urls) -> None:
    """As an order is whose bank rail was away for too long, and somebody then looked."""
    with urls.as_admin() as admin:
        admin.execute(
            "UPDATE orders SET status = 'unknown', waiting = 'person' WHERE id = %s", [order.id]
        )
    await bank.database.write(
        lambda db: manual_settlement.settle(
            db, bank.id, order.id, "succeeded", reason="the bank's page says so", actor=PERSON
        )
    )


async def test_what_arrives_is_promised_with_its_rate_and_the_books_know_both(
    bank: Banking,
) -> None:
    await say(bank, "1.1")
    order = await bank.order(2_500, SEPA)
    pays = order.destination["pays"]
    assert (pays["currency"], pays["amount"]) == ("EUR", 2_250)  # 2500 / (1.1 * 1.01) = 2250.22
    assert (pays["rate"], pays["source"], pays["spread_bp"]) == ("1.1", "fixed", 100)
    said = dict(recipients.terms(order))["Rate"]
    assert said == "1.1 US dollars for 1 EUR, made 1 % dearer for the payee"
    await bank.desk.process()
    await say(bank, "1.2")  # a euro got dearer before the file was cut
    file = await bank.released("sepa")
    assert (file.total, file.cents) == (2_250, 2_500)
    payment = await bank.payment(order)
    line = [entry(payment, ref="1")]
    await bank.take(statement(line, opening=5_000, closing=2_750, account=OURS, currency="EUR"))
    assert (await bank.settled(order)).status == "succeeded"
    assert await books(bank) == {"user": 0, "in_transit": 0, "settled": 2_700, "exchange": -200}
    await bank.business.ledger()  # every invariant holds


async def test_a_check_says_that_euros_have_no_rate_and_what_to_do(bank: Banking) -> None:
    directory = Directory(bank.database, KEYRING)
    rail = BankRail(bank.database, directory, Euros(bank.database))
    files, found = await rail.check(await bank.account())
    assert (files.subject, files.problem) == ("files", None)
    assert (found.subject, found.harmless) == ("rate", True)
    assert "`payviox rates set`" in str(found.problem)
    await say(bank, "1.1")
    priced = (await rail.check(await bank.account()))[1]
    assert priced.problem is None
    assert str(priced.detail).startswith("1 EUR = 1.1 USD until ")


async def test_spread_and_rounding_are_a_gain(bank: Banking) -> None:
    await say(bank, "1.1")
    order = await bank.order(2_500, SEPA)
    await bank.desk.process()
    await bank.released("sepa")
    line = [entry(await bank.payment(order), ref="1")]
    await bank.take(statement(line, opening=5_000, closing=2_750, account=OURS, currency="EUR"))
    await bank.settled(order)
    assert await books(bank) == {"user": 0, "in_transit": 0, "settled": 2_475, "exchange": 25}
    await bank.business.ledger()  # every invariant holds


async def test_a_return_gives_back_what_was_taken_and_the_difference_is_gone(
    bank: Banking,
) -> None:
    await say(bank, "1.1")
    order = await bank.order(2_500, SEPA)
    await bank.desk.process()
    await say(bank, "1.2")
    await bank.released("sepa")
    payment = await bank.payment(order)
    paid = [entry(payment, ref="1")]
    await bank.take(statement(paid, opening=5_000, closing=2_750, account=OURS, currency="EUR"))
    await bank.settled(order)
    await say(bank, "1.3")
    back = [entry(payment, ref="2", credit=True, code="AC04")]
    await bank.take(
        statement(back, opening=2_750, closing=5_000, account=OURS, currency="EUR", number="2")
    )
    assert (await bank.settled(order)).status == "returned"
    assert await books(bank) == {"user": 2_500, "in_transit": 0, "settled": 0, "exchange": 0}
    await bank.business.ledger()  # every invariant holds


async def test_what_a_person_settled_without_a_rate_comes_back_without_one(
    bank: Banking, urls: Urls
) -> None:
    await say(bank, "1.1")
    order = await bank.order(2_500, SEPA)
    await bank.desk.process()
    await say(bank, "1.2")
    await bank.released("sepa")
    await bank.desk.process()
    await settled_by_a_person(bank, order, urls)
    assert await books(bank) == {"user": 0, "in_transit": 0, "settled": 2_500}
    payment = await bank.payment(order)
    lines = [entry(payment, ref="1"), entry(payment, ref="2", credit=True, code="AC04")]
    await bank.take(statement(lines, opening=5_000, closing=5_000, account=OURS, currency="EUR"))
    assert (await bank.settled(order)).status == "returned"
    assert await books(bank) == {"user": 2_500, "in_transit": 0, "settled": 0}
    await bank.business.ledger()  # every invariant holds


async def test_an_old_rate_prices_nothing_and_moves_nothing(bank: Banking, urls: Urls) -> None:
    await say(bank, "1.1")
    with psycopg.connect(urls.owner, autocommit=True) as owner:
        owner.execute(
            "UPDATE exchange_rates SET as_of = now() - interval '2 h',"
            " expires_at = now() - interval '1 h'"
        )
    with pytest.raises(ProviderUnavailable):
        await bank.order(2_500, SEPA)
    assert (await books(bank))["user"] == 2_500
    await bank.business.ledger()  # every invariant holds
