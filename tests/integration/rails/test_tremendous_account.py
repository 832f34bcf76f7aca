"""What a business's account at Tremendous offers and tells: catalogue, balance, statement,
callbacks, and whether it is set up right."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from payviox import ids
from payviox.maintenance import tasks
from payviox.rails.protocol import Entry, Forged, Known, Named, RailError
from payviox.rails.tremendous import statement
from payviox.rails.tremendous.rail import TremendousRail
from support.live import free_port
from support.polling import eventually
from support.simulator import TREMENDOUS_WEBHOOK_KEY
from support.tremendous import ANY_VALUE, FUNDS, Shop, running, shop

__all__ = ["running", "shop"]

pytestmark = pytest.mark.anyio

PRODUCTS = "tremendous.products.list"


# The catalogue ------------------------------------------------------------------------------


async def test_the_catalogue_has_every_card_in_dollars_with_image_countries_and_values(
    shop: Shop,
) -> None:
    shopper = await shop.shopper()
    cards = (await shopper.client.get("/payout/gift-cards")).json()["data"]
    ours = {card["id"]: card for card in cards if card["id"].startswith("trm_")}
    assert list(ours) == [
        "trm_OKMHM2X2OHYV",
        "trm_FIXEDQ7W8E9R.1000",
        "trm_FIXEDQ7W8E9R.2500",
        "trm_FIXEDQ7W8E9R.5000",
        "trm_SHOESAB12CD3",
        "trm_Q24BD9EZ332JT",
    ]
    assert ours["trm_SHOESAB12CD3"] == {
        "id": "trm_SHOESAB12CD3",
        "name": "Shoe Shop",
        "brand": "Shoe Shop",
        "country": "US",
        "countries": ["CA", "US"],
        "currency": "USD",
        "face_value": 500,
        "max_face_value": 20_000,
        "price": 500,
        "available": True,
        "image": "https://images.example/shoesab12cd3.png",
    }


async def test_an_empty_catalogue_is_fetched_once_and_then_served_while_the_vendor_is_away(
    shop: Shop,
) -> None:
    business_id = shop.business.business_id
    found = await asyncio.gather(*(shop.rail.catalogue(business_id) for _ in range(10)))
    assert all(len(cards) == 6 for cards in found)
    assert len(shop.simulator.requests(PRODUCTS)) == 1
    shop.simulator.script({"route": PRODUCTS, "fault": "error", "times": None})
    with pytest.raises(RailError, match="HTTP 500"):
        await shop.rail.refresh(business_id)
    assert len(await shop.rail.catalogue(business_id)) == 6
    order = await shop.run(await shop.buy(await shop.shopper()), days=1)
    assert order.status == "succeeded"


async def test_upkeep_fetches_catalogues_anew_and_one_that_fails_is_not_the_others_trouble(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    await tasks.refresh_catalogues(shop.services.database, shop.services.rails)
    asked = shop.simulator.requests(PRODUCTS)
    assert asked
    shop.simulator.script({"route": PRODUCTS, "fault": "error", "times": None})
    await tasks.refresh_catalogues(shop.services.database, shop.services.rails)
    assert str(shop.business.business_id) in caplog.text
    assert len(shop.simulator.requests(PRODUCTS)) > len(asked)
    assert len(await shop.rail.catalogue(shop.business.business_id)) == 6


@pytest.mark.parametrize("fault", ["error", "list", "html", "huge"])
async def test_a_catalogue_that_could_never_be_fetched_leaves_the_other_cards_on_sale(
    shop: Shop, fault: str
) -> None:
    shop.simulator.script({"route": PRODUCTS, "fault": fault, "times": None})
    shopper = await shop.shopper()
    answer = await shopper.client.get("/payout/gift-cards")
    assert answer.status_code == 200
    assert all(card["id"].startswith("sandbox") for card in answer.json()["data"])
    asked = {"provider": "gift_card", "amount": 2_500, "gift_card": {"product": ANY_VALUE}}
    assert (await shopper.client.post("/payout/withdraw", json=asked)).status_code == 503


async def test_a_disabled_account_offers_nothing_new_and_ends_what_is_under_way(
    shop: Shop,
) -> None:
    shopper = await shop.shopper()
    order = await shop.buy(shopper)
    await shop.switch(enabled=False)
    asked = {"provider": "gift_card", "amount": 2_500, "gift_card": {"product": ANY_VALUE}}
    assert (await shopper.client.post("/payout/withdraw", json=asked)).status_code == 400
    assert (await shop.run(order, days=1)).status == "succeeded"


# Money and books ----------------------------------------------------------------------------


async def test_the_float_is_what_the_funding_source_holds_and_low_below_its_mark(
    shop: Shop,
) -> None:
    business_id = shop.business.business_id
    (holding,) = await shop.rail.read_float(business_id)
    assert (holding.asset, holding.amount, holding.cents) == ("USD", "10000.00", FUNDS)
    assert not holding.low
    await shop.connect(low_float=FUNDS + 1, funding_source_id="balance")
    (holding,) = await shop.rail.read_float(business_id)
    assert holding.low
    await shop.connect(funding_source_id="UNHEARDOF")
    with pytest.raises(RailError, match="UNHEARDOF"):
        await shop.rail.read_float(business_id)


async def nothing_known() -> AsyncIterator[Sequence[Known]]:
    return
    yield


async def entries(shop: Shop, since: datetime) -> list[Entry]:
    pages = shop.rail.statement(shop.business.business_id, since, nothing_known())
    return [entry async for page in pages for entry in page]


async def test_a_statement_has_every_order_page_by_page(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statement, "PAGE", 3)
    shopper, rejected = await shop.shopper(), await shop.shopper("rejected")
    bought = [await shop.buy(shopper, 100 + number) for number in range(7)]
    bought.append(await shop.buy(rejected, 900))
    await shop.desk.process()
    shop.simulator.advance(days=1)
    found = await entries(shop, datetime.now(UTC) - timedelta(hours=1))
    references = [f"{ids.show(ids.ORDER, order.id)}.1" for order in bought]
    assert sorted(str(entry.reference) for entry in found) == sorted(references)
    assert sorted(entry.amount or 0 for entry in found) == [*range(100, 107), 900]
    assert {entry.state for entry in found if entry.amount == 900} == {"failed"}
    assert {entry.state for entry in found if entry.amount != 900} == {"paid"}
    assert len(shop.simulator.requests("tremendous.orders.list")) == 3
    assert await entries(shop, datetime.now(UTC) + timedelta(days=3_000)) == []


@pytest.mark.parametrize("fault", ["error", "list", "cut", "drop"])
async def test_a_statement_that_breaks_off_is_an_error_and_never_a_short_one(
    shop: Shop, fault: str
) -> None:
    shop.simulator.script({"route": "tremendous.orders.list", "fault": fault, "times": None})
    with pytest.raises(RailError):
        await entries(shop, datetime.now(UTC))


# Callbacks ----------------------------------------------------------------------------------


async def told(shop: Shop, event: str, count: int = 1) -> tuple[dict[str, str], bytes]:
    """The last callback of this event to this shop; the simulator may still repeat another's."""
    to = f"/{shop.business.business_id}/"

    async def sent() -> list[dict[str, Any]] | None:
        sent = [one for one in shop.simulator.sent() if to in one["url"]]
        found = [one for one in sent if one["event"] == event]
        return found if len(found) >= count else None

    found = await eventually(sent)
    assert found
    return {n.lower(): v for n, v in found[-1]["headers"].items()}, found[-1]["body"].encode()


