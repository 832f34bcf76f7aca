"""Choosing another password by a link. Database only, in the caller's transaction.

Whether an address is anybody's is looked up when the mail is sent, so that asking takes the same
steps, and the same time, for every address. Second factors stay as they are, but those of an
account whose address nobody had shown to be theirs."""

from uuid import UUID

from payviox import actors, ids
from payviox.access import links
from payviox.access.queries import password_resets as queries
from payviox.actors import Actor
from payviox.audit import service as audit
from payviox.auth import attempts, operators
from payviox.auth.attempts import Limit
from payviox.db.pool import Connection
from payviox.errors import NotFound, TooManyAttempts
from payviox.keyring import Keyring
from payviox.mails import outbox

LASTS_S = 3600
PER_EMAIL = 3
PER_ADDRESS = 20
"""Mails to one person, and asked for from one address, in a quarter of an hour."""
BY_LINK = actors.link("password_reset")

delete_expired = queries.delete_expired
delete_every = queries.delete_every


class LinkEnded(NotFound):
    message = "This link does not open any more: it works once, and for an hour."


async def ask(connection: Connection, email: str, place: str | None) -> None:
    """Send a link to whoever has this address, if anybody has. Raises TooManyAttempts for the place
    alone: what is asked for one address too often is left out without a word."""
    asked_from = Limit.of("reset from", attempts.network_of(place), PER_ADDRESS)
    if not await attempts.count(connection, [asked_from]):
        raise TooManyAttempts
    if await attempts.count(connection, [Limit.of("reset for", email, PER_EMAIL)]):
        await outbox.put(connection, str(ids.new()), email, "password_reset")


async def make_link(connection: Connection, keyring: Keyring, email: str, actor: Actor) -> str:
    """A token for whoever runs the installation to hand over. Secret. Raises NotFound."""
    operator_id = await operators.require_id(connection, email)
    about = {"operator": ids.show(ids.OPERATOR, operator_id), "email": email}
    await audit.record_of_installation(connection, actor, "operator.make_reset_link", about)
    return await open_link(connection, keyring, ids.new(), operator_id)


async def open_link(
    connection: Connection, keyring: Keyring, subject: UUID, operator_id: UUID
) -> str:
    """Let the link for this subject open from now on; answers its token, secret."""
    token = links.token_of(keyring, "password reset", str(subject))
    await queries.put(connection, links.digest_of(token), operator_id, LASTS_S)
    return token


async def look_at(connection: Connection, token: str) -> str:
    """Whose password a link is for; uses nothing up. Raises LinkEnded."""
    email = await queries.find_email(connection, links.digest_of(token))
    if email is None:
        raise LinkEnded
    return email


async def set_password(connection: Connection, token: str, password_hash: str) -> None:
    """Use the link up: another password, signed out everywhere, and a mail that says so. Raises
    LinkEnded."""
    email = await queries.use_up(connection, links.digest_of(token))
    if email is None:
        raise LinkEnded
    await operators.put_password(connection, email, password_hash, BY_LINK)
    await operators.claim_address(connection, email, BY_LINK)
    await outbox.put(connection, str(ids.new()), email, "password_changed")
