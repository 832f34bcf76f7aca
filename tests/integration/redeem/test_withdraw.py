"""Taking the money: each way from the form to the receipt, once, however it is pressed."""

import asyncio
from typing import Any

import psycopg
import pytest

from payviox.db.pool import Database
from payviox.keyring import Keyring
from payviox.web.context import Services
from support import giftcards, live
from support.businesses import TestBusiness
from support.dashboard import Browser, heading
from support.databases import Urls
from support.redeem import EMAIL, WALLET, Recipient, order_id_of, text_of

pytestmark = pytest.mark.anyio


async def _cards(ada: Recipient, *codes: str, price: int = 2_500) -> None:
    business_id = ada.desk.business.business_id
    text = giftcards.csv_of(codes, price=price)
    await giftcards.import_text(ada.database, Keyring(live.SECRET_KEY), business_id, text)


async def _card_id(ada: Recipient) -> str:
    page = await ada.get("withdraw/gift-card?q=shop")
    return page.text.partition('name="card" value="')[2].partition('"')[0]


async def test_the_balance_shows_ways_with_what_arrives_and_what_is_lacking(
    ada: Recipient,
) -> None:
    await ada.desk.business.set(min_withdrawal=6_000)
    text = text_of(await ada.get("balance"))
    assert "You need $10.00 more for this." in text
    await ada.desk.business.set(min_withdrawal=100)
    text = text_of(await ada.get("balance"))
    assert "You get $50.00 of $50.00 ; the fee is $0.00" in text
    for name in ("Gift card", "PayPal", "Crypto"):
        assert name in text


async def test_paypal_from_form_to_receipt(ada: Recipient) -> None:
    form = await ada.get("withdraw/paypal")
    assert heading(form) == "PayPal"
    assert 'value="50.00"' in form.text
    assert f'value="{EMAIL}"' in form.text
    address = await ada.review("paypal", amount="20", email="other@example.com", kind="spend")
    review = text_of(await ada.browser.get(address))
    assert "Taken from your balance $20.00 Fee $0.00 You get $20.00" in review
    assert "other@example.com" in review
    assert "This is not the address" in review
    assert "Usually within minutes." in review
    assert await ada.balance() == 5_000
    made = await ada.browser.post(address)
    assert made.status_code == 303
    assert await ada.balance() == 3_000
    order = await ada.browser.get(made.headers["location"])
    assert "Cancel withdrawal" in order.text
    assert "o…@example.com" in order.text
    assert 'hx-trigger="every 2s"' in order.text
    await ada.desk.process()
    await ada.desk.hurry()
    await ada.desk.process()
    part = await ada.browser.client.get(
        made.headers["location"], headers={"HX-Request": "true", "HX-Target": "div#order-status"}
    )
    assert "<h1>" not in part.text
    assert "It has arrived." in part.text
    assert "hx-trigger" not in part.text
    history = text_of(await ada.get("history"))
    assert "Withdrawal" in history
    assert "o…@example.com" in history


async def test_pressed_twice_in_two_tabs_and_after_going_back_it_is_one_order(
    ada: Recipient,
) -> None:
    address = await ada.review("paypal", amount="20", email=EMAIL, kind="spend")
    answers = await asyncio.gather(*(ada.browser.post(address) for _ in range(4)))
    assert {answer.status_code for answer in answers} == {303}
    assert len({answer.headers["location"] for answer in answers}) == 1
    back = await ada.browser.get(address)
    assert back.headers["location"] == answers[0].headers["location"]
    again = await ada.browser.post(address)
    assert again.headers["location"] == answers[0].headers["location"]
    assert await ada.number_of_orders() == 1
    assert await ada.balance() == 3_000


async def test_two_reviews_of_the_whole_balance_pay_it_once(ada: Recipient) -> None:
    reviews = [await ada.review("paypal", amount="50", email=EMAIL, kind="spend") for _ in range(2)]
    answers = await asyncio.gather(*(ada.browser.post(address) for address in reviews))
    assert sorted(answer.status_code for answer in answers) == [303, 409]
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert "Your balance is smaller" in refused.text
    assert await ada.number_of_orders() == 1
    assert await ada.balance() == 0


