"""Clients of the simulated vendors, as somebody would call them by hand: each has an account that
no other uses."""

from typing import Any
from uuid import uuid4

import httpx

from support.machine import stretch
from support.simulator import Payment, Simulator


def _http(url: str) -> httpx.Client:
    # Nothing here is TLS, and reading the certificates of the world takes 20 ms.
    return httpx.Client(base_url=url, timeout=stretch(30), verify=False)


class PayPalClient:
    """A sender's calls, as somebody would make them by hand."""

    def __init__(self, simulator: Simulator, **settings: Any) -> None:
        self.simulator = simulator
        self.client_id = f"client-{uuid4().hex}"
        simulator.paypal_account(self.client_id, secret="secret", **settings)
        self.http = _http(simulator.paypal_url)
        self.authorize()

    def authorize(self, secret: str = "secret") -> httpx.Response:
        answer = self.http.post(
            "/v1/oauth2/token",
            auth=(self.client_id, secret),
            data={"grant_type": "client_credentials"},
        )
        if answer.status_code == 200:
            self.http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return answer

    def pay(
        self, receiver: str = "ann@example.com", value: str = "10.00", reference: str | None = None
    ) -> httpx.Response:
        return self.http.post("/v1/payments/payouts", json=batch(receiver, value, reference))

    def paid(self, receiver: str = "ann@example.com", value: str = "10.00") -> str:
        """Pay, and answer the batch's id."""
        answer = self.pay(receiver, value)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["batch_header"]["payout_batch_id"])

    def batch(self, batch_id: str) -> dict[str, Any]:
        answer = self.http.get(f"/v1/payments/payouts/{batch_id}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def item(self, batch_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.batch(batch_id)["items"][0]
        return found

    @property
    def payments(self) -> list[Payment]:
        books = self.simulator.books()
        return [one for one in books.payments if one.account == self.client_id]

    @property
    def balance(self) -> int:
        return self.simulator.books().balance("paypal", self.client_id)


def batch(receiver: str, value: str, reference: str | None = None) -> dict[str, Any]:
    reference = reference or uuid4().hex
    return {
        "sender_batch_header": {"sender_batch_id": reference, "email_subject": "A payout"},
        "items": [
            {
                "recipient_type": "EMAIL",
                "amount": {"value": value, "currency": "USD"},
                "receiver": receiver,
                "sender_item_id": reference,
                "note": "Thank you",
            }
        ],
    }


class TremendousClient:
    """An organization's calls."""

    def __init__(self, simulator: Simulator, **settings: Any) -> None:
        self.simulator = simulator
        self.api_key = f"TEST_{uuid4().hex}"
        simulator.tremendous_account(self.api_key, **settings)
        self.http = _http(simulator.tremendous_url)
        self.http.headers["Authorization"] = f"Bearer {self.api_key}"

    def order(self, email: str = "ann@example.com", **more: Any) -> httpx.Response:
        return self.http.post("/orders", json=order(email, **more))

    def get(self, order_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.http.get(f"/orders/{order_id}").json()["order"]
        return found

    @property
    def payments(self) -> list[Payment]:
        books = self.simulator.books()
        return [one for one in books.payments if one.account == self.api_key]

    @property
    def balance(self) -> int:
        return self.simulator.books().balance("tremendous", self.api_key)


def order(
    email: str = "ann@example.com",
    denomination: float = 25,
    external_id: str | None = None,
    product: str = "OKMHM2X2OHYV",
) -> dict[str, Any]:
    return {
        "external_id": external_id or uuid4().hex,
        "payment": {"funding_source_id": "BALANCE"},
        "reward": {
            "value": {"denomination": denomination, "currency_code": "USD"},
            "delivery": {"method": "LINK"},
            "recipient": {"name": "Ann", "email": email},
            "products": [product],
        },
    }