def listen(shop: Shop) -> str:
    """Have callbacks sent, to nobody: what is sent is read from the simulator."""
    url = f"http://127.0.0.1:{free_port()}/rails/tremendous/{shop.business.business_id}/callback"
    shop.simulator.tremendous_account(shop.api_key, callback_url=url)
    return url


async def test_a_callback_about_an_order_or_its_reward_names_the_order(shop: Shop) -> None:
    listen(shop)
    order = await shop.run(await shop.buy(await shop.shopper()), days=1)
    reference = f"{ids.show(ids.ORDER, order.id)}.1"
    for event in ("ORDERS.CANCELED", "REWARDS.CANCELED"):
        shop.simulator.tell(reference, event=event)
        headers, body = await told(shop, event)
        callback = await shop.rail.parse_callback(await shop.account(), headers, body)
        assert callback.named == (Named(rail_order_id=order.rail_order_id),)
        assert callback.event_id in body.decode()


@pytest.mark.parametrize("forgery", ["signature", "body", "algorithm", "unsigned"])
async def test_a_forged_callback_is_refused(shop: Shop, forgery: str) -> None:
    listen(shop)
    shop.simulator.callbacks({"do": "forge", "forge": forgery})
    await shop.buy(await shop.shopper())
    await shop.desk.process()
    headers, body = await told(shop, "ORDERS.CREATED")
    with pytest.raises(Forged):
        await shop.rail.parse_callback(await shop.account(), headers, body)


