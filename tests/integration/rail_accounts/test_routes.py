"""What an installation's own routes offer the payout users of a test business and of a live one, as
accounts are connected, disabled, spoiled and disconnected."""

from typing import Any

import httpx
import pytest
import structlog

from payviox.rail_accounts import service
from payviox.rail_accounts.model import RailName
from payviox.web.context import Services
from support.accounts import connect
from support.businesses import TestBusiness

pytestmark = pytest.mark.anyio

ADA = "ada@example.com"
PAYPAL: dict[str, Any] = {"provider": "paypal", "paypal": {"email": ADA}}
GONE = {"provider": ["The provider paypal is not available."]}
WIDEST = (1, 100_000_000)
CHAINS = {"ERC20", "BEP20", "POLYGON"}
RAILS: tuple[RailName, ...] = ("paypal", "evm", "tremendous")


@pytest.fixture
async def ada(business: TestBusiness) -> httpx.AsyncClient:
    """A payout user with 10,000 cents."""
    payout_hash = (await business.create(ADA, 10_000)).json()["hash"]
    return business.client_with({"X-Payout-Hash": payout_hash})


async def methods(client: httpx.AsyncClient) -> dict[str, dict[str, Any]]:
    answer = await client.get("/payout/operations")
    return {method["provider"]: method for method in answer.json()["methods"]}


async def switch(business: TestBusiness, rail: RailName, *, enabled: bool) -> None:
    await business.database.write(
        lambda db: service.switch(db, business.business_id, rail, "test", enabled=enabled)
    )


def limits(method: dict[str, Any]) -> tuple[int, int]:
    return method["min_amount"], method["max_amount"]


async def test_without_accounts_the_sandbox_serves_everything_in_a_test_business(
    ada: httpx.AsyncClient,
) -> None:
    found = await methods(ada)
    assert all(method["enabled"] and limits(method) == WIDEST for method in found.values())
    assert found["crypto"]["chains"].keys() == CHAINS


async def test_the_limits_of_a_connected_paypal_are_shown_and_hold(
    business: TestBusiness, ada: httpx.AsyncClient, services: Services
) -> None:
    at = (business.database, services.keyring, business.business_id)
    await connect(*at, "paypal", min_amount=60, fee_payer="recipient", fee_fixed=25)
    paypal = (await methods(ada))["paypal"]
    assert limits(paypal) == (60, 2_000_025), "PayPal's own limit, and the fee on top"
    for amount in (1, 20, 30, 59):
        for path in ("/payout/quote", "/payout/withdraw"):
            refused = await ada.post(path, json=PAYPAL | {"amount": amount})
            assert refused.json() == {"amount": ["The amount must be at least 60."]}
    for amount in limits(paypal):
        quoted = await ada.post("/payout/quote", json=PAYPAL | {"amount": amount})
        assert quoted.status_code == 200, quoted.text
    refused = await ada.post("/payout/quote", json=PAYPAL | {"amount": 2_000_026})
    assert refused.json() == {"amount": ["The amount may not be greater than 2000025."]}

    await connect(*at, "paypal", min_amount=None)
    assert limits((await methods(ada))["paypal"])[0] == 26
    for amount in (1, 25):
        refused = await ada.post("/payout/quote", json=PAYPAL | {"amount": amount})
        assert refused.json() == {"amount": ["The amount must be at least 26."]}
    assert (await business.ledger())[ADA] == 10_000


async def test_a_disabled_account_is_not_sandboxed_and_disconnecting_it_brings_the_sandbox_back(
    business: TestBusiness, ada: httpx.AsyncClient, services: Services
) -> None:
    for rail in RAILS:
        await connect(business.database, services.keyring, business.business_id, rail)
        await switch(business, rail, enabled=False)
    found = await methods(ada)
    assert not found["paypal"]["enabled"]
    assert found["crypto"]["chains"].keys() == CHAINS, "they are not the account's"
    assert found["gift_card"]["enabled"], "the stock's and the sandbox's cards"
    for path in ("/payout/quote", "/payout/withdraw"):
        refused = await ada.post(path, json=PAYPAL | {"amount": 500})
        assert (refused.status_code, refused.json()) == (400, GONE)
    cards = (await ada.get("/payout/gift-cards")).json()["data"]
    assert {card["brand"] for card in cards} == {"Sandbox"}
    assert (await business.ledger())[ADA] == 10_000

    await business.database.write(service.disconnect, business.business_id, "paypal", "test")
    assert limits((await methods(ada))["paypal"]) == WIDEST
    made = await ada.post("/payout/withdraw", json=PAYPAL | {"amount": 500})
    assert made.status_code == 201, made.text


async def test_an_account_that_cannot_be_opened_is_not_available_and_the_operator_is_told(
    business: TestBusiness, ada: httpx.AsyncClient, services: Services
) -> None:
    await connect(business.database, services.keyring, business.business_id, "paypal")
    await business.database.write(
        lambda db: db.execute(
            "UPDATE rail_accounts SET credentials = credentials || '\\x00' WHERE business_id = %s",
            [business.business_id],
        )
    )
    with structlog.testing.capture_logs() as logs:
        assert not (await methods(ada))["paypal"]["enabled"]
        refused = await ada.post("/payout/withdraw", json=PAYPAL | {"amount": 500})
    assert (refused.status_code, refused.json()) == (400, GONE)
    told = [line for line in logs if line["event"] == "rail account cannot be opened"]
    assert {(line["log_level"], line["business"], line["rail"]) for line in told} == {
        ("error", str(business.business_id), "paypal")
    }
    assert (await business.ledger())[ADA] == 10_000


async def test_a_live_business_has_its_stock_and_what_it_connected(
    make_business: Any, services: Services
) -> None:
    live = await make_business(mode="live", funds=100_000)
    payout_hash = (await live.create(ADA, 10_000)).json()["hash"]
    ada = live.client_with({"X-Payout-Hash": payout_hash})

    async def enabled() -> set[str]:
        return {name for name, method in (await methods(ada)).items() if method["enabled"]}

    assert await enabled() == {"gift_card"}
    refused = await ada.post("/payout/quote", json=PAYPAL | {"amount": 500})
    assert (refused.status_code, refused.json()) == (400, GONE)
    await connect(live.database, services.keyring, live.business_id, "paypal")
    assert await enabled() == {"gift_card", "paypal"}
    await switch(live, "paypal", enabled=False)
    assert await enabled() == {"gift_card"}
