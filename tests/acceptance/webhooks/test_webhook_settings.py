"""`GET|PUT /payout/webhook`, test webhooks and the rotation of tokens, as a business calls them."""

from typing import Any

import httpx
import pytest

from payviox.webhooks.delivery import Courier
from payviox.webhooks.events import TYPES
from support.businesses import TestBusiness
from support.receiver import Receiver

pytestmark = pytest.mark.anyio

NOTHING_SET = {"url": None, "enabled": False, "events": ["payout.succeeded"], "rotating": False}
URL = "https://hooks.example.com/payviox?k=1"


async def put(business: TestBusiness, **settings: Any) -> httpx.Response:
    return await business.client.put("/payout/webhook", json=settings)


async def rotate(business: TestBusiness, key: str | None = None, **body: Any) -> httpx.Response:
    headers = {"Idempotency-Key": key} if key else {}
    return await business.client.post("/payout/webhook/rotate-token", json=body, headers=headers)


async def test_before_anything_is_set_the_webhook_is_off_and_wants_successes(
    business: TestBusiness,
) -> None:
    answer = await business.client.get("/payout/webhook")
    assert (answer.status_code, answer.json()) == (200, NOTHING_SET)


async def test_the_token_is_shown_by_the_answer_that_made_it_and_never_again(
    business: TestBusiness,
) -> None:
    first = await put(business, url=URL, enabled=True)
    assert first.status_code == 200
    token = first.json()["token"]
    assert token.startswith("whsec_")
    shown = NOTHING_SET | {"url": URL, "enabled": True}
    assert first.json() == shown | {"token": token}
    assert (await put(business, enabled=True)).json() == shown
    assert (await business.client.get("/payout/webhook")).json() == shown


async def test_what_a_put_leaves_out_stays_as_it_is(business: TestBusiness) -> None:
    await put(business, url=URL, enabled=True, events=["payout.returned", "payout.created"])
    changed = (await put(business, enabled=False)).json()
    assert changed["events"] == ["payout.created", "payout.returned"]
    assert changed["url"] == URL
    assert (await put(business, events=[])).json()["events"] == []
    assert (await put(business, url=None)).json()["url"] is None


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"url": 5, "enabled": "yes", "events": "all"}, {"url", "enabled", "events"}),
        ({"enabled": True}, {"url"}),
        ({"url": "ftp://example.com"}, {"url"}),
        ({"url": "https://user:pw@example.com/"}, {"url"}),
        ({"url": "https://example.com/\0"}, {"url"}),
        ({"url": ""}, {"url"}),
        ({"events": ["payout.exploded"]}, {"events.0"}),
        ({"events": None}, {"events"}),
        ({"enabled": None}, {"enabled"}),
    ],
)
async def test_what_cannot_be_set_is_refused_field_by_field_and_changes_nothing(
    business: TestBusiness, body: dict[str, Any], fields: set[str]
) -> None:
    before = await business.ledger()
    answer = await business.client.put("/payout/webhook", json=body)
    assert answer.status_code == 400
    assert set(answer.json()) == fields
    assert (await business.client.get("/payout/webhook")).json() == NOTHING_SET
    assert await business.ledger() == before


async def test_live_and_test_have_webhooks_of_their_own(business: TestBusiness) -> None:
    await put(business, url=URL, enabled=True)
    assert business.twin is not None
    assert (await business.twin.client.get("/payout/webhook")).json() == NOTHING_SET


@pytest.mark.parametrize("event_type", TYPES)
async def test_a_test_webhook_of_each_type_arrives_marked_as_one(
    business: TestBusiness, courier: Courier, receiving: Receiver, event_type: str
) -> None:
    token = (await put(business, url=receiving.url)).json()["token"]
    before = await business.ledger()
    answer = await business.client.post("/payout/webhook/test", json={"type": event_type})
    assert answer.status_code == 202
    courier.wake(business.business_id)
    await courier.idle()
    (received,) = receiving.received
    received.verify(token)
    assert answer.json() == {"id": received.id, "type": event_type}
    assert received.json["test_mode"] is True
    event = (await business.client.get(f"/payout/events/{received.id}")).json()
    assert event["body"] == received.json
    assert event["delivery"]["status"] == "delivered"
    assert "order_id" not in event
    assert (await business.ledger()).transfers == before.transfers


async def test_a_test_webhook_is_sent_once_for_an_idempotency_key(
    business: TestBusiness, courier: Courier, receiving: Receiver
) -> None:
    await put(business, url=receiving.url)
    headers = {"Idempotency-Key": "a-test"}
    first, second = [
        await business.client.post(
            "/payout/webhook/test", json={"type": "payout.failed"}, headers=headers
        )
        for _ in range(2)
    ]
    assert first.json() == second.json()
    assert second.headers["idempotent-replayed"] == "true"
    courier.wake(business.business_id)
    await courier.idle()
    assert len(receiving.received) == 1


