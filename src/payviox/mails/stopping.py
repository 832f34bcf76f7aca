"""What opens an address at which mail programs ask for no more of some mails (RFC 8058): derived
from a secret key and what it stops, so that it opens nothing else and no table holds it."""

import base64
import hmac

from payviox.errors import NotFound
from payviox.keyring import Keyring, ServerKey

TOKEN_BYTES = 18


def token_of(keyring: Keyring, subject: str) -> str:
    """The token that stops this, 24 characters. Secret."""
    return _token(keyring.current, subject)


def require_token(keyring: Keyring, subject: str, token: str) -> None:
    """Raise NotFound unless this token stops that, by any key."""
    presented = token.encode("utf-8", "surrogatepass")
    every = [_token(keyring.get(key_id), subject).encode() for key_id in keyring.ids]
    if not any(hmac.compare_digest(each, presented) for each in every):
        raise NotFound


def _token(key: ServerKey, subject: str) -> str:
    mac = hmac.digest(key.link_key, f"stop {subject}".encode(), "sha256")
    return base64.urlsafe_b64encode(mac[:TOKEN_BYTES]).decode()
