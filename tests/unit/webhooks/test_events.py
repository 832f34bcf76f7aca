"""The exact bodies of webhooks, provider by provider and type by type."""

import json
from dataclasses import replace
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payviox.webhooks.events import TYPES, EventType, OrderEvent, body
from payviox.webhooks.samples import sample

ORDER = "01a202e8-721a-71df-8a38-548020e40686"
USER = "01a202e8-721a-71df-8a38-5490c8b1a6c4"

PAYPAL = OrderEvent(
    business_id=UUID(int=1),
    type="payout.succeeded",
    order_id=UUID(ORDER),
    rail_order_id="PP-1234",
    provider="paypal",
    payout_user_id=UUID(USER),
    email="jürgen@example.com",
    amount=5000,
    fees=50,
    net_amount=4950,
    destination={"email": "pp@example.com"},
    details={},
)
ROOT = (
    '{"amount":5000,"currency":"USD","fees":50,"net_amount":4950,'
    f'"metadata":{{"payout_user_id":"usr_{USER}"}},'
    '"type":"payout.succeeded","provider":"PROVIDER",'
    f'"order_id":"ord_{ORDER}","recipient":{{"email":"jürgen@example.com"}},'
)
CRYPTO = replace(
    PAYPAL,
    provider="crypto",
    rail_order_id="0xabc",
    destination={"currency": "USDT", "chain": "ERC20", "to_address": "0xdef"},
    details={
        "crypto_amount": "49.50",
        "tx_hash": "0xabc",
        "confirmations": 12,
        "network_fee": "0.002",
    },
)
GIFT_CARD = replace(
    PAYPAL,
    provider="gift_card",
    rail_order_id=None,
    destination={"product_id": "prd_1", "brand": "ACME", "country": "US"},
    details={"currency": "USD", "face_value": 5000, "code": "SECRET", "pin": "1234"},
)

BANK = replace(
    PAYPAL,
    provider="bank",
    rail_order_id=None,
    destination={
        "account": "bac_1",
        "scheme": "sepa",
        "country": "DE",
        "name": "Ada Lovelace",
        "masked": "DE89 •••• 3000",
        "payee": "1",
    },
    details={"end_to_end_id": "PVX1", "file": "bfl_1", "iban": "DE89370400440532013000"},
)


def test_a_paypal_body_is_exactly_what_the_documents_show() -> None:
    assert body(PAYPAL) == (
        ROOT.replace("PROVIDER", "paypal")
        + '"paypal":{"order_id":"PP-1234","email":"pp@example.com"}}'
    )


def test_a_crypto_body_is_exactly_what_the_documents_show() -> None:
    assert body(CRYPTO) == (
        ROOT.replace("PROVIDER", "crypto")
        + '"crypto":{"order_id":"0xabc","currency":"USDT","chain":"ERC20","crypto_amount":49.5,'
        '"usd_amount":50.0,"to_address":"0xdef","tx_hash":"0xabc","confirmations":12,'
        '"network_fee":0.002}}'
    )


def test_a_gift_card_body_names_the_card_and_never_its_code() -> None:
    assert body(GIFT_CARD) == (
        ROOT.replace("PROVIDER", "gift_card")
        + f'"gift_card":{{"order_id":"ord_{ORDER}","brand":"ACME","country":"US","currency":"USD",'
        '"face_value":5000}}'
    )


def test_a_bank_transfers_body_names_the_account_and_never_its_whole_number() -> None:
    assert body(BANK) == (
        ROOT.replace("PROVIDER", "bank")
        + f'"bank":{{"order_id":"ord_{ORDER}","scheme":"sepa","country":"DE",'
        '"name":"Ada Lovelace","masked":"DE89 •••• 3000","end_to_end_id":"PVX1","file":"bfl_1"}}'
    )


def test_what_is_not_known_yet_is_left_out_and_never_null() -> None:
    early = replace(CRYPTO, type="payout.created", rail_order_id=None, details={"tx_hash": None})
    assert json.loads(body(early))["crypto"] == {
        "order_id": f"ord_{ORDER}",
        "currency": "USDT",
        "chain": "ERC20",
        "usd_amount": 50.0,
        "to_address": "0xdef",
    }


def test_fees_of_nothing_and_a_net_amount_equal_to_the_amount_are_left_out() -> None:
    free = json.loads(body(replace(PAYPAL, fees=0, net_amount=5000)))
    assert list(free) == [
        "amount",
        "currency",
        "metadata",
        "type",
        "provider",
        "order_id",
        "recipient",
        "paypal",
    ]


@pytest.mark.parametrize("event_type", TYPES)
@pytest.mark.parametrize("event", [PAYPAL, CRYPTO, GIFT_CARD, BANK], ids=lambda e: e.provider)
def test_a_reason_is_told_on_a_rejection_alone(event: OrderEvent, event_type: EventType) -> None:
    sent = json.loads(body(replace(event, type=event_type, reason="No such person.")))
    assert sent.get("reason") == ("No such person." if event_type == "payout.rejected" else None)
    assert {"paypal", "crypto", "gift_card", "bank"} & set(sent) == {event.provider}
    assert sent["type"] == event_type
    assert "test_mode" not in sent
    assert "null" not in body(event)


@pytest.mark.parametrize("reason", [None, ""])
def test_a_rejection_without_a_note_has_no_reason(reason: str | None) -> None:
    assert "reason" not in body(replace(PAYPAL, type="payout.rejected", reason=reason))


@pytest.mark.parametrize("event_type", TYPES)
def test_a_test_webhook_says_so_last(event_type: EventType) -> None:
    sent = body(sample(UUID(int=1), event_type))
    assert sent.endswith(',"test_mode":true}')
    assert ("reason" in json.loads(sent)) == (event_type == "payout.rejected")
    assert sent != body(sample(UUID(int=1), event_type))


@given(st.decimals(min_value=0, max_value=10**12, places=18))
def test_every_decimal_is_written_exactly_and_without_an_exponent(value: Decimal) -> None:
    sent = body(replace(CRYPTO, details={"crypto_amount": str(value)}))
    written = sent.partition('"crypto_amount":')[2].partition(",")[0]
    assert Decimal(written) == value
    assert "E" not in written
    assert json.loads(sent, parse_float=Decimal)["crypto"]["crypto_amount"] == value


@given(st.integers(min_value=1, max_value=100_000_000))
def test_usd_amount_is_the_gross_amount_to_the_cent(cents: int) -> None:
    sent = json.loads(body(replace(CRYPTO, amount=cents)), parse_float=Decimal)
    assert sent["crypto"]["usd_amount"] * 100 == cents


@pytest.mark.parametrize("value", [0.1 + 0.2, "NaN", "Infinity", "fifty"])
def test_a_float_or_what_is_no_number_is_refused(value: object) -> None:
    with pytest.raises((TypeError, ValueError, ArithmeticError)):
        body(replace(CRYPTO, details={"crypto_amount": value}))
