"""`…/settings/brand`: whether payout users get mails, in whose name, and what these say."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.exceptions import NotFoundException

from payviox.businesses.model import Business
from payviox.dashboard.visits import Visit, act, show, visit_of
from payviox.errors import FieldErrors
from payviox.mails.model import TO_PAYOUT_USERS, Message
from payviox.mails.rendering import example, render
from payviox.recipient_mails import brand
from payviox.recipient_mails.brand import DEFAULT_COLOR, brand_of
from payviox.web.context import Call, services
from payviox.web.forms import read_form
from payviox.web.mail_frames import POLICY_AROUND, framed
from payviox.web.pages import HTML, redirect

ROUTE = "/dashboard/{business:str}/settings/brand"
FIELDS = ("brand_name", "brand_color", "support_email")
SOMEBODY = Address("", "somebody", "example.com")


@dataclass(frozen=True, slots=True)
class Preview:
    """A mail as it would be with facts of an example."""

    subject: str
    text: str
    frame: str


@dataclass(frozen=True, slots=True)
class BrandView:
    here: str
    settings: str
    notify: bool
    typed: Mapping[str, str]
    business_name: str
    default_color: str
    previews: list[Preview]
    sends_mails: bool
    may_change: bool
    done: bool = False
    errors: dict[str, list[str]] = field(default_factory=dict)


@get(ROUTE, include_in_schema=False)
async def show_brand(request: Call) -> Response[Any]:
    """The settings as they are, and each mail."""
    visit = await visit_of(request)
    typed = {name: getattr(visit.business, name) or "" for name in FIELDS}
    done = request.query_params.get("done") == "saved"
    return _page(request, visit, typed, notify=visit.business.notify, done=done)


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
        return _page(request, visit, typed, notify=notify, errors=error.fields, status=422)
    session = visit.session
    await act(request, session, brand.save, visit.business.id, changes, session.actor)
    return redirect(f"{visit.base}/settings/brand?done=saved")


def _page(
    request: Call,
    visit: Visit,
    typed: Mapping[str, str],
    *,
    notify: bool,
    done: bool = False,
    errors: dict[str, list[str]] | None = None,
    status: int = 200,
) -> Response[Any]:
    view = BrandView(
        here=f"{visit.base}/settings/brand",
        settings=f"{visit.base}/settings",
        notify=notify,
        typed=typed,
        business_name=visit.business.name,
        default_color=DEFAULT_COLOR,
        previews=[_preview(visit, message) for message in TO_PAYOUT_USERS],
        sends_mails=services(request).settings.smtp_url is not None,
        may_change=visit.may("business.set"),
        done=done,
        errors=errors or {},
    )
    headers = {"Content-Security-Policy": POLICY_AROUND}
    return show(request, visit, "settings/brand.html", view, status=status, headers=headers)


@get(f"{ROUTE}/mails/{{message:str}}", include_in_schema=False)
async def show_mail(request: Call) -> Response[Any]:
    """One mail's HTML, for a frame of the page. Raises NotFoundException for any other name."""
    visit = await visit_of(request)
    name = request.path_params["message"]
    message = next((each for each in TO_PAYOUT_USERS if each == name), None)
    if message is None:
        raise NotFoundException
    document, headers = framed(_part(_written(visit.business, message), "html"))
    return Response(document.encode(), status_code=200, media_type=HTML, headers=headers)


def _preview(visit: Visit, message: Message) -> Preview:
    mail = _written(visit.business, message)
    return Preview(
        subject=str(mail["Subject"]),
        text=_part(mail, "plain").strip(),
        frame=f"{visit.base}/settings/brand/mails/{message}",
    )


def _written(business: Business, message: Message) -> EmailMessage:
    facts = {**example(message), "brand": brand_of(business)}
    return render(message, UUID(int=0), SOMEBODY, SOMEBODY.addr_spec, facts)


def _part(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    return "" if part is None else str(part.get_content())


ROUTES = [show_brand, save_brand, show_mail]