async def test_without_a_url_nothing_can_be_tested_and_without_settings_nothing_rotated(
    business: TestBusiness,
) -> None:
    test = await business.client.post("/payout/webhook/test", json={"type": "payout.failed"})
    assert test.status_code == (await rotate(business)).status_code == 409
    assert set(test.json()) == {"error"}
    await put(business, enabled=False)
    test = await business.client.post("/payout/webhook/test", json={"type": "payout.failed"})
    assert test.status_code == 409
    wrong = await business.client.post("/payout/webhook/test", json={"type": "payment.done"})
    assert (wrong.status_code, set(wrong.json())) == (400, {"type"})
    missing = await business.client.post("/payout/webhook/test", json={})
    assert missing.json() == {"type": ["The type field is required."]}


async def test_a_new_token_signs_once_it_is_confirmed(
    business: TestBusiness, courier: Courier, receiving: Receiver
) -> None:
    old = (await put(business, url=receiving.url, enabled=True)).json()["token"]

    async def signature() -> list[str]:
        """Whose `Signature` the next webhook carries."""
        await business.client.post("/payout/webhook/test", json={"type": "payout.created"})
        courier.wake(business.business_id)
        await courier.idle()
        received = receiving.received[-1]
        return [t for t in (old, new) if received.documented_signature(t)]

    asked = await rotate(business)
    assert asked.status_code == 200
    new = asked.json()["token"]
    assert asked.json() == {"confirmed": False, "token": new}
    assert new != old
    assert (await business.client.get("/payout/webhook")).json()["rotating"] is True
    assert await signature() == [old]
    confirmed = await rotate(business, confirm=True)
    assert (confirmed.status_code, confirmed.json()) == (200, {"confirmed": True})
    assert (await business.client.get("/payout/webhook")).json()["rotating"] is False
    assert await signature() == [new]
    assert (await rotate(business, confirm=True)).status_code == 409


async def test_a_token_that_waits_is_replaced_only_on_purpose(
    business: TestBusiness, courier: Courier, receiving: Receiver
) -> None:
    await put(business, url=receiving.url, enabled=True)
    assert "rotating_since" not in (await business.client.get("/payout/webhook")).json()
    waiting = (await rotate(business, replace=True)).json()["token"]
    since = (await business.client.get("/payout/webhook")).json()["rotating_since"]
    refused = await rotate(business)
    assert refused.status_code == 409
    assert refused.json()["error"].startswith("A new token already waits to be confirmed")
    both = await rotate(business, confirm=True, replace=True)
    assert (both.status_code, list(both.json())) == (400, ["replace"])
    changed = await put(business, events=["payout.failed"])
    assert changed.json()["rotating_since"] == since, "neither refusal nor change makes it another"
    replaced = (await rotate(business, replace=True)).json()["token"]
    assert (await business.client.get("/payout/webhook")).json()["rotating_since"] > since
    await rotate(business, confirm=True)
    await business.client.post("/payout/webhook/test", json={"type": "payout.created"})
    courier.wake(business.business_id)
    await courier.idle()
    signed = receiving.received[-1].documented_signature
    assert (signed(waiting), signed(replaced)) == (False, True)
    assert "rotating_since" not in (await business.client.get("/payout/webhook")).json()
    assert (await rotate(business)).status_code == 200, "after a confirmation it begins anew"


async def test_a_rotation_repeated_with_its_key_does_not_show_the_token_again(
    business: TestBusiness,
) -> None:
    await put(business, url=URL)
    first = await rotate(business, key="rotation-1")
    again = await rotate(business, key="rotation-1")
    assert "token" in first.json()
    assert again.json() == {"confirmed": False}
    assert again.headers["idempotent-replayed"] == "true"
    assert (await rotate(business, key="rotation-1", confirm=True)).status_code == 422


async def test_who_changed_the_webhook_is_written_down_without_the_token(
    business: TestBusiness,
) -> None:
    token = (await put(business, url=URL, enabled=True)).json()["token"]
    new = (await rotate(business)).json()["token"]
    await rotate(business, confirm=True)
    written = await business.scalar(
        "SELECT json_agg(json_build_array(actor, act, after) ORDER BY id)"
        " FROM audit_entries WHERE business_id = %s AND act LIKE 'webhook.%%'",
        business.business_id,
    )
    who = f"key:{business.secret_key[-4:]}"
    assert written == [
        [who, "webhook.change", {"url": URL, "enabled": True}],
        [who, "webhook.rotate_token", None],
        [who, "webhook.confirm_token", None],
    ]
    assert token not in str(written)
    assert new not in str(written)
