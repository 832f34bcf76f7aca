"""What changes between one step and the next, each way of taking the money: prices, stock, what is
offered, the operator's word. The page says it, nothing is lost, and the books agree."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from eth_account import Account as Keys

from payviox.keyring import Keyring
from payviox.rail_accounts import service as rail_accounts
from payviox.rail_accounts.model import Changes, RailName
from payviox.rails.sandbox.endings import BY_NAME
from support import giftcards, live
from support.businesses import TestBusiness
from support.dashboard import heading
from support.databases import Urls
from support.redeem import EMAIL, WALLET, Recipient, order_id_of, text_of

pytestmark = pytest.mark.anyio

PRICE = 2_000
PASSPHRASE = "only for tests"
FORMS: Mapping[str, Mapping[str, str]] = {
    "paypal": {"amount": "20", "email": EMAIL, "kind": "spend"},
    "crypto": {"amount": "20", "network": "ERC20 USDC", "address": WALLET, "kind": "spend"},
    "gift-card": {},
}
WAYS = tuple(FORMS)
BACK = {
    "paypal": {**FORMS["paypal"], "email": "returned@example.com"},
    "crypto": {**FORMS["crypto"], "address": BY_NAME["returned"].address},
    "gift-card": {"card": BY_NAME["returned"].product_id},
}
"""What comes back after it was paid."""


async def form_of(ada: Recipient, way: str) -> dict[str, str]:
    """A form that takes $20.00 this way."""
    if way != "gift-card":
        return dict(FORMS[way])
    text = giftcards.csv_of(["AAAA-1111"], price=PRICE)
    keyring = Keyring(live.SECRET_KEY)
    await giftcards.import_text(ada.database, keyring, ada.desk.business.business_id, text)
    page = await ada.get("withdraw/gift-card?q=shop")
    return {"card": page.text.partition('name="card" value="')[2].partition('"')[0]}


async def connect(
    business: TestBusiness,
    rail: RailName,
    settings: Mapping[str, Any],
    credentials: Mapping[str, str],
    **columns: object,
) -> None:
    await business.database.write(
        rail_accounts.connect,
        Keyring(live.SECRET_KEY),
        business.business_id,
        rail,
        Changes(columns, settings),
        credentials,
        "test",
    )


def expire_prices(urls: Urls, business: TestBusiness) -> None:
    with psycopg.connect(urls.owner) as owner:
        owner.execute(
            "UPDATE quotes SET expires_at = now() - interval '1 s' WHERE business_id = %s",
            [business.business_id],
        )


async def user_path(business: TestBusiness) -> str:
    user = await business.scalar(
        "SELECT id FROM payout_users WHERE business_id = %s AND email = %s",
        business.business_id,
        EMAIL,
    )
    return f"/payout/users/usr_{user}"


@pytest.mark.parametrize("way", WAYS)
async def test_whoever_is_deactivated_before_they_confirm_takes_nothing(
    ada: Recipient, business: TestBusiness, way: str
) -> None:
    review = await ada.review(way, **await form_of(ada, way))
    path = await user_path(business)
    assert (await business.client.post(f"{path}/deactivate")).is_success
    refused = await ada.browser.post(review)
    assert (refused.status_code, heading(refused)) == (401, "Open your link again")
    assert (await ada.enter()).status_code == 403
    assert (await ada.number_of_orders(), await ada.balance()) == (0, 5_000)
    assert (await business.client.post(f"{path}/activate")).is_success
    await ada.enter()
    assert (await ada.browser.post(review)).status_code == 303
    assert (await ada.number_of_orders(), await ada.balance()) == (1, 3_000)


@pytest.mark.parametrize("way", WAYS)
async def test_a_way_that_is_not_offered_any_more_leads_back_to_the_others(
    ada: Recipient, business: TestBusiness, way: str
) -> None:
    form = await form_of(ada, way)
    review = await ada.review(way, **form)
    await business.set(methods_off=[way.replace("-", "_")])
    for answer in (
        await ada.browser.post(f"/redeem/withdraw/{way}", **form),
        await ada.get(f"withdraw/{way}"),
    ):
        assert answer.headers["location"] == "/redeem/balance?done=not-offered"
    said = await ada.get("balance?done=not-offered")
    assert "This way is not offered any more. Nothing was taken" in text_of(said)
    refused = await ada.browser.post(review)
    assert refused.status_code == 409
    assert "Nothing was taken; choose something else." in text_of(refused)
    assert "Confirm</button>" not in refused.text
    assert "Ask for a new price" not in refused.text
    assert (await ada.number_of_orders(), await ada.balance()) == (0, 5_000)


@pytest.mark.parametrize("way", WAYS)
async def test_a_price_that_ran_out_is_asked_for_again_and_paid_once(
    ada: Recipient, urls: Urls, business: TestBusiness, way: str
) -> None:
    review = await ada.review(way, **await form_of(ada, way))
    expire_prices(urls, business)
    late = await ada.browser.post(review)
    assert late.status_code == 409
    assert "This price has run out. Nothing was taken" in text_of(late)
    assert await ada.number_of_orders() == 0
    new = (await ada.browser.post(f"{review}/again")).headers["location"]
    page = await ada.browser.get(new)
    assert "The price has changed" not in text_of(page)
    made = [await ada.browser.post(new.partition("?")[0]) for _ in range(2)]
    assert len({answer.headers["location"] for answer in made}) == 1
    assert (await ada.number_of_orders(), await ada.balance()) == (1, 3_000)


async def test_another_price_is_pointed_out_before_it_is_paid(
    ada: Recipient, urls: Urls, business: TestBusiness
) -> None:
    settings = {"client_id": f"client {business.business_id}", "base_url": "http://127.0.0.1:9"}
    fees = {"fee_payer": "recipient", "fee_percentage_bp": 100}
    await connect(business, "paypal", settings, {"client_secret": "secret"}, **fees)
    shown = await ada.review("paypal", **FORMS["paypal"])
    late = await ada.review("paypal", **FORMS["paypal"])
    assert "Fee $0.20 You get $19.80" in text_of(await ada.browser.get(shown))
    dearer = Changes({"fee_percentage_bp": 500})
    await business.database.write(
        rail_accounts.change, business.business_id, "paypal", dearer, "test"
    )
    made = await ada.browser.post(shown)
    assert made.status_code == 303
    receipt = text_of(await ada.browser.get(made.headers["location"]))
    assert "Fee $0.20 You get $19.80" in receipt
    expire_prices(urls, business)
    new = (await ada.browser.post(f"{late}/again")).headers["location"]
    review = text_of(await ada.browser.get(new))
    changed = "The price has changed. Before, you got $19.80 and the fee was $0.20 ."
    assert changed in review
    assert "Fee $1.00 You get $19.00" in review
    assert await ada.balance() == 3_000
    made = await ada.browser.post(new.partition("?")[0])
    receipt = text_of(await ada.browser.get(made.headers["location"]))
    assert "Fee $1.00 You get $19.00" in receipt
    assert await ada.balance() == 1_000
    for before in ("", "x", "quo_00000000-0000-0000-0000-000000000000"):
        answer = await ada.browser.get(f"{late}?before={before}")
        assert answer.status_code == 200


async def test_without_a_price_the_form_says_so_keeps_what_was_typed_and_shows_no_fee(
    ada: Recipient, business: TestBusiness, tmp_path: Path
) -> None:
    wallet = Keys.create()
    keystore = tmp_path / "keystore.json"
    keystore.write_text(json.dumps(Keys.encrypt(wallet.key, PASSPHRASE, "pbkdf2", 2)))
    keystore.chmod(0o600)
    chain = {
        "chain_id": 31_337,
        "coin": "ETH",
        "confirmations": 2,
        "block_s": 1.0,
        "max_fee_gwei": 100,
        "tokens": {"USDT": {"address": BY_NAME["slow"].address, "decimals": 6}},
        "price": {"rate": "2000", "expires_at": (datetime.now(UTC) + timedelta(1)).isoformat()},
    }
    settings = {"keystore": str(keystore), "address": wallet.address, "chains": {"LOCAL": chain}}
    nowhere = f"http://127.0.0.1:{live.free_port()}"
    credentials = {"passphrase": PASSPHRASE, "rpc:LOCAL": nowhere}
    await connect(business, "evm", settings, credentials)
    form = {**FORMS["crypto"], "network": "LOCAL USDT"}
    refused = await ada.browser.post("/redeem/withdraw/crypto", **form)
    assert refused.status_code == 503
    text = text_of(refused)
    assert "A price cannot be had just now. Nothing was taken; try again in a moment." in text
    assert f'value="{WALLET}"' in refused.text
    assert re.search(r'value="LOCAL USDT" selected', refused.text)
    assert "$0.00" not in text
    assert (await ada.number_of_orders(), await ada.balance()) == (0, 5_000)


async def test_a_card_that_sold_out_after_the_confirmation_waits_and_can_be_given_up(
    ada: Recipient, business: TestBusiness
) -> None:
    order = await ada.withdraw("gift-card", **await form_of(ada, "gift-card"))
    await business.database.write(
        lambda db: db.execute(
            "UPDATE gift_cards SET status = 'void' WHERE business_id = %s", [business.business_id]
        )
    )
    await ada.desk.process()
    page = await ada.browser.get(order)
    assert "It goes on when the sender has seen to it." in text_of(page)
    assert "Show code" not in page.text
    assert await ada.balance() == 3_000
    canceled = await ada.browser.post(f"{order}/cancel")
    assert canceled.headers["location"] == "/redeem/balance?done=canceled"
    assert await ada.balance() == 5_000


@pytest.mark.parametrize("way", WAYS)
async def test_what_an_operator_rejects_is_back_with_their_words(
    ada: Recipient, business: TestBusiness, way: str
) -> None:
    await business.set(review_amount=100)
    order = await ada.withdraw(way, **await form_of(ada, way))
    waits = await ada.browser.get(order)
    assert "The sender looks at this withdrawal before it is paid." in text_of(waits)
    assert await ada.balance() == 3_000
    path = f"/payout/orders/{order_id_of(order)}/reject"
    assert (await business.client.post(path, json={"note": "Ask us first."})).is_success
    late = await ada.browser.post(f"{order}/cancel")
    assert late.headers["location"] == order, "what is over says how it ended"
    text = text_of(await ada.browser.get(order))
    assert "The sender refused this withdrawal. Ask us first. The money is back" in text
    assert "Cancel withdrawal" not in text
    assert "Save this destination" not in text
    assert "Ask us first." in text_of(await ada.get("history"))
    assert (await ada.number_of_orders(), await ada.balance()) == (1, 5_000)


@pytest.mark.parametrize("way", WAYS)
async def test_money_that_came_back_after_it_was_paid_is_there_with_its_reason(
    ada: Recipient, way: str
) -> None:
    order = await ada.withdraw(way, **BACK[way])
    await ada.desk.process()
    assert "Done" in text_of(await ada.browser.get(order))
    assert await ada.balance() < 5_000
    await ada.desk.hurry()
    await ada.desk.process()
    text = text_of(await ada.browser.get(order))
    assert "It came back after it was sent. The sandbox was told to return this payment." in text
    assert "You can take it in another way." in text
    assert "Show code" not in text
    assert (await ada.browser.post(f"{order}/reveal")).status_code in (404, 409)
    assert "Came back" in text_of(await ada.get("history"))
    assert await ada.balance() == 5_000


@pytest.mark.parametrize("way", WAYS)
async def test_going_back_to_a_form_once_all_was_taken_leads_to_the_balance(
    ada: Recipient, way: str
) -> None:
    form = await form_of(ada, way)
    await ada.withdraw("paypal", amount="50", email=EMAIL, kind="spend")
    answer = await ada.get(f"withdraw/{way}")
    if way == "gift-card":
        assert "You need $5.00 more for the cheapest card." in text_of(answer)
    else:
        assert answer.headers["location"] == "/redeem/balance"
        assert "There is nothing left to take." in text_of(await ada.get("balance"))
    late = await ada.browser.post(f"/redeem/withdraw/{way}", **form)
    assert late.status_code == 422
    assert "This takes $20.00. Your balance is $0.00." in text_of(late)
    assert (await ada.number_of_orders(), await ada.balance()) == (1, 0)
