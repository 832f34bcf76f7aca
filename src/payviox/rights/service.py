"""Whether somebody may do something to a business. Asked where an act is recorded, in the act's own
transaction, so that no door can forget it and what is refused is rolled back."""

from datetime import datetime
from typing import cast
from uuid import UUID

from payviox import ids
from payviox.actors import Actor
from payviox.db.pool import Connection
from payviox.errors import Forbidden, NotFound
from payviox.event_log import EventLogger
from payviox.rights.queries import memberships as queries
from payviox.rights.queries.memberships import Standing
from payviox.rights.roles import RIGHTS, Right, Role

logger = EventLogger(__name__)

OPERATOR = "operator:"

list_organizations = queries.list_organizations
list_members = queries.list_members
list_roles = queries.list_roles
lock_members = queries.lock_members
remove = queries.remove
find_role = queries.find_role
who_may_look = queries.who_may_look


async def require(connection: Connection, business_id: UUID, actor: Actor, right: Right) -> None:
    """Raise Forbidden where the actor is an operator whose role does not allow it. Whoever
    else acts was let in for all of it: by a secret key, by the operating system, as the worker."""
    operator_id = operator_of(actor)
    if operator_id is None:
        return
    if right not in await rights_of(connection, operator_id, business_id):
        logger.warning(
            "right.refused",
            actor=actor,
            right=right,
            business=ids.show(ids.BUSINESS, business_id),
        )
        raise Forbidden


async def rights_of(
    connection: Connection, operator_id: UUID, business_id: UUID
) -> frozenset[Right]:
    """Everything that an operator may do to a business."""
    role = await role_of(connection, operator_id, business_id)
    return RIGHTS[role] if role is not None else frozenset()


async def role_of(connection: Connection, operator_id: UUID, business_id: UUID) -> Role | None:
    """An operator's role at a business; an installation's admin is an owner everywhere."""
    standing = await queries.find_standing(connection, operator_id, business_id)
    return None if standing is None else _role(standing)


def _role(standing: Standing) -> Role | None:
    return "owner" if standing.is_admin else cast("Role | None", standing.role)


async def may_since(
    connection: Connection, operator_id: UUID, business_id: UUID, right: Right
) -> datetime | None:
    """Since when an operator has the role that allows something, without a break; None where it is
    not allowed."""
    standing = await queries.find_standing(connection, operator_id, business_id)
    role = None if standing is None else _role(standing)
    if standing is None or role is None or right not in RIGHTS[role]:
        return None
    return standing.since


async def put(
    connection: Connection, business_id: UUID, operator_id: UUID, role: Role
) -> str | None:
    """Give an operator this role at a business's organization; answers the one they had. Raises
    NotFound for a business."""
    before = await queries.find_role(connection, business_id, operator_id)
    if not await queries.put(connection, business_id, operator_id, role):
        raise NotFound(missing=f"business {ids.show(ids.BUSINESS, business_id)}")
    return before


def operator_of(actor: Actor) -> UUID | None:
    """The operator who acts; None where it is somebody else."""
    if not actor.startswith(OPERATOR):
        return None
    operator_id = ids.parse(ids.OPERATOR, actor.removeprefix(OPERATOR))
    if operator_id is None:
        raise ValueError(f"{actor} names no operator")
    return operator_id
