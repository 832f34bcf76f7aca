"""An installation that is set up wrong tells its operator, and never a caller."""

import pytest

from payviox.errors import PayvioxError, SchemaUnknown, SettingsError
from support.businesses import TestBusiness
from support.databases import Urls

pytestmark = pytest.mark.anyio

FAULT = {"error": "Internal server error"}


@pytest.fixture
async def lacking(business: TestBusiness, urls: Urls) -> TestBusiness:
    """A business with a payout user whose hash comes from a key that is not configured."""
    await business.create("old@example.com", 1)
    with urls.as_admin() as admin:
        admin.execute(
            "UPDATE payout_users SET hash_key_id = 'gone' WHERE business_id = %s",
            [business.business_id],
        )
    return business


def test_what_the_operator_must_do_is_no_answer() -> None:
    assert not issubclass(SettingsError, PayvioxError)
    assert not issubclass(SchemaUnknown, PayvioxError)


async def test_a_key_that_is_lacking_is_our_fault_and_says_no_more(lacking: TestBusiness) -> None:
    before = await lacking.ledger()
    answer = await lacking.create("old@example.com", 1)
    assert (answer.status_code, answer.json()) == (500, FAULT)
    assert await lacking.ledger() == before


async def test_nor_does_a_batch_say_it_beside_what_was_paid(lacking: TestBusiness) -> None:
    items = [{"email": f"p{number}@example.com", "amount": 1} for number in range(1_000)]
    items.append({"email": "old@example.com", "amount": 1})
    answer = await lacking.client.post("/payout/batch", json={"items": items})
    assert answer.status_code == 200
    results = answer.json()["results"]
    assert all("hash" in result for result in results[:1_000])
    assert results[1_000] == FAULT
    after = await lacking.ledger()
    assert (after["p999@example.com"], after["old@example.com"]) == (1, 1)


async def test_nor_a_batch_of_all_or_nothing(lacking: TestBusiness) -> None:
    items = [{"email": "new@example.com", "amount": 1}, {"email": "old@example.com", "amount": 1}]
    before = await lacking.ledger()
    answer = await lacking.client.post(
        "/payout/batch", json={"items": items, "mode": "all_or_nothing"}
    )
    assert (answer.status_code, answer.json()) == (500, FAULT)
    assert await lacking.ledger() == before
