"""`…/settings/brand/pages/<name>` and `…/settings/brand/mails/<name>`: the redemption page and each
mail as this business's payout users would see them, for frames in which nothing acts."""

from email.headerregistry import Address
from email.message import EmailMessage
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get

from payviox.businesses.model import Business
from payviox.dashboard.visits import Visit, visit_of
from payviox.errors import NotFound
from payviox.languages import catalogues
from payviox.languages.catalogues import Language
from payviox.mails.model import TO_PAYOUT_USERS, Message
from payviox.mails.rendering import example, render
from payviox.recipient_mails.brand import brand_of
from payviox.web.context import Call
from payviox.web.mail_frames import framed
from payviox.web.pages import HTML

ROUTE = "/dashboard/{business:str}/settings/brand"
SHOWN = "shown"
"""Names the language of what is shown."""
SOMEBODY = Address("", "somebody", "example.com")


class Preview(msgspec.Struct, frozen=True):
    """A mail as it would be with facts of an example."""

    subject: str
    text: str
    frame: str


@get(f"{ROUTE}/pages/{{name:str}}", include_in_schema=False)
async def show_page(request: Call) -> Response[Any]:
    """A page with sample money. Raises NotFound for any other name."""
    visit = await visit_of(request)
    language = chosen_language(request, visit.business)
    sample: Response[Any] = request.app.state.sample_page(
        request, visit.business, language, str(request.path_params["name"])
    )
    return sample


@get(f"{ROUTE}/mails/{{message:str}}", include_in_schema=False)
async def show_mail(request: Call) -> Response[Any]:
    """One mail's HTML. Raises NotFound for any other name."""
    visit = await visit_of(request)
    name = request.path_params["message"]
    message = next((each for each in TO_PAYOUT_USERS if each == name), None)
    if message is None:
        raise NotFound
    mail = _written(visit.business, message, chosen_language(request, visit.business))
    document, headers = framed(_part(mail, "html"))
    return Response(document.encode(), status_code=200, media_type=HTML, headers=headers)


def previews(visit: Visit, language: Language) -> list[Preview]:
    """Every mail in this language."""
    return [_preview(visit, message, language) for message in TO_PAYOUT_USERS]


def chosen_language(request: Call, business: Business) -> Language:
    """The language to show, that of the business's mails where none is chosen."""
    chosen = catalogues.get(request.query_params.get(SHOWN))
    return chosen or catalogues.get_or_english(business.language)


def _preview(visit: Visit, message: Message, language: Language) -> Preview:
    mail = _written(visit.business, message, language)
    return Preview(
        subject=str(mail["Subject"]),
        text=_part(mail, "plain").strip(),
        frame=f"{visit.base}/settings/brand/mails/{message}?{SHOWN}={language.code}",
    )


def _written(business: Business, message: Message, language: Language) -> EmailMessage:
    facts = {**example(message, language), "brand": brand_of(business), "language": language}
    return render(message, UUID(int=0), SOMEBODY, SOMEBODY.addr_spec, facts)


def _part(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    return "" if part is None else str(part.get_content())


ROUTES = [show_page, show_mail]
