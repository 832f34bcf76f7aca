"""Tremendous's webhooks: are they signed with the webhook's private key, and of which order do they
speak? Nothing is done about what they say."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from payviox.rails.protocol import Account, Callback, Forged, Named
from payviox.rails.tremendous.client import Client, path

HEADER = "tremendous-webhook-signature"
SCHEME = "sha256="


@dataclass(frozen=True, slots=True)
class Event:
    """A signed event. `reward_id` is given where the order is only known by its reward."""

    id: str
    order_id: str | None = None
    reward_id: str | None = None


async def read(
    client: Client, account: Account, headers: Mapping[str, str], body: bytes
) -> Callback:
    """Verifies it. An event about a reward is about its order, which is asked for. Raises Forged
    and RailError."""
    event = read_event(account, headers, body)
    order_id = event.order_id
    if order_id is None and event.reward_id is not None:
        at = path("rewards", event.reward_id)
        answer = await client.ask(account, at, missing=True)
        order_id = word(answer.get("reward"), "order_id")
    return Callback(event.id, () if order_id is None else (Named(rail_order_id=order_id),))


def sign(body: bytes, key: str) -> str:
    """The header's value for this body."""
    return SCHEME + hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


def read_event(account: Account, headers: Mapping[str, str], body: bytes) -> Event:
    """Verifies and reads. Raises Forged."""
    key = account.credentials.get("webhook_key")
    if not key:
        raise Forged("no webhook_key is configured for this account, so nobody can check it")
    signature = headers.get(HEADER, "").encode()
    if not hmac.compare_digest(signature, sign(body, key).encode()):
        raise Forged(f"its {HEADER} is missing or not made with this account's webhook_key")
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        event = None
    event_id = word(event, "uuid")
    if event_id is None:
        raise Forged("it is signed but has no uuid")
    return _subject(event_id, _part(_part(event, "payload"), "resource"), _part(event, "payload"))


def _subject(event_id: str, resource: Mapping[str, Any], payload: Mapping[str, Any]) -> Event:
    match resource.get("type"):
        case "orders":
            return Event(event_id, order_id=word(resource, "id"))
        case "rewards":
            named = word(resource, "order_id") or word(_part(payload, "meta"), "order_id")
            return Event(event_id, order_id=named, reward_id=word(resource, "id"))
        case _:
            return Event(event_id)


def _part(value: object, name: str) -> Mapping[str, Any]:
    part = value.get(name) if isinstance(value, Mapping) else None
    return part if isinstance(part, Mapping) else {}


def word(value: object, name: str) -> str | None:
    """A member of an object, if it is fit to be an id."""
    member = value.get(name) if isinstance(value, Mapping) else None
    fit = isinstance(member, str) and 0 < len(member) <= 200 and member.isprintable()
    return str(member) if fit else None
