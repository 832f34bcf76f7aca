"""Telling operators of what needs somebody: once while it lasts, and again when it comes back. A
mail is written in the transaction of what it tells of, where there is one; else when the worker
looks. What it says is made when it is sent, and what was not sent was not told."""

from collections.abc import Sequence
from datetime import date, timedelta
from uuid import UUID

from payviox import ids
from payviox.db.pool import Connection
from payviox.mails import outbox
from payviox.mails.model import Mail, NewMail
from payviox.operator_mails.model import Reader, Subject, Told
from payviox.operator_mails.queries import choices as choice_queries
from payviox.operator_mails.queries import telling as queries
from payviox.rights import service as rights

SOON = timedelta(minutes=1)
"""So long a mail waits for what comes in the same moment: it tells of all of it."""
PAUSE = timedelta(minutes=15)
"""Nobody is told of the same cause at the same business more often, however often it comes back."""

list_lasting = queries.list_lasting
end = queries.end
end_failed = queries.end_failed


async def tell(connection: Connection, subjects: Sequence[Subject]) -> None:
    """Tell whoever wants it at once of what needs somebody, unless they know already."""
    wanting = await _who_may_look(
        connection, await queries.list_wanting(connection, subjects, PAUSE)
    )
    if not wanting:
        return
    told = await queries.put(connection, wanting, PAUSE)
    mails = [
        NewMail(
            f"attention {each.id}",
            each.email,
            "attention",
            {
                "operator": ids.show(ids.OPERATOR, each.operator_id),
                "business": ids.show(ids.BUSINESS, each.subject.business_id),
                "cause": each.subject.cause,
                "told_ids": [str(each.id)],
            },
            SOON,
        )
        for each in told
    ]
    await outbox.put_all(connection, None, mails)


async def write_digest(
    connection: Connection, reader: Reader, day: date, subjects: Sequence[Subject]
) -> None:
    """Write somebody's digest of a day, which tells of these, unless they know all of it."""
    if not await choice_queries.take_day(connection, reader.operator_id, day):
        return
    operator_id, email = reader.operator_id, reader.email
    unseen = [Told(ids.new(), operator_id, email, subject) for subject in subjects]
    unseen = await _who_may_look(connection, unseen)
    told = await queries.put(connection, unseen, timedelta(0)) if unseen else []
    if not told:
        return
    facts = {
        "operator": ids.show(ids.OPERATOR, operator_id),
        "new": [
            [ids.show(ids.BUSINESS, each.subject.business_id), each.subject.cause] for each in told
        ],
        "told_ids": [str(each.id) for each in told],
    }
    # Not named by its day: whoever moves to a zone in the west has the day's 8:00 twice.
    await outbox.put_all(
        connection, None, [NewMail(f"digest {ids.new()}", email, "attention_digest", facts)]
    )


async def take_back(connection: Connection, mail: Mail) -> None:
    """A mail is not sent: nobody was told of what it tells of."""
    await queries.end(connection, [UUID(told_id) for told_id in mail.facts["told_ids"]])


async def may_look(connection: Connection, operator_id: UUID, business_id: UUID) -> bool:
    """Whether an operator may be told of a business."""
    pair = (operator_id, business_id)
    return pair in await rights.who_may_look(connection, [pair])


async def _who_may_look(connection: Connection, wanting: Sequence[Told]) -> list[Told]:
    pairs = {(each.operator_id, each.subject.business_id) for each in wanting}
    if not pairs:
        return []
    allowed = await rights.who_may_look(connection, sorted(pairs))
    return [each for each in wanting if (each.operator_id, each.subject.business_id) in allowed]
