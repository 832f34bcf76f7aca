"""Operators: the people who run the installation. Database only, in the caller's transaction."""

from uuid import UUID

from payviox import actors, ids
from payviox.actors import Actor
from payviox.acts import InstallationAct
from payviox.audit import service as audit
from payviox.auth import factors, sessions
from payviox.auth.passwords import hash_password, verify
from payviox.auth.queries import credentials as queries
from payviox.auth.queries import openid as openid_queries
from payviox.auth.queries import sessions as session_queries
from payviox.auth.sessions import Session
from payviox.db.pool import Connection
from payviox.errors import Conflict, NotFound

NAMED = 5
"""So many addresses are named to somebody who did not say who they are."""

list_all = queries.list_operators


async def acting(connection: Connection, email: str | None, otherwise: Actor) -> Actor:
    """Who decides: the operator of this address or, where the installation has no operators,
    `otherwise`.

    Raises Conflict where nobody is named though there are operators, and NotFound for an address
    that is none's.
    """
    if email is not None:
        operator_id = await queries.find_operator(connection, email)
        if operator_id is None:
            raise NotFound(f"There is no operator {email}")
        return actors.operator(operator_id)
    known = await queries.some_operators(connection, NAMED)
    if known:
        raise Conflict(f"Say who decides: --operator EMAIL, such as {', '.join(known)}")
    return otherwise


emails = queries.list_emails
find_id = queries.find_operator
find_enabled = queries.find_enabled_operator
verify_address = queries.set_verified


async def require_id(connection: Connection, email: str) -> UUID:
    """The operator with this address. Raises NotFound."""
    operator_id = await queries.find_operator(connection, email)
    if operator_id is None:
        raise NotFound(f"There is no operator {email}")
    return operator_id


async def is_password(connection: Connection, email: str, password: str) -> bool:
    """Whether this is the password of the operator with this address."""
    operator = await session_queries.find_operator(connection, email)
    return operator is not None and verify(operator.password_hash, password)


async def set_password(connection: Connection, email: str, password: str, actor: Actor) -> None:
    """Give an operator another password, and end every session that the old one opened.

    Raises NotFound, and FieldErrors for the password.
    """
    await put_password(connection, email, hash_password(password, email), actor)


async def put_password(
    connection: Connection, email: str, password_hash: str, actor: Actor
) -> None:
    """`set_password` with what is stored in place of the password. Raises NotFound."""
    operator_id = await require_id(connection, email)
    await queries.set_password(connection, operator_id, password_hash)
    await sessions.end_all(connection, operator_id, email)
    about = {"operator": ids.show(ids.OPERATOR, operator_id), "email": email}
    await audit.record_of_installation(connection, actor, "operator.set_password", about)


async def claim_address(connection: Connection, email: str, actor: Actor) -> None:
    """Somebody has just shown that this address is theirs. Where nobody had before, whoever made
    the account may have been another one: every factor and account elsewhere that they set up goes.
    Raises NotFound."""
    operator_id = await require_id(connection, email)
    if await queries.set_verified(connection, operator_id):
        await openid_queries.delete_all(connection, operator_id)
        await factors.remove_all(connection, email, actor)


async def change_password(connection: Connection, session: Session, password_hash: str) -> None:
    """Give oneself another password, of which this is stored, and end every session but this
    one."""
    await queries.set_password(connection, session.operator_id, password_hash)
    await session_queries.delete_others(connection, session.operator_id, session.id)
    await audit.record_of_installation(connection, session.actor, "operator.change_password")


async def disable(connection: Connection, email: str, actor: Actor) -> UUID:
    """Let an operator in nowhere any more and end their sessions; what they did stays theirs.
    Raises NotFound, and Conflict where they are disabled already."""
    return await _switch(connection, email, actor, enabled=False)


async def enable(connection: Connection, email: str, actor: Actor) -> UUID:
    """Let an operator in again. Raises NotFound, and Conflict where they are not disabled."""
    return await _switch(connection, email, actor, enabled=True)


async def _switch(connection: Connection, email: str, actor: Actor, *, enabled: bool) -> UUID:
    operator_id = await require_id(connection, email)
    if not await queries.switch_operator(connection, operator_id, enabled=enabled):
        raise Conflict(f"{email} is {'not disabled' if enabled else 'disabled already'}")
    if not enabled:
        await sessions.end_all(connection, operator_id, email)
    about = {"operator": ids.show(ids.OPERATOR, operator_id), "email": email}
    act: InstallationAct = "operator.enable" if enabled else "operator.disable"
    await audit.record_of_installation(connection, actor, act, about)
    return operator_id


async def create(
    connection: Connection, email: str, password: str, actor: Actor, *, is_admin: bool
) -> UUID:
    """Make an operator with a canonical email address.

    Raises FieldErrors for the password and Conflict where the address is taken.
    """
    return await insert(connection, email, hash_password(password, email), actor, is_admin=is_admin)


async def insert(
    connection: Connection,
    email: str,
    password_hash: str,
    actor: Actor,
    *,
    is_admin: bool = False,
    is_verified: bool = True,
) -> UUID:
    """`create` with what is stored in place of the password; `is_verified` where the address is
    theirs for sure. Raises Conflict."""
    operator_id = ids.new()
    if not await queries.insert_operator(
        connection, operator_id, email, password_hash, is_admin=is_admin, is_verified=is_verified
    ):
        raise Conflict(f"There is an operator {email} already")
    about = {"operator": ids.show(ids.OPERATOR, operator_id), "email": email, "admin": is_admin}
    await audit.record_of_installation(connection, actor, "operator.create", about)
    return operator_id
