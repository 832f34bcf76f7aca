"""Signing in to the dashboard and staying signed in. A browser holds a token, we hold its digest.

Guesses are counted in the database, so that limits hold across processes: for each address that
they come from and for each email address. A browser that signed in before is counted by itself, so
that strangers who guess at somebody's password do not lock that person out."""

import asyncio
import hashlib
import secrets
from dataclasses import dataclass, field
from uuid import UUID

from payviox import actors
from payviox.actors import Actor
from payviox.auth.passwords import nobodys, verify
from payviox.auth.queries import sessions as queries
from payviox.auth.queries.sessions import OperatorRow, SessionRow
from payviox.db.pool import Connection, Database
from payviox.errors import FieldErrors, TooManyAttempts

IDLE_S = 12 * 3600
LONGEST_S = 7 * 24 * 3600
"""A session ends after so many seconds without a call, and after so many in all."""
WINDOW_S = 15 * 60
PER_EMAIL = 10
PER_ADDRESS = 100
"""Attempts within the window, for one person or device and from one address."""
MAX_AGENT = 300
WRONG = "Email or password is wrong."


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What the browser keeps: the session's token, and one that names the device."""

    token: str = field(repr=False)
    device: str = field(repr=False)
    operator_id: UUID


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is signed in."""

    operator_id: UUID
    email: str
    is_admin: bool
    digest: bytes = field(repr=False)

    @property
    def actor(self) -> Actor:
        return actors.operator(self.operator_id)


async def sign_in(
    database: Database,
    email: str,
    password: str,
    *,
    device: str | None,
    place: str | None,
    agent: str | None,
) -> SignedIn:
    """Open a session for whoever knows the password.

    Raises FieldErrors where it is wrong, without a word on which of the two is, and TooManyAttempts
    where too many were made, right or wrong.
    """
    operator, subjects, allowed = await database.write(_count, email, device, place)
    if not allowed:
        raise TooManyAttempts
    right = await asyncio.to_thread(_is_right, operator, password)
    if operator is None or not right:
        raise FieldErrors({"password": [WRONG]})
    return await database.write(_open, operator, subjects, device, place, agent)


def _is_right(operator: OperatorRow | None, password: str) -> bool:
    return verify(nobodys() if operator is None else operator.password_hash, password)


async def _count(
    connection: Connection, email: str, device: str | None, place: str | None
) -> tuple[OperatorRow | None, list[bytes], bool]:
    """Who it may be, what the attempt was counted for, and whether it is one too many."""
    operator = await queries.find_operator(connection, email)
    limits = {_subject("email", email): PER_EMAIL, _subject("address", place or ""): PER_ADDRESS}
    if operator is not None and device is not None:
        digest = digest_of(device)
        if await queries.is_known_device(connection, operator.id, digest):
            limits = {_subject("device", f"{digest.hex()} {email}"): PER_EMAIL}
    allowed = True
    for subject, most in sorted(limits.items()):
        number = await queries.count_attempts(connection, subject, WINDOW_S)
        allowed = allowed and number < most
    if allowed:  # what is refused is not counted: nobody prolongs their own wait
        for subject in limits:
            await queries.insert_attempt(connection, subject)
    return operator, [each for each, most in limits.items() if most == PER_EMAIL], allowed


async def _open(
    connection: Connection,
    operator: OperatorRow,
    subjects: list[bytes],
    device: str | None,
    place: str | None,
    agent: str | None,
) -> SignedIn:
    if not await queries.hold_password(connection, operator):
        raise FieldErrors({"password": [WRONG]})  # it was changed since it was looked at
    await queries.forget_attempts(connection, subjects)
    token = secrets.token_urlsafe(32)
    known = device is not None and await queries.is_known_device(
        connection, operator.id, digest_of(device)
    )
    if device is None or not known:
        device = secrets.token_urlsafe(32)
        await queries.insert_device(connection, digest_of(device), operator.id)
    short = None if agent is None else agent[:MAX_AGENT]
    await queries.insert_session(connection, digest_of(token), operator.id, place, short)
    return SignedIn(token, device, operator.id)


async def find(database: Database, token: str, *, is_call: bool = True) -> Session | None:
    """Who is signed in with this token; None where nobody is any more. Where it `is_call`, the
    session goes on from now; a page that follows what happens by itself is none."""
    row = await database.fetch_caller(queries.find_session, digest_of(token), IDLE_S, LONGEST_S)
    if row is None:
        return None
    if row.is_stale and is_call:
        await database.write(queries.touch_session, row.digest)
    return _session(row)


async def which_are_open(connection: Connection, digests: list[bytes]) -> set[bytes]:
    """Those of these sessions that have not ended."""
    return await queries.open_sessions(connection, digests, IDLE_S, LONGEST_S)


async def require_open(connection: Connection, session: Session) -> None:
    """Raises SignedOut where the session was ended meanwhile: asked in a writing transaction."""
    row = await queries.find_session(connection, session.digest, IDLE_S, LONGEST_S)
    if row is None:
        raise SignedOut


class SignedOut(Exception):
    """Nobody is signed in: the page leads to where one can."""


async def end(connection: Connection, session: Session) -> None:
    """Sign out."""
    await queries.delete_session(connection, session.digest)


async def delete_ended(connection: Connection) -> int:
    """Delete sessions that have ended by themselves, and old attempts; answers how many ended."""
    await queries.delete_old_attempts(connection)
    return await queries.delete_ended(connection, IDLE_S, LONGEST_S)


async def end_all(connection: Connection, operator_id: UUID, email: str) -> None:
    """Sign an operator out everywhere, and forget the guesses at their password."""
    await queries.delete_of(connection, operator_id)
    await queries.forget_attempts(connection, [_subject("email", email)])


def digest_of(token: str) -> bytes:
    """What is stored in place of a token."""
    return hashlib.sha256(token.encode()).digest()


def _subject(kind: str, name: str) -> bytes:
    return hashlib.sha256(f"{kind}:{name}".encode()).digest()


def _session(row: SessionRow) -> Session:
    return Session(row.operator_id, row.email, row.is_admin, row.digest)
