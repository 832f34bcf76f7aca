"""Which webhooks are believed to be PayPal's: signatures made here with keys of our own, and every
way to forge one."""

import asyncio
import base64
import contextlib
import json
import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from hypothesis import given, settings
from hypothesis import strategies as st

from payviox.rails.fees import FeePolicy
from payviox.rails.http import Answer, Http, NotSent, Unclear
from payviox.rails.paypal import callbacks
from payviox.rails.paypal.callbacks import CERTIFICATES, FETCHES_PER_MINUTE, Verifier
from payviox.rails.protocol import Account, Callback, Forged, Named, RailError

pytestmark = pytest.mark.anyio

WEBHOOK = "1JE4291016473214C"
PATH = "/v1/notifications/certs/CERT-360caa42-fca2a594-a5cafa77"
SANDBOX = f"https://api.sandbox.paypal.com{PATH}"
LIVE = f"https://api.paypal.com{PATH}"

FAR_EAST = timezone(timedelta(hours=14))
KEY = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
STRANGER = rsa.generate_private_key(public_exponent=65_537, key_size=2048)

EVENT = {
    "id": "WH-1",
    "event_type": "PAYMENT.PAYOUTS-ITEM.SUCCEEDED",
    "resource": {
        "payout_batch_id": "BATCH1",
        "sender_batch_id": "ord_1.1",
        "payout_item": {"sender_item_id": "ord_1.1"},
    },
}
BODY = json.dumps(EVENT).encode()


def certificate(
    key: Any = KEY, start: timedelta = timedelta(days=-1), end: timedelta = timedelta(days=1)
) -> bytes:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "certs.example")])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now + start)
        .not_valid_after(now + end)
        .sign(key, SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )


CERTIFICATE = certificate()


class Served(Http):
    """Serves a certificate under every address and remembers which were asked for."""

    def __init__(self, body: bytes = CERTIFICATE, status: int = 200) -> None:
        super().__init__()
        self.answer: Answer | Exception = Answer(status, {}, body)
        self.asked: list[str] = []

    async def request(self, method: str, url: str, **_: Any) -> Answer:
        self.asked.append(f"{method} {url}")
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def account(**settings: Any) -> Account:
    given = {"webhook_id": WEBHOOK, **settings}
    return Account(uuid4(), "paypal", "sandbox", True, None, None, None, FeePolicy(), given, {})


def signed(
    body: bytes = BODY,
    *,
    key: Any = KEY,
    digest: Any = None,
    webhook: str = WEBHOOK,
    age: timedelta = timedelta(0),
    **changed: str | None,
) -> dict[str, str]:
    at = (datetime.now(UTC) - age).strftime("%Y-%m-%dT%H:%M:%SZ")
    message = f"T-1|{at}|{webhook}|{zlib.crc32(body)}".encode()
    signature = key.sign(message, padding.PKCS1v15(), digest or SHA256())
    headers = {
        "paypal-transmission-id": "T-1",
        "paypal-transmission-time": at,
        "paypal-transmission-sig": base64.b64encode(signature).decode(),
        "paypal-cert-url": SANDBOX,
        "paypal-auth-algo": "SHA256withRSA",
    }
    for name, value in changed.items():
        header = f"paypal-{name.replace('_', '-')}"
        headers.pop(header) if value is None else headers.update({header: value})
    return headers


async def parse(
    headers: dict[str, str],
    body: bytes = BODY,
    http: Served | None = None,
    of: Account | None = None,
) -> Callback:
    return await Verifier(http or Served()).callback(of or account(), headers, body)


async def test_a_signed_event_names_its_payment() -> None:
    http = Served()
    assert await parse(signed(), http=http) == Callback("WH-1", (Named("ord_1.1", "BATCH1"),))
    assert http.asked == [f"GET {SANDBOX}"]


async def test_an_event_about_a_batch_names_it() -> None:
    header = {"payout_batch_id": "B", "sender_batch_header": {"sender_batch_id": "ord_2.1"}}
    body = json.dumps({"id": "WH-2", "resource": {"batch_header": header}}).encode()
    assert await parse(signed(body), body) == Callback("WH-2", (Named("ord_2.1", "B"),))


@pytest.mark.parametrize(
    "resource",
    [None, {}, 7, {"payout_item": 7, "payout_batch_id": ["B"]}],
)
async def test_an_event_about_something_else_names_nothing(resource: object) -> None:
    body = json.dumps({"id": "WH-3", "resource": resource}).encode()
    assert await parse(signed(body), body) == Callback("WH-3")


async def test_the_checksum_is_of_the_bytes_as_they_came() -> None:
    body = b'{"id": "WH-\xc3\xa9",\n  "resource": {} }'
    assert (await parse(signed(body), body)).event_id == "WH-\u00e9"


