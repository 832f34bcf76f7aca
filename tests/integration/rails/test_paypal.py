"""Withdrawals to PayPal from the order through to PayPal's books, ours, the events and what the
payout user sees, whatever happens on the way."""

import pytest

from support.paypal import Office, office, running

__all__ = ["office", "running"]

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("course", "success pending failed denied blocked onhold on-hold held-then-paid unclaimed claimed returned refunded reversed slow failed-then-paid paid-then-failed regress strange no-status batch-denied batch-canceled error-insufficient-funds".split())
async def test_x(office: Office, course: str) -> None:
    payee = await office.payee(course)
    order = await office.run(await office.withdraw(payee))
    books = await office.business.ledger()
    print(course, await office.desk.states(order), await office.desk.events(order), order.waiting, order.failure, order.rail_order_id, order.details)
    print("   ", {k: books[k] for k in (payee.email,"in_transit:paypal","settled:paypal","suspense:paypal","rail_cost:paypal","fee_income")}, office.paid(order), len(office.payments(order)))
