"""`GET /balance`, `POST /payout/fund` and `POST /payout/defund`, to the letter."""

import asyncio
import json
from typing import Any

import pytest

pytestmark = pytest.mark.anyio

MOVES = ["/payout/fund", "/payout/defund"]
MOST = 10**12


async def test_the_balance_shows_both_balances_and_nothing_else(make_business) -> None:
    business = await make_business(funds=500_000, main=1_500_000)
    answer = await business.client.get("/balance")
    assert answer.status_code == 200
    assert answer.content == b'{"balance":1500000,"payout_balance":500000}'
    assert answer.headers["content-type"] == "application/json"


async def test_a_new_business_has_two_empty_balances(make_business) -> None:
    business = await make_business()
    assert (await business.client.get("/balance")).json() == {"balance": 0, "payout_balance": 0}


async def test_funding_moves_from_the_main_to_the_payout_balance_and_defunding_back(
    make_business,
) -> None:
    business = await make_business(funds=10, main=100)
    answer = await business.client.post("/payout/fund", json={"amount": 30})
    assert (answer.status_code, answer.content) == (200, b'{"balance":70,"payout_balance":40}')
    answer = await business.client.post("/payout/defund", json={"amount": 40})
    assert (answer.status_code, answer.content) == (200, b'{"balance":110,"payout_balance":0}')
    assert (await business.client.get("/balance")).content == answer.content
    books = await business.ledger()
    assert (books["main"], books["payout"]) == (110, 0)
    assert (books.transfers["fund"], books.transfers["defund"]) == (2, 1)


@pytest.mark.parametrize("path", MOVES)
async def test_too_little_is_refused_and_nothing_moves(make_business, path: str) -> None:
    business = await make_business(funds=50, main=50)
    before = await business.ledger()
    for amount in (51, MOST):
        answer = await business.client.post(path, json={"amount": amount})
        assert (answer.status_code, answer.content) == (400, b'{"error":"Insufficient balance"}')
    assert await business.ledger() == before


async def test_up_to_a_million_million_cents_move_at_once(make_business) -> None:
    business = await make_business(main=MOST)
    answer = await business.client.post("/payout/fund", json={"amount": MOST})
    assert answer.json() == {"balance": 0, "payout_balance": MOST}


@pytest.mark.parametrize("path", MOVES)
@pytest.mark.parametrize(
    ("amount", "message"),
    [
        ("null", "The amount field is required."),
        ('"5"', "The amount must be an integer."),
        ("true", "The amount must be an integer."),
        ("5.0", "The amount must be an integer."),
        ("1e3", "The amount must be an integer."),
        ("0", "The amount must be at least 1."),
        ("-5", "The amount must be at least 1."),
        ("1000000000001", "The amount may not be greater than 1000000000000."),
        ("9" * 40, "The amount may not be greater than 1000000000000."),
    ],
)
async def test_a_bad_amount_is_named(business, path: str, amount: str, message: str) -> None:
    before = await business.ledger()
    answer = await business.client.post(
        path,
        content=b'{"amount":%s}' % amount.encode(),
        headers={"Content-Type": "application/json"},
    )
    assert (answer.status_code, answer.json()) == (400, {"amount": [message]})
    assert await business.ledger() == before


async def post(business: Any, path: str, body: Any, key: str) -> tuple[int, Any, bool]:
    answer = await business.client.post(
        path,
        content=json.dumps(body).encode(),
        headers={"Idempotency-Key": key, "Content-Type": "application/json"},
    )
    return answer.status_code, answer.json(), "idempotent-replayed" in answer.headers


async def test_funding_with_a_key_happens_once_and_its_first_answer_is_given_again(
    make_business,
) -> None:
    business = await make_business(main=100)
    first = await post(business, "/payout/fund", {"amount": 30}, "k")
    await business.client.post("/payout/fund", json={"amount": 5})
    assert first == (200, {"balance": 70, "payout_balance": 30}, False)
    assert await post(business, "/payout/fund", {"amount": 30}, "k") == (200, first[1], True)
    status, body, replayed = await post(business, "/payout/fund", {"amount": 31}, "k")
    assert (status, list(body), replayed) == (422, ["error"], False)
    books = await business.ledger()
    assert (books["main"], books["payout"], books.idempotency_keys) == (65, 35, 1)


async def test_a_key_is_another_on_another_path(make_business) -> None:
    business = await make_business(main=100)
    assert (await post(business, "/payout/fund", {"amount": 30}, "k"))[0] == 200
    assert (await post(business, "/payout/defund", {"amount": 30}, "k"))[1] == {
        "balance": 100,
        "payout_balance": 0,
    }
    assert (await business.ledger()).idempotency_keys == 2


async def test_a_refusal_does_not_use_the_key_up(make_business) -> None:
    business = await make_business(funds=0, main=100)
    assert (await post(business, "/payout/fund", {"amount": 101}, "k"))[0] == 400
    assert (await business.ledger()).idempotency_keys == 0
    assert (await post(business, "/payout/fund", {"amount": 100}, "k"))[0] == 200


async def test_concurrent_calls_with_one_key_move_once(make_business) -> None:
    business = await make_business(main=1_000)
    answers = await asyncio.gather(
        *(post(business, "/payout/fund", {"amount": 7}, "k") for _ in range(50))
    )
    assert {(status, json.dumps(body)) for status, body, _ in answers} == {
        (200, '{"balance": 993, "payout_balance": 7}')
    }
    assert sum(not replayed for *_, replayed in answers) == 1
    assert (await business.ledger())["payout"] == 7


async def test_moves_both_ways_at_once_end_in_some_serial_outcome(make_business) -> None:
    business = await make_business(funds=500, main=500)

    async def move(path: str, amount: int) -> int:
        return (await business.client.post(path, json={"amount": amount})).status_code

    statuses = await asyncio.gather(
        *(move(path, 10 * n + 1) for n in range(30) for path in MOVES),
        *(move("/payout/create", 0) for _ in range(5)),
    )
    assert set(statuses) <= {200, 400}
    books = await business.ledger()
    assert books["main"] + books["payout"] == 1_000


async def test_the_twins_do_not_share_their_money(make_business) -> None:
    business = await make_business(main=100)
    answer = await business.twin.client.post("/payout/fund", json={"amount": 1})
    assert answer.json() == {"error": "Insufficient balance"}
    await business.twin.ledger()
