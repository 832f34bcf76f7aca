"""Who is looking at which business: what every page of the dashboard begins with."""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar, TypeVarTuple
from urllib.parse import parse_qsl, quote, urlencode

import msgspec
from litestar import Response

from payviox import actors, ids
from payviox.actors import Actor
from payviox.acts import InstallationAct
from payviox.auth import factors, sessions
from payviox.auth.factors import Factors
from payviox.auth.sessions import Client, Session, SignedOut
from payviox.businesses import service as businesses
from payviox.businesses.model import Business
from payviox.db.pool import Connection
from payviox.errors import Forbidden, NotFound
from payviox.idempotency.service import Done, once
from payviox.reporting.search import without_secrets
from payviox.rights import proof
from payviox.rights import service as rights
from payviox.rights.proof import ProofNeeded
from payviox.rights.roles import RIGHTS, Right, Role
from payviox.settings import Settings
from payviox.web.context import Call, address_of, services
from payviox.web.cookies import cookie_name
from payviox.web.cursors import path_id
from payviox.web.forms import is_form, read_form, scope_of
from payviox.web.pages import page as render

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")

YEAR_S = 365 * 24 * 3600
HOME = "/dashboard"
ACCOUNT = "/account"
PROVE = "/account/prove"
TYPED = ("search", "user", "order", "to", "path", "key")
"""Fields of lists' filters into which people paste what they have at hand."""
PLAIN = re.compile(r"[!-\[\]-~]+")
"""Printable ASCII without space and backslash: what browsers read as we do."""
LIVE = "payviox-live"
"""The header of what a page asks for by itself, while it follows what happens."""
SHORTCUTS = {
    "": "h",
    "/balance": "b",
    "/users": "u",
    "/allocate": "a",
    "/orders": "o",
    "/approvals": "p",
    "/gift-cards": "c",
    "/bank-files": "f",
    "/rails": "r",
    "/reconciliation": "e",
    "/webhooks": "w",
    "/webhooks/logs": "l",
    "/developer/keys": "k",
    "/developer/requests": "q",
    "/mails": "m",
    "/settings": "s",
    "/team": "t",
    "/audit": "d",
}
"""After g, the letter that leads to a page of the menu."""
FREE = ("anybody", "signed_in", "member")
"""What a route that changes something names as its `right` where no right is needed: whoever comes,
whoever is signed in, every member of the organization."""


class SecondFactorMissing(Exception):
    """The installation demands a second factor and this person has none: the page leads to where
    one is set up."""


class ProofAsked(Exception):
    """A form asked for something that needs fresh proof: its fields, to be sent again once whoever
    sent it has shown who they are (None where it cannot be), who that is and what they can show."""

    def __init__(self, fields: Mapping[str, str] | None, email: str, second: Factors) -> None:
        super().__init__()
        self.fields, self.email, self.second = fields, email, second


class Visit(msgspec.Struct, frozen=True):
    """Somebody at one business. `twin` is the same organization's business of the other mode."""

    session: Session
    business: Business
    twin: Business
    role: Role

    @property
    def base(self) -> str:
        """The address under which this business's pages are."""
        return base_of(self.business)

    def may(self, right: Right) -> bool:
        """Whether to offer something. The use case decides by itself when it is done."""
        return right in RIGHTS[self.role]


def tail_of(visit: Visit, here: str) -> str:
    """The page that the business of the other mode has as well: what follows an id is one's own."""
    head = []
    for step in here.removeprefix(visit.base).split("/"):
        if "_" in step:
            break
        head.append(step)
    return "/".join(head)


def base_of(business: Business) -> str:
    return f"/dashboard/{ids.show(ids.BUSINESS, business.id)}"


def session_cookie(settings: Settings) -> str:
    """The full name of the cookie that holds the session, where there is no call yet."""
    return "__Host-session" if settings.public_url.startswith("https:") else "session"


def client_of(request: Call) -> Client:
    """The browser that calls."""
    return Client(
        device=request.cookies.get(cookie_name(request, "device")),
        place=address_of(request),
        agent=request.headers.get("user-agent"),
    )


def onward_of(address: str | None) -> str:
    """Where to go on: a page of the dashboard or of the account, and nowhere else."""
    wanted = address or HOME
    path = wanted.partition("?")[0].partition("#")[0]
    ours = any(path == root or path.startswith(f"{root}/") for root in (HOME, ACCOUNT))
    return wanted if ours and PLAIN.fullmatch(wanted) else HOME


async def session_of(request: Call) -> Session:
    """Who is signed in. Raises SignedOut."""
    token = request.cookies.get(cookie_name(request, "session"))
    is_call = LIVE not in request.headers
    database = services(request).database
    session = await sessions.find(database, token, is_call=is_call) if token else None
    if session is None:
        raise SignedOut
    return session


async def insider_of(request: Call) -> Session:
    """Who is signed in and may look at businesses. Raises SignedOut and SecondFactorMissing."""
    session = await session_of(request)
    if must_add_factor(request, session):
        raise SecondFactorMissing
    return session


