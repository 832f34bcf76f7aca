"""Staying signed in to the dashboard: sessions and the browsers that are known. A browser holds a
token, we hold its digest. sign_in.py opens sessions."""

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Literal, cast
from uuid import UUID

from payviox import actors, ids
from payviox.actors import Actor
from payviox.audit import service as audit
from payviox.auth import attempts
from payviox.auth.attempts import Limit
from payviox.auth.model import Device, OpenSession
from payviox.auth.queries import factors as factor_queries
from payviox.auth.queries import openid as openid_queries
from payviox.auth.queries import sessions as queries
from payviox.auth.queries.sessions import SessionRow
from payviox.db.pool import Connection, Database
from payviox.errors import NotFound
from payviox.rights.proof import FRESH_S

Method = Literal[
    "password",
    "password and code",
    "password and passkey",
    "passkey",
    "openid",
    "openid and code",
    "openid and passkey",
]
"""How somebody proved who they are."""

IDLE_S = 12 * 3600
LONGEST_S = 7 * 24 * 3600
"""A session ends after so many seconds without a call, and after so many in all."""
STARTED_S = 10 * 60
"""The second factor has to follow the first within so many seconds."""
DEVICE_DAYS = 180
"""A browser is forgotten after so many days without a sign-in."""
MAX_AGENT = 300


class SignedOut(Exception):
    """Nobody is signed in: the page leads to where one can."""


@dataclass(frozen=True, slots=True)
class Client:
    """What signs in: the token of a known device where the browser has one, its address, and what
    it calls itself."""

    device: str | None = field(default=None, repr=False)
    place: str | None = None
    agent: str | None = None


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What the browser keeps: the session's token, and one that names the device."""

    token: str = field(repr=False)
    device: str = field(repr=False)
    operator_id: UUID


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is signed in. `is_fresh` says that they proved within the last minutes who they
    are."""

    id: UUID
    operator_id: UUID
    email: str
    is_admin: bool
    is_fresh: bool
    digest: bytes = field(repr=False)
    has_second: bool = False
    """Whether they have set up a second factor."""

    @property
    def actor(self) -> Actor:
        return actors.operator(self.operator_id)


async def open_session(
    connection: Connection, operator_id: UUID, method: Method, client: Client
) -> SignedIn:
    """Let an operator in who has proved who they are, and remember the browser."""
    token, device = secrets.token_urlsafe(32), client.device
    agent = None if client.agent is None else client.agent[:MAX_AGENT]
    known = await _find_device(connection, operator_id, device)
    if device is None or known is None:
        device = secrets.token_urlsafe(32)
        await queries.insert_device(
            connection, ids.new(), digest_of(device), operator_id, client.place, agent
        )
    else:
        await queries.touch_device(connection, known, client.place, agent)
    await queries.insert_session(
        connection, ids.new(), digest_of(token), operator_id, method, client.place, agent
    )
    actor = actors.operator(operator_id)
    await audit.record_of_installation(connection, actor, "operator.sign_in", {"method": method})
    return SignedIn(token, device, operator_id)


async def is_known_device(connection: Connection, operator_id: UUID, device: str | None) -> bool:
    """Whether this operator signed in before in the browser that holds this token."""
    return await _find_device(connection, operator_id, device) is not None


async def _find_device(
    connection: Connection, operator_id: UUID, device: str | None
) -> UUID | None:
    if device is None:
        return None
    return await queries.find_device(connection, operator_id, digest_of(device), DEVICE_DAYS)


async def find(database: Database, token: str, *, is_call: bool = True) -> Session | None:
    """Who is signed in with this token; None where nobody is any more. Where it `is_call`, the
    session goes on from now; a page that follows what happens by itself is none."""
    row = await database.fetch_caller(
        queries.find_session, digest_of(token), IDLE_S, LONGEST_S, FRESH_S
    )
    if row is None:
        return None
    if row.is_stale and is_call:
        await database.write(queries.touch_session, row.digest)
    return _session(row)


async def which_are_open(connection: Connection, digests: list[bytes]) -> set[bytes]:
    """Those of these sessions that have not ended."""
    return await queries.open_sessions(connection, digests, IDLE_S, LONGEST_S)


async def require_open(connection: Connection, session: Session) -> Session:
    """The session as it is now: asked in a writing transaction. Raises SignedOut where it was ended
    meanwhile."""
    row = await queries.find_session(connection, session.digest, IDLE_S, LONGEST_S, FRESH_S)
    if row is None:
        raise SignedOut
    return _session(row)


async def renew(connection: Connection, session: Session, method: Method) -> str:
    """Another token in place of the session's, whose owner has just proved who they are: whoever
    knew the old one knows nothing any more. Raises SignedOut."""
    token = secrets.token_urlsafe(32)
    if not await queries.renew_session(connection, session.digest, digest_of(token), method):
        raise SignedOut
    await audit.record_of_installation(
        connection, session.actor, "operator.prove", {"method": method}
    )
    return token


async def list_open(connection: Connection, operator_id: UUID) -> list[OpenSession]:
    """Where an operator is signed in."""
    return await queries.list_open(connection, operator_id, IDLE_S, LONGEST_S)


async def end(connection: Connection, session: Session) -> None:
    """Sign out."""
    await queries.delete_session(connection, session.digest)
    await audit.record_of_installation(connection, session.actor, "operator.sign_out")


async def end_one(connection: Connection, session: Session, session_id: UUID) -> None:
    """End one of one's own sessions. Raises NotFound."""
    if not await queries.delete_one(connection, session.operator_id, session_id):
        raise NotFound
    await audit.record_of_installation(
        connection, session.actor, "operator.end_session", {"sessions": 1}
    )


