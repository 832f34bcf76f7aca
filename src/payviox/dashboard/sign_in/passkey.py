"""`/login/passkey`: a passkey alone, or as the second factor after a password."""

from typing import Any

from litestar import Response, post

from payviox.auth import passkeys, sign_in
from payviox.auth.passkeys import Site
from payviox.auth.sign_in import NotStarted
from payviox.dashboard.sign_in.pages import ask_second, let_in, refuse
from payviox.dashboard.visits import client_of, onward_of
from payviox.db.pool import Connection
from payviox.errors import Conflict, NotFound
from payviox.web.context import Call, services
from payviox.web.forms import read_form
from payviox.web.pages import options

ROUTE = "/login/passkey"


@post(f"{ROUTE}/options", include_in_schema=False, status_code=200, right="anybody")
async def ask(request: Call) -> Response[Any]:
    """What the browser asks its passkeys to sign: anybody's, or those of one sign-in's operator."""
    site, client = require_site(request), client_of(request)
    token = (await read_form(request)).get("started")

    async def work(connection: Connection) -> str:
        if token is None:
            return await passkeys.ask_to_sign_in(connection, site, client.place)
        operator_id, _, _ = await sign_in.find_started(connection, token)
        return await passkeys.ask_to_prove(connection, site, operator_id)

    return options(await services(request).database.write(work))


@post(ROUTE, include_in_schema=False, status_code=200, right="anybody")
async def enter(request: Call) -> Response[Any]:
    """Let the passkey's owner in."""
    form, database = await read_form(request), services(request).database
    site, client = require_site(request), client_of(request)
    onward, token, answer = onward_of(form.get("next")), form.get("started"), form.get("answer", "")
    try:
        if token is None:
            opened = await passkeys.enter(database, site, answer, client)
        else:
            opened = await passkeys.finish(database, site, token, answer, client)
    except Conflict as error:
        if token is None or isinstance(error, NotStarted):
            return refuse(request, onward, error)
        return await ask_second(request, token, onward, refused=str(error), status=error.status)
    return let_in(request, opened, onward)


def require_site(request: Call) -> Site:
    """Whom passkeys are for. Raises NotFound where there are none."""
    site = passkeys.site_of(services(request).settings.public_url)
    if site is None:
        raise NotFound
    return site


ROUTES = [ask, enter]
