"""`/login/openid`: to the provider that the settings name, and back; to sign in, or to link an
account there to one's own."""

import secrets
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from litestar import Response, get, post

from payviox import actors
from payviox.auth import openid
from payviox.auth.openid import (
    LASTS_S,
    Claims,
    Departure,
    LinkTaken,
    NotAccepted,
    NotAnswered,
    Provider,
)
from payviox.auth.sessions import SignedIn
from payviox.auth.sign_in import SecondNeeded
from payviox.dashboard.account.show import account_page
from payviox.dashboard.sign_in.pages import let_in, refuse
from payviox.dashboard.visits import (
    ACCOUNT,
    client_of,
    onward_of,
    prove,
    session_of,
)
from payviox.errors import Conflict, NotFound, TooManyAttempts
from payviox.payout_users.email import InvalidEmail, canonical
from payviox.web.context import Call, address_of, services
from payviox.web.cookies import cookie_name, cookie_of
from payviox.web.pages import page, redirect

ROUTE = "/login/openid"
STATE = "openid"
"""The cookie that binds the way back to this browser."""


@dataclass(frozen=True, slots=True)
class GoThereView:
    """The way to the provider, which is called `name`, for who is signed in here."""

    name: str
    address: str = field(repr=False)


@get(ROUTE, include_in_schema=False)
async def depart(request: Call) -> Response[Any]:
    """Lead to the provider."""
    onward = onward_of(request.query_params.get("next"))
    try:
        departure = await _depart(request, onward, None)
    except (NotAnswered, TooManyAttempts) as error:
        return refuse(request, onward, error)
    return _bound(request, redirect(departure.address), departure)


@post(f"{ACCOUNT}/identities/link", include_in_schema=False, status_code=200, right="signed_in")
async def link(request: Call) -> Response[Any]:
    """Show the way to the provider, whose account is linked on the way back. A link: a form of ours
    leads to no other site."""
    session = await session_of(request)
    await prove(request, session, "identity.link")
    try:
        departure = await _depart(request, ACCOUNT, session.operator_id)
    except (NotAnswered, TooManyAttempts) as error:
        return await account_page(request, session, refused=str(error), status=error.status)
    view = GoThereView(services(request).settings.oidc_name, departure.address)
    return _bound(request, page(request, "account/link.html", view), departure)


async def _depart(request: Call, onward: str, operator_id: UUID | None) -> Departure:
    """Keep what the browser has to bring back. Raises NotFound, NotAnswered, TooManyAttempts."""
    provider, database = _provider(request), services(request).database
    await database.write(openid.count_departure, client_of(request).place)
    async with services(request).provider_calls.enter():
        departure, kept = await openid.depart(provider)
    request_row = replace(kept, onward=onward, operator_id=operator_id)
    await database.write(openid.keep, departure.state, request_row)
    return departure


def _bound(request: Call, answer: Response[Any], departure: Departure) -> Response[Any]:
    answer.cookies.append(cookie_of(request, STATE, departure.state, max_age=LASTS_S))
    return answer


@get(f"{ROUTE}/back", include_in_schema=False)
async def come_back(request: Call) -> Response[Any]:
    """Let in whoever the provider says is there."""
    provider, client, onward = _provider(request), client_of(request), onward_of(None)
    answered = {name: str(value) for name, value in request.query_params.items()}
    mine = request.cookies.get(cookie_name(request, STATE), "")
    database = services(request).database
    try:
        _require_mine(mine, answered.get("state", ""))
        kept = await database.write(openid.take, mine)
        onward = kept.onward
        async with services(request).provider_calls.enter():
            claims = await openid.claims_of(provider, kept, answered)
        if kept.operator_id is not None:
            answer = await _link(request, kept.operator_id, claims)
        else:
            outcome: SignedIn | SecondNeeded = await database.write(
                openid.enter, claims, _address(claims), client
            )
            answer = let_in(request, outcome, onward)
    except (NotAnswered, TooManyAttempts, Conflict) as error:
        answer = refuse(request, onward, error)
    answer.cookies.append(cookie_of(request, STATE, "", max_age=0))
    return answer


async def _link(request: Call, operator_id: UUID, claims: Claims) -> Response[Any]:
    """Link what came back to the account of who left, if they are still here."""
    session = await session_of(request)
    if session.operator_id != operator_id:
        raise NotAccepted
    try:
        with actors.at(address_of(request)):
            await services(request).database.write(openid.link, session, claims, _address(claims))
    except LinkTaken as error:
        return await account_page(request, session, refused=str(error), status=error.status)
    return redirect(f"{ACCOUNT}?done=linked")


def _require_mine(mine: str, state: str) -> None:
    """Raises NotAccepted where it was another browser that was sent there."""
    if not mine or not secrets.compare_digest(mine.encode(), state.encode()):
        raise NotAccepted


def _provider(request: Call) -> Provider:
    """Raises NotFound where the settings name none."""
    settings = services(request).settings
    if settings.oidc_issuer is None:
        raise NotFound
    return Provider(
        settings.oidc_issuer,
        settings.oidc_client_id,
        settings.oidc_client_secret,
        f"{settings.public_url}{ROUTE}/back",
    )


def _address(claims: Claims) -> str | None:
    try:
        return None if claims.email is None else canonical(claims.email)
    except InvalidEmail:
        return None


ROUTES = [depart, link, come_back]
