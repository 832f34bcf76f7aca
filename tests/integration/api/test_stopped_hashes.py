"""A hash that was rotated, switched off or has run out while a payout user's write waited: the
write does nothing."""

import asyncio
from typing import Any

import httpx
import pytest

from support import lock_waits
from support.businesses import TestBusiness
from support.every_post import BY_PAYOUT_USERS, PREPARED, Ready, Stage, posts_of
from support.polling import eventually

pytestmark = pytest.mark.anyio

STOPPED = {
    "rotated": "UPDATE payout_users SET hash_digest = sha256('another'),"
    " hash_generation = hash_generation + 1 WHERE business_id = %s",
    "deactivated": "UPDATE payout_users SET status = 'inactive' WHERE business_id = %s",
    "expired": "UPDATE payout_users SET hash_renewed_at = now() - interval '2 days'"
    " WHERE business_id = %s",
}
"""What stops a hash, as the statements that do it leave it."""

WRITTEN = """
SELECT (SELECT count(*) FROM orders WHERE business_id = %(b)s),
       (SELECT count(*) FROM quotes WHERE business_id = %(b)s),
       (SELECT count(*) FROM order_states WHERE business_id = %(b)s),
       (SELECT count(*) FROM gift_card_reveals WHERE business_id = %(b)s)
"""


async def test_every_write_of_payout_users_is_tried(anonymous: httpx.AsyncClient) -> None:
    document = (await anonymous.get("/openapi.json")).json()
    assert posts_of(document, "payoutHash") == set(BY_PAYOUT_USERS)


async def written(business: TestBusiness) -> Any:
    async with business.database.read() as connection:
        cursor = await connection.execute(WRITTEN, {"b": business.business_id})
        return await cursor.fetchone(), await business.ledger()


async def blocked(urls: Any) -> None:
    """Until somebody waits for a row."""

    def waits() -> bool:
        with urls.as_admin() as admin:
            return lock_waits.count(admin) > 0

    await eventually(waits)


async def prepared(business: TestBusiness, urls: Any, path: str) -> Ready:
    """A call of a hash that has a day left, by a rule that is older than that."""
    ready = await PREPARED[path](Stage(business))
    await business.set(hash_lifetime_days=1)
    with urls.as_admin() as admin:
        admin.execute(
            "UPDATE businesses SET hash_lifetime_since = now() - interval '2 days' WHERE id = %s",
            [business.business_id],
        )
    return ready


@pytest.mark.parametrize("path", BY_PAYOUT_USERS)
@pytest.mark.parametrize("how", STOPPED)
@pytest.mark.parametrize("keyed", [False, True])
async def test_a_write_that_waits_while_its_hash_stops_does_nothing(
    business: TestBusiness, urls: Any, path: str, how: str, keyed: bool
) -> None:
    ready = await prepared(business, urls, path)
    before = await written(business)
    key = {"Idempotency_Key": "k"} if keyed else {}
    with urls.as_admin() as admin, admin.transaction():
        admin.execute(STOPPED[how], [business.business_id])
        call = asyncio.ensure_future(ready.send(business, **key))
        await blocked(urls)
    answer = await call
    assert (answer.status_code, answer.json()) == (401, {"error": "Unauthorized"})
    assert await written(business) == before


@pytest.mark.parametrize("path", ["/payout/withdraw", "/payout/withdrawals/{id}/cancel"])
async def test_one_that_waits_for_its_money_does_nothing_either(
    business: TestBusiness, urls: Any, path: str
) -> None:
    ready = await prepared(business, urls, path)
    before = await written(business)
    with urls.as_admin() as admin:
        with admin.transaction():
            admin.execute(
                "SELECT 1 FROM accounts WHERE business_id = %s AND kind = 'user' FOR UPDATE",
                [business.business_id],
            )
            call = asyncio.ensure_future(ready.send(business))
            await blocked(urls)
            with urls.as_admin() as other:  # answered and committed while the write still waits
                other.execute(STOPPED["rotated"], [business.business_id])
        answer = await call
    assert (answer.status_code, answer.json()) == (401, {"error": "Unauthorized"})
    assert await written(business) == before


@pytest.mark.parametrize("path", BY_PAYOUT_USERS)
async def test_the_same_write_with_a_hash_that_holds_is_done(
    business: TestBusiness, urls: Any, path: str
) -> None:
    ready = await prepared(business, urls, path)
    before = await written(business)
    assert (await ready.send(business)).is_success
    assert await written(business) != before


async def test_an_old_hash_replays_nothing(business: TestBusiness) -> None:
    stage = Stage(business)
    user, headers = await stage.user()
    wanted = {"provider": "paypal", "amount": 900, "paypal": {"email": "a@example.com"}}
    ready = stage.ready("/payout/withdraw", wanted, headers)
    assert (await ready.send(business, Idempotency_Key="k")).status_code == 201
    renewed = await business.client.post(f"/payout/users/{user}/rotate-hash")
    assert (await ready.send(business, Idempotency_Key="k")).status_code == 401
    again = stage.ready("/payout/withdraw", wanted, {"X-Payout-Hash": renewed.json()["hash"]})
    answer = await again.send(business, Idempotency_Key="k")
    assert (answer.status_code, answer.headers["Idempotent-Replayed"]) == (201, "true")