FORGERIES: dict[str, Callable[[], dict[str, str]]] = {
    "signed with another key": lambda: signed(key=STRANGER),
    "signed for another webhook": lambda: signed(webhook="OTHER"),
    "signed over another body": lambda: signed(b'{"id": "WH-9"}'),
    "signed with a weaker digest": lambda: signed(digest=SHA1()),
    "not base64": lambda: signed(transmission_sig="§§§"),
    "no signature": lambda: signed(transmission_sig=""),
    "a short signature": lambda: signed(transmission_sig="AAAA"),
    "another id": lambda: signed(transmission_id="T-2"),
    "another time": lambda: signed(transmission_time="2026-03-01T00:00:00+00:00"),
    "no time": lambda: signed(transmission_time="yesterday"),
    "a time that UTC cannot tell": lambda: signed(transmission_time="0001-01-01T00:00:00+14:00"),
    "another one": lambda: signed(transmission_time="9999-12-31T23:59:59-14:00"),
    "a week old": lambda: signed(age=timedelta(days=7)),
    "from the future": lambda: signed(age=timedelta(hours=-1)),
    "another algorithm": lambda: signed(auth_algo="SHA1withRSA"),
    "no algorithm": lambda: signed(auth_algo="none"),
    **{
        f"without {name}": lambda name=name: signed(**{name: None})  # type: ignore[misc]  # bound now
        for name in ("transmission_id", "transmission_time", "transmission_sig", "cert_url")
    },
    "a header without end": lambda: signed(transmission_id="x" * 2000),
}


@pytest.mark.parametrize("how", FORGERIES)
async def test_a_forged_event_is_refused(how: str) -> None:
    with pytest.raises(Forged) as refused:
        await parse(FORGERIES[how]())
    assert str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        f"http://api.sandbox.paypal.com{PATH}",
        LIVE,
        f"https://api.sandbox.paypal.com.evil.example{PATH}",
        f"https://evil.example/{SANDBOX}",
        f"https://api.sandbox.paypal.com@evil.example{PATH}",
        f"https://user@api.sandbox.paypal.com{PATH}",
        f"https://api.sandbox.paypal.com:8443{PATH}",
        f"https://api.sandbox.paypal.com:port{PATH}",
        f"https://[api.sandbox.paypal.com{PATH}",
        f"{SANDBOX}?x=1",
        f"{SANDBOX}#x",
        f"{SANDBOX}/../../other",
        "https://api.sandbox.paypal.com/v1/notifications/certs/../../upload",
        "https://api.sandbox.paypal.com/somebody/uploads/cert.pem",
        "https://api.sandbox.paypal.com/v1/notifications/certs/anything",
        f"{SANDBOX}{'0' * 100}",
        f"{SANDBOX}\u0660",
        "https://www.paypalobjects.com/cert.pem",
        "https://api.sandbox.paypal.com\\@evil.example/v1/notifications/certs/CERT-1",
        "file:///etc/passwd",
        "CERT-1",
    ],
)
async def test_a_certificate_from_anywhere_else_is_not_even_fetched(url: str) -> None:
    http = Served()
    with pytest.raises(Forged):
        await parse(signed(cert_url=url), http=http)
    assert http.asked == []


async def test_live_accounts_believe_the_live_host_alone() -> None:
    live = replace(account(), environment="live")
    assert (await parse(signed(cert_url=LIVE), of=live)).event_id == "WH-1"
    with pytest.raises(Forged):
        await parse(signed(cert_url=SANDBOX), of=live)


async def test_an_account_with_an_address_of_its_own_believes_that_too() -> None:
    own = account(base_url="http://127.0.0.1:8100")
    http = Served()
    await parse(signed(cert_url=f"http://127.0.0.1:8100{PATH}"), http=http, of=own)
    assert http.asked == [f"GET http://127.0.0.1:8100{PATH}"]
    for other in ("http://127.0.0.1:8101", "http://localhost:8100", "https://127.0.0.1:8100"):
        with pytest.raises(Forged):
            await parse(signed(cert_url=f"{other}{PATH}"), of=own)


@pytest.mark.parametrize(
    ("start", "end"),
    [(timedelta(days=-2), timedelta(days=-1)), (timedelta(days=1), timedelta(days=2))],
)
async def test_a_certificate_that_is_not_valid_now_proves_nothing(
    start: timedelta, end: timedelta
) -> None:
    with pytest.raises(Forged):
        await parse(signed(), http=Served(certificate(KEY, start, end)))


async def test_a_certificate_must_have_a_key_of_some_strength() -> None:
    short = rsa.generate_private_key(public_exponent=65_537, key_size=1024)
    with pytest.raises(Forged):
        await parse(signed(key=short), http=Served(certificate(short)))
    with pytest.raises(Forged):
        await parse(signed(), http=Served(certificate(ec.generate_private_key(ec.SECP256R1()))))


async def test_a_certificate_that_paypal_does_not_have_proves_nothing() -> None:
    with pytest.raises(Forged):
        await parse(signed(), http=Served(b"", 404))


@pytest.mark.parametrize(
    "answer",
    [
        NotSent("refused"),
        Unclear("timed out"),
        Answer(500, {}, b""),
        Answer(302, {"location": "https://evil.example/"}, b""),
        Answer(200, {}, b"<html>"),
        Answer(200, {}, b""),
    ],
)
async def test_without_the_certificate_it_is_not_known_whether_it_is_forged(
    answer: Answer | Exception,
) -> None:
    http = Served()
    http.answer = answer
    with pytest.raises(RailError):
        await parse(signed(), http=http)


