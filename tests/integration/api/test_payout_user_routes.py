"""What a payout user sees and does with their hash, case by case, over HTTP."""

import asyncio
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from payviox.rails.sandbox.endings import BY_NAME
from payviox.web.context import Services
from support.businesses import TestBusiness
from support.giftcards import csv_of, import_text
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio

ADA = "ada@example.com"
ADDRESS = "0xdAC17F958D2ee523a2206206994597C13D831ec7"
CRYPTO = {"currency": "USDT", "chain": "ERC20", "to_address": ADDRESS}
PAYPAL: dict[str, Any] = {"provider": "paypal", "amount": 1_000, "paypal": {"email": ADA}}


@dataclass
class User:
    """A payout user with 10,000 cents, and their business."""

    business: TestBusiness
    hash: str
    client: httpx.AsyncClient
    desk: Desk

    async def withdraw(self, **body: Any) -> dict[str, Any]:
        answer = await self.client.post("/payout/withdraw", json=PAYPAL | body)
        assert answer.status_code == 201, answer.text
        return answer.json()  # type: ignore[no-any-return]  # an object

    async def operations(self, query: str = "") -> dict[str, Any]:
        answer = await self.client.get(f"/payout/operations{query}")
        assert answer.status_code == 200, answer.text
        return answer.json()  # type: ignore[no-any-return]  # an object


async def open_user(business: TestBusiness, email: str = ADA) -> User:
    payout_hash = (await business.create(email, 10_000)).json()["hash"]
    client = business.client_with({"X-Payout-Hash": payout_hash})
    return User(business, payout_hash, client, Desk.of(business))


@pytest.fixture
async def user(business: TestBusiness) -> User:
    return await open_user(business)


async def test_operations_show_balance_methods_and_history(user: User) -> None:
    seen = await user.operations()
    assert seen["email"] == ADA
    assert seen["status"] == "active"
    assert seen["balance"] == 10_000
    assert seen["currency"] == "USD"
    assert [(m["provider"], m["enabled"]) for m in seen["methods"]] == [
        ("paypal", True),
        ("crypto", True),
        ("gift_card", True),
        ("bank", True),
    ]
    assert {"min_amount", "max_amount"} <= seen["methods"][0].keys()
    (entry,) = seen["operations"]
    assert (entry["type"], entry["amount"], entry["status"]) == ("allocation", 10_000, "succeeded")
    assert entry["id"].startswith("trf_")
    assert entry["created_at"].endswith("Z")
    assert seen["has_more"] is False


async def test_operations_take_the_hash_in_header_body_or_query(user: User) -> None:
    plain = user.business.client_with({})
    answers = [
        await user.client.get("/payout/operations"),
        await user.client.post("/payout/operations"),
        await plain.post("/payout/operations", json={"payout_hash": user.hash}),
        await plain.get(f"/payout/operations?payout_hash={user.hash}"),
        await plain.post(f"/payout/operations?payout_hash={user.hash}"),
    ]
    assert [answer.status_code for answer in answers] == [200] * 5
    assert len({answer.text for answer in answers}) == 1
    # The first present wins.
    wrong = await plain.post(f"/payout/operations?payout_hash={user.hash}", json={"payout_hash": 1})
    assert wrong.status_code == 401


async def test_history_merges_everything_newest_first_and_pages(user: User) -> None:
    orders = [await user.withdraw(amount=100 + n) for n in range(3)]
    await user.business.create(ADA, 5)
    await user.client.post(f"/payout/withdrawals/{orders[1]['id']}/cancel")
    await user.desk.process()
    whole = await user.operations()
    shown = [(o["type"], o["amount"], o["status"]) for o in whole["operations"]]
    assert shown == [
        ("allocation", 5, "succeeded"),
        ("withdrawal", 102, "succeeded"),
        ("withdrawal", 101, "canceled"),
        ("withdrawal", 100, "succeeded"),
        ("allocation", 10_000, "succeeded"),
    ]
    paged: list[Any] = []
    query = "?limit=2"
    while True:
        page = await user.operations(query)
        paged += page["operations"]
        if not page["has_more"]:
            break
        query = f"?limit=2&after={paged[-1]['id']}"
    assert paged == whole["operations"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=x", "limit"),
        ("after=x", "after"),
        ("after=trf_1000000", "after"),
        ("after=ord_018f0000-0000-7000-8000-000000000000", "after"),
    ],
)
async def test_a_bad_page_is_a_field_error(user: User, query: str, field: str) -> None:
    answer = await user.client.get(f"/payout/operations?{query}")
    assert answer.status_code == 400
    assert list(answer.json()) == [field]


