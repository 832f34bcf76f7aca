"""Webhook tokens, and the headers that prove a body came from us. Sending is sender.py's work."""

import base64
import hashlib
import hmac
import secrets
from datetime import datetime

TOKEN_PREFIX = "whsec_"  # noqa: S105  # a prefix, not a secret


def new_token() -> str:
    """A fresh token: `whsec_` and the base64 of 32 random bytes."""
    return TOKEN_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def sign(token: str, body: bytes, webhook_id: str, timestamp: datetime | int) -> dict[str, str]:
    """The headers of one delivery of `body`; sent again, it keeps its `webhook_id`.

    `timestamp` is the time of this attempt: an aware datetime, or Unix seconds.

    `Signature` is our documented scheme. The three `webhook-` headers follow Standard Webhooks
    (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md),
    whose time lets a receiver refuse replays. The two differ in their key: the token's text for
    ours, the bytes that its base64 stands for there.

    Raises ValueError for a token that new_token() did not make and for a naive datetime.
    """
    if not token.startswith(TOKEN_PREFIX):
        raise ValueError("the webhook token is malformed")
    key = base64.b64decode(token.removeprefix(TOKEN_PREFIX), validate=True)
    seconds = timestamp if isinstance(timestamp, int) else _unix_seconds(timestamp)
    signed = f"{webhook_id}.{seconds}.".encode() + body
    return {
        "Content-Type": "application/json",
        "Signature": hmac.new(token.encode(), body, hashlib.sha256).hexdigest(),
        "webhook-id": webhook_id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode(),
    }


def _unix_seconds(moment: datetime) -> int:
    if moment.tzinfo is None:
        raise ValueError("the timestamp of a webhook needs a time zone")
    return int(moment.timestamp())
