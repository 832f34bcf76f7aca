"""Signing in to the dashboard: the password, then the second factor where there is one.

Guesses are counted for each address that they come from and for each person. A browser that signed
in before is counted by itself, so that strangers who guess at somebody's password do not lock that
person out. Codes are counted by themselves: who guesses at them knew the password."""

import asyncio
import secrets
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from payviox.auth import attempts, authenticator, factors, sessions
from payviox.auth.attempts import Limit
from payviox.auth.passwords import nobodys, verify
from payviox.auth.queries import sessions as queries
from payviox.auth.queries.sessions import OperatorRow, StartedRow
from payviox.auth.sessions import STARTED_S, Client, SignedIn, digest_of, method_of
from payviox.db.pool import Connection, Database
from payviox.errors import Conflict, FieldErrors, TooManyAttempts
from payviox.keyring import Keyring

WRONG = "Email or password is wrong."


class NotStarted(Conflict):
    message = "Signing in took too long. Begin again."


@dataclass(frozen=True, slots=True)
class SecondNeeded:
    """The first factor was right: what names the sign-in until the second follows, and whether
    codes and passkeys are taken."""

    token: str = field(repr=False)
    has_app: bool
    has_passkeys: bool


async def with_password(
    database: Database, email: str, password: str, client: Client
) -> SignedIn | SecondNeeded:
    """Open a session for whoever knows the password, where no second factor is set up.

    Raises FieldErrors where it is wrong, without a word on which of the two is, and TooManyAttempts
    where too many were made, right or wrong.
    """
    operator, limits, allowed = await database.write(_count, email, client)
    if not allowed:
        raise TooManyAttempts
    right = await asyncio.to_thread(_is_right, operator, password)
    if operator is None or not right:
        known = None if operator is None else operator.email
        await database.write(attempts.write_down, known, client.place)
        raise FieldErrors({"password": [WRONG]})
    return await database.write(_after_password, operator, limits, client)


def _is_right(operator: OperatorRow | None, password: str) -> bool:
    return verify(nobodys() if operator is None else operator.password_hash, password)


async def _count(
    connection: Connection, email: str, client: Client
) -> tuple[OperatorRow | None, list[Limit], bool]:
    """Who it may be, what the attempt was counted for, and whether it may be made."""
    operator = await queries.find_operator(connection, email)
    limits, more = [sessions.password_limit(email)], [attempts.address(client.place)]
    if operator is not None and await sessions.is_known_device(
        connection, operator.id, client.device
    ):
        limits, more = [sessions.password_limit(email, client.device)], []
    return operator, limits, await attempts.count(connection, [*limits, *more])


async def _after_password(
    connection: Connection, operator: OperatorRow, limits: list[Limit], client: Client
) -> SignedIn | SecondNeeded:
    if not await queries.hold_password(connection, operator):
        raise FieldErrors({"password": [WRONG]})  # it was changed since it was looked at
    await attempts.forget(connection, limits)
    return await after_first(connection, operator.id, "password", client)


async def after_first(
    connection: Connection, operator_id: UUID, method: Literal["password", "openid"], client: Client
) -> SignedIn | SecondNeeded:
    """Let somebody in whose first factor was right, or ask for the second."""
    here = await factors.find(connection, operator_id)
    if not here.any:
        return await sessions.open_session(connection, operator_id, method, client)
    token = secrets.token_urlsafe(32)
    await queries.insert_started(connection, digest_of(token), operator_id, method)
    return SecondNeeded(token, here.has_app, bool(here.passkeys))


async def with_code(
    database: Database, keyring: Keyring, token: str, code: str, client: Client
) -> SignedIn:
    """Open a session for whoever showed the first factor and types a code of their app, or a
    recovery code. Raises NotStarted, FieldErrors where it is wrong, and TooManyAttempts."""
    started, limits, allowed = await database.write(_count_code, token, client)
    if not allowed:
        raise TooManyAttempts
    try:
        return await database.write(_after_code, keyring, token, code, limits, client)
    except FieldErrors:
        await database.write(attempts.write_down, started.email, client.place)
        raise


async def _count_code(
    connection: Connection, token: str, client: Client
) -> tuple[StartedRow, list[Limit], bool]:
    started = await _require_started(connection, token)
    known = await sessions.is_known_device(connection, started.operator_id, client.device)
    limits = sessions.code_limits(started.operator_id, client.device if known else None)
    return started, limits, await attempts.count(connection, limits)


async def _after_code(
    connection: Connection,
    keyring: Keyring,
    token: str,
    code: str,
    limits: list[Limit],
    client: Client,
) -> SignedIn:
    started = await take_started(connection, token)
    await authenticator.use_code(connection, keyring, started.operator_id, code)
    await attempts.forget(connection, limits)
    return await finish(connection, started, "code", client)


async def find_started(connection: Connection, token: str) -> tuple[UUID, bool, bool]:
    """Who has still to show a second factor, and whether codes and passkeys are taken. Raises
    NotStarted."""
    started = await _require_started(connection, token)
    here = await factors.find(connection, started.operator_id)
    return started.operator_id, here.has_app, bool(here.passkeys)


async def finish(
    connection: Connection,
    started: StartedRow,
    second: Literal["code", "passkey"],
    client: Client,
) -> SignedIn:
    """Open the session of a sign-in whose second factor was right."""
    method = method_of(started.method, second)
    return await sessions.open_session(connection, started.operator_id, method, client)


async def take_started(connection: Connection, token: str) -> StartedRow:
    """The sign-in that was started with this token, which is used up. Raises NotStarted."""
    return _there(await queries.take_started(connection, digest_of(token), STARTED_S))


async def _require_started(connection: Connection, token: str) -> StartedRow:
    return _there(await queries.find_started(connection, digest_of(token), STARTED_S))


def _there(started: StartedRow | None) -> StartedRow:
    if started is None:
        raise NotStarted
    return started