async def test_anothers_entry_is_no_cursor(user: User) -> None:
    other = await open_user(user.business, "bob@example.com")
    entry = (await other.operations())["operations"][0]["id"]
    answer = await user.client.get(f"/payout/operations?after={entry}")
    assert answer.status_code == 400


async def test_quotes_work_to_the_cent_in_both_directions(user: User) -> None:
    by_amount = await user.client.post(
        "/payout/quote", json={"provider": "crypto", "amount": 5_000, "crypto": CRYPTO}
    )
    assert by_amount.status_code == 200
    body = by_amount.json()
    assert (body["amount"], body["fees"], body["net_amount"]) == (5_000, 50, 4_950)
    assert body["expires_at"].endswith("Z")
    by_net = await user.client.post(
        "/payout/quote", json={"provider": "crypto", "net_amount": 4_950}
    )
    assert by_net.json()["amount"] - by_net.json()["fees"] == 4_950


async def test_a_quote_is_good_for_one_withdrawal_of_the_same(user: User) -> None:
    quote = await user.client.post(
        "/payout/quote", json={"provider": "crypto", "amount": 5_000, "crypto": CRYPTO}
    )
    quote_id = quote.json()["quote_id"]
    body = {"provider": "crypto", "amount": 5_000, "crypto": CRYPTO, "quote_id": quote_id}

    async def refused(status: int, **changes: Any) -> None:
        before = await user.business.ledger()
        answer = await user.client.post("/payout/withdraw", json=body | changes)
        assert answer.status_code == status, answer.text
        assert await user.business.ledger() == before

    await refused(400, amount=4_999)
    await refused(400, quote_id="quo_018f0000-0000-7000-8000-000000000000")
    await refused(400, quote_id="x")
    elsewhere = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
    await refused(400, crypto=CRYPTO | {"to_address": elsewhere})
    await refused(400, provider="paypal", paypal={"email": ADA})
    both = await asyncio.gather(
        *(user.client.post("/payout/withdraw", json=body) for _ in range(5))
    )
    assert sorted(answer.status_code for answer in both) == [201, 409, 409, 409, 409]
    await refused(409)


async def test_a_quote_for_one_gift_card_buys_no_other(user: User, services: Services) -> None:
    at = (user.business.database, services.keyring, user.business.business_id)
    await import_text(*at, csv_of(["A"], name="Card A"))
    await import_text(*at, csv_of(["B"], name="Card B"))
    cards = (await user.client.get("/payout/gift-cards")).json()["data"]
    one, other = [card["id"] for card in cards if card["id"].startswith("prd_")]
    body = {"provider": "gift_card", "amount": 2_500, "gift_card": {"product": one}}
    quote = await user.client.post("/payout/quote", json=body)
    bought = {"quote_id": quote.json()["quote_id"], "gift_card": {"product": other}}
    answer = await user.client.post("/payout/withdraw", json=body | bought)
    assert (answer.status_code, list(answer.json())) == (400, ["quote_id"])


async def test_a_gift_card_is_quoted_by_its_product(user: User) -> None:
    body = {"provider": "gift_card", "amount": 1}
    for more in ({}, {"gift_card": {}}, {"gift_card": None}):
        answer = await user.client.post("/payout/quote", json=body | more)
        assert answer.status_code == 400
        assert next(iter(answer.json())).startswith("gift_card")


async def test_what_the_business_does_not_offer_is_neither_quoted_nor_made(user: User) -> None:
    await user.business.set(methods_off=["paypal"])
    for path in ("/payout/quote", "/payout/withdraw"):
        answer = await user.client.post(path, json=PAYPAL)
        assert (answer.status_code, list(answer.json())) == (400, ["provider"]), path
    assert (await user.business.ledger())[ADA] == 10_000


async def test_anothers_quote_does_not_exist(user: User) -> None:
    other = await open_user(user.business, "bob@example.com")
    quote = await other.client.post("/payout/quote", json={"provider": "paypal", "amount": 1_000})
    answer = await user.client.post(
        "/payout/withdraw", json=PAYPAL | {"quote_id": quote.json()["quote_id"]}
    )
    assert answer.status_code == 400
    assert answer.json() == {"quote_id": ["There is no such quote."]}


