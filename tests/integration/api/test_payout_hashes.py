"""What opens the door to a payout user: a hash that is one and has not outlived its rule,
which counts from the hash's last renewal or from its own last change."""

from datetime import timedelta
from typing import Any

import pytest

from payviox import ids
from payviox.allocations import service as allocations
from payviox.web.context import Services
from support.ageing import set_back
from support.businesses import TestBusiness
from support.databases import Urls

pytestmark = pytest.mark.anyio

ADA = "ada@example.com"
UNAUTHORIZED = b'{"error":"Unauthorized"}'


async def opens(business: TestBusiness, payout_hash: str) -> bool:
    client = business.client_with({"X-Payout-Hash": payout_hash})
    answer = await client.get("/payout/operations")
    assert answer.status_code in (200, 401), answer.text
    return answer.status_code == 200


async def hash_of(business: TestBusiness, email: str = ADA) -> str:
    answer = await business.create(email, 100)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["hash"])


def days_pass(urls: Urls, business: TestBusiness, days: int) -> None:
    with urls.as_admin() as admin:
        for table, column, key in (
            ("payout_users", "hash_renewed_at", "business_id"),
            ("businesses", "hash_lifetime_since", "id"),
        ):
            admin.execute(
                f"UPDATE {table} SET {column} = {set_back(column, timedelta(days=days))}"  # type: ignore[arg-type]
                f" WHERE {key} = %s",
                [business.business_id],
            )


async def user_id(business: TestBusiness) -> str:
    return str((await business.client.get("/payout/users")).json()["data"][0]["id"])


@pytest.mark.parametrize("place", ["query", "body"])
@pytest.mark.parametrize(
    "value", ["\0", "0123abcd\0", "\0" * 64, "a" * 63 + "\0", "x" * 5_000, "é"]
)
async def test_what_is_no_hash_is_refused_like_an_unknown_one(
    business: TestBusiness, place: str, value: str
) -> None:
    client = business.client_with({})
    if place == "query":
        answer = await client.get("/payout/operations", params={"payout_hash": value})
    else:
        answer = await client.post("/payout/quote", json={"payout_hash": value})
    assert (answer.status_code, answer.content) == (401, UNAUTHORIZED)


async def test_the_hash_as_it_is_now_can_be_told_again(
    business: TestBusiness, services: Services
) -> None:
    made = await hash_of(business)
    user = ids.parse(ids.USER, await user_id(business))
    assert user is not None
    told = await business.database.fetch(
        allocations.current_hash, services.keyring, business.business_id, user
    )
    assert told == made
    assert await opens(business, told)


async def test_without_a_rule_a_hash_lives_for_good(business: TestBusiness, urls: Urls) -> None:
    payout_hash = await hash_of(business)
    days_pass(urls, business, 10_000)
    assert await opens(business, payout_hash)


async def test_a_rule_counts_for_the_hashes_there_are_from_the_moment_it_is_set(
    business: TestBusiness, urls: Urls
) -> None:
    payout_hash = await hash_of(business)
    days_pass(urls, business, 1_000)
    await business.set(hash_lifetime_days=30)
    assert await opens(business, payout_hash)
    days_pass(urls, business, 29)
    await business.set(hash_lifetime_days=30, low_stock=3)  # no change of this rule
    assert await opens(business, payout_hash)
    days_pass(urls, business, 2)
    assert not await opens(business, payout_hash)


async def test_a_hash_made_under_a_rule_lives_as_long(business: TestBusiness, urls: Urls) -> None:
    await business.set(hash_lifetime_days=30)
    days_pass(urls, business, 1_000)
    payout_hash = await hash_of(business)
    days_pass(urls, business, 29)
    assert await opens(business, payout_hash)
    days_pass(urls, business, 2)
    assert not await opens(business, payout_hash)


async def test_a_cleared_rule_lets_expired_hashes_in_again(
    business: TestBusiness, urls: Urls
) -> None:
    await business.set(hash_lifetime_days=30)
    payout_hash = await hash_of(business)
    days_pass(urls, business, 31)
    assert not await opens(business, payout_hash)
    await business.set(hash_lifetime_days=None)
    assert await opens(business, payout_hash)
    await business.set(hash_lifetime_days=1)
    assert await opens(business, payout_hash), "a day from now on"


async def test_being_paid_renews_a_hash_and_nobody_elses(
    business: TestBusiness, urls: Urls
) -> None:
    await business.set(hash_lifetime_days=30)
    payout_hash, other = await hash_of(business), await hash_of(business, "grace@example.com")
    days_pass(urls, business, 31)
    assert await hash_of(business) == payout_hash
    assert await opens(business, payout_hash)
    assert not await opens(business, other)
    before = await business.ledger()
    assert (before[ADA], before["grace@example.com"]) == (200, 100)


async def test_rotating_renews(business: TestBusiness, urls: Urls) -> None:
    await business.set(hash_lifetime_days=30)
    old = await hash_of(business)
    days_pass(urls, business, 31)
    answer: Any = await business.client.post(
        f"/payout/users/{await user_id(business)}/rotate-hash", json={}
    )
    assert await opens(business, answer.json()["hash"])
    assert not await opens(business, old)


async def test_activating_renews(business: TestBusiness, urls: Urls) -> None:
    await business.set(hash_lifetime_days=30)
    payout_hash = await hash_of(business)
    path = f"/payout/users/{await user_id(business)}"
    days_pass(urls, business, 31)
    await business.client.post(f"{path}/deactivate", json={})
    assert not await opens(business, payout_hash)
    await business.client.post(f"{path}/activate", json={})
    assert await opens(business, payout_hash)
