"""What mails of this room say beyond their facts, made when they are sent: above all links."""

from collections.abc import Mapping
from functools import partial
from typing import Any
from uuid import UUID

from payviox.access import invitations, links, password_resets
from payviox.access.queries import invitations as queries
from payviox.auth import operators
from payviox.db.pool import Connection
from payviox.keyring import Keyring
from payviox.mails.model import Mail, Message, Prepare
from payviox.rights.roles import ROLES
from payviox.rights.service import operator_of


def prepares(keyring: Keyring, site: str) -> Mapping[Message, Prepare]:
    """For each message of this room what completes it. `site` is the address of the dashboard."""
    return {
        "invitation": partial(_invitation, keyring, site),
        "password_changed": partial(_password_changed, site),
        "password_reset": partial(_password_reset, keyring, site),
    }


async def _password_reset(
    keyring: Keyring, site: str, connection: Connection, mail: Mail
) -> Mapping[str, Any] | None:
    operator_id = await operators.find_enabled(connection, mail.recipient)
    if operator_id is None:
        return None
    token = await password_resets.open_link(connection, keyring, mail.id, operator_id)
    return {"email": mail.recipient, "link": links.reset_address(site, token)}


async def _password_changed(site: str, _: Connection, mail: Mail) -> Mapping[str, Any]:
    return {"email": mail.recipient, "link": f"{site}/login/forgotten"}


async def _invitation(
    keyring: Keyring, site: str, connection: Connection, mail: Mail
) -> Mapping[str, Any] | None:
    organization_id = UUID(mail.facts["organization"])
    invitation = await queries.find(connection, organization_id, UUID(mail.facts["invitation"]))
    if invitation is None or invitation.number != mail.facts["number"]:
        return None
    token = await invitations.open_link(connection, keyring, invitation, is_mailed=True)
    if token is None:
        return None
    inviter = operator_of(invitation.invited_by)
    emails = await operators.emails(connection, [inviter] if inviter else [])
    return {
        "organization": invitation.organization,
        "inviter": next(iter(emails.values()), "Whoever runs this installation"),
        "role": invitation.role,
        "meaning": ROLES[invitation.role],
        "until": f"{invitation.expires_at:%Y-%m-%d %H:%M} UTC",
        "link": links.invitation_address(site, token),
    }
