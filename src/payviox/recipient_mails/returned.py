"""Keeping what came back about mails: how the mail ended, and what is known of its address."""

from payviox.db.pool import Connection
from payviox.mails.bounces import Report
from payviox.mails.queries import addresses


async def keep(connection: Connection, report: Report) -> bool:
    """Whether the mail that it is about is known. What is told twice changes nothing more."""
    if report.kind == "bounced":
        found = await addresses.bounce(connection, report.mail_id, report.number, report.reason)
    else:
        found = await addresses.find_recipient(connection, report.mail_id)
    if found is None:
        return False
    if found.business_id is not None and report.is_wrong:
        await addresses.put(connection, found.business_id, found.email, report.kind, report.reason)
    return True