async def test_exactly_what_is_to_arrive(ada: Recipient) -> None:
    address = await ada.review(
        "crypto", amount="20", network="ERC20 USDC", address=WALLET, kind="exact"
    )
    review = text_of(await ada.browser.get(address))
    assert "You get $20.00" in review
    assert "0x 5290 8400" in review
    assert "USDC on Ethereum" in review
    made = await ada.browser.post(address)
    assert made.status_code == 303
    assert "0x5290…9EE7" in (await ada.browser.get(made.headers["location"])).text
    assert await ada.balance() == 5_000 - 2_020


@pytest.mark.parametrize(
    ("way", "fields", "said"),
    [
        ("paypal", {"amount": "abc", "email": EMAIL}, "Type dollars and cents"),
        ("paypal", {"amount": "50.01", "email": EMAIL}, "Your balance is $50.00"),
        ("paypal", {"amount": "0.50", "email": EMAIL}, "Amounts go from $1.00"),
        ("paypal", {"amount": "20", "email": "nobody"}, "no email address"),
        ("crypto", {"amount": "20", "network": "ERC20 USDC", "address": "0x1"}, "This is no addr"),
        (
            "crypto",
            {"amount": "20", "network": "ERC20 USDC", "address": WALLET.replace("5290", "529a")},
            "A letter or digit",
        ),
        (
            "crypto",
            {"amount": "20", "network": "ERC20 USDC", "address": f"0x{'0' * 40}"},
            "Nobody has this",
        ),
        ("crypto", {"amount": "20", "network": "NOWHERE X", "address": WALLET}, "Choose one of"),
        ("crypto", {"amount": "20", "network": "", "address": ""}, "This address cannot be paid"),
        ("gift-card", {"card": "prd_x"}, "not to be had any more"),
    ],
)
async def test_what_is_wrong_is_said_beside_the_field_and_what_was_typed_stays(
    ada: Recipient, way: str, fields: dict[str, str], said: str
) -> None:
    await ada.desk.business.set(min_withdrawal=100)
    await _cards(ada, "AAAA-1111")
    answer = await ada.browser.post(f"/redeem/withdraw/{way}", **fields)
    assert answer.status_code == 422
    assert said in text_of(answer)
    for name in {"amount", "email", "address"} & set(fields):
        assert f'value="{fields[name]}"' in answer.text
    assert await ada.number_of_orders() == 0


async def test_a_gift_card_from_stock_is_bought_and_its_code_shown_to_its_owner_alone(
    ada: Recipient, application: object, business: TestBusiness
) -> None:
    await _cards(ada, "AAAA-1111")
    await _cards(ada, "BBBB-2222", price=9_900)
    page = await ada.get("withdraw/gift-card")
    assert "$25.00" in page.text
    assert "$99.00" not in page.text
    review = await ada.review("gift-card", card=await _card_id(ada))
    assert "Gift card Shop 25 Worth" in text_of(await ada.browser.get(review))
    address = (await ada.browser.post(review)).headers["location"]
    assert await ada.balance() == 2_500
    early = await ada.browser.post(f"{address}/reveal")
    assert early.status_code == 409
    await ada.desk.process()
    order = await ada.browser.get(address)
    assert "Show code" in order.text
    assert "To Shop 25" in text_of(order)
    assert "AAAA-1111" not in order.text
    shown = await ada.browser.post(f"{address}/reveal")
    assert "AAAA-1111" in shown.text
    assert "pin of AAAA-1111" in shown.text
    assert shown.headers["cache-control"] == "no-store"
    await ada.browser.post(f"{address}/reveal")
    reveals = await business.scalar(
        "SELECT count(*) FROM gift_card_reveals WHERE business_id = %s", business.business_id
    )
    assert reveals == 2
    other = Browser.of(application)  # type: ignore[arg-type]  # Application
    theirs = (await business.create("eve@example.com", 100)).json()["hash"]
    await other.post("/redeem", link=theirs)
    for path in (address, f"{address}/reveal", f"{address}/cancel"):
        answer = await other.get(path) if path == address else await other.post(path)
        assert answer.status_code == 404
        assert "AAAA" not in answer.text


