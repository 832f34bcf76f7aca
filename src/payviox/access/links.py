"""Links that are sent to one person. A token is derived from what it is for and a secret key, so
that a mail that is sent again carries the same one; no outbox holds it, the database its digest."""

import base64
import hashlib
import hmac
from typing import Literal

from payviox.keyring import Keyring

Purpose = Literal["invitation", "password reset"]


def token_of(keyring: Keyring, purpose: Purpose, subject: str) -> str:
    """The token for this subject: 43 characters of an HMAC-SHA256. Secret."""
    message = f"{purpose} {subject}".encode()
    mac = hmac.digest(keyring.current.link_key, message, "sha256")
    return base64.urlsafe_b64encode(mac).rstrip(b"=").decode()


def digest_of(token: str) -> bytes:
    """What is stored in place of a token."""
    return hashlib.sha256(token.encode()).digest()


def reset_address(site: str, token: str) -> str:
    return f"{site}/login/reset/{token}"


def invitation_address(site: str, token: str) -> str:
    return f"{site}/dashboard/invitation/{token}"
