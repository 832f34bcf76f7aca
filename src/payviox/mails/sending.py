"""Sending what is due, outside any transaction. A mail is claimed by pushing its due time ahead: a
worker that dies loses nothing. What may have been handed over already goes out again after an hour
at the earliest, word for word and under the same Message-ID."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from uuid import UUID

from payviox.db.pool import Connection, Database
from payviox.mails.bounces import is_wrong_address
from payviox.mails.connections import AT_ONCE, Connections, Outgoing, Refused
from payviox.mails.model import URGENT, Claim, Message, Prepare
from payviox.mails.queries import addresses
from payviox.mails.queries import mails as queries
from payviox.mails.rendering import render
from payviox.mails.together import Together

logger = logging.getLogger(__name__)

CLAIMED = 2 * AT_ONCE
"""Mails that are claimed in one go."""
CLAIM = timedelta(minutes=10)
"""How long a claim keeps others away: a worker that died had not begun with the mail."""
LEASE = timedelta(hours=1)
"""The same once it was begun: the worker may have handed it over."""
RETRIES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 360))
"""The wait after each failure; after the one that no wait follows the mail has failed."""
IF_UNKNOWN = timedelta(hours=1)
"""The least wait after the server broke off once it had the text: the mail may have arrived."""
PATIENCE = timedelta(minutes=5)
"""A person's next mails wait for one that is tried again within this time, and for none longer."""
MAX_AGE = timedelta(days=3)
"""What has waited for longer tells of nothing new any more: it is not sent, and says so."""
TOO_OLD = "It waited for more than three days and was not sent."
UNREACHED = "It was not sent: mails do not reach this address, or whose it is wants none."
HAND_BACK_S = 3.0


async def due_businesses(database: Database) -> list[UUID]:
    """Whose mails are due."""
    return await database.fetch(queries.due_businesses)


async def send_due(
    database: Database,
    connections: Connections,
    sender: Address,
    prepare: Mapping[Message, Prepare],
    business_id: UUID,
) -> int:
    """Send what is due of a business (or the installation), several mails at once and one person's
    in their order, until nothing is or the mail server cannot be reached; answers how many were
    handed over. What is too old fails."""
    await database.write(queries.give_up, business_id, MAX_AGE, TOO_OLD)
    together = Together(database)
    due = _Due(together, business_id)
    try:
        ends = await asyncio.gather(
            *(_send_some(together, connections, sender, prepare, due) for _ in range(AT_ONCE)),
            return_exceptions=True,
        )
    finally:
        await connections.rest()
        await due.hand_back()
        await together.rest(HAND_BACK_S)
    sent = 0
    for end in ends:
        if isinstance(end, BaseException):
            raise end
        sent += end
    return sent


class _Due:
    """A business's due mails, claimed some at a time. A person's next one is given out when the one
    before has ended; where that is tried again soon, the next ones wait for it, save what is
    urgent."""

    def __init__(self, together: Together, business_id: UUID) -> None:
        self._together = together
        self._business_id = business_id
        self._claimed: list[Claim] = []
        self._written_to: set[str] = set()
        self._put_off: dict[str, datetime] = {}
        self._has_more = True
        self._claiming = asyncio.Lock()

    @asynccontextmanager
    async def next(self) -> AsyncIterator[Claim | None]:
        """A mail to send within the block; None where there is none, or none for anybody who is not
        being written to."""
        async with self._claiming:
            mail = self._take()
            if mail is None and self._has_more:
                new = await self._together.write(queries.claim, self._business_id, CLAIM, CLAIMED)
                self._claimed += new
                self._has_more = len(new) == CLAIMED
                mail = self._take()
        try:
            yield mail
        finally:
            if mail is not None:
                self._written_to.remove(mail.recipient)

    def put_off(self, recipient: str, until: datetime) -> None:
        """One of somebody's mails is tried again then."""
        self._put_off[recipient] = until

    def _waits_until(self, mail: Claim) -> datetime | None:
        return None if mail.message in URGENT else self._put_off.get(mail.recipient)

    def _take(self) -> Claim | None:
        for mail in self._claimed:
            if mail.recipient not in self._written_to and self._waits_until(mail) is None:
                self._claimed.remove(mail)
                self._written_to.add(mail.recipient)
                return mail
        return None

    async def hand_back(self) -> None:
        """Let go of what was claimed and not begun."""
        claimed, self._claimed = self._claimed, []
        await _hand_back(
            self._together,
            [
                replace(mail, was_due_at=self._waits_until(mail) or mail.was_due_at)
                for mail in claimed
            ],
        )


