"""`/account`: what one signs in with, and where one is signed in."""

import re
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get

from payviox import ids
from payviox.auth import factors, openid, passkeys, sessions
from payviox.auth.factors import Factors
from payviox.auth.model import Device, Identity, OpenSession
from payviox.auth.sessions import Session
from payviox.dashboard.visits import ACCOUNT, must_add_factor, session_of
from payviox.db.pool import Connection
from payviox.operator_mails import choices
from payviox.operator_mails.model import Choices
from payviox.settings import Settings
from payviox.web.context import Call, services
from payviox.web.pages import page

DONE = {
    "app-removed": "The authenticator app is removed.",
    "passkey-added": "The passkey is added.",
    "passkey-removed": "The passkey is removed.",
    "password": "The password is changed, and you are signed out everywhere else.",
    "session": "That session is ended.",
    "sessions": "You are signed out everywhere else.",
    "device": "That browser is forgotten.",
    "identity": "That account is unlinked. It lets nobody in until you link it again.",
    "linked": "That account is linked: it signs you in from now on.",
}
BROWSERS = (("Edg", "Edge"), ("Firefox", "Firefox"), ("Chrom", "Chrome"), ("Safari", "Safari"))
SYSTEMS = (
    ("Windows", "Windows"),
    ("Android", "Android"),
    (r"iPhone|iPad", "iOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


class AccountView(msgspec.Struct, frozen=True):
    """Everything about the account, none of its secrets. `current` is this very session, `mails`
    what one is told by mail, None for nothing."""

    email: str
    second: Factors
    site: bool
    identities: list[Identity]
    sessions: list[OpenSession]
    devices: list[Device]
    current: UUID
    is_fresh: bool
    must_add: bool
    openid: str | None
    mails: Choices | None
    done: str | None = None
    errors: dict[str, list[str]] = msgspec.field(default_factory=dict)
    refused: str | None = None
    name: str = ""

    def browser(self, agent: str | None) -> str:
        """What a browser calls itself, in two words."""
        return browser_of(agent)

    def shown_id(self, prefix: str, value: UUID) -> str:
        """An id as addresses have it."""
        return ids.show(prefix, value)


def browser_of(agent: str | None) -> str:
    """`Firefox on Linux`, as far as it can be told."""
    parts = [
        next((name for pattern, name in table if re.search(pattern, agent or "")), None)
        for table in (BROWSERS, SYSTEMS)
    ]
    return " on ".join(part for part in parts if part) or "Unknown browser"


@get(ACCOUNT, include_in_schema=False)
async def show_account(request: Call) -> Response[Any]:
    """One's own account."""
    session = await session_of(request)
    done = DONE.get(request.query_params.get("done", ""))
    return await account_page(request, session, done=done)


async def account_page(
    request: Call, session: Session, *, status: int = 200, **more: Any
) -> Response[Any]:
    """The account's page, with what was done or refused."""
    found = services(request)
    second, identities, here, devices, mails = await found.database.fetch(_parts, session)
    view = AccountView(
        session.email,
        second,
        passkeys.site_of(found.settings.public_url) is not None,
        identities,
        here,
        devices,
        current=session.id,
        is_fresh=session.is_fresh,
        must_add=must_add_factor(request, session),
        openid=_linkable(found.settings, identities),
        mails=mails,
        **more,
    )
    return page(request, "account/show.html", view, status=status)


def _linkable(settings: Settings, identities: list[Identity]) -> str | None:
    """What the provider is called whose account may be linked; None where there is none, or one is
    linked."""
    issuer = settings.oidc_issuer
    if issuer is None or issuer in [each.issuer for each in identities]:
        return None
    return settings.oidc_name


async def _parts(
    connection: Connection, session: Session
) -> tuple[Factors, list[Identity], list[OpenSession], list[Device], Choices | None]:
    me = session.operator_id
    return (
        await factors.find(connection, me),
        await openid.list_identities(connection, me),
        await sessions.list_open(connection, me),
        await sessions.list_devices(connection, me),
        await choices.find(connection, me),
    )


ROUTES = [show_account]
