"""Which of Tremendous's webhooks are believed to be its own, and what they are about."""

import hashlib
import hmac
import json
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payviox.rails.fees import FeePolicy
from payviox.rails.protocol import Account, Forged
from payviox.rails.tremendous.callbacks import HEADER, Event, read_event

KEY = "jXjdU8dozx571TG6YzL4"


def account(**credentials: str) -> Account:
    return Account(
        uuid4(), "tremendous", "sandbox", True, None, None, None, FeePolicy(), {}, credentials
    )


def event(**resource: Any) -> bytes:
    payload = {"resource": resource, "meta": {}}
    made = {"event": "ORDERS.CANCELED", "uuid": "6f1d", "created_utc": "2026-03-01T12:00:00Z"}
    return json.dumps(made | {"payload": payload}).encode()


def signature(body: bytes, key: str = KEY) -> str:
    return "sha256=" + hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


def read(body: bytes, header: str | None = None, **credentials: str) -> Event:
    given = {HEADER: signature(body) if header is None else header}
    return read_event(account(**(credentials or {"webhook_key": KEY})), given, body)


def test_a_signed_event_names_its_order() -> None:
    assert read(event(id="SOMEORDERID", type="orders")) == Event("6f1d", order_id="SOMEORDERID")


def test_an_event_about_a_reward_names_its_order_where_it_says_it() -> None:
    assert read(event(id="REWARD", type="rewards")) == Event("6f1d", reward_id="REWARD")
    told = read(event(id="REWARD", type="rewards", order_id="ORDER"))
    assert told == Event("6f1d", order_id="ORDER", reward_id="REWARD")


@pytest.mark.parametrize("kind", ["funding_sources", "products", None, 7, ["orders"]])
def test_an_event_about_something_else_names_nothing(kind: object) -> None:
    assert read(event(id="SOMETHING", type=kind)) == Event("6f1d")


BODY = event(id="SOMEORDERID", type="orders")
RIGHT = signature(BODY)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "sha256=",
        RIGHT.removeprefix("sha256="),
        RIGHT.upper(),
        RIGHT[:-1],
        RIGHT + "0",
        " " + RIGHT,
        RIGHT.replace("sha256", "sha1"),
        "sha256=" + "0" * 64,
        signature(BODY, "another key"),
        signature(BODY + b" "),
        "sha256=\u0661",
    ],
)
def test_an_event_with_any_other_signature_is_forged(header: str) -> None:
    with pytest.raises(Forged):
        read(BODY, header)


def test_an_event_without_a_signature_is_forged() -> None:
    with pytest.raises(Forged):
        read_event(account(webhook_key=KEY), {}, BODY)


@pytest.mark.parametrize("credentials", [{"api_key": "TEST_x"}, {"webhook_key": ""}])
def test_without_a_webhook_key_nothing_is_believed_and_the_reason_says_so(
    credentials: dict[str, str],
) -> None:
    with pytest.raises(Forged, match="webhook_key"):
        read(BODY, signature(BODY, ""), **credentials)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"uuid": 7}',
        b'{"uuid": ""}',
        b'{"uuid": "a\\u0000"}',
        b'{"uuid": "\\ud800"}',
        b"\xff",
        b"[" * 100_000,
    ],
)
def test_a_signed_body_that_names_no_event_is_refused(body: bytes) -> None:
    with pytest.raises(Forged):
        read(body)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=10,
)
NAMES = ("uuid", "payload", "resource", "meta", "type", "id", "order_id")
EVENTS = st.recursive(
    st.dictionaries(st.sampled_from(NAMES), JSON | st.sampled_from(["orders", "rewards", "X"])),
    lambda inner: st.dictionaries(st.sampled_from(NAMES), inner | JSON),
    max_leaves=5,
)
LATIN = st.text(st.characters(max_codepoint=255), max_size=80)


@given(
    header=LATIN | st.none(), body=st.binary(max_size=60) | EVENTS.map(json.dumps).map(str.encode)
)
@settings(max_examples=300, deadline=None)
def test_whatever_is_sent_is_forged_or_an_event(header: str | None, body: bytes) -> None:
    try:
        found = read(body, header)
    except Forged:
        return
    for told in (found.id, found.order_id, found.reward_id):
        assert told is None or (told and told.isprintable())
