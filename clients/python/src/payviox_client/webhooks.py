"""Verifies that a webhook came from the server that knows your token, before you read it."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterable, Mapping
from typing import cast

from payviox_client.models import PayoutEvent

TOLERANCE_S = 300.0
_PREFIX = "whsec_"


class InvalidSignature(Exception):
    """Answer 401, and do not read the body. The message says what was wrong, for your log."""


def verify(
    body: bytes,
    headers: Mapping[str, str],
    tokens: str | Iterable[str],
    *,
    tolerance_s: float = TOLERANCE_S,
) -> PayoutEvent:
    """The event in a delivery that is surely ours and recent.

    `body` is the exact bytes as they came, `headers` those of the request, in any case of letters.
    `tokens` is the webhook's token (`whsec_…`), or several while it is being changed. Both
    signatures have to be one token's, and the delivery no more than `tolerance_s` seconds old, or
    ahead, by this machine's clock. Raises InvalidSignature, and ValueError for a malformed token.

    The same event may come more than once: act once for each `order_id` and `type`.
    """
    found = {name.lower(): value for name, value in headers.items()}
    names = ("signature", "webhook-id", "webhook-timestamp", "webhook-signature")
    missing = [name for name in names if not found.get(name)]
    if missing:
        raise InvalidSignature(f"without the header {missing[0]}")
    sent_at = found["webhook-timestamp"]
    if not (sent_at.isascii() and sent_at.isdigit() and len(sent_at) <= 12):
        raise InvalidSignature("webhook-timestamp is no time")
    if abs(time.time() - int(sent_at)) > tolerance_s:
        raise InvalidSignature("webhook-timestamp is too far from this machine's clock")
    signed = f"{found['webhook-id']}.{sent_at}.".encode() + body
    for token in _listed(tokens):
        expected = hmac.digest(_key(token), signed, "sha256")
        given = found["webhook-signature"].split()
        ours = "v1," + base64.b64encode(expected).decode()
        if any(_same(one, ours) for one in given) and _signed(body, found["signature"], token):
            return _event(body)
    raise InvalidSignature("no signature is that of a token")


def verify_signature(body: bytes, signature: str, tokens: str | Iterable[str]) -> PayoutEvent:
    """The event in a delivery whose header `Signature` alone is known, as Payviox's hosted service
    sends it. It holds no time: an old delivery that somebody caught can be sent to you again.
    Prefer `verify`. Raises InvalidSignature."""
    if any(_signed(body, signature, token) for token in _listed(tokens)):
        return _event(body)
    raise InvalidSignature("the signature is that of no token")


def _listed(tokens: str | Iterable[str]) -> list[str]:
    listed = [tokens] if isinstance(tokens, str) else list(tokens)
    if not listed or not all(listed):
        raise ValueError("there is no webhook token")
    return listed


def _key(token: str) -> bytes:
    malformed = "the webhook token is malformed: it starts with whsec_"
    if not token.startswith(_PREFIX):
        raise ValueError(malformed)
    try:
        return base64.b64decode(token.removeprefix(_PREFIX), validate=True)
    except ValueError as error:
        raise ValueError(malformed) from error


def _signed(body: bytes, signature: str, token: str) -> bool:
    return _same(signature, hmac.new(token.encode(), body, hashlib.sha256).hexdigest())


def _same(given: str, expected: str) -> bool:
    """Compare without telling by the time it takes how much of a guess was right."""
    return hmac.compare_digest(given.encode(errors="replace"), expected.encode())


def _event(body: bytes) -> PayoutEvent:
    return cast("PayoutEvent", json.loads(body))