async def test_a_certificate_is_fetched_once() -> None:
    http = Served()
    verifier, one = Verifier(http), account()
    for _ in range(3):
        await verifier.callback(one, signed(), BODY)
    assert len(http.asked) == 1


async def test_strangers_can_neither_fill_the_memory_nor_have_us_fetch_for_ever() -> None:
    http = Served()
    verifier, one = Verifier(http), account()
    assert await use_up(verifier, one, FETCHES_PER_MINUTE + 5) == 5
    assert len(http.asked) == FETCHES_PER_MINUTE
    for number in range(FETCHES_PER_MINUTE):
        with contextlib.suppress(RailError):
            await verifier.callback(one, signed(cert_url=f"{SANDBOX}{number}"), BODY)
    assert len(http.asked) == FETCHES_PER_MINUTE
    assert len(verifier._shelves[one.business_id].kept) == CERTIFICATES


async def use_up(verifier: Verifier, one: Account, calls: int) -> int:
    """Have so many certificates fetched; answers how often that was too many."""
    refused = 0
    for number in range(calls):
        try:
            await verifier.callback(one, signed(cert_url=f"{SANDBOX}{number}"), BODY)
        except RailError:
            refused += 1
    return refused


async def test_strangers_at_one_business_keep_nothing_from_another() -> None:
    verifier = Verifier(Served())
    assert await use_up(verifier, account(), FETCHES_PER_MINUTE + 1) == 1
    assert (await verifier.callback(account(), signed(), BODY)).event_id == "WH-1"


async def test_a_known_certificate_serves_while_it_cannot_be_fetched_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(callbacks, "CERTIFICATE_S", -1.0)
    http = Served()
    verifier, one = Verifier(http), account()
    await verifier.callback(one, signed(), BODY)
    http.answer = Unclear("timed out")
    assert (await verifier.callback(one, signed(), BODY)).event_id == "WH-1"
    await use_up(verifier, one, FETCHES_PER_MINUTE)
    asked = len(http.asked)
    assert (await verifier.callback(one, signed(), BODY)).event_id == "WH-1"
    assert len(http.asked) == asked
    with pytest.raises(Forged):
        await verifier.callback(one, signed(key=STRANGER), BODY)


async def test_a_certificate_that_paypal_has_withdrawn_proves_nothing_any_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(callbacks, "CERTIFICATE_S", -1.0)
    http = Served()
    verifier, one = Verifier(http), account()
    await verifier.callback(one, signed(), BODY)
    http.answer = Answer(404, {}, b"")
    with pytest.raises(Forged):
        await verifier.callback(one, signed(), BODY)
    http.answer = Unclear("timed out")
    with pytest.raises(RailError):
        await verifier.callback(one, signed(), BODY)


LATIN = st.text(st.characters(max_codepoint=255), max_size=60)
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=10,
)
TIMES = st.datetimes(timezones=st.timezones() | st.just(FAR_EAST)).map(str) | st.just(
    "0001-01-01T00:00:00+14:00"
)
URLS = LATIN.map(SANDBOX.__add__) | LATIN.map("https://".__add__) | st.just(SANDBOX)
NAMES = ("resource", "payout_item", "batch_header", "sender_batch_header", "sender_batch_id", "id")
EVENTS = st.recursive(
    st.dictionaries(st.sampled_from(NAMES), JSON),
    lambda inner: st.dictionaries(st.sampled_from(NAMES), inner | JSON),
    max_leaves=5,
)


@given(
    changed=st.fixed_dictionaries(
        {},
        optional={
            "transmission_id": LATIN,
            "transmission_time": TIMES | LATIN,
            "transmission_sig": LATIN,
            "cert_url": URLS | LATIN,
            "auth_algo": LATIN,
        },
    ),
    body=st.binary(max_size=60) | EVENTS.map(json.dumps).map(str.encode),
)
@settings(max_examples=300, deadline=None)
def test_whatever_is_sent_is_forged_or_an_event(changed: dict[str, str], body: bytes) -> None:
    """Nobody needs a key to get so far."""
    try:
        found = asyncio.run(parse(signed(body, **changed), body))
    except (Forged, RailError):
        return
    assert found.event_id
    names = {one.reference for one in found.named} | {one.rail_order_id for one in found.named}
    for told in (found.event_id, *(names - {None})):
        assert told
        assert told.isprintable()


@pytest.mark.parametrize(
    "body", [b"", b"x", b"[]", b"7", b"{}", b'{"id": 7}', b'{"id": ""}', b"[" * 100_000]
)
async def test_a_body_that_is_no_event_is_refused(body: bytes) -> None:
    with pytest.raises(Forged):
        await parse(signed(body), body)


async def test_without_a_webhook_id_nothing_can_be_verified() -> None:
    with pytest.raises(Forged):
        await parse(signed(), of=account(webhook_id=None))
