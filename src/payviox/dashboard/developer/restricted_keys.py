"""`…/developer/keys/restricted`: restricted keys made, shown once, changed and revoked."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get, post

from payviox import ids
from payviox.api_requests import service as api_requests
from payviox.api_requests.model import LastUse
from payviox.auth.model import RestrictedKey
from payviox.auth.restrictions import SCOPES, Restrictions
from payviox.dashboard.confirmations import ConfirmView, Fact, confirm
from payviox.dashboard.visits import Visit, act, act_once, read, require_fresh, show, visit_of
from payviox.db.pool import Connection
from payviox.errors import FieldErrors
from payviox.idempotency.service import ShownOnce
from payviox.money import MAX_TREASURY, InvalidAmount, decimal, typed_cents
from payviox.treasury import restricted_keys
from payviox.web.context import Call, services
from payviox.web.cursors import path_id
from payviox.web.forms import new_key, read_form
from payviox.web.pages import redirect

KEYS = "/dashboard/{business:str}/developer/keys"
ROUTE = f"{KEYS}/restricted"
FIELDS = ("name", "amount_limit", "daily_limit", "networks", "expires_on")
DAY = timedelta(days=1)


class Row(msgspec.Struct, frozen=True):
    """A restricted key; `change` and `revoke` are None for somebody who may not."""

    key: RestrictedKey
    last_use: LastUse | None
    change: str | None
    revoke: str | None


class FormView(msgspec.Struct, frozen=True):
    """What a key may do, as it is typed: amounts in dollars, networks one a line."""

    heading: str
    action: str
    button: str
    back: str
    typed: Mapping[str, str]
    chosen: list[str]
    scopes: Mapping[str, str]
    errors: dict[str, list[str]]
    key: str


class NewKeyView(msgspec.Struct, frozen=True):
    """The new key; None where the form was sent before and has shown it."""

    name: str
    key: str | None
    site: str
    may_allocate: bool
    back: str


async def rows(connection: Connection, visit: Visit) -> list[Row]:
    """The business's restricted keys, for the page of all keys."""
    uses = await api_requests.key_uses(connection, visit.business.id)
    found = await restricted_keys.list_of(connection, visit.business.id)
    return [
        Row(
            key,
            uses.get(key.id),
            f"{_of(visit, key.id)}/change" if visit.may("key.change") else None,
            f"{_of(visit, key.id)}/revoke" if visit.may("key.revoke") else None,
        )
        for key in found
    ]


def address(visit: Visit) -> str:
    """Where a new one is made."""
    return f"{visit.base}/developer/keys/restricted"


@get(ROUTE, include_in_schema=False)
async def ask_to_create(request: Call) -> Response[Any]:
    """What the new key may do."""
    visit = await visit_of(request)
    require_fresh(visit.session)
    return show(request, visit, "developer/restricted_key.html", _form(visit, None, {}, {}))


@post(ROUTE, include_in_schema=False, status_code=200, right="key.create")
async def create(request: Call) -> Response[Any]:
    """Make it and show it."""
    visit, form = await visit_of(request), await read_form(request)

    async def effect(connection: Connection) -> ShownOnce:
        made = await restricted_keys.create(
            connection, visit.business.id, _read(form), visit.session.actor
        )
        return ShownOnce({}, made.secret)

    try:
        done = await act_once(request, visit, form, effect)
    except FieldErrors as error:
        again = _form(visit, None, form, error.fields)
        return show(request, visit, "developer/restricted_key.html", again, status=422)
    wanted = _read(form)
    view = NewKeyView(
        wanted.name,
        done.shown_once,
        services(request).settings.public_url.rstrip("/"),
        "allocate" in wanted.scopes,
        f"{visit.base}/developer/keys",
    )
    return show(request, visit, "developer/new_restricted_key.html", view)


@get(f"{ROUTE}/{{id:str}}/change", include_in_schema=False)
async def ask_to_change(request: Call) -> Response[Any]:
    """What the key may do now."""
    visit = await visit_of(request)
    require_fresh(visit.session)
    key = await _get(request, visit)
    return show(request, visit, "developer/restricted_key.html", _form(visit, key, {}, {}))


@post(f"{ROUTE}/{{id:str}}/change", include_in_schema=False, status_code=200, right="key.change")
async def change(request: Call) -> Response[Any]:
    """Give it the bounds that were typed. An end within a day stays as it is where its day does."""
    visit, form = await visit_of(request), await read_form(request)
    key = await _get(request, visit)
    try:
        wanted = _read(form)
        if form.get("expires_on", "").strip() == _typed(key)["expires_on"]:
            wanted = msgspec.structs.replace(wanted, expires_at=key.expires_at)
        await act(
            request,
            visit.session,
            restricted_keys.change,
            visit.business.id,
            key.id,
            wanted,
            visit.session.actor,
        )
    except FieldErrors as error:
        view = _form(visit, key, form, error.fields)
        return show(request, visit, "developer/restricted_key.html", view, status=422)
    return redirect(f"{visit.base}/developer/keys?done=changed")


