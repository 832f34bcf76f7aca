"""`…/settings/mail-check`: a test mail to whoever asks, with all that was said, and the records by
which others know our mails."""

import re
from typing import Any

import msgspec
from litestar import Response, get, post

from payviox import smtp_server
from payviox.dashboard.visits import Visit, show, visit_of
from payviox.mails import checking
from payviox.mails.checking import Finding
from payviox.web.context import Call, services
from payviox.web.forms import read_form

ROUTE = "/dashboard/{business:str}/settings/mail-check"
SELECTOR = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?", re.ASCII)


class MailCheckView(msgspec.Struct, frozen=True):
    """`sender` is None where the installation has no mail server."""

    here: str
    settings: str
    to: str
    sender: str | None
    selector: str
    may_check: bool
    findings: list[Finding]
    dialogue: list[str]
    errors: dict[str, list[str]]


@get(ROUTE, include_in_schema=False)
async def ask_mail_check(request: Call) -> Response[Any]:
    """What will be looked at."""
    return _page(request, await visit_of(request))


@post(ROUTE, include_in_schema=False, status_code=200, right="business.set")
async def check_mail(request: Call) -> Response[Any]:
    """Send a test to the operator who asks, and look at the sender's records."""
    visit = await visit_of(request)
    found = services(request)
    settings = found.settings
    selector = (await read_form(request)).get("selector", "").strip()
    if selector and SELECTOR.fullmatch(selector) is None:
        wrong = {"selector": ["A selector has letters, digits, dots and dashes."]}
        return _page(request, visit, selector=selector, errors=wrong, status=422)
    if settings.smtp_url is None or settings.mail_from is None:
        return _page(request, visit, selector=selector, status=409)
    sender, back = smtp_server.parse_sender(settings.mail_from), settings.mail_return_path
    async with found.mail_checks.slot(visit.session.operator_id):
        finding, dialogue = await checking.send_test(
            smtp_server.parse(settings.smtp_url),
            sender,
            back,
            visit.session.email,
            settings.public_url,
        )
        records = await checking.check_domain(sender, back, selector or None)
    return _page(request, visit, selector=selector, findings=[finding, *records], dialogue=dialogue)


def _page(
    request: Call,
    visit: Visit,
    *,
    selector: str = "",
    findings: list[Finding] | None = None,
    dialogue: list[str] | None = None,
    errors: dict[str, list[str]] | None = None,
    status: int = 200,
) -> Response[Any]:
    view = MailCheckView(
        here=f"{visit.base}/settings/mail-check",
        settings=f"{visit.base}/settings",
        to=visit.session.email,
        sender=services(request).settings.mail_from,
        selector=selector,
        may_check=visit.may("business.set"),
        findings=findings or [],
        dialogue=dialogue or [],
        errors=errors or {},
    )
    return show(request, visit, "settings/mail_check.html", view, status=status)


ROUTES = [ask_mail_check, check_mail]
