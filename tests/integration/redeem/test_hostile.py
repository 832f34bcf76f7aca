"""What strangers, other recipients and hurried people try on the redemption page: it fails, and the
books say so."""

import asyncio

import httpx
import psycopg
import pytest

from payviox.auth import redemption
from payviox.db.pool import Database
from payviox.keyring import Keyring
from payviox.web.asgi import Application
from support import giftcards, live
from support.businesses import TestBusiness
from support.dashboard import Browser
from support.databases import Urls
from support.redeem import EMAIL, WALLET, Recipient, order_id_of, who_sent
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio

SCRIPT = "<script>alert(1)</script>"
PICTURE = '"><img src=x onerror=alert(1)>'


@pytest.fixture
async def eve(business: TestBusiness, application: Application) -> Recipient:
    """Another payout user of the same business, with the page open."""
    hers = (await business.create("eve@example.com", 5_000)).json()["hash"]
    browser = Browser.of(application)
    await browser.post("/redeem", link=hers)
    return Recipient(Desk.of(business), browser, hers)


async def _stock(ada: Recipient, *codes: str) -> None:
    business_id = ada.desk.business.business_id
    text = giftcards.csv_of(codes).replace("pin of ", "")
    await giftcards.import_text(ada.database, Keyring(live.SECRET_KEY), business_id, text)


async def _card_id(ada: Recipient, search: str = "shop") -> str:
    page = await ada.get(f"withdraw/gift-card?q={search}")
    return page.text.partition('name="card" value="')[2].partition('"')[0]


async def _paypal(ada: Recipient) -> str:
    return await ada.review("paypal", amount="20", email=EMAIL, kind="spend")


async def _balance(business: TestBusiness, email: str) -> int:
    return (await business.ledger())[email]


async def test_who_comes_in_anew_ends_the_session_that_the_browser_had(ada: Recipient) -> None:
    before = ada.browser.client.cookies["redeem"]
    await ada.enter()
    after = ada.browser.client.cookies["redeem"]
    assert after != before
    ada.browser.client.cookies.set("redeem", before)
    assert (await ada.get("balance")).status_code == 401
    ada.browser.client.cookies.set("redeem", after)
    assert (await ada.get("balance")).status_code == 200


async def test_a_session_that_somebody_else_chose_is_not_taken_over(
    ada: Recipient, application: Application
) -> None:
    victim = Browser.of(application)
    planted = f"{ada.hash[:8]}.{'A' * 43}"
    victim.client.cookies.set("redeem", planted)
    answer = await victim.post("/redeem", link=ada.hash)
    assert answer.status_code == 303
    assert planted not in answer.headers["set-cookie"]
    thief = Browser.of(application)
    thief.client.cookies.set("redeem", planted)
    assert (await thief.get("/redeem/balance")).status_code == 401


async def test_a_link_opened_again_and_again_leaves_a_bounded_number_of_sessions(
    ada: Recipient, application: Application
) -> None:
    for _ in range(redemption.MOST_SESSIONS + 3):
        await Browser.of(application).post("/redeem", link=ada.hash)
    count = await ada.desk.business.scalar(
        "SELECT count(*) FROM payout_user_sessions WHERE business_id = %s",
        ada.desk.business.business_id,
    )
    assert count == redemption.MOST_SESSIONS


async def test_nothing_of_anothers_is_seen_or_moved(ada: Recipient, eve: Recipient) -> None:
    await _stock(ada, "AAAA-1111")
    order = await ada.withdraw("paypal", amount="20", email=EMAIL, kind="spend")
    card = await ada.withdraw("gift-card", card=await _card_id(ada))
    await ada.desk.process()
    waiting = await ada.withdraw("paypal", amount="2", email=EMAIL, kind="spend")
    before = await ada.balance()
    for address in (order, card, waiting):
        for path in (address, f"{address}/cancel", f"{address}/reveal"):
            is_page = path == address
            answer = await (eve.browser.get(path) if is_page else eve.browser.post(path))
            assert answer.status_code == 404, path
            assert "AAAA" not in answer.text
    for after in (order_id_of(order), order_id_of(card)):
        assert (await eve.get(f"history?after={after}")).status_code == 404
    assert await ada.balance() == before
    assert await _balance(ada.desk.business, "eve@example.com") == 5_000


async def test_nothing_of_another_business_is_seen_or_moved(
    ada: Recipient, make_business: object, application: Application
) -> None:
    other = await make_business(funds=10_000, name="Other")  # type: ignore[operator]  # a fixture
    hers = (await other.create(EMAIL, 5_000)).json()["hash"]
    stranger = Browser.of(application)
    await stranger.post("/redeem", link=hers)
    assert other.name in (await stranger.get("/redeem/balance")).text
    order = await ada.withdraw("paypal", amount="20", email=EMAIL, kind="spend")
    review = await _paypal(ada)
    for path in (order, review):
        assert (await stranger.get(path)).status_code == 404
    for path in (f"{order}/cancel", review, f"{review}/again"):
        assert (await stranger.post(path)).status_code == 404
    assert await ada.balance() == 3_000
    assert await _balance(other, EMAIL) == 5_000