async def test_an_expired_quote_is_a_conflict(user: User, urls: Any) -> None:
    quote = await user.client.post("/payout/quote", json={"provider": "paypal", "amount": 1_000})
    with urls.as_admin() as admin:
        admin.execute(
            "UPDATE quotes SET expires_at = now() WHERE business_id = %s",
            [user.business.business_id],
        )
    answer = await user.client.post(
        "/payout/withdraw", json=PAYPAL | {"quote_id": quote.json()["quote_id"]}
    )
    assert (answer.status_code, answer.json()) == (409, {"error": "The quote has expired"})


async def test_a_withdrawal_reserves_the_money_and_shows_the_order(user: User) -> None:
    order = await user.withdraw(paypal={"email": " Ada@Example.com "})
    assert order["id"].startswith("ord_")
    assert order["status"] == "queued"
    assert (order["amount"], order["fees"], order["net_amount"]) == (1_000, 0, 1_000)
    assert order["paypal"] == {"email": ADA}
    assert "crypto" not in order
    assert None not in order.values()
    assert (await user.operations())["balance"] == 9_000
    await user.desk.process()
    answer = await user.client.get(f"/payout/withdrawals/{order['id']}")
    assert answer.json()["status"] == "succeeded"


async def test_a_crypto_withdrawal_shows_its_transaction(user: User) -> None:
    order = await user.withdraw(provider="crypto", crypto=CRYPTO)
    assert order["crypto"] == CRYPTO
    await user.desk.process()
    after = (await user.client.get(f"/payout/withdrawals/{order['id']}")).json()
    assert after["crypto"]["crypto_amount"] == "9.90"
    assert after["crypto"]["tx_hash"].startswith("0x")
    assert (await user.business.ledger())["settled:sandbox"] == 990


REFUSED: list[tuple[dict[str, Any], list[str]]] = [
    ({}, ["amount", "provider"]),
    ({"provider": "paypal"}, ["amount", "paypal"]),
    ({"provider": "cash", "amount": 1}, ["provider"]),
    ({"provider": "paypal", "amount": 0, "paypal": {}}, ["amount", "paypal.email"]),
    (PAYPAL | {"amount": -1}, ["amount"]),
    (PAYPAL | {"amount": 1.5}, ["amount"]),
    (PAYPAL | {"amount": 1e30}, ["amount"]),
    (PAYPAL | {"amount": 100.0}, ["amount"]),
    (PAYPAL | {"amount": "1000"}, ["amount"]),
    (PAYPAL | {"amount": True}, ["amount"]),
    (PAYPAL | {"amount": 2**63}, ["amount"]),
    (PAYPAL | {"net_amount": 1_000}, ["net_amount"]),
    (PAYPAL | {"paypal": {"email": "not an email"}}, ["paypal.email"]),
    (PAYPAL | {"paypal": {"email": "m\u0131ke@example.com"}}, ["paypal.email"]),
    (PAYPAL | {"paypal": "ada@example.com"}, ["paypal"]),
    (PAYPAL | {"quote_id": 7}, ["quote_id"]),
    (
        {"provider": "crypto", "amount": 100, "crypto": {}},
        ["crypto.chain", "crypto.currency", "crypto.to_address"],
    ),
    (
        {
            "provider": "crypto",
            "amount": 100,
            "crypto": CRYPTO | {"to_address": ADDRESS.lower()[:-1]},
        },
        ["crypto.to_address"],
    ),
    (
        {"provider": "crypto", "amount": 100, "crypto": CRYPTO | {"chain": "TRC20"}},
        ["crypto.chain"],
    ),
    (
        {"provider": "gift_card", "amount": 100, "gift_card": {"product": "none"}},
        ["gift_card.product"],
    ),
    (
        {"provider": "gift_card", "amount": 100, "gift_card": {"product": "\0"}},
        ["gift_card.product"],
    ),
    (
        {"provider": "gift_card", "amount": 100, "gift_card": {"product": "sandbox_card_10"}},
        ["amount"],
    ),
]


@pytest.mark.parametrize(("body", "fields"), REFUSED)
async def test_a_bad_withdrawal_names_every_field_and_moves_nothing(
    user: User, body: dict[str, Any], fields: list[str]
) -> None:
    before = await user.business.ledger()
    answer = await user.client.post("/payout/withdraw", json=body)
    assert answer.status_code == 400, answer.text
    assert sorted(answer.json()) == fields
    assert all(isinstance(messages, list) for messages in answer.json().values())
    assert await user.business.ledger() == before


async def test_too_little_balance_is_refused_and_moves_nothing(user: User) -> None:
    before = await user.business.ledger()
    answer = await user.client.post("/payout/withdraw", json=PAYPAL | {"amount": 10_001})
    assert (answer.status_code, answer.json()) == (400, {"error": "Insufficient balance"})
    assert await user.business.ledger() == before


