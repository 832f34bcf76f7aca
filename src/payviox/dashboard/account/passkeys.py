"""`/account/passkeys`: adding and removing passkeys."""

from typing import Any

from litestar import Response, post

from payviox import ids
from payviox.auth import passkeys
from payviox.auth.passkeys import Site
from payviox.dashboard.account.authenticator import codes_page
from payviox.dashboard.account.show import account_page
from payviox.dashboard.visits import ACCOUNT, act, session_of
from payviox.errors import Conflict, FieldErrors, NotFound
from payviox.web.context import Call, services
from payviox.web.cursors import path_id
from payviox.web.forms import read_form
from payviox.web.pages import options, redirect

ROUTE = f"{ACCOUNT}/passkeys"


@post(f"{ROUTE}/options", include_in_schema=False, status_code=200, right="signed_in")
async def ask(request: Call) -> Response[Any]:
    """What the browser makes a passkey from."""
    session = await session_of(request)
    return options(await act(request, session, passkeys.ask_to_add, _site(request), session))


@post(ROUTE, include_in_schema=False, status_code=200, right="signed_in")
async def add(request: Call) -> Response[Any]:
    """Keep the passkey that the browser made."""
    session = await session_of(request)
    form, site = await read_form(request), _site(request)
    name, answer = form.get("name", ""), form.get("answer", "")
    try:
        codes = await act(request, session, passkeys.add, site, session, name, answer)
    except FieldErrors as error:
        return await account_page(request, session, name=name, errors=error.fields, status=422)
    except Conflict as error:
        return await account_page(
            request, session, name=name, refused=str(error), status=error.status
        )
    if codes:
        return codes_page(request, codes, "The passkey is added.")
    return redirect(f"{ACCOUNT}?done=passkey-added")


@post(
    f"{ROUTE}/{{passkey:str}}/remove", include_in_schema=False, status_code=200, right="signed_in"
)
async def remove(request: Call) -> Response[Any]:
    """Take a passkey out of use."""
    session = await session_of(request)
    passkey_id = path_id(request, ids.PASSKEY, "passkey")
    await act(request, session, passkeys.remove, session, passkey_id)
    return redirect(f"{ACCOUNT}?done=passkey-removed")


def _site(request: Call) -> Site:
    site = passkeys.site_of(services(request).settings.public_url)
    if site is None:
        raise NotFound
    return site


ROUTES = [ask, add, remove]