async def end_others(connection: Connection, session: Session) -> int:
    """Sign out everywhere else; answers how many sessions that were."""
    ended = await queries.delete_others(connection, session.operator_id, session.id)
    if ended:
        await audit.record_of_installation(
            connection, session.actor, "operator.end_session", {"sessions": ended}
        )
    return ended


async def list_devices(connection: Connection, operator_id: UUID) -> list[Device]:
    """The browsers in which an operator signed in."""
    return await queries.list_devices(connection, operator_id, DEVICE_DAYS)


async def forget_device(connection: Connection, session: Session, device_id: UUID) -> None:
    """Treat one of one's own browsers as a stranger's from now on. Raises NotFound."""
    if not await queries.delete_device(connection, session.operator_id, device_id):
        raise NotFound
    await audit.record_of_installation(connection, session.actor, "operator.forget_device")


async def delete_ended(connection: Connection) -> int:
    """Delete sessions that have ended by themselves, devices that were not seen for long, what was
    started and never finished, and old attempts; answers how many sessions ended."""
    await attempts.delete_old(connection)
    await factor_queries.delete_old_challenges(connection, STARTED_S)
    await openid_queries.delete_old_requests(connection, STARTED_S)
    return await queries.delete_ended(connection, IDLE_S, LONGEST_S, STARTED_S, DEVICE_DAYS)


async def end_all(connection: Connection, operator_id: UUID, email: str) -> None:
    """Sign an operator out everywhere, and forget the guesses at their password."""
    await queries.delete_of(connection, operator_id)
    await attempts.forget(connection, [password_limit(email)])


async def count_open(connection: Connection) -> int:
    """How many sessions are open, everybody's."""
    return await queries.count_open(connection, IDLE_S, LONGEST_S)


async def end_every(connection: Connection, actor: Actor) -> int:
    """Sign everybody out everywhere; answers how many sessions that were."""
    ended = await queries.delete_every(connection)
    await audit.record_of_installation(
        connection, actor, "operator.end_session", {"sessions": ended}
    )
    return ended


def password_limit(email: str, device: str | None = None) -> Limit:
    """Guesses at one person's password: anybody's, or those from a known device."""
    if device is None:
        return Limit.of("email", email, attempts.PER_PERSON)
    return Limit.of("device", f"{digest_of(device).hex()} {email}", attempts.PER_PERSON)


def code_limits(operator_id: UUID, device: str | None = None) -> list[Limit]:
    """Guesses at one person's codes: anybody's, or those from a known device."""
    kind, name = "code", str(operator_id)
    if device is not None:
        kind, name = "device's code", f"{digest_of(device).hex()} {operator_id}"
    return [
        Limit.of(kind, name, attempts.CODES),
        Limit.of(kind, name, attempts.CODES_A_DAY, attempts.DAY_S),
    ]


def digest_of(token: str) -> bytes:
    """What is stored in place of a token."""
    return hashlib.sha256(token.encode()).digest()


def method_of(first: str, second: Literal["code", "passkey"] | None) -> Method:
    """How somebody proved it who showed these factors."""
    return cast("Method", first if second is None else f"{first} and {second}")


def _session(row: SessionRow) -> Session:
    return Session(
        row.id,
        row.operator_id,
        row.email,
        row.is_admin,
        row.is_fresh,
        row.digest,
        row.has_second,
    )
