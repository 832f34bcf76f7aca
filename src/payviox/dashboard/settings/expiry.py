"""`…/settings/expiry`: when people are reminded of money that they have not taken, and when it
returns to the payout balance."""

from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import Response, get, post

from payviox.dashboard.settings.rule_fields import (
    OF_EXPIRY,
    RuleField,
    change,
    changes_of,
    fields_of,
    typed_of,
)
from payviox.dashboard.visits import Visit, show, visit_of
from payviox.errors import FieldErrors
from payviox.web.context import Call, services
from payviox.web.forms import read_form
from payviox.web.pages import redirect

ROUTE = "/dashboard/{business:str}/settings/expiry"


class ExpiryView(msgspec.Struct, frozen=True):
    """`notice` is how many days are announced before, where anything expires."""

    here: str
    settings: str
    brand: str
    ageing: str
    fields: list[RuleField]
    lifetime: int | None
    notice: int
    notifies: bool
    sends_mails: bool
    may_change: bool
    done: bool = False
    errors: dict[str, list[str]] = msgspec.field(default_factory=dict)


@get(ROUTE, include_in_schema=False)
async def show_expiry(request: Call) -> Response[Any]:
    """The rules as they are."""
    visit = await visit_of(request)
    done = request.query_params.get("done") == "saved"
    return _page(request, visit, typed_of(visit.business), done=done)


@post(ROUTE, include_in_schema=False, status_code=200, right="business.set")
async def save_expiry(request: Call) -> Response[Any]:
    """Save every rule that was typed otherwise than it is."""
    visit = await visit_of(request)
    form = await read_form(request)
    typed = {name: form.get(name, "").strip() for name in OF_EXPIRY}
    try:
        changes = changes_of(visit.business, typed)
    except FieldErrors as error:
        return _page(request, visit, typed, errors=error.fields, status=422)
    if changes:
        await change(request, visit, changes)
    return redirect(f"{visit.base}/settings/expiry?done=saved")


def _page(
    request: Call,
    visit: Visit,
    typed: Mapping[str, str],
    *,
    done: bool = False,
    errors: dict[str, list[str]] | None = None,
    status: int = 200,
) -> Response[Any]:
    view = ExpiryView(
        here=f"{visit.base}/settings/expiry",
        settings=f"{visit.base}/settings",
        brand=f"{visit.base}/settings/brand",
        ageing=f"{visit.base}/balance/ageing",
        fields=fields_of(OF_EXPIRY, typed),
        lifetime=visit.business.balance_lifetime_days,
        notice=visit.business.expiry_notice_days,
        notifies=visit.business.notify,
        sends_mails=services(request).settings.smtp_url is not None,
        may_change=visit.may("business.set"),
        done=done,
        errors=errors or {},
    )
    return show(request, visit, "settings/expiry.html", view, status=status)


ROUTES = [show_expiry, save_expiry]