async def test_recipients_of_live_money_are_offered_nothing_of_the_sandbox(
    browser: Browser, make_business: Any
) -> None:
    ada = await Recipient.of(await make_business(funds=10_000, mode="live"), browser)
    await _cards(ada, "AAAA-1111")
    balance = text_of(await ada.get("balance"))
    assert "Gift card" in balance
    assert "PayPal" not in balance
    assert "Crypto" not in balance
    cards = text_of(await ada.get("withdraw/gift-card"))
    assert "Shop 25" in cards
    assert "Sandbox" not in cards


async def test_times_are_in_the_readers_zone_which_is_said(ada: Recipient) -> None:
    address = await ada.withdraw("paypal", amount="20", email=EMAIL, kind="spend")
    assert "UTC</bdi></time>" in (await ada.browser.get(address)).text
    ada.browser.client.cookies.set("zone", "Asia%2FTokyo", domain="127.0.0.1")
    for path in (address, "/redeem/history"):
        page = await ada.browser.get(path)
        assert "JST</bdi></time>" in page.text
        assert "UTC</bdi></time>" not in page.text


async def test_a_card_that_sold_out_before_the_confirmation_costs_nothing(
    ada: Recipient, database: Database, business: TestBusiness
) -> None:
    await _cards(ada, "AAAA-1111")
    address = await ada.review("gift-card", card=await _card_id(ada))
    await database.write(
        lambda db: db.execute(
            "UPDATE gift_cards SET status = 'void' WHERE business_id = %s", [business.business_id]
        )
    )
    answer = await ada.browser.post(address)
    assert answer.status_code == 409
    assert "cannot be had any more" in answer.text
    assert await ada.balance() == 5_000


async def test_a_price_that_ran_out_is_asked_for_again(
    ada: Recipient, urls: Urls, business: TestBusiness
) -> None:
    address = await ada.review("paypal", amount="20", email=EMAIL, kind="spend")
    with psycopg.connect(urls.owner) as owner:
        owner.execute(
            "UPDATE quotes SET expires_at = now() - interval '1 s' WHERE business_id = %s",
            [business.business_id],
        )
    page = await ada.browser.get(address)
    assert "Ask for a new price" in page.text
    assert "Confirm</button>" not in page.text
    assert (await ada.browser.post(address)).status_code == 409
    assert await ada.balance() == 5_000
    fresh = await ada.browser.post(f"{address}/again")
    made = await ada.browser.post(fresh.headers["location"])
    assert made.status_code == 303
    assert await ada.balance() == 3_000


async def test_money_comes_back_by_canceling_and_once(ada: Recipient) -> None:
    address = await ada.withdraw("paypal", amount="20", email=EMAIL, kind="spend")
    assert await ada.balance() == 3_000
    answers = await asyncio.gather(*(ada.browser.post(f"{address}/cancel") for _ in range(2)))
    assert {answer.headers["location"] for answer in answers} == {"/redeem/balance?done=canceled"}
    assert "The money is back" in (await ada.get("balance?done=canceled")).text
    assert await ada.balance() == 5_000
    again = await ada.withdraw("paypal", amount="20", email=EMAIL, kind="spend")
    await ada.desk.process()
    late = await ada.browser.post(f"{again}/cancel")
    assert late.headers["location"] == f"{again}?refused=too-late", "where it can be loaded again"
    assert "It is too late to cancel this" in (await ada.browser.get(late.headers["location"])).text
    assert await ada.balance() == 3_000


