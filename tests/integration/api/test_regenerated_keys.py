"""A key regenerated while a write waits for its rows: the write does nothing."""

import asyncio

import pytest

from support import lock_waits
from support.polling import eventually

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("path", "body"),
    [("/payout/defund", {"amount": 777}), ("/payout/users/{user}/rotate-hash", {})],
)
async def test_a_write_that_waited_while_its_key_was_regenerated_is_undone(
    business, database, urls, path, body
) -> None:
    await business.create("a@x.com", 100)
    user = (await business.client.get("/payout/users")).json()["data"][0]["id"]
    before = await business.ledger()
    hashed = await business.scalar(
        "SELECT hash_digest FROM payout_users WHERE business_id = %s", business.business_id
    )
    with urls.as_admin() as admin, admin.transaction():
        admin.execute(
            "SELECT 1 FROM accounts WHERE business_id = %s AND kind = 'payout' FOR UPDATE",
            [business.business_id],
        )
        call = asyncio.ensure_future(business.client.post(path.format(user=user), json=body))
        await waiting(urls)
        # What regenerating does, but for its own wait for the same lock.
        admin.execute(
            "UPDATE api_keys SET revoked_at = now() WHERE business_id = %s AND kind = 'secret'"
            " AND revoked_at IS NULL",
            [business.business_id],
        )
    answer = await call
    assert (answer.status_code, answer.json()) == (401, {"error": "Unauthorized"})
    assert await business.ledger() == before
    assert hashed == await business.scalar(
        "SELECT hash_digest FROM payout_users WHERE business_id = %s", business.business_id
    )


async def waiting(urls) -> None:
    """Until somebody waits for a row."""

    def blocked() -> bool:
        with urls.as_admin() as admin:
            return lock_waits.count(admin) > 0

    await eventually(blocked)