async def test_what_moves_money_is_done_by_no_link(ada: Recipient) -> None:
    await _stock(ada, "AAAA-1111")
    review = await _paypal(ada)
    card = await ada.withdraw("gift-card", card=await _card_id(ada))
    waiting = await ada.withdraw("paypal", amount="2", email=EMAIL, kind="spend")
    await ada.browser.get(review)
    for path in (f"{card}/reveal", f"{waiting}/cancel", f"{review}/again", "/redeem/leave"):
        assert (await ada.browser.get(path)).status_code in (404, 405), path
    assert await ada.balance() == 2_300
    assert await ada.number_of_orders() == 2


async def test_forms_of_other_sites_and_of_none_move_nothing(ada: Recipient) -> None:
    waiting = await ada.withdraw("paypal", amount="2", email=EMAIL, kind="spend")
    review = await _paypal(ada)
    client = ada.browser.client
    foreign = (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {},
    )
    for headers in foreign:
        for path in (f"{waiting}/cancel", review, "/redeem/leave", "/redeem/withdraw/paypal"):
            answer = await client.post(path, headers=headers, data={"amount": "20"})
            assert answer.status_code == 403, (path, headers)
    assert await ada.balance() == 4_800
    assert await ada.number_of_orders() == 1


async def test_every_answer_forbids_frames_copies_and_foreign_content(
    ada: Recipient, application: Application
) -> None:
    review = await _paypal(ada)
    order = await ada.withdraw("paypal", amount="2", email=EMAIL, kind="spend")
    stranger = Browser.of(application)
    answers: list[httpx.Response] = [
        await stranger.get("/redeem"),
        await stranger.post("/redeem", link="x"),
        await stranger.get("/redeem/balance"),
        await ada.get("balance"),
        await ada.get("history"),
        await ada.get("withdraw/paypal"),
        await ada.get("withdraw/crypto"),
        await ada.browser.get(review),
        await ada.browser.get(order),
        await ada.get("withdrawals/nothing"),
        await ada.browser.post("/redeem/withdraw/paypal", amount="x"),
        await ada.browser.client.post(review),
    ]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy, answer.url
        assert "unsafe" not in policy
        assert "http:" not in policy
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["cache-control"] == "no-store", "no copy is shown after leaving"
        assert " style=" not in answer.text
        assert " onclick=" not in answer.text


async def test_texts_of_businesses_and_strangers_are_shown_as_texts(
    ada: Recipient, urls: Urls, business: TestBusiness
) -> None:
    with psycopg.connect(urls.owner) as owner:
        owner.execute(
            "UPDATE businesses SET name = %s WHERE id = %s",
            [f"{SCRIPT}{PICTURE}", business.business_id],
        )
    await _stock(ada, "AAAA-1111")
    with psycopg.connect(urls.owner) as owner:
        owner.execute(
            "UPDATE gift_card_products SET name = %s, brand = %s WHERE business_id = %s",
            [SCRIPT, PICTURE, business.business_id],
        )
    await business.set(review_amount=100)
    card = await ada.review("gift-card", card=await _card_id(ada, "onerror"))
    order = await ada.withdraw("paypal", amount="20", email=EMAIL, kind="spend")
    note = {"note": f"{SCRIPT}{PICTURE}"}
    await business.client.post(f"/payout/orders/{order_id_of(order)}/reject", json=note)
    said = await ada.browser.post("/redeem/sender", **who_sent(ada.hash))
    assert said.headers["content-type"] == "application/json"
    pages = [
        await ada.get("balance"),
        await ada.get("history"),
        await ada.browser.get(card),
        await ada.browser.get(order),
        await ada.get(f"withdraw/gift-card?q={PICTURE}&country={SCRIPT}"),
        await ada.get(f"balance?done={SCRIPT}"),
        await ada.browser.post(
            "/redeem/withdraw/paypal", email=PICTURE, amount=SCRIPT, kind=PICTURE
        ),
        await ada.browser.post(
            "/redeem/withdraw/crypto", address=PICTURE, amount=SCRIPT, network=PICTURE
        ),
        await ada.browser.post("/redeem", link=f"{PICTURE}#{SCRIPT}"),
    ]
    for page in pages:
        assert "<script>alert" not in page.text, page.url
        assert "<img src=x" not in page.text, page.url


@pytest.mark.parametrize(
    "amount",
    [
        "-5",
        "0",
        "1e3",
        "0x10",
        "NaN",
        "inf",
        "20.001",
        "9" * 4_000,
        "\uff12\uff10",
        "20;20",
        "2 0.0 0.0",
    ],
)
async def test_amounts_that_are_none_move_nothing(ada: Recipient, amount: str) -> None:
    for way, more in (
        ("paypal", {"email": EMAIL}),
        ("crypto", {"network": "ERC20 USDC", "address": WALLET}),
    ):
        for kind in ("spend", "exact", "both"):
            answer = await ada.browser.post(
                f"/redeem/withdraw/{way}", amount=amount, kind=kind, **more
            )
            assert answer.status_code == 422, (way, kind)
    assert await ada.balance() == 5_000