@pytest.mark.parametrize(
    ("rule", "held", "free"),
    [
        ({"review_amount": 2_000}, "20", "19.99"),
        ({"review_velocity_amount": 2_000}, "20", "19.99"),
        ({"review_first_use": True}, "20", None),
    ],
)
async def test_the_review_says_beforehand_whether_the_sender_looks_at_it_first(
    ada: Recipient, rule: dict[str, Any], held: str, free: str | None
) -> None:
    await ada.desk.business.set(**rule)
    for amount, is_held in ((held, True), (free, False)):
        if amount is None:
            continue
        address = await ada.review("paypal", amount=amount, email=EMAIL, kind="spend")
        text = text_of(await ada.browser.get(address))
        assert ("The sender looks at it first; this can take a working day." in text) is is_held
        assert ("Usually within minutes." in text) is not is_held
        if is_held:
            continue
        made = await ada.browser.post(address)
        order = text_of(await ada.browser.get(made.headers["location"]))
        assert "The sender looks at this withdrawal" not in order
    assert await ada.balance() == (5_000 if free is None else 5_000 - 1_999)


async def test_money_that_came_back_is_explained_in_words(ada: Recipient) -> None:
    address = await ada.withdraw("paypal", amount="20", email="fail@example.com", kind="spend")
    await ada.desk.process()
    await ada.desk.hurry()
    await ada.desk.process()
    text = text_of(await ada.browser.get(address))
    sentences = "It could not be paid. The sandbox was told to fail this payment. The money is back"
    assert f"{sentences} on your balance. You can take it in another way." in text
    assert "The sandbox was told to fail this payment. The" in text_of(await ada.get("history"))
    assert await ada.balance() == 5_000
    await ada.desk.business.set(review_amount=100)
    address = await ada.withdraw("paypal", amount="20", email=EMAIL, kind="spend")
    assert "The sender looks at this" in text_of(await ada.browser.get(address))
    order_id = order_id_of(address)
    note = {"note": "<b>Please</b> confirm your address."}
    rejected = await ada.desk.business.client.post(f"/payout/orders/{order_id}/reject", json=note)
    assert rejected.is_success
    page = await ada.browser.get(address)
    assert "&lt;b&gt;Please&lt;/b&gt; confirm your address." in page.text


async def test_who_was_switched_off_between_review_and_confirmation_moves_nothing(
    ada: Recipient, services: Services
) -> None:
    address = await ada.review("paypal", amount="20", email=EMAIL, kind="spend")
    user = await ada.desk.user(1)
    path = f"/payout/users/usr_{user}/deactivate"
    assert (await ada.desk.business.client.post(path)).is_success
    assert (await ada.browser.post(address)).status_code == 401
    assert await ada.balance() == 5_001


async def test_a_price_is_nobody_elses(
    ada: Recipient, application: object, business: TestBusiness
) -> None:
    address = await ada.review("paypal", amount="20", email=EMAIL, kind="spend")
    other = Browser.of(application)  # type: ignore[arg-type]  # Application
    theirs = (await business.create("eve@example.com", 100)).json()["hash"]
    await other.post("/redeem", link=theirs)
    assert (await other.get(address)).status_code == 404
    assert (await other.post(address)).status_code == 404
    assert (await other.post(f"{address}/again")).status_code == 404
    assert await ada.balance() == 5_000


async def test_other_sites_forms_do_nothing_and_strangers_are_told_to_come_by_their_link(
    ada: Recipient, application: object
) -> None:
    address = await ada.review("paypal", amount="20", email=EMAIL, kind="spend")
    foreign = await ada.browser.client.post(address, headers={"Sec-Fetch-Site": "cross-site"})
    assert foreign.status_code == 403
    stranger = Browser.of(application)  # type: ignore[arg-type]  # Application
    for path in (
        "/redeem/balance",
        "/redeem/history",
        "/redeem/withdraw/paypal",
        "/redeem/withdraw/crypto",
        "/redeem/withdraw/gift-card",
        address,
    ):
        assert (await stranger.get(path)).status_code == 401
    assert (await stranger.post(address)).status_code == 401
    assert await ada.balance() == 5_000