async def test_a_callback_that_cannot_be_attributed_just_now_is_to_be_sent_again(
    shop: Shop,
) -> None:
    listen(shop)
    order = await shop.run(await shop.buy(await shop.shopper()), days=1)
    shop.simulator.tell(f"{ids.show(ids.ORDER, order.id)}.1", event="REWARDS.CANCELED")
    headers, body = await told(shop, "REWARDS.CANCELED")
    shop.simulator.script({"route": "tremendous.rewards.get", "fault": "error"})
    with pytest.raises(RailError):
        await shop.rail.parse_callback(await shop.account(), headers, body)


# Setting up ---------------------------------------------------------------------------------


async def problems(shop: Shop) -> dict[str, str | None]:
    return {f.subject: f.problem for f in await shop.rail.check(await shop.account())}


async def test_a_check_finds_nothing_wrong_where_all_is_well_and_orders_nothing(
    shop: Shop,
) -> None:
    listen(shop)
    findings = await shop.rail.check(await shop.account())
    assert [(f.subject, f.problem) for f in findings] == [
        ("API key", None),
        ("organization", None),
        ("funding source", None),
        ("products", None),
        ("webhook", None),
    ]
    assert [f.detail for f in findings[2:4]] == [
        "$10,000.00 available",
        "4 gift cards in US dollars",
    ]
    assert shop.float() == FUNDS
    assert all(request["method"] == "GET" for request in shop.simulator.requests())


async def test_a_check_says_what_is_wrong(shop: Shop) -> None:
    assert "callback address" in str((await problems(shop))["webhook"])
    listen(shop)
    account = replace(await shop.account(), credentials={"api_key": shop.api_key})
    found = {each.subject: each.problem for each in await shop.rail.check(account)}
    assert "not connected" in str(found["webhook"])
    await shop.connect({"api_key": shop.api_key, "webhook_key": "another"})
    assert "another" in str((await problems(shop))["webhook"])
    shop.simulator.tremendous_account(shop.api_key, balance=0)
    assert "empty" in str((await problems(shop))["funding source"])
    await shop.connect(funding_source_id="UNHEARDOF")
    assert "UNHEARDOF" in str((await problems(shop))["funding source"])
    await shop.connect({"api_key": "wrong", "webhook_key": TREMENDOUS_WEBHOOK_KEY})
    found = await problems(shop)
    assert "TEST_" in str(found.pop("API key"))
    assert found == {}, "nothing else is asked for with it"
    await shop.connect({"api_key": "TEST_wrong"})
    assert await problems(shop) == {
        "API key": "Tremendous refuses the API key: make a new one and connect again."
    }
    await shop.connect(base_url=shop.simulator.tremendous_url + "/nowhere")
    assert "check base_url" in str(await problems(shop))


async def test_a_vendor_that_is_not_there_is_said_to_be_out_of_reach(shop: Shop) -> None:
    order = await shop.buy(await shop.shopper())
    nowhere = f"http://127.0.0.1:{free_port()}/api/v2"
    account = await shop.account()
    away = TremendousRail(Elsewhere(account, nowhere), shop.rail._catalogue._products)
    assert (await away.submit(order.ready, "ord_x.1")).waiting == "rail_unreachable"
    assert (await away.look_up(order.ready, "ord_x.1")).state == "unknown"
    with pytest.raises(RailError, match="cannot be reached"):
        await away.read_float(account.business_id)
    await away.close()


async def test_without_an_account_nothing_is_sent_and_nothing_is_said(shop: Shop) -> None:
    order = await shop.buy(await shop.shopper())
    rail = TremendousRail(Nobody(), shop.rail._catalogue._products)
    answer = await rail.submit(order.ready, "ord_x.1")
    assert (answer.state, answer.waiting) == ("not_sent", "rail_not_connected")
    assert (await rail.look_up(order.ready, "ord_x.1")).state == "unknown"
    assert await rail.catalogue(order.business_id) == []
    with pytest.raises(RailError, match="connect"):
        await rail.read_float(order.business_id)


class Nobody:
    """Accounts of none."""

    async def find(self, business_id: Any, rail: str) -> None:
        return None


class Elsewhere:
    """An account whose API is somewhere else."""

    def __init__(self, account: Any, base_url: str) -> None:
        self._account = account
        self._base_url = base_url

    async def find(self, business_id: Any, rail: str) -> Any:
        return replace(
            self._account, settings={**self._account.settings, "base_url": self._base_url}
        )