async def test_a_price_is_paid_as_it_was_reviewed_or_not_at_all(
    ada: Recipient, urls: Urls, business: TestBusiness
) -> None:
    await _stock(ada, "AAAA-1111")
    review = await ada.review("gift-card", card=await _card_id(ada))
    with psycopg.connect(urls.owner) as owner:
        owner.execute(
            "UPDATE gift_card_products SET price = 4900 WHERE business_id = %s",
            [business.business_id],
        )
    answer = await ada.browser.post(review)
    assert answer.status_code == 303
    assert await ada.balance() == 2_500


async def test_another_amount_and_another_place_sent_with_the_confirmation_count_for_nothing(
    ada: Recipient,
) -> None:
    review = await _paypal(ada)
    answers = await asyncio.gather(
        ada.browser.post(review),
        ada.browser.post(review, amount="49", email="eve@example.com", kind="exact"),
        ada.browser.post(f"{review}?amount=4900", net_amount="4900"),
    )
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert await ada.number_of_orders() == 1
    assert await ada.balance() == 3_000
    order = await ada.browser.get(answers[0].headers["location"])
    assert "a…@example.com" in order.text


@pytest.mark.parametrize("meanwhile", ["deactivate", "rotate-hash"])
async def test_whoever_is_shut_out_while_they_confirm_has_made_one_order_or_none(
    ada: Recipient, meanwhile: str
) -> None:
    user = f"/payout/users/usr_{await ada.desk.user(100)}"
    review = await _paypal(ada)
    answers = await asyncio.gather(
        *(ada.browser.post(review) for _ in range(3)),
        ada.desk.business.client.post(f"{user}/{meanwhile}"),
    )
    assert answers[-1].is_success
    statuses = {answer.status_code for answer in answers[:-1]}
    assert statuses <= {303, 401}
    orders = await ada.number_of_orders()
    assert orders == (1 if 303 in statuses else 0)
    assert await ada.balance() == 5_100 - 2_000 * orders
    assert (await ada.get("balance")).status_code == 401


async def test_a_session_that_ended_between_review_and_confirmation_is_opened_again_and_pays_once(
    ada: Recipient,
) -> None:
    review = await _paypal(ada)
    await ada.browser.post("/redeem/leave")
    assert (await ada.browser.post(review)).status_code == 401
    assert (await ada.browser.get(review)).status_code == 401
    assert await ada.balance() == 5_000
    await ada.enter()
    assert (await ada.browser.get(review)).status_code == 200
    made = [await ada.browser.post(review) for _ in range(2)]
    assert len({answer.headers["location"] for answer in made}) == 1
    assert await ada.balance() == 3_000


async def test_a_balance_that_was_taken_back_meanwhile_is_not_paid(ada: Recipient) -> None:
    user = await ada.desk.user(100)
    review = await ada.review("paypal", amount="51", email=EMAIL, kind="spend")
    revoked = await ada.desk.business.client.post(
        f"/payout/users/usr_{user}/revoke", json={"amount": 200}
    )
    assert revoked.is_success
    refused = await ada.browser.post(review)
    assert refused.status_code == 409
    assert "smaller than this by now" in refused.text
    assert await ada.number_of_orders() == 0
    assert await ada.balance() == 4_900


async def test_a_way_that_was_switched_off_between_review_and_confirmation_moves_nothing(
    ada: Recipient, business: TestBusiness
) -> None:
    review = await _paypal(ada)
    await business.set(withdrawals_enabled=False)
    refused = await ada.browser.post(review)
    assert refused.status_code == 503
    assert "Nothing was taken" in refused.text
    assert await ada.balance() == 5_000
    await business.set(withdrawals_enabled=True)
    assert (await ada.browser.post(review)).status_code == 303
    assert await ada.balance() == 3_000


async def test_a_code_too_long_for_a_picture_is_shown_all_the_same(ada: Recipient) -> None:
    code = "\N{HANGUL SYLLABLE GA}" * 990
    await _stock(ada, code)
    order = await ada.withdraw("gift-card", card=await _card_id(ada))
    await ada.desk.process()
    shown = await ada.browser.post(f"{order}/reveal")
    assert code in shown.text
    assert "data:image/svg" not in shown.text


async def test_ends_of_sessions_are_seen_by_a_page_that_follows_an_order(
    ada: Recipient, database: Database
) -> None:
    order = await ada.withdraw("paypal", amount="2", email=EMAIL, kind="spend")
    await ada.browser.post("/redeem/leave")
    part = await ada.browser.client.get(
        order, headers={"HX-Request": "true", "HX-Target": "div#order-status"}
    )
    assert part.status_code == 401
    assert part.headers["hx-refresh"] == "true"
    assert part.text == ""
