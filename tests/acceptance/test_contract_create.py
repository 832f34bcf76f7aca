"""`POST /payout/create`, to the letter: messages, their order, the hash, the effects."""

import asyncio
import json
from typing import Any

import pytest

from payviox.auth import users
from payviox.payout_users import email as emails

pytestmark = pytest.mark.anyio

REQUIRED_EMAIL = "The email field is required."
TEXT_EMAIL = "The email must be a string."
VALID_EMAIL = "The email must be a valid email address."
LONG_EMAIL = "The email may not be greater than 255 characters."
REQUIRED_AMOUNT = "The amount field is required."
INTEGER_AMOUNT = "The amount must be an integer."
LEAST_AMOUNT = "The amount must be at least 1."
MOST_AMOUNT = "The amount may not be greater than 100000000."


async def refused(business: Any, body: bytes | dict[str, Any]) -> Any:
    """Send a body that must be refused as 400, and see that the ledger did not move."""
    before = await business.ledger()
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = await business.client.post(
        "/payout/create", content=content, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert await business.ledger() == before
    return answer.json()


async def test_money_moves_from_the_payout_balance_to_a_new_payout_user(make_business) -> None:
    business = await make_business(funds=500_000, main=1_500_000)
    answer = await business.create("user@example.com", 5_000)
    assert answer.status_code == 201
    assert answer.headers["content-type"] == "application/json"
    assert list(answer.json()) == ["hash"]
    books = await business.ledger()
    assert books["user@example.com"] == 5_000
    assert books["payout"] == 495_000
    assert books["main"] == 1_500_000
    assert books.users == 1
    assert books.transfers["allocation"] == 1


async def test_the_same_call_twice_adds_twice_and_answers_the_same_hash(business) -> None:
    first = await business.create("user@example.com", 5_000)
    second = await business.create("user@example.com", 5_000)
    assert first.status_code == second.status_code == 201
    assert first.content == second.content
    assert "idempotent-replayed" not in second.headers
    books = await business.ledger()
    assert (books["user@example.com"], books.users) == (10_000, 1)


async def test_a_hash_is_64_lower_case_hex_characters_that_begin_with_the_business(
    business,
) -> None:
    hashes = [(await business.create(f"u{n}@x.com", 1)).json()["hash"] for n in range(5)]
    for found in hashes:
        assert len(found) == 64
        assert set(found) <= set("0123456789abcdef")
    code = await business.scalar(
        "SELECT hash_code FROM businesses WHERE id = %s", business.business_id
    )
    assert {found[:8] for found in hashes} == {code}
    assert len({found[8:] for found in hashes}) == 5


async def test_the_same_email_at_another_business_or_twin_has_another_hash(make_business) -> None:
    one, other = await make_business(funds=10), await make_business(funds=10)
    hashes = {(await business.create("a@x.com", 1)).json()["hash"][8:] for business in (one, other)}
    assert len(hashes) == 2
    assert (await one.ledger()).users == (await other.ledger()).users == 1


async def test_the_database_holds_only_a_digest_of_the_hash(business) -> None:
    found = (await business.create("a@x.com", 1)).json()["hash"]
    for column in ("hash_digest::text", "hash_key_id", "email", "id::text"):
        stored = await business.scalar(
            f"SELECT {column} FROM payout_users WHERE business_id = %s", business.business_id
        )
        assert found[8:] not in stored
    dumped = await business.scalar(
        "SELECT string_agg(t::text, '') FROM transfers t WHERE business_id = %s",
        business.business_id,
    )
    assert found not in dumped


async def test_the_payout_user_can_use_the_hash_at_once(business, services) -> None:
    found = (await business.create("a@x.com", 1)).json()["hash"]
    caller = await services.database.fetch(users.find_user, found)
    assert caller is not None
    assert (caller.business_id, caller.email) == (business.business_id, "a@x.com")


@pytest.mark.parametrize(
    ("email", "message"),
    [
        (None, REQUIRED_EMAIL),
        ("", REQUIRED_EMAIL),
        (" \t\r\n", REQUIRED_EMAIL),
        (5, TEXT_EMAIL),
        (5.5, TEXT_EMAIL),
        (True, TEXT_EMAIL),
        (False, TEXT_EMAIL),
        ([], TEXT_EMAIL),
        (["a@x.com"], TEXT_EMAIL),
        ({"a": "b"}, TEXT_EMAIL),
        ("nobody", VALID_EMAIL),
        ("a@b@x.com", VALID_EMAIL),
        ("a@x.com\u0000", VALID_EMAIL),
        ("m\u0131ke@x.com", VALID_EMAIL),
        ("é" * 300 + "@x.com", VALID_EMAIL),
        ("a" * 250 + "@example.com", LONG_EMAIL),
    ],
)
async def test_a_bad_email_is_named(business, email: object, message: str) -> None:
    assert await refused(business, {"email": email, "amount": 1}) == {"email": [message]}


@pytest.mark.parametrize(
    ("amount", "message"),
    [
        ("null", REQUIRED_AMOUNT),
        ('"100"', INTEGER_AMOUNT),
        ('""', INTEGER_AMOUNT),
        ("true", INTEGER_AMOUNT),
        ("false", INTEGER_AMOUNT),
        ("[]", INTEGER_AMOUNT),
        ("[100]", INTEGER_AMOUNT),
        ("{}", INTEGER_AMOUNT),
        ("100.0", INTEGER_AMOUNT),
        ("0.0", INTEGER_AMOUNT),
        ("1.5", INTEGER_AMOUNT),
        ("1e2", INTEGER_AMOUNT),
        ("1e30", INTEGER_AMOUNT),
        ("1E-5", INTEGER_AMOUNT),
        ("0", LEAST_AMOUNT),
        ("-0", LEAST_AMOUNT),
        ("-1", LEAST_AMOUNT),
        ("-9223372036854775809", LEAST_AMOUNT),
        ("-" + "9" * 400, LEAST_AMOUNT),
        ("100000001", MOST_AMOUNT),
        ("9223372036854775807", MOST_AMOUNT),
        ("9223372036854775808", MOST_AMOUNT),
        ("18446744073709551616", MOST_AMOUNT),
        ("9" * 400, MOST_AMOUNT),
    ],
)
async def test_a_bad_amount_is_named(business, amount: str, message: str) -> None:
    body = b'{"email":"a@x.com","amount":%s}' % amount.encode()
    assert await refused(business, body) == {"amount": [message]}


@pytest.mark.parametrize("amount", [1, 100_000_000])
async def test_the_least_and_the_most_amount_are_allowed(make_business, amount: int) -> None:
    business = await make_business(funds=100_000_000)
    assert (await business.create("a@x.com", amount)).status_code == 201
    assert (await business.ledger())["a@x.com"] == amount


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"{}", {"email": [REQUIRED_EMAIL], "amount": [REQUIRED_AMOUNT]}),
        (b"", {"email": [REQUIRED_EMAIL], "amount": [REQUIRED_AMOUNT]}),
        (b" \n", {"email": [REQUIRED_EMAIL], "amount": [REQUIRED_AMOUNT]}),
        (b'{"email":"a@x.com"}', {"amount": [REQUIRED_AMOUNT]}),
        (b'{"amount":1}', {"email": [REQUIRED_EMAIL]}),
        (b'{"email":5,"amount":"x"}', {"email": [TEXT_EMAIL], "amount": [INTEGER_AMOUNT]}),
        (b'{"amount":0,"email":"x"}', {"email": [VALID_EMAIL], "amount": [LEAST_AMOUNT]}),
        (b'{"email":"x","amount":100000001}', {"email": [VALID_EMAIL], "amount": [MOST_AMOUNT]}),
        (
            b'{"Email":"a@x.com","AMOUNT":1}',
            {"email": [REQUIRED_EMAIL], "amount": [REQUIRED_AMOUNT]},
        ),
    ],
)
async def test_all_fields_at_fault_are_named_at_once(business, body: bytes, expected: Any) -> None:
    assert await refused(business, body) == expected


