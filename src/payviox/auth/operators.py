"""Operators: the people who run the installation. Database only, in the caller's transaction."""

from uuid import UUID

from payviox import ids
from payviox.auth.passwords import hash_password
from payviox.auth.queries import credentials as queries
from payviox.db.pool import Connection
from payviox.errors import Conflict

list_all = queries.list_operators


async def create(connection: Connection, email: str, password: str, *, is_admin: bool) -> UUID:
    """Make an operator with a canonical email address.

    Raises FieldErrors for the password and Conflict where the address is taken.
    """
    operator_id = ids.new()
    password_hash = hash_password(password)
    if not await queries.insert_operator(
        connection, operator_id, email, password_hash, is_admin=is_admin
    ):
        raise Conflict(f"There is an operator {email} already")
    return operator_id
