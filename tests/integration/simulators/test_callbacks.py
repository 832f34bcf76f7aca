"""The simulator's callbacks are signed as their vendors' are; forged ones are not; and they come
twice, late, in another order or not at all where that was asked for."""

import base64
import hashlib
import hmac
import json
import zlib
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from support.polling import eventually
from support.receiver import Receiver, receiver
from support.simulator import PAYPAL_WEBHOOK, TREMENDOUS_WEBHOOK_KEY, Simulator
from support.vendor_clients import PayPalClient, TremendousClient

pytestmark = pytest.mark.anyio

PayPal = Callable[..., PayPalClient]
Tremendous = Callable[..., TremendousClient]
SUCCEEDED = "PAYMENT.PAYOUTS-ITEM.SUCCEEDED"


def genuine(headers: dict[str, str], body: bytes, webhook_id: str = PAYPAL_WEBHOOK) -> bool:
    """As somebody verifies it who has read how, and trusts only the simulator's own host."""
    given = {name.lower(): value for name, value in headers.items()}
    url = given.get("paypal-cert-url", "")
    if given.get("paypal-auth-algo") != "SHA256withRSA" or "//127.0.0.1:" not in url:
        return False
    key = x509.load_pem_x509_certificate(httpx.get(url).content).public_key()
    assert isinstance(key, RSAPublicKey)
    message = "|".join(
        [
            given["paypal-transmission-id"],
            given["paypal-transmission-time"],
            webhook_id,
            str(zlib.crc32(body)),
        ]
    )
    signature = base64.b64decode(given["paypal-transmission-sig"])
    try:
        key.verify(signature, message.encode(), PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


async def events(receiving: Receiver, count: int) -> list[str]:
    """The names of so many callbacks, in the order they came."""
    await eventually(lambda: len(receiving.received) >= count)
    bodies = [one.json for one in receiving.received]
    return [body.get("event_type") or body["event"] for body in bodies]


async def test_each_change_is_told_with_a_signature_that_verifies(
    paypal: PayPal, simulator: Simulator
) -> None:
    async with receiver() as receiving:
        client = paypal(callback_url=receiving.url, webhook_id=PAYPAL_WEBHOOK)
        batch_id = client.paid()
        told = await events(receiving, 3)
        assert set(told) == {
            "PAYMENT.PAYOUTSBATCH.PROCESSING",
            "PAYMENT.PAYOUTSBATCH.SUCCESS",
            SUCCEEDED,
        }
        for one in receiving.received:
            assert genuine(one.headers, one.body)
            assert not genuine(one.headers, one.body + b" ")
        (item,) = (one.json for one in receiving.received if one.json["event_type"] == SUCCEEDED)
        assert item["resource"]["payout_batch_id"] == batch_id
        assert item["resource"]["transaction_status"] == "SUCCESS"


@pytest.mark.parametrize(
    "forge", ["signature", "cert", "webhook", "body", "algorithm", "stale", "unsigned"]
)
async def test_a_forged_callback_does_not_verify(
    paypal: PayPal, simulator: Simulator, forge: str
) -> None:
    simulator.callbacks(
        {"do": "drop", "event": "PAYMENT.PAYOUTSBATCH.*", "times": None},
        {"do": "forge", "forge": forge},
    )
    async with receiver() as receiving:
        client = paypal(callback_url=receiving.url)
        client.paid()
        await events(receiving, 1)
        (one,) = receiving.received
        # What is stale is signed rightly: only its age gives it away.
        assert genuine(one.headers, one.body) == (forge == "stale")
        answer = client.http.post(
            "/v1/notifications/verify-webhook-signature", json=asked(one.headers, one.body)
        )
        if forge in ("unsigned", "algorithm"):
            assert answer.status_code in (200, 400)
            assert "SUCCESS" not in answer.text
        else:
            expected = "SUCCESS" if forge == "stale" else "FAILURE"
            assert answer.json()["verification_status"] == expected


async def test_it_verifies_its_own_callbacks_when_asked(
    paypal: PayPal, simulator: Simulator
) -> None:
    async with receiver() as receiving:
        client = paypal(callback_url=receiving.url)
        client.paid()
        await events(receiving, 3)
        one = receiving.received[0]
        body = asked(one.headers, one.body)
        url = "/v1/notifications/verify-webhook-signature"
        assert client.http.post(url, json=body).json() == {"verification_status": "SUCCESS"}
        body["webhook_event"]["resource"] = {}
        assert client.http.post(url, json=body).json() == {"verification_status": "FAILURE"}


def asked(headers: dict[str, str], body: bytes) -> dict[str, Any]:
    """The body of a call that lets PayPal verify."""
    given = {
        "auth_algo": headers.get("paypal-auth-algo", ""),
        "cert_url": headers.get("paypal-cert-url", ""),
        "transmission_id": headers.get("paypal-transmission-id", ""),
        "transmission_sig": headers.get("paypal-transmission-sig", ""),
        "transmission_time": headers.get("paypal-transmission-time", ""),
    }
    return {**given, "webhook_id": PAYPAL_WEBHOOK, "webhook_event": json.loads(body)}


async def test_tremendous_signs_with_the_webhook_s_key(
    tremendous: Tremendous, simulator: Simulator
) -> None:
    simulator.callbacks({"do": "forge", "event": "ORDERS.CANCELED"})
    async with receiver() as receiving:
        client = tremendous(callback_url=receiving.url)
        order = client.order("rejected@example.com").json()["order"]
        simulator.advance(days=1.01)
        assert await events(receiving, 2) == ["ORDERS.CREATED", "ORDERS.CANCELED"]
        created, forged = receiving.received
        assert created.json["payload"]["resource"] == {"id": order["id"], "type": "orders"}
        for one, right in ((created, True), (forged, False)):
            digest = hmac.new(TREMENDOUS_WEBHOOK_KEY.encode(), one.body, hashlib.sha256)
            signature = one.headers["tremendous-webhook-signature"]
            assert (signature == f"sha256={digest.hexdigest()}") == right


async def test_a_duplicate_is_the_same_event_twice(paypal: PayPal, simulator: Simulator) -> None:
    simulator.callbacks({"do": "duplicate", "event": SUCCEEDED, "copies": 3})
    async with receiver() as receiving:
        paypal(callback_url=receiving.url).paid()
        told = await events(receiving, 5)
        assert told.count(SUCCEEDED) == 3
        twice = [one.json["id"] for one in receiving.received]
        assert len(set(twice)) == 3


async def test_a_replay_is_the_same_to_the_byte(paypal: PayPal, simulator: Simulator) -> None:
    async with receiver() as receiving:
        paypal(callback_url=receiving.url).paid()
        await events(receiving, 3)
        simulator.replay(1)
        await events(receiving, 4)
        sent = simulator.sent()[1]
        again = receiving.received[3]
        assert again.body == sent["body"].encode()
        signature = sent["headers"]["PAYPAL-TRANSMISSION-SIG"]
        assert again.headers["paypal-transmission-sig"] == signature


async def test_a_delayed_callback_comes_after_later_ones(
    paypal: PayPal, simulator: Simulator
) -> None:
    simulator.callbacks({"do": "delay", "event": SUCCEEDED, "seconds": 0.3})
    async with receiver() as receiving:
        paypal(callback_url=receiving.url).paid()
        assert (await events(receiving, 3))[-1] == SUCCEEDED


async def test_what_is_held_comes_late_and_in_another_order(
    paypal: PayPal, simulator: Simulator
) -> None:
    simulator.callbacks({"do": "hold", "times": None})
    async with receiver() as receiving:
        client = paypal(callback_url=receiving.url, token_s=10**9)
        client.paid("claimed@example.com")
        simulator.advance(days=1.01)
        names = simulator.held()
        assert names[-1] == SUCCEEDED
        assert receiving.received == []
        simulator.reset()
        simulator.tell(client.payments[0].reference)
        assert await events(receiving, 1) == [SUCCEEDED]


async def test_held_callbacks_are_released_in_reverse(paypal: PayPal, simulator: Simulator) -> None:
    simulator.callbacks({"do": "hold", "event": "*ITEM*", "times": None})
    simulator.callbacks({"do": "drop", "times": None})
    async with receiver() as receiving:
        client = paypal(callback_url=receiving.url, token_s=10**9)
        client.paid("claimed@example.com")
        simulator.advance(days=1.01)
        assert simulator.release() == 2
        await events(receiving, 2)
        sent = [one["event"].rpartition(".")[2] for one in simulator.sent()]
        assert sent == ["SUCCEEDED", "UNCLAIMED"]


async def test_a_reversal_is_not_told(paypal: PayPal, simulator: Simulator) -> None:
    async with receiver() as receiving:
        client = paypal(callback_url=receiving.url, token_s=10**9)
        batch_id = client.paid("reversed@example.com")
        await events(receiving, 3)
        simulator.advance(days=1.01)
        assert client.item(batch_id)["transaction_status"] == "REVERSED"
        client.paid()
        told = await events(receiving, 6)
        assert not [name for name in told if "REVERS" in name]


async def test_what_is_not_answered_with_success_is_sent_again(
    paypal: PayPal, simulator: Simulator
) -> None:
    simulator.callbacks({"do": "drop", "event": "PAYMENT.PAYOUTSBATCH.*", "times": None})
    async with receiver() as receiving:
        receiving.answer = lambda _: 503 if len(receiving.received) < 2 else 200
        paypal(callback_url=receiving.url).paid()
        await events(receiving, 2)
        first, second = receiving.received
        assert first.json["id"] == second.json["id"]
        assert first.headers["paypal-transmission-id"] != second.headers["paypal-transmission-id"]
