"""The scope of an idempotency key and how it is read."""

import hashlib
import re
from typing import Any

import msgspec

from payviox.errors import Malformed, PayvioxError

SHAPE = re.compile(r"[\x21-\x7e]{1,255}")
encode_sorted = msgspec.json.Encoder(order="sorted").encode


class BadKey(PayvioxError):
    status = 400
    message = "The Idempotency-Key header must be 1 to 255 visible ASCII characters"


class Scope(msgspec.Struct, frozen=True):
    """A key in its scope: who calls (`business`, or a payout user's id), the concrete path, and the
    digest of the body as parsed JSON."""

    caller: str
    path: str
    key: str
    digest: bytes


def check(key: str) -> str:
    """Raises BadKey."""
    if not SHAPE.fullmatch(key):
        raise BadKey
    return key


def digest(body: dict[str, Any]) -> bytes:
    """SHA-256 of the body as parsed JSON, whatever its spacing or order, without `payout_hash`.

    Raises Malformed.
    """
    fields = {name: value for name, value in body.items() if name != "payout_hash"}
    try:
        return hashlib.sha256(encode_sorted(fields)).digest()
    except RecursionError as error:
        raise Malformed("The request body is nested too deeply") from error
