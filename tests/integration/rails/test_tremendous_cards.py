"""Gift cards by Tremendous as their buyers see them: what is refused, what one costs, and the link
that is for its owner alone."""

import pytest

from payviox import ids
from payviox.rails.protocol import RailError
from support.tremendous import FIXED, FUNDS, Shop, running, shop

__all__ = ["running", "shop"]

pytestmark = pytest.mark.anyio

AMOUNT = 2_500
COST = 63  # 2.5 %, rounded half up
NOT_SOLD = "The gift_card.product is not in the catalogue."


async def test_a_link_is_shown_to_its_owner_alone_anew_each_time_and_each_is_recorded(
    shop: Shop,
) -> None:
    owner, other = await shop.shopper(), await shop.shopper()
    order = await shop.run(await shop.buy(owner), days=1)
    links = set()
    for key in ("one", "two"):
        answer = await owner.reveal(order, **{"Idempotency-Key": key})
        assert answer.status_code == 200, answer.text
        assert answer.json()["face_value"] == AMOUNT
        links.add(answer.json()["link"])
    assert len(links) == 2
    again = await owner.reveal(order, **{"Idempotency-Key": "two"})
    assert "link" not in again.json()
    assert (await other.reveal(order)).status_code == 404
    reveals = "SELECT count(*) FROM gift_card_reveals WHERE business_id = %s AND order_id = %s"
    assert await shop.business.scalar(reveals, order.business_id, order.id) == 2
    assert "orders" in await shop.tables_with("Bookshop")
    for link in links:
        assert await shop.tables_with(link.rsplit("/", 1)[1]) == []


async def test_a_link_that_cannot_be_made_now_is_an_error_without_a_secret(shop: Shop) -> None:
    owner = await shop.shopper()
    order = await shop.run(await shop.buy(owner), days=1)
    shop.simulator.script({"route": "tremendous.rewards.link", "fault": "error"})
    assert (await owner.reveal(order)).status_code == 503
    shop.simulator.set_status(ids.show(ids.ORDER, order.id) + ".1", "CANCELED")
    with pytest.raises(RailError, match="not delivered"):
        await shop.rail.reveal((await shop.desk.get(order)).ready)


async def test_nothing_undelivered_is_revealed(shop: Shop) -> None:
    owner = await shop.shopper("pending-approval")
    order = await shop.run(await shop.buy(owner), days=1)
    assert (await owner.reveal(order)).status_code == 409


async def test_fees_are_added_to_the_face_value_and_the_business_bears_the_rest(
    shop: Shop,
) -> None:
    await shop.connect(fee_payer="recipient", fee_percentage_bp=100, fee_fixed=20)
    shopper = await shop.shopper()
    asked = {"provider": "gift_card", "gift_card": {"product": FIXED}}
    quoted = (await shopper.client.post("/payout/quote", json=asked | {"net_amount": 2_500})).json()
    assert (quoted["amount"], quoted["fees"], quoted["net_amount"]) == (2_545, 45, 2_500)
    refused = await shopper.client.post("/payout/withdraw", json=asked | {"amount": 2_500})
    assert refused.json() == {
        "amount": ["The amount must be 1030 or 2545 or 5071 for this gift card."]
    }
    body = {"gift_card": {"product": FIXED}, "quote_id": quoted["quote_id"]}
    order = await shop.buy(shopper, 2_545, **body)
    assert (await shop.run(order, days=1)).status == "succeeded"
    books = await shop.business.ledger()
    assert books["settled:tremendous"] == 2_500
    assert books["fee_income"] == 45 - COST
    assert shop.float() == FUNDS - 2_500 - COST


@pytest.mark.parametrize(
    "product",
    [f"{FIXED}.1100", "trm_TEAROOM11GBP", "trm_KV934TZ93NQM", "trm_", "trm_'; --"],
)
async def test_what_is_not_sold_is_refused_by_name(shop: Shop, product: str) -> None:
    shopper = await shop.shopper()
    asked = {"provider": "gift_card", "amount": 2_500, "gift_card": {"product": product}}
    answer = await shopper.client.post("/payout/withdraw", json=asked)
    assert (answer.status_code, answer.json()) == (400, {"gift_card.product": [NOT_SOLD]})
    assert await shopper.balance() == 10_000
