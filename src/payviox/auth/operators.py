"""Operators: the people who run the installation. Database only, in the caller's transaction."""

from uuid import UUID

from payviox import actors, ids
from payviox.actors import Actor
from payviox.audit import service as audit
from payviox.auth import sessions
from payviox.auth.passwords import hash_password, verify
from payviox.auth.queries import credentials as queries
from payviox.auth.queries import sessions as session_queries
from payviox.auth.sessions import Session
from payviox.db.pool import Connection
from payviox.errors import Conflict, NotFound
from payviox.rights import service as rights
from payviox.rights.roles import Role

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
    operator_id = await require_id(connection, email)
    await queries.set_password(connection, operator_id, hash_password(password, email))
    await sessions.end_all(connection, operator_id, email)
    about = {"operator": ids.show(ids.OPERATOR, operator_id), "email": email}
    await audit.record_of_installation(connection, actor, "operator.set_password", about)


async def change_password(connection: Connection, session: Session, password: str) -> None:
    """Give oneself another password, and end every session but this one. Raises FieldErrors for the
    password."""
    password_hash = hash_password(password, session.email)
    await queries.set_password(connection, session.operator_id, password_hash)
    await session_queries.delete_others(connection, session.operator_id, session.id)
    await audit.record_of_installation(connection, session.actor, "operator.change_password")


async def join(
    connection: Connection, email: str, business_id: UUID, role: Role, actor: Actor
) -> None:
    """Let an operator into the organization of a business, both its modes, with this role; one who
    is in it already has this role from now on. Raises NotFound."""
    operator_id = await require_id(connection, email)
    before = await rights.put(connection, business_id, operator_id, role)
    about = {
        "operator": ids.show(ids.OPERATOR, operator_id),
        "email": email,
        "business": ids.show(ids.BUSINESS, business_id),
        "role": role,
        "role_before": before,
    }
    await audit.record_of_installation(connection, actor, "operator.join", about)


async def create(
    connection: Connection, email: str, password: str, actor: Actor, *, is_admin: bool
) -> UUID:
    """Make an operator with a canonical email address.

    Raises FieldErrors for the password and Conflict where the address is taken.
    """
    operator_id = ids.new()
    password_hash = hash_password(password, email)
    if not await queries.insert_operator(
        connection, operator_id, email, password_hash, is_admin=is_admin
    ):
        raise Conflict(f"There is an operator {email} already")
    about = {"operator": ids.show(ids.OPERATOR, operator_id), "email": email, "admin": is_admin}
    await audit.record_of_installation(connection, actor, "operator.create", about)
    return operator_id