def must_add_factor(request: Call, session: Session) -> bool:
    """Whether somebody has to set up a second factor first."""
    return services(request).settings.require_second_factor and not session.has_second


class SecretTyped(Exception):
    """What opens something was typed into a filter; the address is that of the page without it."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self.address = address


def refuse_secrets(request: Call) -> None:
    """Keep what opens something out of pages, and of the addresses that they link to: of a key its
    last characters stay. Raises SecretTyped."""
    query = request.scope.get("query_string", b"").decode(errors="replace")
    fields = parse_qsl(query, keep_blank_values=True)
    kept = [(name, without_secrets(text) if name in TYPED else text) for name, text in fields]
    if kept != fields:
        raise SecretTyped(f"{request.scope['path']}?{urlencode(kept)}")


async def visit_of(request: Call) -> Visit:
    """Who is at which business. A route that changes something names the right that it needs
    (`right=` of its decorator), so that nobody else's form is even read.

    Raises SignedOut, SecondFactorMissing, NotFound where it is none of theirs, Forbidden, and
    SecretTyped.
    """
    refuse_secrets(request)
    session = await insider_of(request)
    business_id = path_id(request, ids.BUSINESS, "business")

    async def read(connection: Connection) -> Visit:
        role = await rights.role_of(connection, session.operator_id, business_id)
        if role is None:
            raise NotFound
        business, twin = await businesses.with_twin(connection, business_id)
        return Visit(session, business, twin, role)

    needed = request.route_handler.opt.get("right", "member")
    visit = await services(request).database.fetch(read)
    if needed not in FREE and not visit.may(needed):
        raise Forbidden
    return visit


async def read(
    request: Call,
    visit: Visit,
    work: Callable[[Connection, *Arguments], Awaitable[T]],
    *arguments: *Arguments,
) -> T:
    """Run a reading function in a slot of the business's. See `Database.fetch`."""
    async with services(request).reads.slot((visit.business.id, False)):
        return await services(request).database.fetch(work, *arguments)


async def act(
    request: Call,
    session: Session,
    work: Callable[[Connection, *Arguments], Awaitable[T]],
    *arguments: *Arguments,
    keyed: bool = False,
) -> T:
    """Do something for a form of ours, in one transaction that fails where the session has ended.
    Raises SignedOut, ProofAsked, Forbidden and what the work raises. See `Database.write`."""
    database = services(request).database

    async def done(connection: Connection) -> T:
        now = await sessions.require_open(connection, session)
        with proof.proved(is_fresh=now.is_fresh):
            return await work(connection, *arguments)

    business_id = ids.parse(ids.BUSINESS, str(request.path_params.get("business", "")))
    try:
        async with services(request).writes.slot((business_id or session.operator_id, False)):
            with actors.at(address_of(request)):
                return await database.write(done, keyed=keyed)
    except ProofNeeded as error:
        fields = await read_form(request) if is_form(request) else None
        second = await database.fetch(factors.find, session.operator_id)
        raise ProofAsked(fields, session.email, second) from error


def require_fresh(session: Session) -> None:
    """Ask for proof before a form is filled in, rather than after. Raises ProofNeeded."""
    if not session.is_fresh:
        raise ProofNeeded


async def prove(
    request: Call, session: Session, right: Right | InstallationAct, amount: int | None = None
) -> None:
    """Ask for fresh proof where this needs it and is then done where nobody can be asked: by the
    queue of allocations, or on the way back from elsewhere. Raises what `act` does."""
    await act(request, session, _require_proof, session.actor, right, amount)


async def _require_proof(
    _: Connection, actor: Actor, right: Right | InstallationAct, amount: int | None
) -> None:
    proof.require(actor, right, amount)


async def act_once(
    request: Call,
    visit: Visit,
    form: Mapping[str, str],
    effect: Callable[[Connection], Awaitable[Any]],
) -> Done:
    """`act` for a form with a key of its own: sent again, it changes nothing more."""
    work = once(visit.business.id, scope_of(request, form), effect)
    return await act(request, visit.session, work, keyed=True)


def show(request: Call, visit: Visit, template: str, view: object, **options: Any) -> Response[Any]:
    """A page in the frame of a business."""
    here = request.scope["path"]
    return render(
        request,
        template,
        view,
        visit=visit,
        here=here,
        tail=tail_of(visit, here),
        shortcuts=SHORTCUTS,
        stream=f"{visit.base}/live" if request.method == "GET" else None,
        **options,
    )


def sign_in_address(request: Call) -> str:
    """Where to sign in, and come back from."""
    if request.method != "GET":
        return "/login"
    return f"/login?next={quote(here_of(request), safe='')}"


def proof_address(request: Call) -> str:
    """Where to prove who one is, and come back from."""
    return f"{PROVE}?next={quote(here_of(request), safe='')}"


def here_of(request: Call) -> str:
    """The address of the page that is asked for."""
    query = request.scope.get("query_string", b"").decode()
    return str(request.scope["path"]) + (f"?{query}" if query else "")
