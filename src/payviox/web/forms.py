"""Forms of pages: who may send one, and its fields. A form is sent by a page of ours and by no
other: browsers say where a request comes from."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from payviox import ids
from payviox.errors import Conflict, Forbidden, Malformed
from payviox.idempotency import model as idempotency
from payviox.idempotency.model import BadKey, Scope
from payviox.idempotency.service import BUSINESS
from payviox.settings import Settings
from payviox.web.context import Call, Services
from payviox.web.own_hosts import owner_of

FORM = "application/x-www-form-urlencoded"
MAX_FIELDS = 200


class FromElsewhere(Forbidden):
    message = "This form was not sent from a page of this site. Open the page again and repeat it."


def refuse_foreign_forms(request: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """A guard of all routes with pages: only those pages send what changes something. Raises
    FromElsewhere."""
    process: Services = request.app.state.services
    if request.scope["method"] != "GET":  # type: ignore[typeddict-item]  # HTTP has one
        require_same_origin(request, process.settings)


def require_same_origin(request: ASGIConnection[Any, Any, Any, Any], settings: Settings) -> None:
    """Raise FromElsewhere unless the browser says that one of our pages sent this."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site != "same-origin":
            raise FromElsewhere
        return
    ours = urlsplit(settings.public_url)
    owner = owner_of(request)
    host = ours.netloc if owner is None else owner.host
    if request.headers.get("origin") != f"{ours.scheme}://{host}":
        raise FromElsewhere


def is_form(request: Call) -> bool:
    """Whether the body is a form of fields."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == FORM


async def read_form(request: Call) -> Mapping[str, str]:
    """The fields of a form, the last of each name. Raises Malformed."""
    try:
        pairs = parse_qsl(
            (await request.body()).decode(),
            keep_blank_values=True,
            strict_parsing=False,
            max_num_fields=MAX_FIELDS,
            errors="strict",
        )
    except ValueError as error:
        raise Malformed("The form could not be read") from error
    return dict(pairs)


class KeyMissing(Conflict):
    message = "The form has no key of its own. Open the page again and repeat it."


def new_key() -> str:
    """A key for one form, so that sending it twice does one thing."""
    return f"form:{ids.new()}"


def is_key(text: str) -> bool:
    """Whether this is a key that a form of ours was given."""
    prefix, _, drawn = text.partition(":")
    return prefix == "form" and ids.parse("key", f"key_{drawn}") is not None


def key_of(form: Mapping[str, str]) -> str:
    """Raises KeyMissing."""
    try:
        return idempotency.check(form.get("key", ""))
    except BadKey as error:
        raise KeyMissing from error


def scope_of(request: Call, form: Mapping[str, str]) -> Scope:
    """What a form asks for, once. Raises KeyMissing."""
    digest = idempotency.digest(dict(form))
    return Scope(BUSINESS, request.scope["path"], key_of(form), digest)


def sent_cents(form: Mapping[str, str], most: int) -> int:
    """The amount that a confirmation of ours named. Raises Malformed where it names none."""
    text = form.get("cents", "")
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(most))):
        raise Malformed("The form could not be read")
    cents = int(text)
    if not 1 <= cents <= most:
        raise Malformed("The form could not be read")
    return cents