async def test_fields_that_are_not_ours_are_ignored(business) -> None:
    answer = await business.client.post(
        "/payout/create", json={"email": "a@x.com", "amount": 1, "note": {"x": [1, None, "y"]}}
    )
    assert answer.status_code == 201


async def test_two_spellings_of_one_address_are_one_payout_user(business) -> None:
    spellings = ["A@X.com", "a@x.com", " a@X.COM\n", "a@x.COM"]
    answers = [await business.create(spelling, 10) for spelling in spellings]
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["hash"] for answer in answers}) == 1
    books = await business.ledger()
    assert (books.users, books["a@x.com"]) == (1, 40)


async def test_addresses_that_only_look_alike_are_different_payout_users(business) -> None:
    apart = [
        "a.b@x.com", "ab@x.com", "ab+tag@x.com", "ab@faß.de", "ab@fass.de", "ab@\u0430pple.com",
        "ab@apple.com", "ab@\u0131x.com", "ab@ix.com",
    ]  # fmt: skip
    answers = [await business.create(address, 10) for address in apart]
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["hash"] for answer in answers}) == len(apart)
    assert (
        (await business.ledger()).users == len({emails.canonical(a) for a in apart}) == len(apart)
    )


async def test_too_little_in_the_payout_balance_is_refused_and_makes_no_user(make_business) -> None:
    business = await make_business(funds=99, main=1_000_000)
    assert await refused(business, {"email": "new@x.com", "amount": 100}) == {
        "error": "Insufficient payout balance"
    }
    assert (await business.ledger()).users == 0
    assert (await business.create("new@x.com", 99)).status_code == 201
    assert (await business.ledger())["payout"] == 0


