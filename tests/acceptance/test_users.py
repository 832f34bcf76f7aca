"""A business's payout users: list, look, switch, renew a hash, take unspent money back."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from conftest import MakeBusiness
from support.businesses import TestBusiness

pytestmark = pytest.mark.anyio


async def user_of(business: TestBusiness, email: str, amount: int = 100) -> dict[str, Any]:
    assert (await business.create(email, amount)).status_code == 201
    found = (await business.client.get("/payout/users", params={"email": email})).json()
    return dict(found["data"][0])


async def opens(business: TestBusiness, payout_hash: str) -> bool:
    """Whether this hash is anybody's who may act."""
    client = business.client_with({"X-Payout-Hash": payout_hash})
    return (await client.get("/payout/operations")).status_code == 200


async def test_a_user_has_an_id_an_email_a_status_a_balance_and_a_time(
    business: TestBusiness,
) -> None:
    user = await user_of(business, "Ada@Example.com", 100)

    assert user.keys() == {"id", "email", "status", "balance", "created_at"}
    assert user["email"] == "ada@example.com"
    assert (user["status"], user["balance"]) == ("active", 100)
    assert user["id"].startswith("usr_")
    assert user["created_at"].endswith("Z")
    one = await business.client.get(f"/payout/users/{user['id']}")
    assert one.json() == user


async def test_users_are_listed_newest_first_page_by_page(business: TestBusiness) -> None:
    for number in range(5):
        await business.create(f"p{number}@example.com", 1)

    seen: list[str] = []
    query: dict[str, str] = {"limit": "2"}
    while True:
        page = (await business.client.get("/payout/users", params=query)).json()
        seen += [user["email"] for user in page["data"]]
        if not page["has_more"]:
            break
        query["after"] = page["data"][-1]["id"]

    assert seen == [f"p{number}@example.com" for number in (4, 3, 2, 1, 0)]


async def test_users_are_found_by_any_spelling_of_their_email_and_by_status(
    business: TestBusiness,
) -> None:
    ada = await user_of(business, "ada@example.com")
    grace = await user_of(business, "grace@example.com")
    await business.client.post(f"/payout/users/{ada['id']}/deactivate")

    async def listed(**query: str) -> list[str]:
        page = (await business.client.get("/payout/users", params=query)).json()
        return [user["id"] for user in page["data"]]

    assert await listed(email=" ADA@EXAMPLE.COM") == [ada["id"]]
    assert await listed(email="nobody@example.com") == []
    assert await listed(status="inactive") == [ada["id"]]
    assert await listed(status="active") == [grace["id"]]


@pytest.mark.parametrize(
    ("query", "errors"),
    [
        ("limit=0", {"limit": ["The limit must be at least 1."]}),
        ("limit=101", {"limit": ["The limit may not be greater than 100."]}),
        ("limit=ten", {"limit": ["The limit must be an integer."]}),
        ("limit=1.0", {"limit": ["The limit must be an integer."]}),
        ("status=gone", {"status": ["The status must be one of: active, inactive."]}),
        ("email=x", {"email": ["The email must be a valid email address."]}),
        ("after=usr_1", {"after": ["The after must be the id of an entry in this list."]}),
        (
            f"after=usr_{UUID(int=7)}",
            {"after": ["The after must be the id of an entry in this list."]},
        ),
    ],
)
async def test_a_bad_query_is_answered_with_the_parameter_and_what_is_wrong(
    business: TestBusiness, query: str, errors: object
) -> None:
    answer = await business.client.get(f"/payout/users?{query}")

    assert answer.status_code == 400
    assert answer.json() == errors


