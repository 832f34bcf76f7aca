"""Who belongs to an organization, with which role. Database only, in the caller's transaction. A
role holds in both modes, so what is done stands in both modes' audit; owners alone may do it."""

from collections.abc import Mapping
from uuid import UUID

from payviox import actors, ids
from payviox.access.queries import invitations
from payviox.actors import Actor
from payviox.acts import Act
from payviox.audit import service as audit
from payviox.auth import operators, sessions
from payviox.businesses import service as businesses
from payviox.businesses.model import Business
from payviox.db.pool import Connection
from payviox.errors import Conflict, NotFound
from payviox.rights import service as rights
from payviox.rights.queries.memberships import Member
from payviox.rights.roles import Role

__all__ = ["LastOwner", "Member", "change_role", "get", "join", "list_of", "record", "remove"]


class LastOwner(Conflict):
    message = "This is the organization's last owner. Make somebody else an owner first."


async def list_of(connection: Connection, business: Business) -> list[Member]:
    """The members of a business's organization, by their addresses."""
    return await rights.list_members(connection, business.organization_id)


async def get(connection: Connection, business: Business, operator_id: UUID) -> Member:
    """Raises NotFound."""
    for member in await list_of(connection, business):
        if member.operator_id == operator_id:
            return member
    raise NotFound(missing=f"member {ids.show(ids.OPERATOR, operator_id)}")


async def join(
    connection: Connection, email: str, business_id: UUID, role: Role, actor: Actor
) -> None:
    """Let an operator into the organization of a business, both its modes, with this role; one who
    is in it already has this role from now on. Open invitations of theirs end. Raises NotFound,
    Forbidden and LastOwner."""
    operator_id = await operators.require_id(connection, email)
    business = await businesses.get(connection, business_id)
    await rights.lock_members(connection, business.organization_id)
    await _withdraw_invitations(connection, business, actor, email=email)
    if await rights.find_role(connection, business_id, operator_id) is not None:
        await _change_role(connection, business, operator_id, role, actor)
        return
    await rights.put(connection, business_id, operator_id, role)
    about = _about(operator_id, email)
    await record(connection, business, actor, "member.join", about, after={"role": role})


async def change_role(
    connection: Connection, business_id: UUID, operator_id: UUID, role: Role, actor: Actor
) -> None:
    """Give a member another role; what one who is no owner any more invited to is withdrawn. Raises
    NotFound, Forbidden and LastOwner."""
    business = await businesses.get(connection, business_id)
    await rights.lock_members(connection, business.organization_id)
    await _change_role(connection, business, operator_id, role, actor)


async def _change_role(
    connection: Connection, business: Business, operator_id: UUID, role: Role, actor: Actor
) -> None:
    member = await get(connection, business, operator_id)
    await rights.require(connection, business.id, actor, "member.change_role")
    if role == member.role:
        return
    if role != "owner":
        await _require_another_owner(connection, business, operator_id)
    # Written down first: afterwards an owner who gives this up is none any more.
    if member.role == "owner":
        await _withdraw_invitations(
            connection, business, actor, email=member.email, sender=operator_id
        )
    await record(
        connection,
        business,
        actor,
        "member.change_role",
        _about(operator_id, member.email),
        before={"role": member.role},
        after={"role": role},
    )
    await rights.put(connection, business.id, operator_id, role)


async def remove(
    connection: Connection, business_id: UUID, operator_id: UUID, actor: Actor
) -> None:
    """End a membership, with the invitations that were theirs, and the sessions of who belongs to
    no other organization and is no admin; those of others open nothing here any more. Raises
    NotFound, Forbidden and LastOwner."""
    business = await businesses.get(connection, business_id)
    await rights.lock_members(connection, business.organization_id)
    member = await get(connection, business, operator_id)
    await rights.require(connection, business.id, actor, "member.remove")
    await _require_another_owner(connection, business, operator_id)
    await _withdraw_invitations(connection, business, actor, email=member.email, sender=operator_id)
    about = _about(operator_id, member.email)
    await record(
        connection, business, actor, "member.remove", about, before={"role": member.role}, after={}
    )
    await rights.remove(connection, business.organization_id, operator_id)
    if await rights.list_organizations(connection, operator_id) == []:
        await sessions.end_all(connection, operator_id, member.email)


async def record(
    connection: Connection,
    business: Business,
    actor: Actor,
    act: Act,
    detail: Mapping[str, object],
    *,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
) -> None:
    """Write down in both modes what was done to the organization. Raises Forbidden."""
    for each in (business, await businesses.twin_of(connection, business)):
        await audit.record(connection, each.id, actor, act, detail, before=before, after=after)


async def _withdraw_invitations(
    connection: Connection,
    business: Business,
    actor: Actor,
    *,
    email: str,
    sender: UUID | None = None,
) -> None:
    """Stop the organization's open invitations for this address, and those that an operator
    sent. Raises Forbidden."""
    senders = set() if sender is None else {actors.operator(sender)}
    for invitation in await invitations.list_open(connection, business.organization_id):
        if invitation.email != email and invitation.invited_by not in senders:
            continue
        await invitations.end(connection, business.organization_id, invitation.id, "withdrawn")
        about: dict[str, object] = {
            "invitation": ids.show(ids.INVITATION, invitation.id),
            "email": invitation.email,
            "role": invitation.role,
        }
        await record(connection, business, actor, "member.withdraw_invitation", about)


async def _require_another_owner(
    connection: Connection, business: Business, operator_id: UUID
) -> None:
    """Whoever is disabled is no owner that anybody could turn to. Raises LastOwner."""
    members = await list_of(connection, business)
    owners = {each.operator_id for each in members if each.role == "owner" and not each.is_disabled}
    if owners == {operator_id}:
        raise LastOwner


def _about(operator_id: UUID, email: str) -> dict[str, object]:
    return {"operator": ids.show(ids.OPERATOR, operator_id), "email": email}
