"""A business's mails to its payout users: what became of each, and sending one again."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from payviox import ids
from payviox.actors import Actor
from payviox.audit import service as audit
from payviox.db import jobs
from payviox.db.pool import Connection
from payviox.errors import Conflict, NotFound
from payviox.mails.model import AddressState, Message
from payviox.mails.queries import addresses
from payviox.payout_users import service as payout_users
from payviox.recipient_mails.queries import log as queries
from payviox.recipient_mails.queries.log import STATES, Address, MailRow

__all__ = ["STATES", "Address", "MailRow"]

find_address = queries.find_address
UNKNOWN_FOR = timedelta(hours=1)
"""So long a mail whose outcome is unknown may still turn up."""
RELAYS = ("@privaterelay.appleid.com", "@mozmail.com", "@duck.com")
"""Services that forward mails to an address which nobody else learns."""


class MayHaveArrived(Conflict):
    message = "The mail server may have it: it did not say. Sent again now, it may arrive twice."


class Unreached(Conflict):
    message = "Mails do not reach this address. Let mails go there again first."


def is_relay(email: str) -> bool:
    """Whether a service forwards what is sent there; whoever is behind it can switch that off."""
    return email.endswith(RELAYS)


async def list_page(
    connection: Connection,
    business_id: UUID,
    *,
    state: str | None = None,
    message: Message | None = None,
    recipient: str | None = None,
    after: UUID | None = None,
    limit: int,
) -> list[MailRow]:
    """The newest first, older than the mail `after`; `recipient` is a whole address."""
    return await queries.list_page(
        connection,
        business_id,
        state=state,
        message=message,
        recipient=recipient,
        after=after,
        limit=limit,
    )


async def get(connection: Connection, business_id: UUID, mail_id: UUID) -> MailRow:
    """The mail, which nobody changes while the transaction lasts. Raises NotFound."""
    mail = await queries.lock(connection, business_id, mail_id)
    if mail is None:
        raise NotFound(missing=f"mail {ids.show(ids.MAIL, mail_id)}")
    return mail


async def send_again(
    connection: Connection, business_id: UUID, mail_id: UUID, actor: Actor, *, anyway: bool = False
) -> None:
    """Let it go out now, however it stands. Raises NotFound, Forbidden, Unreached, and
    MayHaveArrived within an hour of an unknown outcome, unless that is said to be no matter."""
    mail = await get(connection, business_id, mail_id)
    if mail.address_state is not None:
        raise Unreached
    if may_have_arrived(mail) and not anyway:
        raise MayHaveArrived
    await queries.send_anew(connection, mail_id)
    detail = {"mail": ids.show(ids.MAIL, mail_id), "message": mail.message, "was": mail.state}
    await audit.record(connection, business_id, actor, "mail.send_again", detail)
    await jobs.wake(connection, jobs.SEND_MAILS, business_id)


def may_have_arrived(mail: MailRow) -> bool:
    """Whether its outcome is unknown, and not for long."""
    since = mail.handed_at
    return since is not None and datetime.now(UTC) - since < UNKNOWN_FOR


async def allow_address(
    connection: Connection, business_id: UUID, user_id: UUID, actor: Actor
) -> AddressState | None:
    """Let mails go to a payout user's address again; answers what was known against it, None where
    nothing was. Raises NotFound and Forbidden."""
    user = await payout_users.get(connection, business_id, user_id)
    was = await addresses.delete(connection, business_id, user.email)
    if was is not None:
        detail = {"payout_user": ids.show(ids.USER, user_id), "was": was}
        await audit.record(connection, business_id, actor, "mail.allow_address", detail)
    return was