async def test_another_tenants_user_is_not_found_and_unchanged(
    business: TestBusiness, make_business: MakeBusiness
) -> None:
    other = await make_business(funds=1_000)
    user = await user_of(other, "ada@example.com", 100)
    path = f"/payout/users/{user['id']}"
    before = await other.ledger()

    answers = [await business.client.get(path)]
    answers += [await business.client.get("/payout/users", params={"after": user["id"]})]
    for verb in ("deactivate", "activate", "rotate-hash"):
        answers.append(await business.client.post(f"{path}/{verb}"))
    answers.append(await business.client.post(f"{path}/revoke", json={"amount": 1}))

    assert [answer.status_code for answer in answers] == [404, 400, 404, 404, 404, 404]
    assert answers[0].json() == {"error": "Not found"}
    assert await other.ledger() == before
    assert (await other.client.get(path)).json() == user


async def test_an_inactive_user_can_be_paid_nothing_until_active_again(
    business: TestBusiness,
) -> None:
    user = await user_of(business, "ada@example.com")
    path = f"/payout/users/{user['id']}"

    inactive = await business.client.post(f"{path}/deactivate")
    refused = await business.create("ada@example.com", 1)
    again = await business.client.post(f"{path}/deactivate")
    active = await business.client.post(f"{path}/activate")
    paid = await business.create("ada@example.com", 1)

    assert inactive.json() == again.json() == {**user, "status": "inactive"}
    assert (refused.status_code, refused.json()) == (409, {"error": "Payout user is inactive"})
    assert active.json() == user
    assert paid.status_code == 201
    assert (await business.ledger())["ada@example.com"] == 101
    audited = (
        "SELECT count(*) FROM audit_entries"
        " WHERE act LIKE 'payout_user.%%activate' AND business_id = %s"
    )
    assert await business.scalar(audited, business.business_id) == 2


async def test_a_rotated_hash_is_shown_once_and_the_old_one_stops(business: TestBusiness) -> None:
    user = await user_of(business, "ada@example.com")
    old = (await business.create("ada@example.com", 1)).json()["hash"]
    path = f"/payout/users/{user['id']}/rotate-hash"

    first = await business.client.post(path, headers={"Idempotency-Key": "r"})
    replay = await business.client.post(path, headers={"Idempotency-Key": "r"})

    new = first.json()["hash"]
    assert new != old
    assert new[:8] == old[:8]
    assert replay.json() == {"id": user["id"], "hash": None}
    assert replay.headers["Idempotent-Replayed"] == "true"
    assert (await business.create("ada@example.com", 1)).json()["hash"] == new
    stored = "SELECT count(*) FROM idempotency_keys WHERE reference::text LIKE %s"
    assert await business.scalar(stored, f"%{new}%") == 0
    assert not await opens(business, old)


async def test_unspent_money_goes_back_to_the_payout_balance(business: TestBusiness) -> None:
    user = await user_of(business, "ada@example.com", 100)
    path = f"/payout/users/{user['id']}/revoke"

    revoked = await business.client.post(
        path, json={"amount": 30}, headers={"Idempotency-Key": "k"}
    )
    replay = await business.client.post(path, json={"amount": 30}, headers={"Idempotency-Key": "k"})
    too_much = await business.client.post(path, json={"amount": 71})
    nothing = await business.client.post(path, json={"amount": 0})

    assert revoked.json() == {**user, "balance": 70, "payout_balance": 999_930}
    assert replay.json() == revoked.json()
    assert (too_much.status_code, too_much.json()) == (400, {"error": "Insufficient balance"})
    assert nothing.json() == {"amount": ["The amount must be at least 1."]}
    books = await business.ledger()
    assert (books["ada@example.com"], books["payout"]) == (70, 999_930)


async def test_ids_that_are_none_are_not_found(business: TestBusiness) -> None:
    user = await user_of(business, "ada@example.com")
    for name in (user["id"].upper(), user["id"][4:], "usr_1", f"ord_{uuid4()}", f"usr_{uuid4()}"):
        answer: httpx.Response = await business.client.get(f"/payout/users/{name}")
        assert (answer.status_code, answer.json()) == (404, {"error": "Not found"})
