"""What a restricted key may do: a value, and the checks that need nothing but it. Limits are kept
where the money moves. Amounts are US cents."""

import ipaddress
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Literal, get_args

import msgspec

from payviox.errors import (
    AddressRefused,
    FieldErrors,
    KeyDailyLimit,
    KeyLimit,
    PayvioxError,
    ScopeMissing,
)
from payviox.money import MAX_TREASURY
from payviox.text import printable

Scope = Literal["allocate", "hashes", "read", "decide", "webhooks", "reports"]

SCOPES: Mapping[Scope, str] = {
    "allocate": "pay people by email, one or many",
    "hashes": "see payout hashes and make redemption links: whoever has one withdraws that"
    " person's whole balance",
    "read": "read balances, payout users, orders, movements and events",
    "decide": "approve, reject and cancel orders; switch payout users on and off, take unspent"
    " money back",
    "webhooks": "read and change the webhook, try it, send events again",
    "reports": "read statements, accounts, the audit log and tax reports",
}
"""Each scope with what it allows. What is in none of them needs the secret key."""

MOST_NETWORKS = 50
MAPPED = 96
"""Bits of an IPv6 address before the IPv4 one that it may hold."""
DAY = timedelta(days=1)
MAX_NAME = 100


class Restrictions(msgspec.Struct, frozen=True):
    """A restricted key's name and bounds. `amount_limit` is the most of one payment,
    `daily_limit` the most of one day (UTC), in cents; None is no limit. `networks` are those that
    it may be used from, none of them is any. `expires_at` is when it stops."""

    name: str
    scopes: tuple[Scope, ...]
    amount_limit: int | None = None
    daily_limit: int | None = None
    networks: tuple[str, ...] = ()
    expires_at: datetime | None = None

    def check(self, scope: Scope | None, place: str | None) -> None:
        """Raises AddressRefused, and ScopeMissing; None is what no scope allows."""
        refused = refusal(self.scopes, self.networks, scope, place)
        if refused is not None:
            raise refused


def refusal(
    scopes: Collection[str], networks: Sequence[str], scope: Scope | None, place: str | None
) -> PayvioxError | None:
    """Why a key with these scopes and networks does not do this from there. The address comes
    first: who calls from elsewhere learns nothing else of the key."""
    if networks and not is_within(place, networks):
        return AddressRefused()
    if scope is None or scope not in scopes:
        return ScopeMissing(scope)
    return None


def over_limit(
    amount: int, spent: int, amount_limit: int | None, daily_limit: int | None
) -> PayvioxError | None:
    """Why a key that has spent so much today may not spend so much more."""
    if amount_limit is not None and amount > amount_limit:
        return KeyLimit()
    if daily_limit is not None and spent + amount > daily_limit:
        return KeyDailyLimit()
    return None


def is_within(place: str | None, networks: Iterable[str]) -> bool:
    """Whether an address is in one of these networks; an IPv4 one written as IPv6 is the same."""
    return _is_within(place, tuple(networks))


@lru_cache(maxsize=1_024)
def _is_within(place: str | None, networks: tuple[str, ...]) -> bool:
    """Found out once: fifty networks for each of a thousand items, all from one address, would hold
    up the process for half a second, and the payout account with it."""
    try:
        address = ipaddress.ip_address(place or "")
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in ipaddress.ip_network(network) for network in networks)


def checked(restrictions: Restrictions) -> Restrictions:
    """The same in one spelling. Raises FieldErrors, whose fields are the struct's."""
    errors: dict[str, list[str]] = {}
    name = restrictions.name.strip()
    try:
        name = printable(name, MAX_NAME)
    except ValueError as error:
        errors["name"] = [f"The name {error}."]
    if not name:
        errors["name"] = ["The name field is required."]
    if not restrictions.scopes:
        errors["scopes"] = ["Choose at least one scope."]
    for field in ("amount_limit", "daily_limit"):
        limit = getattr(restrictions, field)
        if limit is not None and not 1 <= limit <= MAX_TREASURY:
            errors[field] = [f"The {field} must be 1 to {MAX_TREASURY} cents."]
    networks: tuple[str, ...] = ()
    try:
        networks = tuple(dict.fromkeys(_network(text) for text in restrictions.networks))
    except ValueError as error:
        errors["networks"] = [str(error)]
    if len(networks) > MOST_NETWORKS:
        errors["networks"] = [f"There may be at most {MOST_NETWORKS} networks."]
    expires_at = None
    try:
        expires_at = _in_utc(restrictions.expires_at)
    except ValueError:
        errors["expires_at"] = ["The expires_at must be a time such as 2026-01-31T00:00:00Z."]
    if errors:
        raise FieldErrors(errors)
    scopes = tuple(scope for scope in get_args(Scope) if scope in restrictions.scopes)
    return msgspec.structs.replace(
        restrictions, name=name, scopes=scopes, networks=networks, expires_at=expires_at
    )


def _in_utc(moment: datetime | None) -> datetime | None:
    """Raises ValueError for a time without its zone, and for one at the end of all years, which
    could be stored and not read again."""
    if moment is None:
        return None
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no zone")
    try:
        day_before = moment.astimezone(UTC) - DAY
    except OverflowError as error:
        raise ValueError(f"{moment} is in no year") from error
    return day_before + DAY


def _network(text: str) -> str:
    """In one spelling: IPv4 written as IPv6 is IPv4. Raises ValueError, in words for people."""
    try:
        network = ipaddress.ip_network(text.strip())
    except ValueError:
        raise ValueError(
            f"{text.strip()[:50]!r} is no address or network such as 192.0.2.7 or 192.0.2.0/24."
        ) from None
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    if mapped is not None and network.prefixlen >= MAPPED:
        network = ipaddress.ip_network((mapped, network.prefixlen - MAPPED))
    return str(network)
