"""What rails told us, kept as it came: once for each event, verified before it gets here. It is
evidence and nothing more; what became of an order is looked up. Database only, in the caller's
transaction. Also where a rail sends them."""

import ipaddress
import json
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit
from uuid import UUID

from payviox import ids
from payviox.db.pool import Connection
from payviox.rail_accounts import rules
from payviox.rail_accounts.model import RailAccount
from payviox.rail_accounts.queries import callbacks as queries
from payviox.rail_accounts.queries.callbacks import KeptCallback
from payviox.rail_accounts.urls import is_this_machine
from payviox.rails.protocol import Finding

__all__ = [
    "KeptCallback",
    "event_type",
    "forget_old",
    "keep",
    "list_latest",
    "reachable",
    "url",
]

NOT_KEPT = frozenset(
    {"authorization", "proxy-authorization", "cookie", "x-api-key", "x-payout-hash"}
)
"""Headers that may hold somebody's secret; no rail signs with any of them."""

list_latest = queries.list_latest


async def keep(
    connection: Connection,
    business_id: UUID,
    rail: str,
    event_id: str,
    headers: Mapping[str, str],
    body: bytes,
    order_ids: Sequence[UUID],
) -> bool:
    """Keep a verified callback with the orders that it is about; whether it is new."""
    safe_headers = {name: value for name, value in headers.items() if name not in NOT_KEPT}
    return await queries.insert(
        connection, business_id, rail, event_id, safe_headers, body, order_ids
    )


async def forget_old(connection: Connection, days: int, limit: int) -> int:
    """Forget the oldest of those older than so many days, so many at most; answers how many."""
    return await queries.delete_older(connection, days, limit)


def url(public_url: str, account: RailAccount) -> str:
    """Where the rail sends what happened; its operator registers it there."""
    business = ids.show(ids.BUSINESS, account.business_id)
    return f"{public_url}/rails/{account.rail}/{business}/callback"


def reachable(public_url: str, account: RailAccount) -> Finding | None:
    """What keeps the rail from calling this installation; None where nothing is seen. A simulator
    on this machine reaches whatever this machine does."""
    if account.rail not in rules.CALLS_BACK or rules.is_on_this_machine(account.settings):
        return None
    parts = urlsplit(public_url)
    if _is_private(parts.hostname or ""):
        cause = "which nobody outside can reach"
    elif parts.scheme != "https":
        cause = "and vendors call https addresses alone"
    else:
        return None
    problem = (
        f"The callback's address is under {public_url}, {cause}. Set PAYVIOX_PUBLIC_URL to the"
        " address by which this installation is reached from outside; until then the rail is only"
        " asked."
    )
    return Finding("callback_url", problem, harmless=True)


def _is_private(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        inside = (".localhost", ".local", ".internal", ".test", ".invalid")
        return is_this_machine(host) or "." not in host or host.endswith(inside)


def event_type(body: bytes) -> str | None:
    """What happened, in the rail's word: PayPal's `event_type`, Tremendous's `event`."""
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(event, dict):
        return None
    name = event.get("event_type", event.get("event"))
    return name if isinstance(name, str) else None
