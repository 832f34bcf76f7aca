"""The Python client's verification of webhooks, against what the product signs."""

import json
import time

import pytest
from payviox_client.webhooks import InvalidSignature, verify, verify_signature

from payviox.webhooks.signing import new_token, sign

TOKEN, OTHER = new_token(), new_token()
BODY = json.dumps({"type": "payout.succeeded", "amount": 5_000}).encode()


def signed(*, token: str = TOKEN, age_s: int = 0) -> dict[str, str]:
    return sign(token, BODY, "evt_1", int(time.time()) - age_s)


def test_what_the_product_signed_is_read() -> None:
    assert verify(BODY, signed(), TOKEN)["amount"] == 5_000
    upper = {name.upper(): value for name, value in signed().items()}
    assert verify(BODY, upper, TOKEN)["type"] == "payout.succeeded"


def test_while_a_token_is_changed_either_will_do_but_both_signatures_by_one() -> None:
    old, new = signed(token=OTHER), signed()
    waiting = old | {"webhook-signature": f"{old['webhook-signature']} {new['webhook-signature']}"}
    mixed = old | {"webhook-signature": new["webhook-signature"]}

    assert verify(BODY, waiting, OTHER)
    assert verify(BODY, waiting, [OTHER, TOKEN])
    assert verify(BODY, new, [OTHER, TOKEN])
    with pytest.raises(InvalidSignature):
        verify(BODY, mixed, [OTHER, TOKEN])


@pytest.mark.parametrize("age_s", [290, -290])
def test_a_clock_may_differ_by_the_tolerance(age_s: int) -> None:
    assert verify(BODY, signed(age_s=age_s), TOKEN)
    with pytest.raises(InvalidSignature, match="clock"):
        verify(BODY, signed(age_s=age_s), TOKEN, tolerance_s=200)


@pytest.mark.parametrize("age_s", [320, -320, 86_400])
def test_a_replay_of_an_old_delivery_is_refused(age_s: int) -> None:
    with pytest.raises(InvalidSignature, match="clock"):
        verify(BODY, signed(age_s=age_s), TOKEN)
    assert verify(BODY, signed(age_s=age_s), TOKEN, tolerance_s=100_000)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Signature", "0" * 64),
        ("Signature", "é"),
        ("Signature", ""),
        ("webhook-signature", "v1,AAAA"),
        ("webhook-signature", ""),
        ("webhook-id", "evt_2"),
        ("webhook-timestamp", "NaN"),
        ("webhook-timestamp", "²"),
        ("webhook-timestamp", "9" * 5_000),
    ],
)
def test_a_changed_header_is_refused(name: str, value: str) -> None:
    with pytest.raises(InvalidSignature):
        verify(BODY, signed() | {name: value}, TOKEN)


@pytest.mark.parametrize(
    "name", ["Signature", "webhook-id", "webhook-timestamp", "webhook-signature"]
)
def test_a_missing_header_is_refused_and_named(name: str) -> None:
    headers = signed()
    del headers[name]
    with pytest.raises(InvalidSignature, match=name.lower()):
        verify(BODY, headers, TOKEN)


def test_a_changed_body_and_another_token_are_refused() -> None:
    for body, token in ((BODY.replace(b"5000", b"5001"), TOKEN), (BODY, OTHER), (b"", TOKEN)):
        with pytest.raises(InvalidSignature):
            verify(body, signed(), token)
        with pytest.raises(InvalidSignature):
            verify_signature(body, signed()["Signature"], token)


def test_a_delivery_with_the_old_signature_alone_can_be_verified() -> None:
    assert verify_signature(BODY, signed()["Signature"], [OTHER, TOKEN])["amount"] == 5_000


@pytest.mark.parametrize("tokens", ["", [], ["whsec_***"], "whsec_é"])
def test_a_token_that_is_none_is_an_error_of_its_own(tokens: str | list[str]) -> None:
    with pytest.raises(ValueError, match="token"):
        verify(BODY, signed(), tokens)
