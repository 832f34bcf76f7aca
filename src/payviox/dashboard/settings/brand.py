"""`…/settings/brand`: whether payout users get mails, in whose name, with which logo, and what page
and mails look like."""

from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import Response, get, post

from payviox.dashboard.settings.previews import Preview, chosen_language, previews
from payviox.dashboard.visits import Visit, act, show, visit_of
from payviox.errors import FieldErrors
from payviox.languages import catalogues
from payviox.languages.catalogues import Language
from payviox.recipient_mails import brand, logo
from payviox.recipient_mails.brand import DEFAULT_COLOR, brand_of
from payviox.recipient_mails.logo import MAX_FILE
from payviox.web.context import Call, services
from payviox.web.forms import read_form
from payviox.web.mail_frames import POLICY_AROUND
from payviox.web.pages import redirect

ROUTE = "/dashboard/{business:str}/settings/brand"
FIELDS = ("brand_name", "brand_color", "support_email", "language")
DONE = {
    "saved": "The brand is saved.",
    "logo": "The logo is saved.",
    "no-logo": "The logo is removed.",
}


class BrandView(msgspec.Struct, frozen=True):
    """`logo` is its address; `shown` the language of the previews."""

    here: str
    settings: str
    notify: bool
    typed: Mapping[str, str]
    business_name: str
    brand_name: str
    default_color: str
    logo: str | None
    shown: Language
    previews: list[Preview]
    languages: list[Language]
    sends_mails: bool
    may_change: bool
    done: str | None = None
    errors: dict[str, list[str]] = msgspec.field(default_factory=dict)
    max_megabytes: int = MAX_FILE // 1_000_000


@get(ROUTE, include_in_schema=False)
async def show_brand(request: Call) -> Response[Any]:
    """The settings as they are, and what page and mails look like."""
    return brand_page(request, await visit_of(request))


@post(ROUTE, include_in_schema=False, status_code=200, right="business.set")
async def save_brand(request: Call) -> Response[Any]:
    """Keep what was typed."""
    visit = await visit_of(request)
    form = await read_form(request)
    typed = {name: form.get(name, "") for name in FIELDS}
    notify = form.get("notify") == "yes"
    try:
        changes = {**brand.parse(typed), "notify": notify}
    except FieldErrors as error:
        return brand_page(request, visit, typed, notify=notify, errors=error.fields)
    session = visit.session
    await act(request, session, brand.save, visit.business.id, changes, session.actor)
    return redirect(f"{visit.base}/settings/brand?done=saved")


def brand_page(
    request: Call,
    visit: Visit,
    typed: Mapping[str, str] | None = None,
    *,
    notify: bool | None = None,
    errors: dict[str, list[str]] | None = None,
) -> Response[Any]:
    """The page, with what was typed and what is wrong with it."""
    business = visit.business
    language = chosen_language(request, business)
    view = BrandView(
        here=f"{visit.base}/settings/brand",
        settings=f"{visit.base}/settings",
        notify=business.notify if notify is None else notify,
        typed=typed or {name: getattr(business, name) or "" for name in FIELDS},
        business_name=business.name,
        brand_name=brand_of(business).name,
        default_color=DEFAULT_COLOR,
        logo=logo.address_of(business.brand_logo_digest),
        shown=language,
        previews=previews(visit, language),
        languages=catalogues.every(),
        sends_mails=services(request).settings.smtp_url is not None,
        may_change=visit.may("business.set"),
        done=DONE.get(request.query_params.get("done", "")),
        errors=errors or {},
    )
    headers = {"Content-Security-Policy": POLICY_AROUND}
    status = 422 if errors else 200
    return show(request, visit, "settings/brand.html", view, status=status, headers=headers)


ROUTES = [show_brand, save_brand]
