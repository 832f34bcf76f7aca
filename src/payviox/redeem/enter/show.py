"""`/redeem#<hash>`: the first page, who sent the money, the button that lets somebody in, and the
way out. Opening the page asks and changes nothing: only the button sends what the link holds."""

from typing import Any

import msgspec
from litestar import Response, get, post, route

from payviox.auth import redemption, typed_codes
from payviox.auth.model import Sender
from payviox.auth.redemption import LinkEnded, Spoken
from payviox.businesses import service as businesses
from payviox.errors import NotFound, TooManyAttempts
from payviox.languages import catalogues
from payviox.payout_users.email import InvalidEmail, canonical
from payviox.recipient_mails import logo
from payviox.redeem import framing
from payviox.redeem.language import remember
from payviox.redeem.visits import BALANCE, ROUTE, page, sender_of, session_of, speak, spoken
from payviox.sites import hosts
from payviox.web.context import Call, address_of, services
from payviox.web.forms import read_form
from payviox.web.own_hosts import WELL_KNOWN, owner_of
from payviox.web.pages import HEADERS, compressed, options

MAX_LINK = 2_000
EMBEDDED = f"{ROUTE}/embedded"


class EnterView(msgspec.Struct, frozen=True):
    """`is_refused` where what was sent opens nothing, `has_left` after *Leave*; `action` is where
    the form goes. `language` is the one that was chosen before. `sender` is said on a host of its
    own; elsewhere the page asks for it by the link."""

    is_refused: bool = False
    has_left: bool = False
    action: str = ROUTE
    language: str | None = None
    sender: Sender | None = None


@get(ROUTE, include_in_schema=False)
async def show_entrance(request: Call) -> Response[Any]:
    """The same page for everybody: what opens it stays in the browser."""
    view = EnterView(
        has_left="left" in request.query_params,
        language=_asked(request),
        sender=await _owner(request),
    )
    return compressed(request, page(request, "enter/show.html", view))


@post(f"{ROUTE}/sender", include_in_schema=False, status_code=200)
async def say_sender(request: Call) -> Response[Any]:
    """The name and the logo of the business that sent a link, by its first characters and its
    digest; an empty name where that link opens nothing here."""
    form = await read_form(request)
    code, digest = form.get("code", ""), form.get("digest", "")
    owner = owner_of(request)
    sender = None
    if owner is None or owner.code == code:
        sender = await services(request).database.fetch_caller(redemption.find_sender, code, digest)
    name, digest_of_logo = (sender.name, sender.logo_digest) if sender else ("", None)
    said = {"name": name, "logo": logo.address_of(digest_of_logo)}
    return options(msgspec.json.encode(said).decode())


@get(f"{EMBEDDED}/{{code:str}}", include_in_schema=False)
async def show_embedded(request: Call) -> Response[Any]:
    """The same page inside a business's own, which begins with the first characters of its
    links."""
    await framing.allow(request, _code(request))
    view = EnterView(action=_embedded(request), language=_asked(request))
    return page(request, "enter/show.html", view)


@post(ROUTE, include_in_schema=False, status_code=200)
async def enter(request: Call) -> Response[Any]:
    """Let somebody in by a hash, a ticket, the whole link as it was pasted, or a typed code."""
    before, code = framing.token_of(request), typed_codes.read(await _presented(request))
    language = await _language(request)
    try:
        if code is not None:
            token = await _enter_by_code(request, code, language, before)
        else:
            secret = await _secret(request)
            token = await services(request).database.write(
                redemption.enter, secret, language, before
            )
    except LinkEnded:
        return _refused(request, language, ROUTE)
    return _let_in(request, token, language)


@post(f"{EMBEDDED}/{{code:str}}", include_in_schema=False, status_code=200)
async def enter_embedded(request: Call) -> Response[Any]:
    """Let somebody in by a ticket of this business."""
    code, secret = _code(request), await _secret(request)
    before, language = framing.token_of(request), await _language(request)
    await framing.allow(request, code)
    try:
        token = await services(request).database.write(
            redemption.enter_by_ticket, code, secret, language, before
        )
    except LinkEnded:
        return _refused(request, language, _embedded(request))
    return _let_in(request, token, language)


