"""The switch of a business's withdrawals: no new order once it is off; what is open goes on."""

import asyncio
from typing import Any

import pytest

from payviox.errors import WithdrawalsDisabled
from payviox.treasury import service as treasury
from support.businesses import TestBusiness
from support.polling import eventually
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio

ADA = "ada@example.com"
BODY = {"provider": "paypal", "amount": 1_000, "paypal": {"email": ADA}}
DISABLED = (403, {"error": "Withdrawals are currently disabled."})


async def test_switched_off_it_refuses_and_moves_nothing_while_open_orders_go_on(
    business: TestBusiness,
) -> None:
    made = (await business.create(ADA, 10_000)).json()
    client = business.client_with({"X-Payout-Hash": made["hash"]})
    open_order = await client.post(
        "/payout/withdraw", json=BODY, headers={"Idempotency-Key": "first"}
    )
    assert open_order.status_code == 201, open_order.text
    quoted = await client.post("/payout/quote", json={"provider": "paypal", "amount": 500})
    await business.set(withdrawals_enabled=False)
    before = await business.ledger()
    quote_id = quoted.json()["quote_id"]
    for path, body in (
        ("/payout/withdraw", BODY),
        ("/payout/withdraw", BODY | {"amount": 500, "quote_id": quote_id}),
        ("/payout/quote", {"provider": "paypal", "amount": 500}),
    ):
        answer = await client.post(path, json=body)
        assert (answer.status_code, answer.json()) == DISABLED
    again = await client.post("/payout/withdraw", json=BODY, headers={"Idempotency-Key": "first"})
    assert (again.status_code, again.json()) == (201, open_order.json())
    seen = (await client.get("/payout/operations")).json()
    assert [method["enabled"] for method in seen["methods"]] == [False] * len(seen["methods"])
    assert await business.ledger() == before
    assert (await business.create(ADA, 700)).status_code == 201, "money is still allocated"
    await Desk.of(business).process()
    assert before["in_transit:sandbox"] == 1_000
    assert (await business.ledger())["in_transit:sandbox"] == 0, "the open order went on"
    await business.set(withdrawals_enabled=True)
    assert (await client.post("/payout/withdraw", json=BODY)).status_code == 201


async def test_a_withdrawal_that_waited_while_the_switch_was_turned_makes_no_order(
    business: TestBusiness,
) -> None:
    desk = Desk.of(business)
    user_id = await desk.user(5_000)
    turned, go_on = asyncio.Event(), asyncio.Event()

    async def turn(connection: Any) -> None:
        await treasury.set_rules(
            connection, business.business_id, {"withdrawals_enabled": False}, "test"
        )
        turned.set()
        await go_on.wait()

    turning = asyncio.create_task(business.database.write(turn))
    await turned.wait()
    withdrawing = asyncio.create_task(desk.withdraw(user_id, 1_000))
    await eventually(
        lambda: business.scalar(
            "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
            " WHERE d.datname = current_database() AND l.locktype = 'advisory' AND NOT l.granted"
        )
    )
    go_on.set()
    await turning
    with pytest.raises(WithdrawalsDisabled):
        await withdrawing
    books = await business.ledger()
    assert (books.orders, books[ADA]) == (0, 5_000)
