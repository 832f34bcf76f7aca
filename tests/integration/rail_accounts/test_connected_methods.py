"""What a payout user is offered and shown through rails that their business connected."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from conftest import Build
from payviox import app
from payviox.rail_accounts import service
from payviox.rail_accounts.directory import Directory
from payviox.rails.protocol import RevealedCode
from payviox.settings import Settings
from payviox.web.asgi import Application
from payviox.web.context import Services
from payviox.withdrawals.routing import Rails, Route
from support.accounts import ConnectedVendor, connect
from support.businesses import TestBusiness
from support.databases import Urls
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio

ADA = "ada@example.com"
PAYPAL: dict[str, Any] = {"provider": "paypal", "paypal": {"email": ADA}}
CARD: dict[str, Any] = {"provider": "gift_card", "amount": 500, "gift_card": {"product": "v_1"}}


@pytest.fixture
def shop() -> ConnectedVendor:
    return ConnectedVendor("tremendous")


@pytest.fixture
async def services(
    settings: Settings, urls: Urls, shop: ConnectedVendor
) -> AsyncIterator[Services]:
    async with app.open_services(settings, urls.application) as opened:
        routes = [
            Route("paypal", ConnectedVendor("paypal"), connected=True),
            Route("crypto", ConnectedVendor("evm"), connected=True),
            Route("gift_card", shop, connected=True),
        ]
        accounts = Directory(opened.database, opened.keyring)
        yield replace(opened, rails=Rails(live=routes, test=routes, accounts=accounts))


@pytest.fixture
def application(services: Services, build: Build) -> Application:
    return build(services)


@pytest.fixture
async def ada(business: TestBusiness) -> httpx.AsyncClient:
    """A payout user with 10,000 cents."""
    payout_hash = (await business.create(ADA, 10_000)).json()["hash"]
    return business.client_with({"X-Payout-Hash": payout_hash})


async def methods(client: httpx.AsyncClient) -> dict[str, dict[str, Any]]:
    answer = await client.get("/payout/operations")
    return {method["provider"]: method for method in answer.json()["methods"]}


async def test_methods_appear_and_go_with_the_accounts(
    business: TestBusiness, ada: httpx.AsyncClient, services: Services
) -> None:
    at = (business.database, services.keyring, business.business_id)
    assert not any(method["enabled"] for method in (await methods(ada)).values())
    refused = await ada.post("/payout/quote", json=PAYPAL | {"amount": 500})
    assert refused.status_code == 400
    assert refused.json() == {"provider": ["The provider paypal is not available."]}

    await connect(*at, "paypal", min_amount=200, max_amount=3_000)
    await connect(*at, "evm")
    now = await methods(ada)
    assert now["paypal"] == {
        "provider": "paypal",
        "enabled": True,
        "min_amount": 200,
        "max_amount": 3_000,
    }
    assert now["crypto"]["chains"] == {"LOCAL": ["USDC"]}
    assert not now["gift_card"]["enabled"]

    await business.database.write(
        lambda db: service.switch(db, business.business_id, "paypal", "test", enabled=False)
    )
    assert not (await methods(ada))["paypal"]["enabled"]


@pytest.mark.parametrize(
    ("amount", "message"),
    [
        (199, "The amount must be at least 200."),
        (3_001, "The amount may not be greater than 3000."),
    ],
)
async def test_an_accounts_limits_hold_for_quotes_and_orders(
    business: TestBusiness, ada: httpx.AsyncClient, services: Services, amount: int, message: str
) -> None:
    at = (business.database, services.keyring, business.business_id)
    await connect(*at, "paypal", min_amount=200, max_amount=3_000)
    for path in ("/payout/quote", "/payout/withdraw"):
        refused = await ada.post(path, json=PAYPAL | {"amount": amount})
        assert (refused.status_code, refused.json()) == (400, {"amount": [message]})
    quoted = await ada.post("/payout/quote", json=PAYPAL | {"amount": 3_000})
    assert quoted.status_code == 200
    await connect(*at, "paypal", max_amount=2_999)
    late = await ada.post("/payout/withdraw", json=PAYPAL | {"quote_id": quoted.json()["quote_id"]})
    assert late.status_code == 400, "a quote from before the limit does not get around it"
    assert (await business.ledger())[ADA] == 10_000


@pytest.fixture
async def card(
    business: TestBusiness, ada: httpx.AsyncClient, services: Services, shop: ConnectedVendor
) -> str:
    """The path that reveals a card which was bought and delivered."""
    at = (business.database, services.keyring, business.business_id)
    await connect(*at, "tremendous")
    answer = await ada.post("/payout/withdraw", json=CARD)
    assert answer.status_code == 201, answer.text
    await Desk.of(business, services.rails).process()
    return f"/payout/withdrawals/{answer.json()['id']}/reveal"


async def reveals(business: TestBusiness) -> int:
    found = await business.scalar(
        "SELECT count(*) FROM gift_card_reveals WHERE business_id = %s", business.business_id
    )
    return int(found)


async def test_the_catalogue_says_where_a_card_works_and_how_it_looks(
    business: TestBusiness, ada: httpx.AsyncClient, services: Services
) -> None:
    await connect(business.database, services.keyring, business.business_id, "tremendous")
    (card,) = (await ada.get("/payout/gift-cards")).json()["data"]
    assert card["countries"] == ["CA", "US"]
    assert card["image"] == "https://vendor.test/card.png"
    assert (card["face_value"], card["max_face_value"]) == (500, 10_000)


async def test_a_link_is_asked_for_when_it_is_shown_and_each_time_recorded(
    business: TestBusiness, ada: httpx.AsyncClient, shop: ConnectedVendor, card: str
) -> None:
    shown = await ada.post(card)
    assert shown.status_code == 200, shown.text
    assert shown.json()["link"] == "https://vendor.test/SECRET-LINK"
    assert "code" not in shown.json()
    (asked,) = shop.asked
    assert asked.rail_order_id is not None, "the rail is asked by its own id"
    shop.revealed = RevealedCode("CODE-2", "1234")
    shown = await ada.post(card)
    assert (shown.json()["code"], shown.json()["pin"]) == ("CODE-2", "1234")
    assert await reveals(business) == 2
    events = await business.scalar(
        "SELECT string_agg(body, ' ') FROM events WHERE business_id = %s", business.business_id
    )
    assert "SECRET-LINK" not in events


async def test_a_rail_that_is_away_refuses_without_using_anything_up(
    business: TestBusiness, ada: httpx.AsyncClient, shop: ConnectedVendor, card: str
) -> None:
    headers = {"Idempotency-Key": "k"}
    shop.away = True
    refused = await ada.post(card, headers=headers)
    assert refused.status_code == 503
    assert "Retry-After" in refused.headers
    assert "Nothing was done" in refused.json()["error"]
    assert await reveals(business) == 0
    shop.away = False
    shown = await ada.post(card, headers=headers)
    assert shown.json()["link"] == "https://vendor.test/SECRET-LINK"
    assert await reveals(business) == 1


async def test_a_replay_shows_no_link_and_asks_nobody(
    business: TestBusiness, ada: httpx.AsyncClient, shop: ConnectedVendor, card: str
) -> None:
    headers = {"Idempotency-Key": "k"}
    assert "link" in (await ada.post(card, headers=headers)).json()
    shop.away = True
    again = await ada.post(card, headers=headers)
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (200, "true")
    assert "link" not in again.json()
    assert len(shop.asked) == 1
    assert await reveals(business) == 1


async def test_nothing_is_asked_for_a_card_that_is_not_delivered(
    business: TestBusiness, ada: httpx.AsyncClient, shop: ConnectedVendor, services: Services
) -> None:
    await connect(business.database, services.keyring, business.business_id, "tremendous")
    order = (await ada.post("/payout/withdraw", json=CARD)).json()
    refused = await ada.post(f"/payout/withdrawals/{order['id']}/reveal")
    assert refused.status_code == 409
    assert shop.asked == []
