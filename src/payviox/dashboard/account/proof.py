"""`/account/prove`: show once more who you are, then go on with what you were doing."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from litestar import Response, get, post

from payviox.auth import factors, passkeys, step_up
from payviox.auth.factors import Factors
from payviox.auth.passkeys import Site
from payviox.dashboard.visits import PROVE, ProofAsked, client_of, here_of, onward_of, session_of
from payviox.errors import Busy, Conflict, FieldErrors, NotFound, TooManyAttempts
from payviox.web.context import Call, services
from payviox.web.cookies import cookie_of
from payviox.web.forms import read_form
from payviox.web.pages import options, page, redirect

KEPT = "form."
"""Begins the names of the fields of a form that waits."""


@dataclass(frozen=True, slots=True)
class ProveView:
    """What is asked for. Where a form waits, `waits` is its address and `fields` are sent along."""

    email: str
    next: str
    has_app: bool
    has_recovery: bool
    has_passkeys: bool
    waits: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict, repr=False)
    errors: dict[str, list[str]] = field(default_factory=dict)
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class GoOnView:
    """A form that waited and may be sent now."""

    address: str
    fields: Mapping[str, str] = field(repr=False)


def ask_before(request: Call, asked: ProofAsked) -> Response[Any]:
    """The page in place of what a form asked for: nothing was done yet."""
    view = _view(asked.email, onward_of(None), asked.second)
    if asked.fields is not None:
        view = replace(view, waits=here_of(request), fields=asked.fields)
    return page(request, "account/prove.html", view, status=403)


@get(PROVE, include_in_schema=False)
async def show_proof(request: Call) -> Response[Any]:
    """Ask for the password and a code, or a passkey."""
    session = await session_of(request)
    second = await services(request).database.fetch(factors.find, session.operator_id)
    view = _view(session.email, onward_of(request.query_params.get("next")), second)
    return page(request, "account/prove.html", view)


@post(PROVE, include_in_schema=False, status_code=200, right="signed_in")
async def prove(request: Call) -> Response[Any]:
    """Check it, give the session another token, and lead back."""
    found = services(request)
    session, client = await session_of(request), client_of(request)
    form = await read_form(request)
    second = await found.database.fetch(factors.find, session.operator_id)
    view = replace(_view(session.email, onward_of(form.get("next")), second), **_waiting(form))
    try:
        async with found.sign_ins.enter():
            if "answer" in form:
                site = _site(request)
                token = await passkeys.prove(found.database, site, session, form["answer"], client)
            else:
                token = await step_up.with_password(
                    found.database,
                    found.keyring,
                    session,
                    form.get("password", ""),
                    form.get("code", ""),
                    client,
                )
    except FieldErrors as error:
        view = replace(view, errors=error.fields)
        return page(request, "account/prove.html", view, status=422)
    except (Conflict, TooManyAttempts, Busy) as error:
        view = replace(view, refused=str(error))
        return page(request, "account/prove.html", view, status=error.status)
    if view.waits is None:
        answer = redirect(view.next)
    else:
        answer = page(request, "account/go_on.html", GoOnView(view.waits, view.fields))
    answer.cookies.append(cookie_of(request, "session", token))
    return answer


@post(f"{PROVE}/options", include_in_schema=False, status_code=200, right="signed_in")
async def ask_passkey(request: Call) -> Response[Any]:
    """What the browser asks a passkey of this person's to sign."""
    session = await session_of(request)
    return options(
        await services(request).database.write(
            passkeys.ask_to_prove, _site(request), session.operator_id
        )
    )


def _view(email: str, onward: str, second: Factors) -> ProveView:
    return ProveView(email, onward, second.has_app, second.any, bool(second.passkeys))


def _waiting(form: Mapping[str, str]) -> dict[str, Any]:
    """The form that waits, where one does."""
    address = form.get("waits")
    if address is None or onward_of(address) != address:
        return {}
    fields = {name[len(KEPT) :]: text for name, text in form.items() if name.startswith(KEPT)}
    return {"waits": address, "fields": fields}


def _site(request: Call) -> Site:
    site = passkeys.site_of(services(request).settings.public_url)
    if site is None:
        raise NotFound
    return site


ROUTES = [show_proof, prove, ask_passkey]
