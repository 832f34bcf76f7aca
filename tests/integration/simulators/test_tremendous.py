"""The simulated Tremendous deduplicates, charges, refunds and refuses as Tremendous does."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from support.simulator import Simulator
from support.vendor_clients import TremendousClient

Tremendous = Callable[..., TremendousClient]
FULL = 1_000_000_00


def test_an_order_is_executed_with_a_link_that_only_its_answer_shows(
    tremendous: Tremendous,
) -> None:
    client = tremendous()
    answer = client.order(denomination=25.5)
    assert answer.status_code == 200
    made = answer.json()["order"]
    assert made["status"] == "EXECUTED"
    assert made["payment"]["total"] == 25.5
    assert made["rewards"][0]["delivery"]["link"].startswith("https://")
    assert "link" not in client.get(made["id"])["rewards"][0]["delivery"]
    assert client.balance == FULL - 2_550


def test_the_same_order_again_is_the_first_one(tremendous: Tremendous) -> None:
    client, external_id = tremendous(), uuid4().hex
    first, again = client.order(external_id=external_id), client.order(external_id=external_id)
    assert (first.status_code, again.status_code) == (200, 201)
    assert first.json() == again.json()
    other = client.order(external_id=external_id, denomination=26)
    assert other.status_code == 409
    assert client.simulator.books().times_paid(external_id) == 1
    assert client.balance == FULL - 2_500


def test_another_organization_s_external_id_is_another_order(tremendous: Tremendous) -> None:
    external_id = uuid4().hex
    first, second = tremendous(), tremendous()
    assert first.order(external_id=external_id).status_code == 200
    assert second.order(external_id=external_id).status_code == 200
    assert second.http.get(f"/orders/{first.payments[0].group_id}").status_code == 404


def test_orders_are_found_by_both_ids_and_listed_newest_first(tremendous: Tremendous) -> None:
    client = tremendous()
    made = [client.order(external_id=f"mine-{number}").json()["order"] for number in range(12)]
    assert client.get("mine-3")["id"] == made[3]["id"]
    page = client.http.get("/orders").json()
    assert page["total_count"] == 12
    assert [order["id"] for order in page["orders"]] == [one["id"] for one in made[:1:-1]]
    by_name = client.http.get("/orders", params={"external_id": "mine-5"}).json()
    assert [order["id"] for order in by_name["orders"]] == [made[5]["id"]]
    rest = client.http.get("/orders", params={"offset": 10, "limit": 500}).json()
    assert [order["external_id"] for order in rest["orders"]] == ["mine-1", "mine-0"]
    later = {"created_at[gte]": "2999-01-01T00:00:00Z"}
    assert client.http.get("/orders", params=later).json()["orders"] == []


def test_an_order_may_not_be_seen_at_once(tremendous: Tremendous, simulator: Simulator) -> None:
    client = tremendous(shows_after_s=60)
    made = client.order(external_id=(external_id := uuid4().hex)).json()["order"]["id"]
    asked = {"external_id": external_id}
    assert client.http.get(f"/orders/{made}").status_code == 404
    assert client.http.get("/orders", params=asked).json()["orders"] == []
    assert client.order(external_id=external_id).json()["order"]["id"] == made
    simulator.advance(seconds=61)
    assert client.get(external_id)["id"] == made


@pytest.mark.parametrize(
    ("local", "status", "paid", "money_out"),
    [
        ("executed", "EXECUTED", 1, True),
        ("cart", "CART", 0, True),
        ("open", "OPEN", 0, True),
        ("pending-approval", "PENDING APPROVAL", 0, True),
        ("pending-internal", "PENDING INTERNAL PAYMENT APPROVAL", 0, True),
        ("pending-settlement", "PENDING SETTLEMENT", 0, True),
        ("failed", "FAILED", 0, False),
    ],
)
def test_each_status_is_reached_by_the_recipient(
    tremendous: Tremendous, local: str, status: str, paid: int, money_out: bool
) -> None:
    client = tremendous()
    assert client.order(f"{local}+any@example.com").json()["order"]["status"] == status
    (payment,) = client.payments
    assert (payment.times_paid, payment.money_out) == (paid, money_out)
    assert client.balance == FULL - (2_500 if money_out else 0)


@pytest.mark.parametrize(
    ("local", "then", "balance"),
    [
        ("approved-later", "EXECUTED", FULL - 2_500),
        ("rejected", "CANCELED", FULL),
        ("canceled", "CANCELED", FULL),
        ("failed-later", "FAILED", FULL),
        ("failed-then-executed", "EXECUTED", FULL - 2_500),
    ],
)
def test_it_changes_its_mind_a_day_later(
    tremendous: Tremendous, simulator: Simulator, local: str, then: str, balance: int
) -> None:
    client = tremendous()
    made = client.order(f"{local}@example.com").json()["order"]
    assert made["status"] != then
    simulator.advance(days=1.01)
    assert client.get(made["id"])["status"] == then
    assert client.balance == balance


def test_a_canceled_order_shows_its_refund(tremendous: Tremendous, simulator: Simulator) -> None:
    client = tremendous(fee_bp=400)
    made = client.order("canceled@example.com").json()["order"]
    assert (made["payment"]["fees"], made["payment"]["total"]) == (1, 26)
    simulator.advance(days=1.01)
    assert client.get(made["id"])["payment"]["refund"]["total"] == 26
    assert client.balance == FULL
    assert client.payments[0].fee == 0


@pytest.mark.parametrize(("verdict", "status"), [("approve", "EXECUTED"), ("reject", "CANCELED")])
def test_an_order_that_waits_is_decided_once(
    tremendous: Tremendous, verdict: str, status: str
) -> None:
    client = tremendous()
    made = client.order("pending-approval@example.com").json()["order"]["id"]
    decided = client.http.post(f"/order_approvals/{made}/{verdict}")
    assert decided.json()["order"]["status"] == status
    assert client.http.post(f"/order_approvals/{made}/{verdict}").status_code == 422


def test_links_are_made_anew_for_delivered_rewards_alone(tremendous: Tremendous) -> None:
    client = tremendous()
    reward = client.order().json()["order"]["rewards"][0]
    made = client.http.post(f"/rewards/{reward['id']}/generate_link").json()["reward"]
    assert made["id"] == reward["id"]
    assert made["link"] != reward["delivery"]["link"]
    waiting = client.order("cart@example.com").json()["order"]["rewards"][0]
    assert client.http.post(f"/rewards/{waiting['id']}/generate_link").status_code == 403
    assert client.http.post("/rewards/UNHEARDOF/generate_link").status_code == 404


def test_without_funds_it_refuses_and_makes_no_order(tremendous: Tremendous) -> None:
    client, external_id = tremendous(balance=2_499), uuid4().hex
    assert client.order(external_id=external_id).status_code == 402
    assert client.http.get(f"/orders/{external_id}").status_code == 404
    client.simulator.tremendous_account(client.api_key, add=1)
    assert client.order(external_id=external_id).json()["order"]["status"] == "EXECUTED"
    assert client.balance == 0


def test_an_organization_that_fails_orders_uses_the_external_id_up(tremendous: Tremendous) -> None:
    client, external_id = tremendous(balance=0, dry="fail"), uuid4().hex
    assert client.order(external_id=external_id).json()["order"]["status"] == "FAILED"
    client.simulator.tremendous_account(client.api_key, balance=10_000)
    assert client.order(external_id=external_id).json()["order"]["status"] == "FAILED"
    assert client.balance == 10_000


def test_more_than_ten_calls_a_second_are_refused_and_do_nothing(tremendous: Tremendous) -> None:
    client = tremendous(per_second=10)
    answers = [client.order() for _ in range(12)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert "error" in refused[0].json()
    assert len(client.payments) == 12 - len(refused)


def test_a_wrong_key_is_refused(tremendous: Tremendous) -> None:
    client = tremendous()
    refused = client.http.get("/products", headers={"Authorization": "Bearer TEST_other"})
    assert refused.status_code == 401
    assert "message" in refused.json()["errors"]


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("no reward", {"external_id": "a"}),
    ("an unknown member", {"externalId": "a"}),
    ("a foreign funding source", {"payment": {"funding_source_id": "ELSEWHERE"}}),
]
WRONG_REWARDS: list[tuple[str, dict[str, Any]]] = [
    ("text as an amount", {"value": {"denomination": "25", "currency_code": "USD"}}),
    ("a fraction of a cent", {"value": {"denomination": 25.001, "currency_code": "USD"}}),
    ("nothing", {"value": {"denomination": 0, "currency_code": "USD"}}),
    ("another currency", {"value": {"denomination": 25, "currency_code": "EUR"}}),
    ("too much for the product", {"value": {"denomination": 2_000.01, "currency_code": "USD"}}),
    ("no product", {"products": []}),
    ("neither products nor campaign", {"products": None}),
    ("an unknown product", {"products": ["UNHEARDOF"]}),
    ("an unknown way", {"delivery": {"method": "PIGEON"}}),
    ("email without an address", {"delivery": {"method": "EMAIL"}, "recipient": {"name": "A"}}),
    ("an unknown member", {"denomination": 25}),
]


@pytest.mark.parametrize("change", [c for _, c in WRONG], ids=[name for name, _ in WRONG])
def test_an_order_that_breaks_the_specification_is_refused(
    tremendous: Tremendous, change: dict[str, Any]
) -> None:
    client = tremendous()
    good = {"reward": _good_reward(), "payment": {"funding_source_id": "balance"}}
    body = change if "external_id" in change else good | change
    assert client.http.post("/orders", json=good).status_code == 200
    refused = client.http.post("/orders", json=body)
    assert refused.status_code == 422
    assert refused.json()["errors"]["payload"]
    assert len(client.payments) == 1


@pytest.mark.parametrize(
    "change", [c for _, c in WRONG_REWARDS], ids=[name for name, _ in WRONG_REWARDS]
)
def test_a_reward_that_breaks_the_specification_is_refused(
    tremendous: Tremendous, change: dict[str, Any]
) -> None:
    client = tremendous()
    refused = client.http.post("/orders", json={"reward": _good_reward() | change})
    assert refused.status_code == 422
    assert "reward" in refused.json()["errors"]["payload"]
    assert client.payments == []


def _good_reward() -> dict[str, Any]:
    return {
        "value": {"denomination": 25, "currency_code": "USD"},
        "delivery": {"method": "LINK"},
        "recipient": {"email": "ann@example.com"},
        "products": ["OKMHM2X2OHYV"],
    }