async def test_the_business_limits_withdrawals(user: User) -> None:
    await user.business.set(min_withdrawal=500, max_withdrawal=5_000)
    for amount, message in (
        (499, "The amount must be at least 500."),
        (5_001, "The amount may not be greater than 5000."),
    ):
        answer = await user.client.post("/payout/withdraw", json=PAYPAL | {"amount": amount})
        assert (answer.status_code, answer.json()) == (400, {"amount": [message]})


async def test_a_live_business_has_no_simulated_money(make_business: Any) -> None:
    user = await open_user(await make_business(funds=100_000, mode="live"))
    methods = {m["provider"]: m["enabled"] for m in (await user.operations())["methods"]}
    assert methods == {"paypal": False, "crypto": False, "gift_card": True, "bank": False}
    answer = await user.client.post("/payout/withdraw", json=PAYPAL)
    assert answer.status_code == 400
    assert answer.json() == {"provider": ["The provider paypal is not available."]}
    assert (await user.client.get("/payout/gift-cards")).json() == {"data": []}
    card = {"provider": "gift_card", "amount": 1_000, "gift_card": {"product": "sandbox_card_10"}}
    assert (await user.client.post("/payout/withdraw", json=card)).status_code == 400


async def test_an_idempotency_key_has_one_effect_and_the_first_answer(user: User) -> None:
    headers = {"Idempotency-Key": "k"}

    async def call(**changes: Any) -> httpx.Response:
        return await user.client.post("/payout/withdraw", json=PAYPAL | changes, headers=headers)

    answers = await asyncio.gather(*(call() for _ in range(20)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert sum("Idempotent-Replayed" not in answer.headers for answer in answers) == 1
    await user.desk.process()
    assert (await call()).text == answers[0].text, "as it was then, though it has succeeded since"
    assert (await call(amount=1_001)).status_code == 422
    assert (await user.business.ledger())["settled:sandbox"] == 1_000


async def test_a_replay_is_answered_even_where_the_same_would_now_be_refused(user: User) -> None:
    headers = {"Idempotency-Key": "k"}
    first = await user.client.post("/payout/withdraw", json=PAYPAL, headers=headers)
    await user.business.set(min_withdrawal=5_000)
    again = await user.client.post("/payout/withdraw", json=PAYPAL, headers=headers)
    assert (again.status_code, again.text) == (201, first.text)


async def test_a_refused_request_leaves_its_key_unused(user: User) -> None:
    headers = {"Idempotency-Key": "k"}
    body = PAYPAL | {"amount": 20_000}
    assert (await user.client.post("/payout/withdraw", json=body, headers=headers)).is_error
    await user.business.create(ADA, 10_000)
    answer = await user.client.post("/payout/withdraw", json=body, headers=headers)
    assert answer.status_code == 201
    assert "Idempotent-Replayed" not in answer.headers


async def test_cancel_gives_the_money_back_once(user: User) -> None:
    order = await user.withdraw()
    path = f"/payout/withdrawals/{order['id']}/cancel"
    answers = await asyncio.gather(*(user.client.post(path) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]
    assert (await user.operations())["balance"] == 10_000
    assert await user.desk.process() == 0


async def test_what_was_sent_is_not_canceled(user: User) -> None:
    order = await user.withdraw()
    await user.desk.process()
    answer = await user.client.post(f"/payout/withdrawals/{order['id']}/cancel")
    assert answer.status_code == 409
    assert (await user.operations())["balance"] == 9_000


async def test_a_sandbox_gift_card_is_bought_and_revealed_and_each_reveal_recorded(
    user: User,
) -> None:
    cards = (await user.client.get("/payout/gift-cards")).json()["data"]
    card = next(card for card in cards if card["price"] == 1_000)
    order = await user.withdraw(provider="gift_card", gift_card={"product": card["id"]})
    path = f"/payout/withdrawals/{order['id']}/reveal"
    assert (await user.client.post(path)).status_code == 409
    await user.desk.process()
    headers = {"Idempotency-Key": "k"}
    shown = [await user.client.post(path, headers=headers) for _ in range(2)]
    assert shown[0].json()["code"].startswith("SANDBOX-")
    assert "code" not in shown[1].json(), "a replay shows no secret"
    assert (await user.client.post(path)).json()["code"] == shown[0].json()["code"]
    reveals = await user.business.scalar(
        "SELECT count(*) FROM gift_card_reveals WHERE business_id = %s", user.business.business_id
    )
    assert reveals == 2
    for text in (await user.client.get("/payout/withdrawals")).text, shown[1].text:
        assert "SANDBOX-" not in text


async def test_a_live_business_sells_its_own_stock(make_business: Any, services: Services) -> None:
    user = await open_user(await make_business(funds=100_000, mode="live"))
    at = (user.business.database, services.keyring, user.business.business_id)
    await import_text(*at, csv_of(["SECRET-1"]))
    (card,) = (await user.client.get("/payout/gift-cards")).json()["data"]
    assert (card["price"], card["available"]) == (2_500, True)
    body = {"provider": "gift_card", "amount": 2_500, "gift_card": {"product": card["id"]}}
    orders = [(await user.client.post("/payout/withdraw", json=body)).json() for _ in range(2)]
    await user.desk.process()
    listed = (await user.client.get("/payout/withdrawals")).json()["data"]
    seen = {order["id"]: order for order in listed}
    statuses = [seen[order["id"]]["status"] for order in orders]
    assert sorted(statuses) == ["queued", "succeeded"], "one card, one delivery; the other waits"
    bought, waits = orders if statuses[0] == "succeeded" else reversed(orders)
    assert seen[waits["id"]]["waiting"] == "out_of_stock"
    shown = await user.client.post(f"/payout/withdrawals/{bought['id']}/reveal")
    assert (shown.json()["code"], shown.json()["pin"]) == ("SECRET-1", "pin of SECRET-1")
    assert (await user.client.post(f"/payout/withdrawals/{waits['id']}/reveal")).status_code == 409
    await import_text(*at, csv_of(["SECRET-2"]))
    await user.desk.process()
    shown = await user.client.post(f"/payout/withdrawals/{waits['id']}/reveal")
    assert shown.json()["code"] == "SECRET-2"
    events = await user.business.scalar(
        "SELECT string_agg(body, ' ') FROM events WHERE business_id = %s",
        user.business.business_id,
    )
    assert "payout.succeeded" in events
    assert "SECRET" not in events


async def test_every_ending_is_seen_by_the_payout_user(user: User) -> None:
    ids = {}
    for name in BY_NAME:
        order = await user.withdraw(amount=100, paypal={"email": f"{name}@example.com"})
        ids[name] = order["id"]
    for _ in range(4):
        await user.desk.process()
        await user.desk.hurry()
    listed = (await user.client.get("/payout/withdrawals")).json()["data"]
    seen = {order["id"]: order for order in listed}
    assert {name: seen[order_id]["status"] for name, order_id in ids.items()} == {
        "succeed": "succeeded",
        "fail": "failed",
        "fail-after-accept": "failed",
        "slow": "succeeded",
        "unknown-succeeded": "succeeded",
        "unknown-failed": "failed",
        "returned": "returned",
        "float-empty": "queued",
        "retry": "succeeded",
        "failed-paid": "failed",
    }
    assert seen[ids["float-empty"]]["waiting"] == "float_empty"
    assert seen[ids["fail"]]["reason"]
    # Four succeeded, one waits, all else is back.
    assert (await user.operations())["balance"] == 10_000 - 500


async def test_others_orders_do_not_exist(user: User) -> None:
    order = await user.withdraw()
    other = await open_user(user.business, "bob@example.com")
    for method, path in (
        ("GET", f"/payout/withdrawals/{order['id']}"),
        ("POST", f"/payout/withdrawals/{order['id']}/cancel"),
        ("POST", f"/payout/withdrawals/{order['id']}/reveal"),
        ("GET", "/payout/withdrawals/x"),
    ):
        answer = await other.client.request(method, path)
        assert (answer.status_code, answer.json()) == (404, {"error": "Not found"})
    assert (await other.client.get("/payout/withdrawals")).json()["data"] == []
    after = await other.client.get(f"/payout/withdrawals?after={order['id']}")
    assert after.status_code == 400


async def test_an_inactive_user_is_unauthorised(user: User) -> None:
    order = await user.withdraw()
    user_id = (await user.business.client.get("/payout/users")).json()["data"][0]["id"]
    await user.business.client.post(f"/payout/users/{user_id}/deactivate")
    for answer in (
        await user.client.get("/payout/operations"),
        await user.client.post("/payout/withdraw", json=PAYPAL),
        await user.client.post(f"/payout/withdrawals/{order['id']}/cancel"),
    ):
        assert (answer.status_code, answer.json()) == (401, {"error": "Unauthorized"})
