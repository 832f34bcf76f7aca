"""Attempts at claimed deliveries: signed, posted, written down, many in one transaction, with what
follows from them. The POST itself is sender.py's work, and never inside a transaction."""

import functools
import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID

from payviox import ids, tracing
from payviox.db.pool import Connection
from payviox.tracing import Span
from payviox.webhooks import sender
from payviox.webhooks.model import Attempted, Change, Claim, Standing
from payviox.webhooks.queries import deliveries as queries
from payviox.webhooks.sender import Answer, Kept
from payviox.webhooks.settings import Cipher, signing_tokens
from payviox.webhooks.signing import sign
from payviox.webhooks.targets import Target, TargetError, parse_target

logger = logging.getLogger(__name__)

TIMEOUT_S = 30.0
"""A receiver's time for its whole answer (the wire contract)."""
LEASE = timedelta(seconds=90)
"""How long a claim keeps others away: the POST's time, and then plenty to write its result down."""
RETRIES = (timedelta(seconds=30), timedelta(minutes=5), timedelta(minutes=30))
"""The wait after each failure of a round; after the one that no wait follows it has failed."""
UNREADABLE = "the server cannot decrypt the webhook's token"
REPLAYED = "webhook-replayed"
"""The header of what somebody sends again: it may be older than what the receiver knows by now."""


async def post(
    claim: Claim,
    cipher: Cipher,
    *,
    allow_private: bool,
    timeout_s: float = TIMEOUT_S,
    kept: Kept | None = None,
) -> Attempted:
    """Sign the event's body and POST it, over a connection that was `kept` where there is one;
    never raises for what the other side does."""
    with tracing.span("deliver webhook", kind="client", parent=claim.trace) as span:
        attempted = await _post(
            claim, cipher, allow_private=allow_private, timeout_s=timeout_s, kept=kept
        )
        _describe(span, attempted)
    return attempted


async def _post(
    claim: Claim, cipher: Cipher, *, allow_private: bool, timeout_s: float, kept: Kept | None
) -> Attempted:
    try:
        headers = _signed(claim, cipher)
    except Exception:  # whatever the cipher raises: it is the operator's to mend
        logger.exception("the webhook token of business %s is unreadable", claim.business_id)
        return Attempted(claim, {}, _failed(UNREADABLE))
    try:
        target = _target(claim.url, allow_private)
    except TargetError as error:  # the operator has become stricter since it was set
        answer = _failed(str(error))
    else:
        answer = await sender.post(
            target, claim.body.encode(), headers, timeout_s=timeout_s, kept=kept
        )
    return Attempted(claim, _loggable(headers), answer)


def _describe(span: Span, attempted: Attempted) -> None:
    if not span.is_recorded:
        return
    claim, answer = attempted.claim, attempted.answer
    span.set("payviox.business", ids.show(ids.BUSINESS, claim.business_id))
    span.set("payviox.event", ids.show(ids.EVENT, claim.event_id))
    span.set("server.address", urlsplit(claim.url).hostname)
    span.set("http.response.status_code", answer.status)
    if not answer.delivered:
        span.fail(answer.error or f"HTTP {answer.status}")


def _signed(claim: Claim, cipher: Cipher) -> dict[str, str]:
    """The headers. Raises what the cipher does where the token cannot be read."""
    webhook_id = ids.show(ids.EVENT, claim.event_id)
    now = datetime.now(UTC)
    token, waiting = signing_tokens(claim, cipher)
    body = claim.body.encode()
    headers = sign(token, body, webhook_id, now)
    if waiting is not None:
        # Standard Webhooks lets a sender add a second signature while a token rotates.
        second = sign(waiting, body, webhook_id, now)["webhook-signature"]
        headers["webhook-signature"] += f" {second}"
    if claim.replayed:
        headers[REPLAYED] = "true"
    return headers


def _failed(error: str) -> Answer:
    return Answer(status=None, body="", duration_ms=0, error=error)


@functools.lru_cache(maxsize=1_000)
def _target(url: str, allow_private: bool) -> Target:
    """What is read of a URL says nothing about its addresses, so it may be remembered."""
    return parse_target(url, allow_private=allow_private)


async def record(
    connection: Connection, attempts: Sequence[Attempted], waits: Sequence[timedelta] = RETRIES
) -> None:
    """Write down attempts, each of another delivery, and what follows from them; `waits` are the
    pauses before the next ones."""
    named: dict[UUID, list[UUID]] = {}
    for attempted in attempts:
        named.setdefault(attempted.claim.business_id, []).append(attempted.claim.id)
    standing = {
        (delivery.business_id, delivery.id): delivery
        for delivery in await queries.lock_deliveries(connection, named)
    }
    await queries.record_attempts(
        connection,
        [
            (one, _change(one, standing[one.claim.business_id, one.claim.id], waits))
            for one in attempts
        ],
    )


def _change(attempted: Attempted, delivery: Standing, waits: Sequence[timedelta]) -> Change:
    number, in_round = delivery.attempts + 1, delivery.round_attempts
    if attempted.answer.delivered:
        return Change(number, "delivered", in_round + 1, None, settles=True)
    # Whoever lost the lease was too slow, or somebody asked for a new round: theirs counts.
    if delivery.due_at != attempted.claim.leased_until:
        return Change(number, delivery.status, in_round, None, settles=False)
    if in_round < len(waits):
        return Change(number, "pending", in_round + 1, waits[in_round], settles=True)
    return Change(number, "failed", in_round + 1, None, settles=True)


def _loggable(headers: dict[str, str]) -> dict[str, str]:
    """What the log shows: enough of a signature to compare, too little to use."""
    return {
        name: f"{value[:11]}…" if "signature" in name.lower() else value
        for name, value in headers.items()
    }
