"""What a refused submission means: not sent, failed, unknown, or had before."""

import json
from typing import Any

import pytest

from payviox.rails.failures import failed
from payviox.rails.http import Answer
from payviox.rails.paypal import reasons, refusals

BASE = "https://api-m.sandbox.paypal.com"


def refusal(status: int, name: str | None, *details: dict[str, Any], **more: Any) -> Any:
    body = {"name": name, "message": "…", "debug_id": "f77", "details": list(details), **more}
    return refusals.read(Answer(status, {}, json.dumps(body).encode()))


def duplicate(href: object, **more: Any) -> Any:
    detail = {
        "field": "SENDER_BATCH_ID",
        "location": "body",
        "issue": "Batch with given sender_batch_id already exists",
        "link": [{"href": href, "rel": "self", "method": "GET"}],
    }
    return refusal(400, "USER_BUSINESS_ERROR", detail | more)


@pytest.mark.parametrize(
    "host",
    [
        "https://api-m.sandbox.paypal.com",
        "https://api.sandbox.paypal.com",
        "https://api.paypal.com",
    ],
)
def test_a_duplicate_names_the_first_batch_whatever_host_of_paypals_it_links_to(host: str) -> None:
    found = duplicate(f"{host}/v1/payments/payouts/LXVBBMVWA2GK6")
    assert found.is_duplicate
    assert refusals.first_batch(found, BASE) == "LXVBBMVWA2GK6"


def test_the_link_may_be_where_the_published_document_has_it() -> None:
    links = [{"href": f"{BASE}/v1/payments/payouts/ABC", "rel": "self"}]
    detail = {"field": "SENDER_BATCH_ID", "issue": "Duplicate batch request"}
    found = refusal(400, "USER_BUSINESS_ERROR", detail, links=links)
    assert found.is_duplicate
    assert refusals.first_batch(found, BASE) == "ABC"


@pytest.mark.parametrize(
    "href",
    [
        None,
        7,
        "",
        "https://evil.example/v1/payments/payouts/ABC",
        "https://api.paypal.com.evil.example/v1/payments/payouts/ABC",
        "https://evilpaypal.com/v1/payments/payouts/ABC",
        "https://api.paypal.com@evil.example/v1/payments/payouts/ABC",
        "http://api.paypal.com/v1/payments/payouts/ABC",
        "https://api.paypal.com/v1/payments/payouts/",
        "https://api.paypal.com/v1/payments/payouts/A/B",
        "https://api.paypal.com/v1/payments/payouts/..%2Fother",
        "https://developer.paypal.com/docs/api/payments.payouts-batch/#errors",
        "https://[api.paypal.com/v1/payments/payouts/ABC",
    ],
)
def test_no_batch_is_taken_from_another_link(href: object) -> None:
    assert refusals.first_batch(duplicate(href), BASE) is None


def test_a_duplicate_is_nothing_but_paypals_own_word_for_it() -> None:
    detail = {"field": "SENDER_BATCH_ID", "issue": "…"}
    assert refusal(400, "USER_BUSINESS_ERROR", detail).is_duplicate
    assert not refusal(400, "VALIDATION_ERROR", detail).is_duplicate
    assert not refusal(500, "USER_BUSINESS_ERROR", detail).is_duplicate
    assert not refusal(400, "USER_BUSINESS_ERROR").is_duplicate
    assert not refusal(400, "USER_BUSINESS_ERROR", {"field": "items[0].receiver"}).is_duplicate


def test_a_refusal_that_may_hide_a_duplicate_is_unknown() -> None:
    assert refusals.outcome(refusal(400, "USER_BUSINESS_ERROR")).state == "unknown"
    assert refusals.outcome(refusal(400, "PREVIOUS_REQUEST_IN_PROGRESS")).state == "unknown"


@pytest.mark.parametrize("status", [400, 403, 422])
@pytest.mark.parametrize("name", sorted(reasons.FLOAT_EMPTY))
def test_an_empty_float_was_not_sent(status: int, name: str) -> None:
    for found in (refusal(status, name), refusal(status, "SOMETHING", {"issue": name})):
        outcome = refusals.outcome(found)
        assert (outcome.state, outcome.waiting) == ("not_sent", "float_empty")


@pytest.mark.parametrize("name", sorted(reasons.ACCOUNT_RESTRICTED))
def test_trouble_of_the_senders_account_was_not_sent(name: str) -> None:
    outcome = refusals.outcome(refusal(403, name))
    assert (outcome.state, outcome.waiting) == ("not_sent", "account_restricted")


@pytest.mark.parametrize("name", ["REQUIRED_SCOPE_MISSING", "NOT_AUTHORIZED", None])
def test_a_missing_permission_was_not_sent(name: str | None) -> None:
    outcome = refusals.outcome(refusal(403, name))
    assert (outcome.state, outcome.waiting) == ("not_sent", "credentials_refused")


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ("items[0].receiver", failed("bad_email")),
        ("/items/0/receiver", failed("bad_email")),
        ("items[0].amount.value", failed("bad_amount")),
        ("sender_batch_header.email_subject", failed("refused")),
    ],
)
def test_a_payment_that_paypal_does_not_accept_fails_with_a_reason(field: str, reason: str) -> None:
    outcome = refusals.outcome(refusal(400, "VALIDATION_ERROR", {"field": field, "issue": "bad"}))
    assert (outcome.state, outcome.reason, outcome.retryable) == ("failed", reason, False)


@pytest.mark.parametrize("name", sorted(reasons.FAILURES))
def test_a_refusal_for_the_payees_sake_fails_with_its_reason(name: str) -> None:
    outcome = refusals.outcome(refusal(422, "UNPROCESSABLE_ENTITY", {"issue": name}))
    assert (outcome.state, outcome.reason) == ("failed", failed(reasons.FAILURES[name]))


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408, 409, 301, 302, 307, 499])
def test_whatever_may_have_been_acted_on_is_unknown(status: int) -> None:
    for name in ("INTERNAL_SERVER_ERROR", "INSUFFICIENT_FUNDS", "VALIDATION_ERROR", None):
        assert refusals.outcome(refusal(status, name)).state == "unknown"


@pytest.mark.parametrize("status", sorted(refusals.NOT_TAKEN))
def test_an_address_that_is_not_paypals_was_not_sent_to(status: int) -> None:
    outcome = refusals.outcome(refusal(status, None))
    assert (outcome.state, outcome.waiting) == ("not_sent", "rail_unreachable")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"\xff", b'{"name": 7, "details": {}}'])
def test_a_refusal_without_words_is_unknown(body: bytes) -> None:
    found = refusals.read(Answer(400, {}, body))
    assert not found.is_duplicate
    assert refusals.outcome(found).state == "unknown"


def test_the_evidence_names_the_error_and_not_the_payee() -> None:
    detail = {"field": "items[0].receiver", "value": "ada@example.com", "issue": "bad"}
    evidence = refusals.outcome(refusal(400, "VALIDATION_ERROR", detail)).evidence
    assert evidence["error_name"] == "VALIDATION_ERROR"
    assert (evidence["http_status"], evidence["debug_id"]) == (400, "f77")
    assert "ada@example.com" not in json.dumps(evidence)
