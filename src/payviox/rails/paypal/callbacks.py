"""PayPal's webhooks: is it PayPal's, and which payments is it about. The signature is RSA-SHA256
over `transmission id|time|webhook id|CRC-32 of the body`, by a certificate that PayPal serves.

The certificate is trusted because it came by TLS from PayPal's own host: its chain to a public root
is checked for the connection, not once more for the certificate itself."""

import base64
import binascii
import json
import re
import time
import zlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from aiolimiter import AsyncLimiter
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from payviox.rails.http import Answer, Http, NotSent, Unclear
from payviox.rails.paypal.payments import as_object, moment, text
from payviox.rails.paypal.tokens import base_url
from payviox.rails.protocol import Account, Callback, Forged, Named, RailError

ALGORITHM = "SHA256withRSA"
HOSTS = {
    "live": frozenset({"api.paypal.com", "api-m.paypal.com"}),
    "sandbox": frozenset({"api.sandbox.paypal.com", "api-m.sandbox.paypal.com"}),
}
PATH = re.compile(r"/v1/notifications/certs/CERT-[A-Za-z0-9-]{1,64}", re.ASCII)

OLDEST = timedelta(days=4)
"""PayPal tries a webhook for three days. Late or repeated ones do no harm: they are only hints."""

NEWEST = timedelta(minutes=10)
LEAST_KEY_BITS = 2048

CERTIFICATES, CERTIFICATE_S = 16, 24 * 3600.0
"""So many are kept for each business. After so long one is fetched again, in case PayPal has
withdrawn it."""

FETCHES_PER_MINUTE = 30
"""For each business: anybody can name certificates for us to fetch from PayPal."""


@dataclass(frozen=True, slots=True)
class _Kept:
    key: RSAPublicKey
    not_before: datetime
    not_after: datetime
    until: float


@dataclass(slots=True)
class _Shelf:
    """One business's certificates by address, the longest unused first. Who uses up its fetches
    keeps nothing from the others."""

    kept: OrderedDict[str, _Kept] = field(default_factory=OrderedDict)
    fetches: AsyncLimiter = field(default_factory=lambda: AsyncLimiter(FETCHES_PER_MINUTE))


class Verifier:
    """Verifies callbacks; keeps certificates."""

    def __init__(self, http: Http) -> None:
        self._http = http
        self._shelves: dict[UUID, _Shelf] = {}

    async def callback(self, account: Account, headers: Mapping[str, str], body: bytes) -> Callback:
        """Raises Forged, and RailError where the certificate cannot be fetched just now."""
        webhook_id = account.settings.get("webhook_id")
        if not isinstance(webhook_id, str) or not webhook_id:
            raise Forged("the account has no webhook id to verify it with")
        signed_headers = _headers(headers)
        now = datetime.now(UTC)
        _check_time(signed_headers["time"], now)
        if signed_headers["algo"] != ALGORITHM:
            raise Forged(f"signed by another algorithm than {ALGORITHM}")
        signature = _signature(signed_headers["sig"])
        event = _event(body)
        url = _certificate_url(account, signed_headers["cert-url"])
        shelf = self._shelves.setdefault(account.business_id, _Shelf())
        certificate = await self._certificate(shelf, url)
        if not certificate.not_before <= now <= certificate.not_after:
            raise Forged("the certificate is not valid now")
        signed = f"{signed_headers['id']}|{signed_headers['time']}|{webhook_id}|{zlib.crc32(body)}"
        try:
            certificate.key.verify(signature, signed.encode(), PKCS1v15(), SHA256())
        except InvalidSignature as error:
            raise Forged("the signature is wrong") from error
        return read(event)

    async def _certificate(self, shelf: _Shelf, url: str) -> _Kept:
        certificate = shelf.kept.get(url)
        if certificate is None or time.monotonic() >= certificate.until:
            try:
                certificate = await self._fetch(shelf, url)
            except RailError:
                if certificate is None:
                    raise
            except Forged:
                shelf.kept.pop(url, None)
                raise
        shelf.kept[url] = certificate
        shelf.kept.move_to_end(url)
        while len(shelf.kept) > CERTIFICATES:
            shelf.kept.popitem(last=False)
        return certificate

    async def _fetch(self, shelf: _Shelf, url: str) -> _Kept:
        if not shelf.fetches.has_capacity():
            raise RailError("Too many certificates are being fetched; PayPal sends it again.")
        await shelf.fetches.acquire()
        try:
            answer = await self._http.request("GET", url)
        except (NotSent, Unclear) as error:
            raise RailError(f"PayPal's certificate cannot be fetched: {error}") from error
        return _read_certificate(answer)


