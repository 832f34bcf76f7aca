"""`GET /payout/events`, one event, and its redelivery, as a business calls them."""

from dataclasses import replace

import pytest

from payviox import ids
from payviox.webhooks import outbox
from payviox.webhooks.delivery import Courier
from payviox.webhooks.events import EventType, OrderEvent
from payviox.webhooks.samples import sample
from support.businesses import TestBusiness
from support.receiver import Receiver

pytestmark = pytest.mark.anyio


async def happen(business: TestBusiness, event_type: EventType, **fields: object) -> OrderEvent:
    event = replace(sample(business.business_id, event_type), test_mode=False, **fields)  # type: ignore[arg-type]  # fields of an event
    await business.database.write(outbox.write_order_event, event)
    return event


async def deliver(courier: Courier, business: TestBusiness) -> None:
    courier.wake(business.business_id)
    await courier.idle()


async def test_events_are_listed_newest_first_page_by_page(business: TestBusiness) -> None:
    made = [await happen(business, "payout.created") for _ in range(5)]
    orders = [ids.show(ids.ORDER, event.order_id) for event in reversed(made)]
    seen: list[str] = []
    query: dict[str, str | int] = {"limit": 2}
    while True:
        page = (await business.client.get("/payout/events", params=query)).json()
        seen += [event["order_id"] for event in page["data"]]
        if not page["has_more"]:
            break
        query["after"] = page["data"][-1]["id"]
    assert seen == orders


async def test_events_are_found_by_type_and_by_order(business: TestBusiness) -> None:
    first = await happen(business, "payout.created")
    await happen(business, "payout.succeeded", order_id=first.order_id)
    await happen(business, "payout.created")

    async def types(**query: str) -> list[str]:
        answer = await business.client.get("/payout/events", params=query)
        return [event["type"] for event in answer.json()["data"]]

    order = ids.show(ids.ORDER, first.order_id)
    assert await types(order=order) == ["payout.succeeded", "payout.created"]
    assert await types(type="payout.created") == ["payout.created"] * 2
    assert await types(order=order, type="payout.succeeded") == ["payout.succeeded"]
    assert await types(type="payout.failed") == []


@pytest.mark.parametrize(
    "query", [{"type": "payment.done"}, {"order": "usr_1"}, {"after": "ord_1"}, {"limit": "0"}]
)
async def test_a_query_that_makes_no_sense_is_refused_by_name(
    business: TestBusiness, query: dict[str, str]
) -> None:
    answer = await business.client.get("/payout/events", params=query)
    assert (answer.status_code, set(answer.json())) == (400, set(query))


async def test_an_event_tells_of_each_attempt_its_answer_and_its_timing(
    business: TestBusiness, courier: Courier, receiving: Receiver
) -> None:
    await business.client.put("/payout/webhook", json={"url": receiving.url, "enabled": True})
    receiving.answer = lambda _: 503
    receiving.content = b"<b>down</b> \xff\0" + b"." * 1000
    event = await happen(business, "payout.succeeded")
    await deliver(courier, business)
    listed = (await business.client.get("/payout/events")).json()["data"][0]
    one = (await business.client.get(f"/payout/events/{listed['id']}")).json()
    assert one["type"] == "payout.succeeded"
    assert one["order_id"] == ids.show(ids.ORDER, event.order_id)
    assert one["body"] == receiving.received[0].json
    assert one["created_at"].endswith("Z")
    assert one["delivery"]["status"] == "pending"
    assert one["delivery"]["next_attempt_at"] > one["created_at"]
    (attempt,) = one["delivery"]["attempts"]
    assert (attempt["number"], attempt["status"]) == (1, 503)
    assert attempt["url"] == receiving.url
    assert attempt["answer"].startswith("<b>down</b> \ufffd\ufffd....")
    assert len(attempt["answer"]) > 1000
    assert "error" not in attempt
    assert 0 <= attempt["duration_ms"] < 5000
    assert attempt["request_headers"]["webhook-id"] == one["id"]
    (short,) = listed["delivery"]["attempts"]
    assert short == attempt | {"answer": attempt["answer"][:200]}


async def test_an_event_that_was_not_subscribed_is_listed_without_a_delivery(
    business: TestBusiness, courier: Courier, receiving: Receiver
) -> None:
    await business.client.put("/payout/webhook", json={"url": receiving.url, "enabled": True})
    await happen(business, "payout.created")
    await deliver(courier, business)
    (event,) = (await business.client.get("/payout/events")).json()["data"]
    assert event["type"] == "payout.created"
    assert "delivery" not in event
    assert receiving.received == []
    again = await business.client.post(f"/payout/events/{event['id']}/redeliver")
    assert (again.status_code, again.json()) == (202, {"id": event["id"], "type": event["type"]})
    await deliver(courier, business)
    assert receiving.ids == [event["id"]]


async def test_redelivery_is_asked_for_once_for_an_idempotency_key(
    business: TestBusiness, courier: Courier, receiving: Receiver
) -> None:
    await business.client.put("/payout/webhook", json={"url": receiving.url, "enabled": True})
    await happen(business, "payout.succeeded")
    await deliver(courier, business)
    (event,) = (await business.client.get("/payout/events")).json()["data"]
    before = await business.ledger()
    for _ in range(3):
        answer = await business.client.post(
            f"/payout/events/{event['id']}/redeliver", headers={"Idempotency-Key": "again"}
        )
        assert answer.json() == {"id": event["id"], "type": "payout.succeeded"}
        await deliver(courier, business)
    assert len(receiving.received) == 2
    assert {one.body for one in receiving.received} == {receiving.received[0].body}
    assert (await business.ledger()).balances == before.balances


async def test_without_a_webhook_that_is_on_a_redelivery_is_refused(
    business: TestBusiness,
) -> None:
    await happen(business, "payout.succeeded")
    (event,) = (await business.client.get("/payout/events")).json()["data"]
    path = f"/payout/events/{event['id']}/redeliver"
    assert (await business.client.post(path)).status_code == 409
    await business.client.put("/payout/webhook", json={"url": "https://hooks.example.com/"})
    off = await business.client.post(path)
    assert (off.status_code, off.json()) == (409, {"error": "The webhook is switched off"})


async def test_another_business_s_event_is_not_found(business: TestBusiness, make_business) -> None:
    await happen(business, "payout.succeeded")
    (event,) = (await business.client.get("/payout/events")).json()["data"]
    other = await make_business()
    for path in (f"/payout/events/{event['id']}", "/payout/events/evt_1", "/payout/events/x"):
        assert (await other.client.get(path)).status_code == 404
        answer = await other.client.post(f"{path}/redeliver")
        assert (answer.status_code, answer.json()) == (404, {"error": "Not found"})
    assert (await other.client.get("/payout/events")).json() == {"data": [], "has_more": False}
    foreign = await other.client.get("/payout/events", params={"after": event["id"]})
    assert (foreign.status_code, list(foreign.json())) == (400, ["after"])
