"""A business's webhook: its URL, switch, events and token. Database only, in the caller's
transaction.

Tokens are stored encrypted and answered once, when they are made. A new token does not sign before
it is confirmed, so that the receiver can learn it first and no delivery fails for the change.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from payviox.actors import Actor
from payviox.audit import service as audit
from payviox.db.pool import Connection
from payviox.errors import Conflict, FieldErrors
from payviox.webhooks.events import TYPES, EventType
from payviox.webhooks.model import Claim, LiveToken, Settings
from payviox.webhooks.queries import settings as queries
from payviox.webhooks.signing import new_token
from payviox.webhooks.targets import TargetError, parse_target

DEFAULT_EVENTS: tuple[EventType, ...] = ("payout.succeeded",)


class _Key(Protocol):
    @property
    def id(self) -> str: ...


class Cipher(Protocol):
    """Encryption at rest, as the installation's keyring does it; `place` binds it to a row."""

    @property
    def current(self) -> _Key: ...

    def encrypt(self, plain: bytes, place: str) -> bytes: ...

    def decrypt(self, stored: bytes, key_id: str, place: str) -> bytes: ...


class NoWebhook(Conflict):
    message = "No webhook is set up yet: PUT /payout/webhook first"


class NothingToConfirm(Conflict):
    message = "There is no new token to confirm: ask for one first"


class TokenWaits(Conflict):
    message = (
        "A new token already waits to be confirmed: confirm it, or say replace to make another in"
        " its place"
    )


@dataclass(frozen=True, slots=True)
class Webhook:
    """The settings as they may be shown. `rotating_since`: a new token waits to be confirmed, since
    then."""

    url: str | None = None
    enabled: bool = False
    events: tuple[EventType, ...] = DEFAULT_EVENTS
    rotating_since: datetime | None = None

    @property
    def rotating(self) -> bool:
        return self.rotating_since is not None


async def get(connection: Connection, business_id: UUID) -> Webhook:
    """What is set, or the defaults."""
    settings = await queries.find_settings(connection, business_id)
    return Webhook() if settings is None else _shown(settings)


async def change(
    connection: Connection,
    business_id: UUID,
    changes: Mapping[str, Any],
    cipher: Cipher,
    actor: Actor,
    *,
    allow_private: bool,
) -> tuple[Webhook, str | None]:
    """Set those of `url` (None: none), `enabled` and `events` that `changes` names; the first time
    a token is made and answered too.

    Raises FieldErrors: the URL, or an event's name, is not acceptable, or the webhook would be
    switched on without a URL.
    """
    _check(changes, allow_private)
    token = new_token()
    sealed = cipher.encrypt(token.encode(), _place(business_id))
    made = await queries.insert_settings(connection, business_id, sealed, cipher.current.id)
    now = await _locked(connection, business_id)
    url: str | None = changes.get("url", now.url)
    enabled: bool = changes.get("enabled", now.enabled)
    wanted = changes.get("events", now.events)
    if enabled and url is None:
        raise FieldErrors({"url": ["The url field is required to switch the webhook on."]})
    events = tuple(name for name in TYPES if name in wanted)
    await queries.update_settings(connection, business_id, url, enabled, events)
    await audit.record(
        connection,
        business_id,
        actor,
        "webhook.change",
        before={"url": now.url, "enabled": now.enabled, "events": list(now.events)},
        after={"url": url, "enabled": enabled, "events": list(events)},
        needs_proof=made or url != now.url,
    )
    return Webhook(url, enabled, events, now.next_token_since), token if made else None


async def rotate(
    connection: Connection,
    business_id: UUID,
    cipher: Cipher,
    actor: Actor,
    *,
    replace: bool = False,
) -> str:
    """A new token, which signs from confirm() on; until then the old one does.

    One that waits already may be with the receiver: only `replace` makes another in its place.
    Raises NoWebhook and TokenWaits.
    """
    now = await _locked(connection, business_id)
    if now.next_token is not None and not replace:
        raise TokenWaits
    token = new_token()
    # One key id covers both tokens, so the old one comes under the current key too.
    await queries.update_tokens(
        connection,
        business_id,
        _resealed(now.token, now, cipher),
        cipher.encrypt(token.encode(), _place(business_id)),
        cipher.current.id,
        new=True,
    )
    await audit.record(connection, business_id, actor, "webhook.rotate_token")
    return token


async def is_signing(connection: Connection, business_id: UUID, token: str, cipher: Cipher) -> bool:
    """Whether this token is the one that signs now."""
    now = await queries.find_settings(connection, business_id)
    return now is not None and hmac.compare_digest(
        signing_tokens(now, cipher)[0].encode(), token.encode()
    )


async def list_tokens(connection: Connection) -> list[LiveToken]:
    """Whose tokens sign, across businesses, without the tokens."""
    return await queries.list_tokens(connection)


async def confirm(connection: Connection, business_id: UUID, actor: Actor) -> None:
    """Let the new token sign from now on. Raises NoWebhook or NothingToConfirm."""
    now = await _locked(connection, business_id)
    if now.next_token is None:
        raise NothingToConfirm
    await queries.update_tokens(connection, business_id, now.next_token, None, now.key_id)
    await audit.record(connection, business_id, actor, "webhook.confirm_token")


async def reencrypt(connection: Connection, cipher: Cipher, limit: int = 100) -> int:
    """Bring the tokens of up to `limit` businesses under the current key; answers how many. Called
    until it answers 0, each time in a transaction of its own, it may be interrupted anywhere."""
    others = await queries.businesses_of_other_keys(connection, cipher.current.id, limit)
    for business_id in others:
        row = await _locked(connection, business_id)
        token = _resealed(row.token, row, cipher)
        waiting = None if row.next_token is None else _resealed(row.next_token, row, cipher)
        await queries.update_tokens(connection, business_id, token, waiting, cipher.current.id)
    return len(others)


def signing_tokens(stored: Settings | Claim, cipher: Cipher) -> tuple[str, str | None]:
    """The token that signs, and the one that waits to be confirmed. Secret: neither stored nor
    logged. Raises what the cipher does where the key is gone."""
    place = _place(stored.business_id)
    token = cipher.decrypt(stored.token, stored.key_id, place).decode()
    if stored.next_token is None:
        return token, None
    return token, cipher.decrypt(stored.next_token, stored.key_id, place).decode()


def _check(changes: Mapping[str, Any], allow_private: bool) -> None:
    problems: dict[str, list[str]] = {}
    if changes.get("url") is not None:
        try:
            parse_target(changes["url"], allow_private=allow_private)
        except TargetError as error:
            problems["url"] = [f"The url is not accepted: {error}."]
    unknown = [name for name in changes.get("events", ()) if name not in TYPES]
    if unknown:
        problems["events"] = [f"The events must be among: {', '.join(TYPES)}."]
    if problems:
        raise FieldErrors(problems)


async def _locked(connection: Connection, business_id: UUID) -> Settings:
    settings = await queries.lock_settings(connection, business_id)
    if settings is None:
        raise NoWebhook
    return settings


def _shown(stored: Settings) -> Webhook:
    return Webhook(stored.url, stored.enabled, tuple(stored.events), stored.next_token_since)


def _resealed(token: bytes, stored: Settings, cipher: Cipher) -> bytes:
    place = _place(stored.business_id)
    return cipher.encrypt(cipher.decrypt(token, stored.key_id, place), place)


def _place(business_id: UUID) -> str:
    return f"webhook_settings:{business_id}"
