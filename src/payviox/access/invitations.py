"""Asking somebody to join an organization, and their joining. Database only, in the caller's
transaction; a link is sent to the invited address alone, or shown once to who invites."""

from uuid import UUID

from payviox import actors, ids
from payviox.access import links, members
from payviox.access.model import Invitation, Invited
from payviox.access.queries import invitations as queries
from payviox.actors import Actor
from payviox.auth import operators
from payviox.businesses import service as businesses
from payviox.businesses.model import Business
from payviox.db.pool import Connection
from payviox.errors import Conflict, FieldErrors, NotFound
from payviox.keyring import Keyring
from payviox.mails import outbox
from payviox.rights import service as rights
from payviox.rights.roles import Role

LASTS_S = 7 * 24 * 3600
BY_LINK = actors.link("invitation")


class LinkEnded(NotFound):
    message = "This invitation does not open any more. Ask who invited you for another one."


class ForSomebodyElse(Conflict):
    message = "This invitation is for another address than the one you are signed in with."


async def list_open(connection: Connection, business: Business) -> list[Invitation]:
    """The organization's invitations that nobody accepted or withdrew yet, the newest first."""
    return await queries.list_open(connection, business.organization_id)


async def invite(
    connection: Connection,
    keyring: Keyring,
    business_id: UUID,
    email: str,
    role: Role,
    actor: Actor,
    *,
    by_mail: bool,
) -> Invited:
    """Invite an address, by mail or by a link that is shown once. One that is invited already gets
    a new link, and the old one stops. Raises FieldErrors for a member's address, NotFound and
    Forbidden."""
    business = await businesses.get(connection, business_id)
    await rights.lock_members(connection, business.organization_id)
    if any(each.email == email for each in await members.list_of(connection, business)):
        raise FieldErrors({"email": ["Whoever has this address is a member already."]})
    return await _invite(connection, keyring, business, email, role, actor, by_mail=by_mail)


async def renew(
    connection: Connection,
    keyring: Keyring,
    business_id: UUID,
    invitation_id: UUID,
    actor: Actor,
    *,
    by_mail: bool,
) -> Invited:
    """Another link for an open invitation; the old one stops. Raises NotFound and Forbidden."""
    business = await businesses.get(connection, business_id)
    await rights.lock_members(connection, business.organization_id)
    open_one = await _get(connection, business, invitation_id)
    return await _invite(
        connection, keyring, business, open_one.email, open_one.role, actor, by_mail=by_mail
    )


async def _invite(
    connection: Connection,
    keyring: Keyring,
    business: Business,
    email: str,
    role: Role,
    actor: Actor,
    *,
    by_mail: bool,
) -> Invited:
    await queries.put(connection, business.organization_id, ids.new(), email, role, actor, LASTS_S)
    invitation = await queries.find_by_email(connection, business.organization_id, email)
    if invitation is None:
        raise LinkEnded
    about = {"invitation": ids.show(ids.INVITATION, invitation.id), "email": email, "role": role}
    await members.record(connection, business, actor, "member.invite", about)
    if not by_mail:
        token = await open_link(connection, keyring, invitation, is_mailed=False)
        return Invited(invitation, token)
    facts = {
        "organization": str(business.organization_id),
        "invitation": str(invitation.id),
        "number": invitation.number,
    }
    await outbox.put(connection, invitation.event, email, "invitation", facts)
    return Invited(invitation, None)


async def open_link(
    connection: Connection, keyring: Keyring, invitation: Invitation, *, is_mailed: bool
) -> str | None:
    """Let the invitation's latest link open it; answers its token, secret. None where it has ended
    meanwhile."""
    token = links.token_of(keyring, "invitation", invitation.event)
    opened = await queries.set_digest(
        connection,
        invitation.organization_id,
        invitation.id,
        invitation.number,
        links.digest_of(token),
        is_mailed=is_mailed,
    )
    return token if opened else None


async def withdraw(
    connection: Connection, business_id: UUID, invitation_id: UUID, actor: Actor
) -> None:
    """Stop an invitation. Raises NotFound and Forbidden."""
    business = await businesses.get(connection, business_id)
    await rights.lock_members(connection, business.organization_id)
    invitation = await _get(connection, business, invitation_id)
    await queries.end(connection, invitation.organization_id, invitation.id, "withdrawn")
    about = {
        "invitation": ids.show(ids.INVITATION, invitation.id),
        "email": invitation.email,
        "role": invitation.role,
    }
    await members.record(connection, business, actor, "member.withdraw_invitation", about)


async def look_at(connection: Connection, token: str) -> tuple[Invitation, bool]:
    """What a link invites to, and whether the invited address has an account. Raises LinkEnded."""
    invitation = await queries.find_by_digest(connection, links.digest_of(token))
    if invitation is None:
        raise LinkEnded
    return invitation, await operators.find_id(connection, invitation.email) is not None


async def accept_as_new(connection: Connection, token: str, password_hash: str) -> Invitation:
    """Make the account of the invited address, and join; by a link that was shown the address is
    not verified. Raises LinkEnded, and Conflict where there is an account by now."""
    invitation = await _take(connection, token)
    is_theirs = invitation.is_mailed
    await operators.insert(
        connection, invitation.email, password_hash, BY_LINK, is_verified=is_theirs
    )
    await _join(connection, invitation)
    return invitation


async def accept(connection: Connection, token: str, email: str) -> Invitation:
    """Join with the account that is signed in, which has this address. Raises LinkEnded, and
    ForSomebodyElse."""
    invitation = await _take(connection, token)
    if email != invitation.email:
        raise ForSomebodyElse
    await _join(connection, invitation)
    return invitation


async def _take(connection: Connection, token: str) -> Invitation:
    digest = links.digest_of(token)
    seen = await queries.find_by_digest(connection, digest)
    if seen is not None:
        await rights.lock_members(connection, seen.organization_id)
        seen = await queries.find_by_digest(connection, digest, lock=True)
    if seen is None:
        raise LinkEnded
    return seen


async def _join(connection: Connection, invitation: Invitation) -> None:
    """Whoever became a member otherwise meanwhile keeps that role."""
    await queries.end(connection, invitation.organization_id, invitation.id, "accepted")
    live, _ = await businesses.list_of(connection, [invitation.organization_id])
    operator_id = await operators.require_id(connection, invitation.email)
    if invitation.is_mailed:
        await operators.verify_address(connection, operator_id)
    if await rights.find_role(connection, live.id, operator_id) is None:
        await members.join(connection, invitation.email, live.id, invitation.role, BY_LINK)


async def _get(connection: Connection, business: Business, invitation_id: UUID) -> Invitation:
    invitation = await queries.find(connection, business.organization_id, invitation_id)
    if invitation is None:
        raise NotFound(missing=f"invitation {ids.show(ids.INVITATION, invitation_id)}")
    return invitation
