"""What a business sees and decides of its payout orders, over HTTP."""

import asyncio
from typing import Any

import pytest

from support.businesses import TestBusiness
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio


@pytest.fixture
async def desk(business: TestBusiness) -> Desk:
    await business.set(review_amount=500)
    return Desk.of(business)


def shown(order: Any) -> str:
    return f"ord_{order.id}"


async def test_orders_are_listed_filtered_and_paged(desk: Desk, business: TestBusiness) -> None:
    ada, bob = await desk.user(10_000), await desk.user(10_000, "bob@example.com")
    made = [await desk.withdraw(user, amount) for user in (ada, bob) for amount in (100, 600)]
    card = {"product": "sandbox_card_5"}
    made.append(await desk.withdraw(bob, 500, card, "gift_card"))

    async def ids(query: str = "") -> list[str]:
        answer = await business.client.get(f"/payout/orders{query}")
        assert answer.status_code == 200, answer.text
        return [order["id"] for order in answer.json()["data"]]

    newest_first = [shown(order) for order in reversed(made)]
    assert await ids() == newest_first
    assert await ids("?status=review") == [shown(made[4]), shown(made[3]), shown(made[1])]
    assert await ids("?provider=gift_card") == [shown(made[4])]
    assert await ids(f"?user=usr_{ada}") == [shown(made[1]), shown(made[0])]
    assert await ids(f"?user=usr_{ada}&status=queued&provider=paypal") == [shown(made[0])]
    assert await ids("?limit=2") == newest_first[:2]
    assert await ids(f"?limit=2&after={newest_first[1]}") == newest_first[2:4]
    for query in ("status=lost", "provider=cash", "user=x", "after=x", "limit=0"):
        answer = await business.client.get(f"/payout/orders?{query}")
        assert answer.status_code == 400
        assert list(answer.json()) == [query.partition("=")[0]]


async def test_an_order_shows_whom_it_pays_and_why_it_is_reviewed(
    desk: Desk, business: TestBusiness
) -> None:
    user = await desk.user(1_000)
    order = await desk.withdraw(user, 600)
    body = (await business.client.get(f"/payout/orders/{shown(order)}")).json()
    assert body["status"] == "review"
    assert body["review_reasons"] == ["amount"]
    assert body["payout_user_id"] == f"usr_{user}"
    assert body["recipient"] == {"email": "ada@example.com"}
    assert body["fees"] == 0


async def test_approve_reject_and_cancel_answer_the_order(
    desk: Desk, business: TestBusiness
) -> None:
    user = await desk.user(10_000)
    ends = {"approve": "queued", "reject": "rejected", "cancel": "canceled"}
    for verb, status in ends.items():
        order = await desk.withdraw(user, 600)
        body = {"note": "please confirm"} if verb == "reject" else None
        answer = await business.client.post(f"/payout/orders/{shown(order)}/{verb}", json=body)
        assert answer.status_code == 200, answer.text
        assert answer.json()["status"] == status
        assert answer.json().get("reason") == ("please confirm" if verb == "reject" else None)
    books = await business.ledger()
    assert books["in_transit:sandbox"] == 600
    assert books["ada@example.com"] == 9_400


async def test_of_all_decisions_at_once_over_http_the_books_show_one_outcome(
    desk: Desk, business: TestBusiness
) -> None:
    user = await desk.user(600)
    order = await desk.withdraw(user, 600)
    client = business.client
    answers = await asyncio.gather(
        *(
            client.post(f"/payout/orders/{shown(order)}/{verb}")
            for verb in ("reject", "cancel")
            for _ in range(5)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200, *[409] * 9]
    assert (await business.ledger())["ada@example.com"] == 600


async def test_a_repeated_decision_with_its_key_answers_as_the_first_did(
    desk: Desk, business: TestBusiness
) -> None:
    order = await desk.withdraw(await desk.user(600), 600)
    path, headers = f"/payout/orders/{shown(order)}/approve", {"Idempotency-Key": "k"}
    first = await business.client.post(path, headers=headers)
    await desk.process()
    again = await business.client.post(path, headers=headers)
    assert (again.status_code, again.text) == (200, first.text)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (await business.client.post(path)).status_code == 409


@pytest.mark.parametrize("note", [5, "x" * 501, "a\u0000b"])
async def test_a_bad_note_is_a_field_error(
    desk: Desk, business: TestBusiness, note: object
) -> None:
    order = await desk.withdraw(await desk.user(600), 600)
    before = await business.ledger()
    answer = await business.client.post(
        f"/payout/orders/{shown(order)}/reject", json={"note": note}
    )
    assert answer.status_code == 400
    assert list(answer.json()) == ["note"]
    assert await business.ledger() == before


async def test_another_tenants_order_does_not_exist(
    desk: Desk, business: TestBusiness, make_business: Any
) -> None:
    order = await desk.withdraw(await desk.user(600), 600)
    stranger = await make_business(funds=1)
    for client in (stranger.client, business.twin.client if business.twin else stranger.client):
        for method, path in (("GET", ""), ("POST", "/approve"), ("POST", "/reject")):
            answer = await client.request(method, f"/payout/orders/{shown(order)}{path}")
            assert (answer.status_code, answer.json()) == (404, {"error": "Not found"})
        after = await client.get(f"/payout/orders?after={shown(order)}")
        assert after.status_code == 400
    assert (await desk.get(order)).status == "review"
