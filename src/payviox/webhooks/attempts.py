"""One attempt at a claimed delivery: signed, posted, written down with what follows from it. The
POST itself is sender.py's work, and never inside a transaction."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from payviox import ids
from payviox.db.pool import Connection
from payviox.webhooks import sender
from payviox.webhooks.model import Claim
from payviox.webhooks.queries import events as queries
from payviox.webhooks.sender import Answer
from payviox.webhooks.settings import Cipher, signing_tokens
from payviox.webhooks.signing import sign
from payviox.webhooks.targets import TargetError, parse_target

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


def signed(claim: Claim, cipher: Cipher) -> dict[str, str] | None:
    """The headers; None where the token cannot be read, which is the operator's to mend."""
    webhook_id = ids.show(ids.EVENT, claim.event_id)
    now = datetime.now(UTC)
    try:
        token, waiting = signing_tokens(claim, cipher)
    except Exception:  # whatever the cipher raises
        logger.exception("the webhook token of business %s is unreadable", claim.business_id)
        return None
    body = claim.body.encode()
    headers = sign(token, body, webhook_id, now)
    if waiting is not None:
        # Standard Webhooks lets a sender add a second signature while a token rotates.
        second = sign(waiting, body, webhook_id, now)["webhook-signature"]
        headers["webhook-signature"] += f" {second}"
    if claim.replayed:
        headers[REPLAYED] = "true"
    return headers


async def post(
    claim: Claim,
    headers: dict[str, str] | None,
    *,
    allow_private: bool,
    timeout_s: float = TIMEOUT_S,
) -> Answer:
    """POST the event's body; never raises for what the other side does."""
    if headers is None:
        return Answer(status=None, body="", duration_ms=0, error=UNREADABLE)
    try:
        target = parse_target(claim.url, allow_private=allow_private)
    except TargetError as error:  # the operator has become stricter since it was set
        return Answer(status=None, body="", duration_ms=0, error=str(error))
    return await sender.post(target, claim.body.encode(), headers, timeout_s=timeout_s)


async def record(
    connection: Connection,
    claim: Claim,
    answer: Answer,
    headers: dict[str, str] | None,
    waits: Sequence[timedelta] = RETRIES,
) -> None:
    """Write down the attempt and what follows from it; `waits` are the pauses before the next."""
    attempts, in_round, due_at = await queries.lock_delivery(
        connection, claim.business_id, claim.id
    )
    await queries.insert_attempt(
        connection,
        claim.business_id,
        claim.id,
        attempts + 1,
        url=claim.url,
        request_headers=_loggable(headers or {}),
        answer=answer,
    )
    # Whoever lost the lease was too slow, or somebody asked for a new round: theirs counts.
    if answer.delivered or due_at == claim.leased_until:
        status, again_in = _outcome(answer, in_round, waits)
        await queries.set_outcome(
            connection,
            claim.business_id,
            claim.id,
            status=status,
            round_attempts=in_round + 1,
            again_in=again_in,
        )


def _outcome(
    answer: Answer, failures_before: int, waits: Sequence[timedelta]
) -> tuple[str, timedelta | None]:
    if answer.delivered:
        return "delivered", None
    if failures_before < len(waits):
        return "pending", waits[failures_before]
    return "failed", None


def _loggable(headers: dict[str, str]) -> dict[str, str]:
    """What the log shows: enough of a signature to compare, too little to use."""
    return {
        name: f"{value[:11]}…" if "signature" in name.lower() else value
        for name, value in headers.items()
    }