async def _send_some(
    together: Together,
    connections: Connections,
    sender: Address,
    prepare: Mapping[Message, Prepare],
    due: _Due,
) -> int:
    """Send one after another until none is left or the mail server is away; answers how many."""
    sent = 0
    while True:
        async with connections.lend() as outgoing, due.next() as mail:
            if mail is None:
                return sent
            try:
                sent += await _send(together, outgoing, sender, prepare, mail)
            except Refused as error:
                until = await _put_off(together, mail, error)
                if until is not None:
                    due.put_off(mail.recipient, until)
                if error.closed:
                    return sent


async def _hand_back(together: Together, mails: list[Claim]) -> None:
    if not mails:
        return
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(HAND_BACK_S):
            await together.write(queries.hand_back, mails)


async def _send(
    together: Together,
    outgoing: Outgoing,
    sender: Address,
    prepare: Mapping[Message, Prepare],
    mail: Claim,
) -> bool:
    outgoing.begin()
    beginning = asyncio.ensure_future(together.write(_begin, prepare.get(mail.message), mail))
    try:
        begun = await asyncio.shield(beginning)
        if begun is None:
            return False
        mail, more = begun
        await outgoing.send(_written(mail, sender, more))
    except asyncio.CancelledError:
        if not outgoing.may_have_sent:
            with contextlib.suppress(Exception, asyncio.CancelledError):
                async with asyncio.timeout(HAND_BACK_S):
                    begun = await asyncio.shield(beginning)
                    mail = mail if begun is None else begun[0]
            await _hand_back(together, [mail])
        raise
    await together.write(queries.end, mail.id, "sent")
    return True


async def _begin(
    connection: Connection, prepare: Prepare | None, mail: Claim
) -> tuple[Claim, Mapping[str, object]] | None:
    """The mail, which the server may have from now on, and what completes it; None where it is
    dropped, or was claimed for too long."""
    handed_over = await queries.hand_over(connection, mail, LEASE)
    if handed_over is None:
        return None
    leased_until, is_unreached = handed_over
    if is_unreached:
        await queries.end(connection, mail.id, "dropped", UNREACHED)
        return None
    more = {} if prepare is None else await prepare(connection, mail)
    if more is None:
        await queries.end(connection, mail.id, "dropped")
        return None
    return replace(mail, due_at=leased_until), more


def _written(mail: Claim, sender: Address, more: Mapping[str, object]) -> EmailMessage:
    """Raises Refused where its recipient is no address."""
    facts = {**mail.facts, **more}
    try:
        return render(mail.message, mail.id, sender, mail.recipient, facts, mail.number)
    except ValueError as error:
        raise Refused(str(error), final=True) from error


async def _put_off(together: Together, mail: Claim, error: Refused) -> datetime | None:
    """Answers until when the same person's next mails wait for it, None where they do not. What is
    ours to mend, such as a server that is away, ends no mail before it is too old."""
    before = mail.attempts
    if error.final or (before >= len(RETRIES) and not error.closed):
        logger.warning("mail %s (%s) has failed: %s", mail.id, mail.message, error)
        await together.write(_fail, mail, str(error))
        return None
    logger.warning("mail %s (%s) is tried again: %s", mail.id, mail.message, error)
    wait = RETRIES[min(before, len(RETRIES) - 1)]
    if error.unknown:
        wait = max(wait, IF_UNKNOWN)

    async def try_again(connection: Connection) -> datetime | None:
        return await queries.try_again(connection, mail, wait, str(error), is_unknown=error.unknown)

    again_at = await together.write(try_again)
    return again_at if wait <= PATIENCE else None


async def _fail(connection: Connection, mail: Claim, answer: str) -> None:
    """Where the server knows nobody there, nothing more is sent there."""
    await queries.end(connection, mail.id, "failed", answer)
    if mail.business_id is not None and is_wrong_address(answer):
        await addresses.put(connection, mail.business_id, mail.recipient, "bounced", answer)
