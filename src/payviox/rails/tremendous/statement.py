"""Tremendous's own books: every order of an account, as it stands now."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime

from payviox.rails.protocol import Account, Entry, RailError
from payviox.rails.tremendous import status
from payviox.rails.tremendous.client import Client

PAGE = 500
"""Orders asked for at once: the most that Tremendous gives."""


async def read(client: Client, account: Account, since: datetime) -> AsyncIterator[Sequence[Entry]]:
    """Every order made since then, page by page. Raises RailError."""
    # Newest first: orders made meanwhile push others to later pages, where they are told again.
    span = {"created_at[gte]": _iso(since)}
    offset = 0
    while True:
        paging = {"limit": str(PAGE), "offset": str(offset)}
        body = await client.ask(account, "/orders", span | paging)
        page, total = body.get("orders"), body.get("total_count")
        if not isinstance(page, list) or not all(isinstance(order, Mapping) for order in page):
            raise RailError("Tremendous answered a request for its orders with something else.")
        if page:
            yield [status.entry(order) for order in page]
        offset += len(page)
        full = offset < total if isinstance(total, int) else len(page) == PAGE
        if not page or not full:
            return


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
