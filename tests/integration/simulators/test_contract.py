"""What the published document says of a request: read by our validator, enforced by the simulator,
and confirmed by a mock server that others made from the same document."""

import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from simulators import contract
from support.prism import REFUSALS, Prism, prism
from support.simulator import CHECKOUT, Simulator
from support.vendor_clients import PayPalClient

__all__ = ["prism"]

PayPal = Callable[..., PayPalClient]

needs_document = pytest.mark.skipif(
    contract.paypal_document() is None,
    reason=f"needs PayPal's published documents at {contract.SPECS}",
)


def good() -> dict[str, Any]:
    item = {
        "recipient_type": "EMAIL",
        "amount": {"value": "9.87", "currency": "USD"},
        "receiver": "ann@example.com",
        "sender_item_id": uuid4().hex,
        "note": "Thank you",
    }
    header = {"sender_batch_id": uuid4().hex, "email_subject": "A payout"}
    return {"sender_batch_header": header, "items": [item]}


def broken(place: str, value: Any) -> dict[str, Any]:
    """A good body with one member changed, or left out (None)."""
    body = copy.deepcopy(good())
    *way, last = place.split(".")
    at: Any = body
    for part in way:
        at = at[int(part)] if part.isdigit() else at[part]
    if value is None:
        del at[last]
    else:
        at[last] = value
    return body


BREAKS: list[tuple[str, Any]] = [
    ("items", None),
    ("items", []),
    ("items", {}),
    ("sender_batch_header", None),
    ("sender_batch_header.sender_batch_id", 7),
    ("sender_batch_header.sender_batch_id", "x" * 257),
    ("sender_batch_header.email_subject", "x" * 256),
    ("sender_batch_header.email_message", "x" * 1_001),
    ("items.0.amount", None),
    ("items.0.amount", "9.87"),
    ("items.0.amount.value", 9.87),
    ("items.0.amount.value", None),
    ("items.0.amount.currency", None),
    ("items.0.receiver", None),
    ("items.0.receiver", f"{'x' * 120}@example.com"),
    ("items.0.sender_item_id", "x" * 64),
    ("items.0.note", "x" * 4_001),
    ("items.0.purpose", "BRIBES"),
    ("items.0.notification_language", "english"),
]


def request_of(body: Any, **headers: str) -> dict[str, Any]:
    return {
        "method": "POST",
        "path": "/v1/payments/payouts",
        "query": "",
        "headers": {
            "authorization": "Bearer …",
            "content-type": "application/json",
            **headers,
        },
        "body": json.dumps(body),
    }


@needs_document
@pytest.mark.parametrize(("place", "value"), BREAKS)
def test_a_broken_request_is_found_and_refused(
    paypal: PayPal, prism: Prism, place: str, value: Any
) -> None:
    body, client = broken(place, value), paypal()
    assert contract.problems(request_of(body))
    assert prism.status(request_of(body)) in REFUSALS
    refused = client.http.post("/v1/payments/payouts", json=body)
    assert refused.status_code == 400
    assert refused.json()["details"]
    assert client.payments == []


@needs_document
def test_a_good_request_is_so_in_everybody_s_opinion(paypal: PayPal, prism: Prism) -> None:
    body = good()
    assert contract.problems(request_of(body)) == []
    assert prism.status(request_of(body)) == 201
    assert paypal().http.post("/v1/payments/payouts", json=body).status_code == 201


@needs_document
@pytest.mark.parametrize(
    ("name", "value"),
    [("items.0.recipientType", "EMAIL"), ("sender_batch_header.sender_batchid", "a")],
)
def test_a_member_that_the_document_does_not_know_is_a_problem(
    paypal: PayPal, name: str, value: str
) -> None:
    body = broken(name, value)
    assert contract.problems(request_of(body))
    assert paypal().http.post("/v1/payments/payouts", json=body).status_code == 400


@needs_document
def test_requests_without_token_or_type_are_problems(paypal: PayPal, prism: Prism) -> None:
    assert contract.problems(request_of(good(), authorization=""))
    assert contract.problems(request_of(good(), **{"content-type": "text/plain"}))
    without = request_of(good())
    del without["headers"]["authorization"]
    assert prism.status(without) == 401
    client = paypal()
    plain = client.http.post(
        "/v1/payments/payouts", content=b"{}", headers={"Content-Type": "text/plain"}
    )
    assert plain.status_code == 415
    del client.http.headers["Authorization"]
    assert client.pay().status_code == 401


@needs_document
@pytest.mark.parametrize(
    ("method", "path", "query", "right"),
    [
        ("GET", "/v1/payments/payouts/ABC", "", True),
        ("GET", "/v1/payments/payouts/ABC", "page=2&page_size=1000&total_required=true", True),
        ("GET", "/v1/payments/payouts/ABC", "page=two", False),
        ("GET", "/v1/payments/payouts/ABC", "page_size=1001", False),
        ("GET", "/v1/payments/payouts-item/ABC", "", True),
        ("GET", f"/v1/payments/payouts-item/{'A' * 33}", "", False),
        ("POST", "/v1/payments/payouts-item/ABC/cancel", "", True),
        ("GET", "/v1/payments/payouts", "", False),
        ("PUT", "/v1/payments/payouts/ABC", "", False),
    ],
)
def test_paths_and_queries_are_held_to_the_document(
    prism: Prism, method: str, path: str, query: str, right: bool
) -> None:
    request = {**request_of(None), "method": method, "path": path, "query": query, "body": ""}
    assert (contract.problems(request) == []) == right
    assert (prism.status(request) < 300) == right


def test_the_simulator_goes_on_without_the_documents(tmp_path: Path) -> None:
    copied = tmp_path / "tests" / "simulators"
    shutil.copytree(CHECKOUT / "tests" / "simulators", copied)
    one = Simulator(checkout=tmp_path)
    try:
        assert not one.reads_documents
        client = PayPalClient(one)
        assert client.pay("no address").status_code == 400
        assert client.pay().status_code == 201
    finally:
        one.close()