def read(event: Mapping[str, Any]) -> Callback:
    """The payments that an event is about. Raises Forged where it has no id."""
    event_id = text(event.get("id"))
    if event_id is None:
        raise Forged("the event has no id")
    resource = as_object(event.get("resource"))
    header = as_object(resource.get("batch_header"))
    references = (
        as_object(resource.get("payout_item")).get("sender_item_id"),
        resource.get("sender_batch_id"),
        as_object(header.get("sender_batch_header")).get("sender_batch_id"),
    )
    batches = _texts((resource.get("payout_batch_id"), header.get("payout_batch_id")))
    # One event is about one batch, whose id and item's id are ours alike.
    batch = batches[0] if batches else None
    named = tuple(Named(reference, batch) for reference in _texts(references))
    return Callback(event_id, named or tuple(Named(rail_order_id=one) for one in batches))


def _texts(values: tuple[object, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word for each in values if (word := text(each)) is not None))


def _headers(headers: Mapping[str, str]) -> dict[str, str]:
    names = {
        "id": "paypal-transmission-id",
        "time": "paypal-transmission-time",
        "sig": "paypal-transmission-sig",
        "cert-url": "paypal-cert-url",
        "algo": "paypal-auth-algo",
    }
    values = {}
    for short, name in names.items():
        value = headers.get(name, "")
        if not value or len(value) > 1000:
            raise Forged(f"the header {name} is missing or too long")
        values[short] = value
    return values


def _check_time(text: str, now: datetime) -> None:
    sent = moment(text)
    if sent is None:
        raise Forged("the transmission time is no time")
    if not now - OLDEST <= sent <= now + NEWEST:
        raise Forged("the transmission time is too far from now")


def _signature(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Forged("the signature is not base64") from error


def _event(body: bytes) -> dict[str, Any]:
    try:
        event = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Forged("the body is no JSON") from error
    if not isinstance(event, dict):
        raise Forged("the body is no event")
    return event


def _certificate_url(account: Account, text: str) -> str:
    """The address, put together anew, if PayPal's own: nobody else's certificate says anything."""
    try:
        url = urlsplit(text)
        host, port = url.hostname or "", url.port
    except ValueError as error:
        raise Forged("the certificate's address is no URL") from error
    own = urlsplit(base_url(account))
    paypals = url.scheme == "https" and port in (None, 443) and host in HOSTS[account.environment]
    configured = (url.scheme, url.netloc) == (own.scheme, own.netloc)
    plain = not (url.query or url.fragment or "@" in url.netloc)
    if not ((paypals or configured) and plain and PATH.fullmatch(url.path)):
        raise Forged("the certificate is not from PayPal")
    return f"https://{host}{url.path}" if paypals else f"{own.scheme}://{own.netloc}{url.path}"


def _read_certificate(answer: Answer) -> _Kept:
    if answer.status in (400, 404, 410):
        raise Forged("PayPal has no such certificate")
    if answer.status != 200:
        raise RailError(f"PayPal's certificate cannot be fetched: PayPal answered {answer.status}")
    try:
        certificate = x509.load_pem_x509_certificates(answer.body)[0]
        key = certificate.public_key()
    except ValueError as error:
        raise RailError("What PayPal serves as its certificate is none.") from error
    if not isinstance(key, RSAPublicKey) or key.key_size < LEAST_KEY_BITS:
        raise Forged("the certificate has no RSA key that is long enough")
    return _Kept(
        key,
        certificate.not_valid_before_utc,
        certificate.not_valid_after_utc,
        time.monotonic() + CERTIFICATE_S,
    )
