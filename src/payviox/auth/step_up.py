"""Proving again who one is, in a session that is open already. With a passkey: passkeys.py."""

import asyncio

from payviox.auth import attempts, authenticator, factors, sessions
from payviox.auth.attempts import Limit
from payviox.auth.passwords import verify
from payviox.auth.queries import sessions as queries
from payviox.auth.queries.sessions import OperatorRow
from payviox.auth.sessions import Client, Session, SignedOut
from payviox.db.pool import Connection, Database
from payviox.errors import FieldErrors, TooManyAttempts
from payviox.keyring import Keyring

WRONG = "The password is wrong."


async def with_password(
    database: Database,
    keyring: Keyring,
    session: Session,
    password: str,
    code: str,
    client: Client,
) -> str:
    """Another token for the session of whoever knows the password and, where there is a second
    factor, a code. Raises FieldErrors, TooManyAttempts and SignedOut.

    Attempts are counted for the session: nobody without it uses up its owner's.
    """
    limits = _limits(session)
    operator, allowed = await database.write(_count, session, limits)
    if not allowed:
        raise TooManyAttempts
    try:
        await _check(operator, password)
        return await database.write(_renew, keyring, session, operator, code, limits)
    except FieldErrors:
        await database.write(attempts.write_down, session.email, client.place)
        raise


async def _check(operator: OperatorRow, password: str) -> None:
    if not await asyncio.to_thread(verify, operator.password_hash, password):
        raise FieldErrors({"password": [WRONG]})


def _limits(session: Session) -> list[Limit]:
    name = str(session.id)
    return [
        Limit.of("proof", name, attempts.CODES),
        Limit.of("proof", name, attempts.CODES_A_DAY, attempts.DAY_S),
    ]


async def _count(
    connection: Connection, session: Session, limits: list[Limit]
) -> tuple[OperatorRow, bool]:
    operator = await queries.find_operator(connection, session.email)
    if operator is None:
        raise SignedOut
    return operator, await attempts.count(connection, limits)


async def _renew(
    connection: Connection,
    keyring: Keyring,
    session: Session,
    operator: OperatorRow,
    code: str,
    limits: list[Limit],
) -> str:
    if not await queries.hold_password(connection, operator):
        raise FieldErrors({"password": [WRONG]})  # it was changed since it was looked at
    has_second = (await factors.find(connection, session.operator_id)).any
    if has_second:
        await authenticator.use_code(connection, keyring, session.operator_id, code)
    await attempts.forget(connection, limits)
    return await sessions.renew(
        connection, session, "password and code" if has_second else "password"
    )
