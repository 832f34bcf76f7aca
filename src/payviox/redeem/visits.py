"""Who has the page open: what every page but the first begins with."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, TypeVar, TypeVarTuple

import msgspec
from litestar import Response

from payviox import actors
from payviox.auth import redemption
from payviox.auth.model import Sender
from payviox.auth.redemption import RecipientSession, SessionEnded
from payviox.auth.users import UserCaller
from payviox.businesses import service as businesses
from payviox.businesses.model import Business
from payviox.db.pool import Connection
from payviox.languages import catalogues
from payviox.languages.catalogues import Language
from payviox.recipient_mails.brand import brand_of
from payviox.redeem import framing
from payviox.web.context import Call, address_of, services
from payviox.web.cookies import cookie_name
from payviox.web.own_hosts import owner_of
from payviox.web.pages import block_of
from payviox.web.pages import page as render

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")

ROUTE = "/redeem"
BALANCE = f"{ROUTE}/balance"
LANGUAGE_COOKIE = "language"
POSTED = ("/cancel", "/again", "/reveal", "/confirm", "/save", "/automatic")
"""Ends of addresses that are sent to and not read."""


class Visit(msgspec.Struct, frozen=True):
    """A payout user who has the page open."""

    session: RecipientSession
    business: Business
    language: Language

    @property
    def caller(self) -> UserCaller:
        return self.session.caller

    @property
    def sender(self) -> Sender:
        return sender_of(self.business)


async def session_of(request: Call) -> RecipientSession | None:
    """The session of the browser's cookie, while it is open. What a page asks for by itself does
    not prolong it."""
    token = framing.token_of(request)
    await framing.allow(request, token)
    is_call = block_of(request) is None
    session = await redemption.find(services(request).database, token, is_call=is_call)
    owner = owner_of(request)
    is_elsewhere = session and owner and session.caller.business_id != owner.business_id
    return None if is_elsewhere else session


async def visit_of(request: Call) -> Visit:
    """Who calls. Raises SessionEnded, and Busy where they call too often at once."""
    session = await session_of(request)
    if session is None:
        raise SessionEnded
    chosen = catalogues.get(session.language)
    if chosen is not None:
        speak(request, chosen)
    await hold_slot(request, session.caller)
    business = await services(request).database.fetch(businesses.get, session.caller.business_id)
    return Visit(session, business, spoken(request))


def sender_of(business: Business) -> Sender:
    """A business as its payout users know it."""
    return Sender(brand_of(business).name, business.brand_logo_digest)


def speak(request: Call, language: Language) -> None:
    """Answer this request in that language."""
    request.scope["state"]["language"] = language


def spoken(request: Call) -> Language:
    """The language of the answer: chosen by its reader, here or once, else their browser's."""
    said: Language | None = request.scope["state"].get("language")
    named = (
        request.query_params.get("lang"),
        request.cookies.get(cookie_name(request, LANGUAGE_COOKIE)),
    )
    return (
        said
        or catalogues.get(named[0])
        or catalogues.get(named[1])
        or catalogues.best(request.headers.get("accept-language", ""))
    )


async def hold_slot(request: Call, caller: UserCaller) -> None:
    """Take one of the payout user's slots until the answer. Raises Busy."""
    held: AsyncExitStack = request.scope["state"]["held"]
    slot = services(request).users_calls.slot((caller.business_id, caller.user_id))
    await held.enter_async_context(slot)


async def read(
    request: Call,
    visit: Visit,
    work: Callable[[Connection, *Arguments], Awaitable[T]],
    *arguments: *Arguments,
) -> T:
    """Run a reading function in a slot of the business's payout users. See `Database.fetch`."""
    async with services(request).reads.slot((visit.business.id, True)):
        return await services(request).database.fetch(work, *arguments)


async def act(
    request: Call,
    visit: Visit,
    work: Callable[[Connection, *Arguments], Awaitable[T]],
    *arguments: *Arguments,
    keyed: bool = False,
) -> T:
    """Do something in one transaction that fails where the session or its hash has ended. Raises
    SessionEnded, Unauthorized and what the work raises. See `Database.write`."""

    async def checked(connection: Connection) -> T:
        result = await work(connection, *arguments)
        await redemption.require_open(connection, visit.session)
        return result

    async with services(request).writes.slot((visit.business.id, True)):
        with actors.at(address_of(request)):
            return await services(request).database.write(checked, keyed=keyed)


def page(request: Call, template: str, view: object, **options: Any) -> Response[Any]:
    """A page that needs nobody to be let in."""
    origins = framing.origins_of(request)
    more = {
        "visit": None,
        "frame_origins": origins,
        "languages": catalogues.every(),
        "here": _here(request),
        "is_answer": request.method == "POST",
    }
    return render(
        request,
        template,
        view,
        pages=request.app.state.redeem_pages[spoken(request).code],
        headers=framing.policy(origins),
        **{**more, **options},
    )


def _here(request: Call) -> str:
    """Where this page can be read again."""
    path = str(request.scope["path"])
    for end in POSTED:
        path = path.removesuffix(end)
    query = request.url.query if request.method == "GET" else ""
    return f"{path}?{query}" if query else path


def show(request: Call, visit: Visit, template: str, view: object, **options: Any) -> Response[Any]:
    """A page for somebody who was let in."""
    return page(request, template, view, visit=visit, **options)
