"""Payout users on the redemption page: a hash or a ticket is traded for a session. A browser holds
a token, we hold its digest; both begin with the business's code, which opens nothing by itself."""

import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import msgspec

from payviox import ids
from payviox.actors import Actor
from payviox.audit import service as audit
from payviox.auth import users
from payviox.auth.hashes import digest as digest_of
from payviox.auth.model import Sender
from payviox.auth.queries import redemption as queries
from payviox.auth.users import UserCaller
from payviox.db.pool import Connection, Database
from payviox.errors import NotFound, PayoutUserInactive

IDLE_S = 30 * 60
LONGEST_S = 12 * 3600
"""A session ends after so many seconds without a call, and after so many in all."""
MOST_SESSIONS = 100
"""Sessions of one payout user that are kept; one more ends the one that is idle for longest."""
TICKET_S = 10 * 60
"""A ticket opens the page within so many seconds."""
CODE_LENGTH = 8
CODE = re.compile(r"[0-9a-f]{8}", re.ASCII)
DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
TOKEN = re.compile(r"[0-9a-f]{8}\.[A-Za-z0-9_-]{43}", re.ASCII)


class LinkEnded(NotFound):
    message = "This link does not open anything."


class SessionEnded(Exception):
    """Nobody is let in with this cookie: the page says how to come back."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """What opens the page once; secret."""

    token: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class RecipientSession:
    """A payout user who has the page open; `caller` as if they called with the hash itself."""

    caller: UserCaller
    digest: bytes = field(repr=False)
    language: str | None = None
    """Which they chose."""


class Spoken(msgspec.Struct, frozen=True):
    """A payout user's language: their browser's, which gives way to one that they once chose, or
    one that they choose now."""

    language: str
    is_chosen: bool


async def find_sender(connection: Connection, code: str, digest: str) -> Sender | None:
    """The business whose link begins with this code and has this SHA-256, in hex. None where that
    link opens nothing: who has none learns no name."""
    if CODE.fullmatch(code) is None or DIGEST.fullmatch(digest) is None:
        return None
    return await queries.find_sender(connection, code, bytes.fromhex(digest))


async def make_ticket(
    connection: Connection, business_id: UUID, user_id: UUID, actor: Actor
) -> Ticket:
    """Make a link that opens the page of this payout user once. Raises PayoutUserInactive where
    they are not let in, and Forbidden. The caller has found the payout user."""
    token = _token(await queries.find_code(connection, business_id))
    expires_at = await queries.insert_ticket(
        connection, business_id, user_id, digest_of(token), TICKET_S
    )
    if expires_at is None:
        raise PayoutUserInactive
    about = {"payout_user": ids.show(ids.USER, user_id)}
    await audit.record(connection, business_id, actor, "payout_user.make_redeem_link", about)
    return Ticket(token, expires_at)


async def enter(connection: Connection, presented: str, spoken: Spoken, before: str = "") -> str:
    """Trade a hash or a ticket for a session; return its token. What the browser had `before` ends.
    Raises LinkEnded."""
    if TOKEN.fullmatch(presented):
        caller = await queries.take_ticket(connection, presented[:8], digest_of(presented))
    else:
        caller = await users.find_user(connection, presented)
    return await open_session(connection, caller, spoken, before)


async def open_session(
    connection: Connection, caller: UserCaller | None, spoken: Spoken, before: str
) -> str:
    """A session for whom a secret belongs to; its token. Raises LinkEnded where it is nobody's."""
    if caller is None:
        raise LinkEnded
    if TOKEN.fullmatch(before):
        await queries.delete_by_token(connection, before[:8], digest_of(before))
    token = _token(await queries.find_code(connection, caller.business_id))
    await queries.insert_session(connection, caller, digest_of(token))
    await queries.keep_latest(connection, caller.business_id, caller.user_id, MOST_SESSIONS)
    await queries.keep_language(
        connection,
        caller.business_id,
        caller.user_id,
        spoken.language,
        is_chosen=spoken.is_chosen,
    )
    return token


async def enter_by_ticket(
    connection: Connection, code: str, presented: str, spoken: Spoken, before: str = ""
) -> str:
    """The same with a ticket of the business that has this code, and with nothing else. Raises
    LinkEnded."""
    if TOKEN.fullmatch(presented) is None or presented[:CODE_LENGTH] != code:
        raise LinkEnded
    return await enter(connection, presented, spoken, before)


async def find(database: Database, token: str, *, is_call: bool = True) -> RecipientSession | None:
    """Whose session this is; None where it has ended. Where it `is_call`, the session goes on from
    now; a page that follows an order by itself is none."""
    if not TOKEN.fullmatch(token):
        return None
    digest = digest_of(token)
    row = await database.fetch_caller(queries.find_session, token[:8], digest, IDLE_S, LONGEST_S)
    if row is None:
        return None
    if row.is_stale and is_call:
        await database.write(queries.hold_session, row.business_id, digest)
    return RecipientSession(
        UserCaller(row.business_id, row.user_id, row.email, row.hash_digest), digest, row.language
    )


async def choose_language(connection: Connection, session: RecipientSession, language: str) -> None:
    """Speak to this payout user in this language from now on, in mails, too."""
    caller = session.caller
    await queries.keep_language(
        connection, caller.business_id, caller.user_id, language, is_chosen=True
    )


async def language_of(connection: Connection, business_id: UUID, user_id: UUID) -> str | None:
    """The language that a payout user chose, else their browser's; None where they never came."""
    return await queries.find_language(connection, business_id, user_id)


async def require_open(connection: Connection, session: RecipientSession) -> None:
    """Check at the end of a write that the session and its hash still open, and hold both so until
    the commit. Raises SessionEnded and Unauthorized."""
    if not await queries.hold_session(connection, session.caller.business_id, session.digest):
        raise SessionEnded
    await users.require_live(connection, session.caller)


async def leave(connection: Connection, session: RecipientSession) -> None:
    """End the session."""
    await queries.delete_session(connection, session.caller.business_id, session.digest)


async def delete_ended(connection: Connection) -> int:
    """Delete sessions and tickets that have ended by themselves; return how many sessions."""
    return await queries.delete_ended(connection, IDLE_S)


def redeem_address(site: str, secret: str) -> str:
    """The link that a hash or a ticket opens: in the fragment, which no browser sends."""
    return f"{site}/redeem#{secret}"


def _token(code: str) -> str:
    return f"{code}.{secrets.token_urlsafe(32)}"