@get(f"{ROUTE}/{{id:str}}/revoke", include_in_schema=False)
async def ask_to_revoke(request: Call) -> Response[Any]:
    """Whether to stop the key."""
    visit = await visit_of(request)
    key = await _get(request, visit)
    view = ConfirmView(
        heading="Revoke restricted key",
        consequence="Every program that calls with it is refused from that moment on, for good.",
        facts=[Fact("Key", key.name), Fact("Ends with", key.hint)],
        action=f"{_of(visit, key.id)}/revoke",
        button="Revoke key",
        back=f"{visit.base}/developer/keys",
        keep="Keep the key",
        is_danger=True,
    )
    return confirm(request, visit, view)


@post(f"{ROUTE}/{{id:str}}/revoke", include_in_schema=False, status_code=200, right="key.revoke")
async def revoke(request: Call) -> Response[Any]:
    """Stop it."""
    visit = await visit_of(request)
    key_id = path_id(request, ids.KEY)

    async def effect(connection: Connection) -> Mapping[str, object]:
        await restricted_keys.revoke(connection, visit.business.id, key_id, visit.session.actor)
        return {}

    await act_once(request, visit, await read_form(request), effect)
    return redirect(f"{visit.base}/developer/keys?done=revoked")


async def _get(request: Call, visit: Visit) -> RestrictedKey:
    key_id = path_id(request, ids.KEY)
    return await read(request, visit, restricted_keys.get, visit.business.id, key_id)


def _of(visit: Visit, key_id: UUID) -> str:
    return f"{address(visit)}/{ids.show(ids.KEY, key_id)}"


def _read(form: Mapping[str, str]) -> Restrictions:
    """What was typed. Raises FieldErrors; the use case checks what the values must be."""
    errors: dict[str, list[str]] = {}
    limits: dict[str, int | None] = {}
    for name in ("amount_limit", "daily_limit"):
        text = form.get(name, "").strip()
        try:
            limits[name] = typed_cents(text, MAX_TREASURY) if text else None
        except InvalidAmount as error:
            errors[name] = [str(error)]
    expires_at = None
    if day := form.get("expires_on", "").strip():
        try:
            parsed = date.fromisoformat(day)
            expires_at = datetime(parsed.year, parsed.month, parsed.day, tzinfo=UTC) + DAY
        except (ValueError, OverflowError):
            errors["expires_on"] = ["Give a day such as 2026-01-31."]
    if errors:
        raise FieldErrors(errors)
    return Restrictions(
        form.get("name", ""),
        tuple(scope for scope in SCOPES if form.get(f"scope_{scope}")),
        limits["amount_limit"],
        limits["daily_limit"],
        tuple(line for line in form.get("networks", "").splitlines() if line.strip()),
        expires_at,
    )


def _form(
    visit: Visit,
    key: RestrictedKey | None,
    form: Mapping[str, str],
    errors: dict[str, list[str]],
) -> FormView:
    """The form as it was sent; else as the key is, else empty."""
    typed = {name: form.get(name, "") for name in FIELDS}
    chosen: list[str] = [scope for scope in SCOPES if form.get(f"scope_{scope}")]
    if key is not None and not form:
        typed = _typed(key)
        chosen = list(key.scopes)
    return FormView(
        heading="New restricted key" if key is None else "Change restricted key",
        action=address(visit) if key is None else f"{_of(visit, key.id)}/change",
        button="Make the key" if key is None else "Save",
        back=f"{visit.base}/developer/keys",
        typed=typed,
        chosen=chosen,
        scopes={str(scope): meaning for scope, meaning in SCOPES.items()},
        errors=errors,
        key=form.get("key") or new_key(),
    )


def _typed(key: RestrictedKey) -> dict[str, str]:
    last = None if key.expires_at is None else key.expires_at - timedelta(microseconds=1)
    return {
        "name": key.name,
        "amount_limit": "" if key.amount_limit is None else decimal(key.amount_limit),
        "daily_limit": "" if key.daily_limit is None else decimal(key.daily_limit),
        "networks": "\n".join(key.networks),
        "expires_on": "" if last is None else last.astimezone(UTC).date().isoformat(),
    }


ROUTES = [ask_to_create, create, ask_to_change, change, ask_to_revoke, revoke]
