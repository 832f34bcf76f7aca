"""The Idempotency-Key of `POST /payout/create`: one effect, its answer again, whoever asks when."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import httpx
import pytest

from payviox.errors import DatabaseAway
from support.ageing import set_back
from support.machine import stretch

pytestmark = pytest.mark.anyio

BODY = {"email": "a@x.com", "amount": 5}


async def create(business: Any, key: str, body: Any = BODY) -> Any:
    return await business.client.post(
        "/payout/create",
        content=body if isinstance(body, bytes) else json.dumps(body).encode(),
        headers={"Idempotency-Key": key, "Content-Type": "application/json"},
    )


async def test_the_same_key_and_body_answer_the_first_answer_again(business) -> None:
    first = await create(business, "k")
    assert (first.status_code, "idempotent-replayed" in first.headers) == (201, False)
    again = await create(business, "k")
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    books = await business.ledger()
    assert (books["a@x.com"], books.idempotency_keys) == (5, 1)


async def test_a_replay_is_known_by_its_body_as_parsed_json(business) -> None:
    first = await create(
        business, "k", b'{"email":"a@x.com","amount":5,"note":{"b":1,"a":"\xc3\xa9"}}'
    )
    assert first.status_code == 201
    same = [
        b' {\n "amount" : 5 , "note":{ "a":"\\u00e9","b":1},\t"email":"a@x.com"}\r\n',
        b'{"\\u0065mail":"a@x.com","amount":5,"note":{"b":1,"a":"\xc3\xa9"}}',
        b'{"email":"a@x.com","amount":5,"note":{"b":1,"a":"\xc3\xa9"},"payout_hash":"x"}',
        b'{"email":"a@x.com","amount":5,"note":{"b":1,"a":"\xc3\xa9"},"payout_hash":null}',
    ]
    for body in same:
        again = await create(business, "k", body)
        assert (again.status_code, again.content) == (201, first.content), body
    other = [
        b'{"email":"a@x.com","amount":6,"note":{"b":1,"a":"\xc3\xa9"}}',
        b'{"email":"b@x.com","amount":5,"note":{"b":1,"a":"\xc3\xa9"}}',
        b'{"email":"a@x.com","amount":5}',
        b'{"email":"a@x.com","amount":5,"note":{"b":2,"a":"\xc3\xa9"}}',
        b'{"email":"a@x.com","amount":5,"note":{"b":"1","a":"\xc3\xa9"}}',
        b'{"email":"a@x.com","amount":5,"note":[{"b":1,"a":"\xc3\xa9"}]}',
    ]
    before = await business.ledger()
    for body in other:
        refused = await create(business, "k", body)
        assert (refused.status_code, list(refused.json())) == (422, ["error"]), body
        assert "idempotent-replayed" not in refused.headers
    assert await business.ledger() == before


async def create_when_free(business: Any, key: str) -> Any:
    """Create as a client does: told that nothing was done and to try again, it does."""
    while (answer := await create(business, key)).status_code == 503:
        assert answer.json() == {"error": DatabaseAway.message}
    return answer


async def test_a_thousand_concurrent_calls_with_one_key_have_one_effect(business) -> None:
    answers = await asyncio.gather(*(create_when_free(business, "k") for _ in range(1_000)))
    assert {(answer.status_code, answer.content) for answer in answers} == {
        (201, answers[0].content)
    }
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1
    books = await business.ledger()
    assert (books["a@x.com"], books.transfers["allocation"], books.idempotency_keys) == (5, 1, 1)


async def test_concurrent_calls_with_one_key_and_different_bodies_have_one_effect(business) -> None:
    bodies = [{"email": f"u{n % 3}@x.com", "amount": 5} for n in range(90)]
    answers = await asyncio.gather(*(create(business, "k", body) for body in bodies))
    assert sorted(answer.status_code for answer in answers) == [201] * 30 + [422] * 60
    books = await business.ledger()
    assert (books.users, books.transfers["allocation"]) == (1, 1)


async def test_a_key_belongs_to_one_business_mode_and_path(make_business) -> None:
    one, other = await make_business(funds=10, main=10), await make_business(funds=10)
    assert (await create(one, "k")).status_code == 201
    answer = await create(other, "k", {"email": "a@x.com", "amount": 6})
    assert (answer.status_code, "idempotent-replayed" in answer.headers) == (201, False)
    twin = one.twin
    await twin.set(payouts_enabled=True)
    answer = await create(twin, "k")
    assert (answer.status_code, answer.json()) == (400, {"error": "Insufficient payout balance"})
    answer = await one.client.post(
        "/payout/fund", json={"amount": 5}, headers={"Idempotency-Key": "k"}
    )
    assert (answer.status_code, answer.json()) == (200, {"balance": 5, "payout_balance": 10})


async def test_a_refusal_does_not_use_the_key_up(make_business) -> None:
    business = await make_business(funds=4, main=1)
    assert (await create(business, "k")).status_code == 400
    assert (await create(business, "k", {"email": "x", "amount": 5})).status_code == 400
    await business.set(payouts_enabled=False)
    assert (await create(business, "k")).status_code == 403
    await business.set(payouts_enabled=True)
    assert (await business.ledger()).idempotency_keys == 0
    await business.client.post("/payout/fund", json={"amount": 1})
    answer = await create(business, "k")
    assert (answer.status_code, "idempotent-replayed" in answer.headers) == (201, False)


async def test_a_key_is_still_known_a_year_later(business, urls) -> None:
    first = await create(business, "k")
    with urls.as_admin() as admin:
        admin.execute(
            f"UPDATE transfers SET created_at = {set_back('created_at', timedelta(days=400))}"
            " WHERE business_id = %s",
            [business.business_id],
        )
        admin.execute("DELETE FROM allocation_groups")
    again = await create(business, "k")
    assert (again.content, again.headers["idempotent-replayed"]) == (first.content, "true")


@pytest.mark.parametrize(
    "key", ["k", "!", "~", "a" * 255, '"quoted"', "{'$where'}", "%00", "a;b,c"]
)
async def test_a_key_is_1_to_255_visible_ascii_characters(business, key: str) -> None:
    assert (await create(business, key)).status_code == 201
    assert "idempotent-replayed" in (await create(business, key)).headers


@pytest.mark.parametrize("key", [b"", b"a" * 256, b"a b", b"a\tb", b"\xc3\xa9", b"a\x7f"])
async def test_any_other_key_is_refused(business, key: bytes) -> None:
    before = await business.ledger()
    for path in ("/payout/create", "/payout/fund"):
        answer = await business.client.post(
            path, json={"email": "a@x.com", "amount": 5}, headers={"Idempotency-Key": key}
        )
        assert (answer.status_code, list(answer.json())) == (400, ["error"])
    assert await business.ledger() == before


async def test_keys_differ_in_case(business) -> None:
    for key in ("k", "K"):
        assert "idempotent-replayed" not in (await create(business, key)).headers
    assert (await business.ledger())["a@x.com"] == 10


async def test_no_answer_is_stored_with_the_key(business) -> None:
    first = await create(business, "k")
    stored = await business.scalar(
        "SELECT t::text FROM transfers t WHERE business_id = %s AND idempotency_key = 'k'",
        business.business_id,
    )
    assert first.json()["hash"] not in stored


async def test_a_retry_at_another_process_gets_the_first_answer(business, live_server) -> None:
    headers = {"Authorization": f"Bearer {business.secret_key}", "Idempotency-Key": "k"}
    first = await create(business, "k")
    async with httpx.AsyncClient(base_url=live_server.url, headers=headers) as elsewhere:
        again = await elsewhere.post("/payout/create", json={"email": "a@x.com", "amount": 5})
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["idempotent-replayed"] == "true"


async def test_concurrent_calls_with_one_key_at_two_processes_have_one_effect(
    business, live_server
) -> None:
    headers = {"Authorization": f"Bearer {business.secret_key}", "Idempotency-Key": "k"}
    async with httpx.AsyncClient(
        base_url=live_server.url, headers=headers, timeout=stretch(60)
    ) as elsewhere:

        async def there() -> httpx.Response:
            return await elsewhere.post("/payout/create", json={"email": "a@x.com", "amount": 5})

        answers = await asyncio.gather(
            *(there() for _ in range(60)), *(create(business, "k") for _ in range(60))
        )
    assert {(answer.status_code, answer.content) for answer in answers} == {
        (201, answers[0].content)
    }
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1
    assert (await business.ledger())["a@x.com"] == 5
