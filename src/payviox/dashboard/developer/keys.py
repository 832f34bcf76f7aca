"""`…/developer/keys`: the API keys of one mode, and new ones in place of them, shown once."""

from datetime import datetime
from typing import Any

import msgspec
from litestar import Response, get, post

from payviox.api_requests import service as api_requests
from payviox.api_requests.model import LastUse
from payviox.auth import keys
from payviox.auth.keys import KINDS, PREFIX, Kind
from payviox.auth.model import LiveKey
from payviox.dashboard.confirmations import ConfirmView, Fact, confirm
from payviox.dashboard.developer import restricted_keys
from payviox.dashboard.visits import Visit, act_once, read, require_fresh, show, visit_of
from payviox.db.pool import Connection
from payviox.errors import NotFound
from payviox.idempotency.service import ShownOnce
from payviox.treasury import service as treasury
from payviox.web.context import Call, services
from payviox.web.forms import read_form

ROUTE = "/dashboard/{business:str}/developer/keys"
DONE = {
    "changed": "The restricted key is changed: it holds at once.",
    "revoked": "The restricted key is revoked.",
}
STOPS: dict[Kind, str] = {
    "secret": "Every program that calls with the old secret key is refused from that moment on:"
    " it makes no payouts and reads nothing until it has the new one. The new key is shown once.",
    "public": "The old public key stops at once, wherever it is used. The new key is shown once.",
}


class KeyRow(msgspec.Struct, frozen=True):
    """A key of this mode; without `hint` there is none. `last_use` is of the requests that are
    kept; None also for a public key, which none are made with. `regenerate` is None where this
    person may not make a new one."""

    kind: Kind
    name: str
    hint: str | None
    created_at: datetime | None
    last_use: LastUse | None
    regenerate: str | None


class KeysView(msgspec.Struct, frozen=True):
    """Both keys, and the restricted ones; `make` is None where this person may make none."""

    rows: list[KeyRow]
    restricted: list[restricted_keys.Row]
    make: str | None
    done: str | None
    site: str
    first_calls: str
    kept_days: int


class NewKeyView(msgspec.Struct, frozen=True):
    """The new key; None where the form was sent before and has shown it."""

    kind: Kind
    key: str | None
    site: str
    back: str


@get(ROUTE, include_in_schema=False)
async def list_keys(request: Call) -> Response[Any]:
    """The keys that work now, by their last characters."""
    visit = await visit_of(request)
    view = KeysView(
        await read(request, visit, _rows, visit),
        await read(request, visit, restricted_keys.rows, visit),
        restricted_keys.address(visit) if visit.may("key.create") else None,
        DONE.get(request.query_params.get("done", "")),
        _site(request),
        f"{visit.base}/developer/first-calls",
        services(request).settings.keep_requests_days,
    )
    return show(request, visit, "developer/keys.html", view)


@get(f"{ROUTE}/{{kind:str}}/regenerate", include_in_schema=False)
async def ask_to_regenerate(request: Call) -> Response[Any]:
    """Whether to make a new key, and what stops."""
    visit = await visit_of(request)
    require_fresh(visit.session)
    kind = _kind(request)
    key = _of_kind(await read(request, visit, keys.list_of, visit.business.id), kind)
    others = await read(request, visit, restricted_keys.rows, visit)
    view = ConfirmView(
        heading="Regenerate API key",
        consequence=STOPS[kind],
        facts=[
            Fact("Key", _name(visit, kind)),
            Fact("Ends with", key.hint if key else "none"),
            Fact("Restricted keys that go on", str(len(others))),
        ],
        action=f"{_address(visit)}/{kind}/regenerate",
        button="Regenerate API key",
        back=_address(visit),
        keep="Keep the key",
        is_danger=True,
    )
    return confirm(request, visit, view)


@post(
    f"{ROUTE}/{{kind:str}}/regenerate",
    include_in_schema=False,
    status_code=200,
    right="key.regenerate",
)
async def regenerate(request: Call) -> Response[Any]:
    """Make a new key and show it."""
    visit = await visit_of(request)
    kind = _kind(request)

    async def effect(connection: Connection) -> ShownOnce:
        made = await treasury.regenerate_key(
            connection, visit.business.id, kind, visit.session.actor
        )
        return ShownOnce({}, made)

    done = await act_once(request, visit, await read_form(request), effect)
    view = NewKeyView(kind, done.shown_once, _site(request), _address(visit))
    return show(request, visit, "developer/new_key.html", view)


async def _rows(connection: Connection, visit: Visit) -> list[KeyRow]:
    found = await keys.list_of(connection, visit.business.id)
    secret = _of_kind(found, "secret")
    last_use = None
    if secret is not None:
        last_use = await api_requests.last_use(
            connection, visit.business.id, secret.hint, secret.created_at
        )
    return [
        _row(visit, kind, _of_kind(found, kind), last_use if kind == "secret" else None)
        for kind in KINDS
    ]


def _row(visit: Visit, kind: Kind, key: LiveKey | None, last_use: LastUse | None) -> KeyRow:
    return KeyRow(
        kind=kind,
        name=_name(visit, kind),
        hint=key.hint if key else None,
        created_at=key.created_at if key else None,
        last_use=last_use,
        regenerate=f"{_address(visit)}/{kind}/regenerate" if visit.may("key.regenerate") else None,
    )


def _of_kind(found: list[LiveKey], kind: Kind) -> LiveKey | None:
    return next((key for key in found if key.kind == kind), None)


def _kind(request: Call) -> Kind:
    """Raises NotFound."""
    for kind in KINDS:
        if request.path_params["kind"] == kind:
            return kind
    raise NotFound


def _name(visit: Visit, kind: Kind) -> str:
    return f"{kind.capitalize()} key, {PREFIX[kind]}_{visit.business.mode}"


def _address(visit: Visit) -> str:
    return f"{visit.base}/developer/keys"


def _site(request: Call) -> str:
    return services(request).settings.public_url.rstrip("/")


ROUTES = [list_keys, ask_to_regenerate, regenerate]
