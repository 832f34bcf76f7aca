"""Our signatures, checked by the published Standard Webhooks library and by known answers."""

import hashlib
import hmac
import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from payviox.webhooks.signing import new_token, sign

BODY = '{"amount":5000,"type":"payout.succeeded","note":"é"}'.encode()
VERIFICATION_HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")


def verify(token: str, body: bytes, headers: dict[str, str]) -> None:
    Webhook(token).verify(body, headers, json_parse=False)


def test_a_token_is_whsec_and_32_bytes_and_never_the_same() -> None:
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert all(token.startswith("whsec_") and len(token) == 6 + 44 for token in tokens)


def test_the_signatures_of_a_known_token_and_body_never_change() -> None:
    token = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
    assert sign(token, b'{"type":"payout.succeeded"}', "evt_1", 1_700_000_000) == {
        "Content-Type": "application/json",
        "Signature": "cf56f9dbc354c9249ed6c20792c5cefcabd4d1ead1734172eed9a04fa031bcb7",
        "webhook-id": "evt_1",
        "webhook-timestamp": "1700000000",
        "webhook-signature": "v1,lCA0gE/pUFTZIZX1NjA/Ds/R5G1ndol7qDidi3xE0T8=",
    }


@given(st.text().map(str.encode))
def test_the_published_library_accepts_every_body_and_so_does_plain_hmac(body: bytes) -> None:
    token = new_token()
    headers = sign(token, body, "evt_018f", int(time.time()))
    verify(token, body, headers)
    assert headers["Signature"] == hmac.new(token.encode(), body, hashlib.sha256).hexdigest()


@pytest.mark.parametrize("name", VERIFICATION_HEADERS)
def test_a_changed_or_missing_header_is_rejected(name: str) -> None:
    token = new_token()
    headers = sign(token, BODY, "evt_1", int(time.time()))
    other = sign(new_token(), BODY, "evt_2", int(time.time()) - 1)[name]
    with pytest.raises(WebhookVerificationError):
        verify(token, BODY, headers | {name: other})
    with pytest.raises(WebhookVerificationError):
        verify(token, BODY, headers | {name: ""})


def test_a_changed_body_or_another_token_is_rejected() -> None:
    token = new_token()
    headers = sign(token, BODY, "evt_1", int(time.time()))
    with pytest.raises(WebhookVerificationError):
        verify(token, BODY.replace(b"5000", b"5001"), headers)
    with pytest.raises(WebhookVerificationError):
        verify(new_token(), BODY, headers)


def test_a_replay_is_rejected_by_its_time() -> None:
    token = new_token()
    old = sign(token, BODY, "evt_1", datetime.now(UTC) - timedelta(minutes=6))
    with pytest.raises(WebhookVerificationError, match="too old"):
        verify(token, BODY, old)


def test_while_a_token_rotates_signatures_of_both_may_be_sent_in_one_header() -> None:
    old, new = new_token(), new_token()
    now = int(time.time())
    headers = sign(old, BODY, "evt_1", now)
    headers["webhook-signature"] += " " + sign(new, BODY, "evt_1", now)["webhook-signature"]
    verify(old, BODY, headers)
    verify(new, BODY, headers)


def test_a_datetime_and_its_unix_seconds_sign_alike() -> None:
    token = new_token()
    moment = datetime(2026, 1, 2, 3, 4, 5, 999_999, tzinfo=UTC)
    assert sign(token, BODY, "e", moment) == sign(token, BODY, "e", 1_767_323_045)


def test_a_naive_time_and_a_malformed_token_are_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        sign(new_token(), BODY, "e", datetime(2026, 1, 2))  # noqa: DTZ001  # the fault itself
    for token in ("", "AAAA", "whsec_not base64!"):
        with pytest.raises(ValueError):
            sign(token, BODY, "e", 0)