async def test_payouts_switched_off_is_refused_with_403(make_business) -> None:
    business = await make_business(funds=100, payouts_enabled=False)
    before = await business.ledger()
    answer = await business.create("a@x.com", 1)
    assert answer.status_code == 403
    assert answer.content == (
        b'{"error":"Payouts are currently disabled. Please enable them in Settings."}'
    )
    assert await business.ledger() == before
    await business.set(payouts_enabled=True)
    assert (await business.create("a@x.com", 1)).status_code == 201


async def test_a_business_starts_with_payouts_off(make_business) -> None:
    business = await make_business(funds=0, payouts_enabled=False)
    assert (await business.create("a@x.com", 1)).status_code == 403


async def deactivate(business: Any) -> None:
    """As the product does it, but for the audit: under the payout account's lock."""

    async def work(connection: Any) -> None:
        await connection.execute(
            "SELECT 1 FROM accounts WHERE business_id = %s AND kind = 'payout' FOR UPDATE",
            [business.business_id],
        )
        await connection.execute(
            "UPDATE payout_users SET status = 'inactive' WHERE business_id = %s",
            [business.business_id],
        )

    await business.database.write(work)


async def test_an_inactive_payout_user_is_refused_with_409_and_nothing_debited(business) -> None:
    await business.create("a@x.com", 1)
    await deactivate(business)
    before = await business.ledger()
    answer = await business.create("A@x.com", 1)
    assert answer.status_code == 409
    assert answer.content == b'{"error":"Payout user is inactive"}'
    assert await business.ledger() == before
    assert (await business.create("b@x.com", 1)).status_code == 201


async def test_refusals_come_in_the_contracts_order(make_business) -> None:
    """Key, fields, replay of an idempotency key, payouts enabled, inactive user, balance."""
    business = await make_business(funds=100)
    first = await business.create("a@x.com", 100, idempotency_key="k")
    assert first.status_code == 201
    await deactivate(business)
    await business.set(payouts_enabled=False)
    wrong = business.client_with({"Authorization": "Bearer sk_test_wrong"})
    before = await business.ledger()

    everything_wrong = {"email": "x", "amount": 0}
    assert (await wrong.post("/payout/create", json=everything_wrong)).status_code == 401
    assert (await wrong.post("/payout/create", content=b"{")).status_code == 401
    assert (await business.create("x", 0, idempotency_key="k")).json() == {
        "email": [VALID_EMAIL],
        "amount": [LEAST_AMOUNT],
    }
    assert (await business.create("a@x.com", 99, idempotency_key="k")).status_code == 422
    replay = await business.create("a@x.com", 100, idempotency_key="k")
    assert (replay.status_code, replay.content) == (201, first.content)
    assert (await business.create("a@x.com", 100)).status_code == 403
    await business.set(payouts_enabled=True)
    assert (await business.create("a@x.com", 100)).status_code == 409
    assert (await business.create("b@x.com", 100)).status_code == 400
    assert await business.ledger() == before


async def test_concurrent_calls_for_one_user_all_count(business) -> None:
    answers = await asyncio.gather(*(business.create("a@x.com", 7) for _ in range(200)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    books = await business.ledger()
    assert (books["a@x.com"], books.users, books.transfers["allocation"]) == (1_400, 1, 200)


async def test_concurrent_calls_never_spend_more_than_there_is(make_business) -> None:
    business = await make_business(funds=1_000)
    answers = await asyncio.gather(*(business.create(f"u{n % 17}@x.com", 9) for n in range(300)))
    paid = [answer for answer in answers if answer.status_code == 201]
    others = {(a.status_code, a.text) for a in answers if a.status_code != 201}
    assert len(paid) == 111
    assert others == {(400, '{"error":"Insufficient payout balance"}')}
    assert (await business.ledger())["payout"] == 1


async def test_our_fault_is_500_and_nothing_is_debited(business, services, monkeypatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a secret detail")

    await business.create("a@x.com", 1)
    before = await business.ledger()
    monkeypatch.setattr(services.keyring, "get", broken)
    answer = await business.create("a@x.com", 1)
    assert (answer.status_code, answer.content) == (500, b'{"error":"Internal server error"}')
    assert await business.ledger() == before