@post(f"{ROUTE}/leave", include_in_schema=False, status_code=200)
async def leave(request: Call) -> Response[Any]:
    """End the session."""
    session = await session_of(request)
    if session is not None:
        await services(request).database.write(redemption.leave, session)
    entrance = f"{ROUTE}?left"
    if framing.is_framed(request):
        entrance = f"{EMBEDDED}/{framing.token_of(request)[: redemption.CODE_LENGTH]}"
    return framing.let_out(request, entrance)


@get("/embed.js", include_in_schema=False)
async def get_embedding_script(request: Call) -> Response[bytes]:
    """What a business's page loads to show this one. Its address stays; its content is asked for
    anew within the hour."""
    script = request.app.state.redeem_pages[catalogues.SOURCE].assets.files["js/embed.js"]
    headers = {
        "Cache-Control": "public, max-age=3600",
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
    return Response(script.content, media_type=script.media_type, headers=headers)


async def _enter_by_code(request: Call, code: str, language: Spoken, before: str) -> str:
    """Raises LinkEnded, and TooManyAttempts."""
    process = services(request)
    try:
        email = canonical((await read_form(request)).get("email", ""))
    except InvalidEmail as error:
        raise LinkEnded from error
    if not await process.database.write(typed_codes.count, email, address_of(request)):
        raise TooManyAttempts
    owner = owner_of(request)
    sender = None if owner is None else owner.code
    return await process.database.write(
        typed_codes.enter, process.keyring, email, code, language, before, sender
    )


@route(f"{WELL_KNOWN}{{name:str}}", http_method=["GET", "POST"], include_in_schema=False)
async def prove_host(request: Call) -> Response[Any]:
    """What shows that a host leads here, to whoever asks for its name."""
    host, name = request.headers.get("host", "").lower(), str(request.path_params["name"])
    token = await services(request).database.fetch_caller(hosts.answer, host, name)
    if token is None:
        raise NotFound
    return Response(token, status_code=200, media_type="text/plain", headers=HEADERS)


async def _language(request: Call) -> Spoken:
    """Which whoever sent the form chose before, else their browser's."""
    chosen = catalogues.get((await read_form(request)).get("lang"))
    if chosen is not None:
        speak(request, chosen)
    return Spoken(spoken(request).code, chosen is not None)


async def _owner(request: Call) -> Sender | None:
    """Whose own host it is."""
    owner = owner_of(request)
    if owner is None:
        return None
    business = await services(request).database.fetch(businesses.get, owner.business_id)
    return sender_of(business)


def _asked(request: Call) -> str | None:
    """The language that the address asks for."""
    chosen = catalogues.get(request.query_params.get("lang"))
    return chosen.code if chosen else None


def _refused(request: Call, language: Spoken, action: str) -> Response[Any]:
    chosen = language.language if language.is_chosen else None
    view = EnterView(is_refused=True, action=action, language=chosen)
    return page(request, "enter/show.html", view, status=403)


def _let_in(request: Call, token: str, language: Spoken) -> Response[Any]:
    answer = framing.let_in(request, BALANCE, token)
    if language.is_chosen:
        remember(request, answer, language.language)
    return answer


async def _presented(request: Call) -> str:
    """What was pasted or typed."""
    return (await read_form(request)).get("link", "")[:MAX_LINK].strip()


async def _secret(request: Call) -> str:
    """What the link that was sent holds behind its #; nothing at a host of another business."""
    presented = await _presented(request)
    secret, owner = presented.rpartition("#")[2], owner_of(request)
    return secret if owner is None or secret.startswith(owner.code) else ""


def _code(request: Call) -> str:
    return str(request.path_params["code"])


def _embedded(request: Call) -> str:
    return str(request.scope["path"])


ROUTES = [
    show_entrance,
    show_embedded,
    say_sender,
    enter,
    enter_embedded,
    leave,
    get_embedding_script,
]
HOST_ROUTES = [prove_host]
"""What no form of a page asks for."""
