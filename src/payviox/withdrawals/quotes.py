"""Quotes: what a withdrawal would cost, kept for a few minutes and good for one order. Database
only, in the caller's transaction."""

from uuid import UUID

from payviox import ids
from payviox.db.pool import Connection
from payviox.errors import Busy, Conflict, NotFound
from payviox.rails.orders import Provider, Quote
from payviox.withdrawals.model import KeptQuote
from payviox.withdrawals.queries import rules

forget_unused = rules.forget_unused_quotes


MOST_OPEN = 300
"""Quotes of one payout user that may be open at once: neither used nor expired."""


class TooManyQuotes(Busy):
    message = "Too many quotes are open. Use one, or wait until they expire."
    retry_after_s = 60


async def keep(
    connection: Connection,
    business_id: UUID,
    user_id: UUID,
    provider: Provider,
    rail: str,
    quote: Quote,
) -> UUID:
    """Keep what a rail quoted; answers the quote's id. Raises TooManyQuotes."""
    if await rules.count_open_quotes(connection, business_id, user_id, MOST_OPEN) >= MOST_OPEN:
        raise TooManyQuotes
    quote_id = ids.new()
    await rules.insert_quote(connection, business_id, quote_id, user_id, provider, rail, quote)
    return quote_id


async def get(
    connection: Connection, business_id: UUID, user_id: UUID, quote_id: UUID
) -> KeptQuote:
    """A payout user's own quote, used or not. Raises NotFound."""
    quote = await rules.find_quote(connection, business_id, user_id, quote_id)
    if quote is None:
        raise NotFound
    return quote


async def check_usable(
    connection: Connection, business_id: UUID, user_id: UUID, quote_id: UUID
) -> None:
    """Raises Conflict where the quote expired or an order has used it. The caller holds the payout
    user's account, so that of two orders at once only one finds it unused."""
    quote = await get(connection, business_id, user_id, quote_id)
    if quote.used:
        raise Conflict("The quote was used before")
    if quote.expired:
        raise Conflict("The quote has expired")
