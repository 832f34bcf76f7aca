"""`/login/openid`: to the provider that the settings name, and back."""

import secrets
from typing import Any

from litestar import Response, get

from payviox.auth import openid
from payviox.auth.openid import LASTS_S, Claims, NotAccepted, NotAnswered, Provider
from payviox.auth.sessions import SignedIn
from payviox.auth.sign_in import SecondNeeded
from payviox.dashboard.sign_in.pages import let_in, refuse
from payviox.dashboard.visits import client_of, onward_of
from payviox.errors import Conflict, NotFound, TooManyAttempts
from payviox.payout_users.email import InvalidEmail, canonical
from payviox.web.context import Call, services
from payviox.web.cookies import cookie_name, cookie_of
from payviox.web.pages import redirect

ROUTE = "/login/openid"
STATE = "openid"
"""The cookie that binds the way back to this browser."""


@get(ROUTE, include_in_schema=False)
async def depart(request: Call) -> Response[Any]:
    """Lead to the provider."""
    provider, place = _provider(request), client_of(request).place
    onward = onward_of(request.query_params.get("next"))
    try:
        await services(request).database.write(openid.count_departure, place)
        with services(request).provider_calls.enter():
            departure, kept = await openid.depart(provider)
        await services(request).database.write(openid.keep, departure.state, kept, onward)
    except (NotAnswered, TooManyAttempts) as error:
        return refuse(request, onward, error)
    answer = redirect(departure.address)
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
        with services(request).provider_calls.enter():
            claims = await openid.claims_of(provider, kept, answered)
        outcome: SignedIn | SecondNeeded = await database.write(
            openid.enter, claims, _address(claims), client
        )
    except (NotAnswered, TooManyAttempts, Conflict) as error:
        answer = refuse(request, onward, error)
    else:
        answer = let_in(request, outcome, onward)
    answer.cookies.append(cookie_of(request, STATE, "", max_age=0))
    return answer


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


ROUTES = [depart, come_back]
