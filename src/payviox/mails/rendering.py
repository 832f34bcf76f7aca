"""What a mail looks like: subject, text and HTML from the templates of its message. A header never
holds what breaks a line."""

import functools
import json
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from email.headerregistry import Address, HeaderRegistry
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any
from uuid import UUID

from jinja2 import (
    Environment,
    FileSystemLoader,
    StrictUndefined,
    pass_eval_context,
    select_autoescape,
)
from jinja2.nodes import EvalContext
from markupsafe import Markup

from payviox.languages.catalogues import Language, get_or_english
from payviox.mails.model import Brand, Message

MESSAGES = Path(__file__).parent / "messages"
MAX_SUBJECT = 150
ISOLATES = "\u2068\u2069"
"""Keep an amount in one piece in a line that runs from right to left."""


class _Headers(HeaderRegistry):
    """Makes the class of a kind of header once, not for each header."""

    @functools.cache  # noqa: B019  # there is one, and it stays
    def __getitem__(self, name: str) -> Any:
        return super().__getitem__(name)


POLICY = SMTP.clone(header_factory=_Headers())
ONE_LINE = POLICY.clone(max_line_length=900)
"""Addresses in headers are not broken: mail programs read them as they are."""


@functools.cache
def _environment(language: Language) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(MESSAGES),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_translations(language.translations, newstyle=True)  # type: ignore[attr-defined]  # the extension's
    environment.globals["language"] = language
    environment.filters |= {"apart": _apart(language), "strong": _strong}
    return environment


def _apart(language: Language) -> Callable[[EvalContext, object], str]:
    """Keeps names and amounts together, whatever direction the text around them has."""

    @pass_eval_context
    def apart(context: EvalContext, value: object) -> str:
        if context.autoescape:
            return Markup("<bdi>{}</bdi>").format(value)
        return language.apart(value)

    return apart


def _strong(value: object) -> Markup:
    return Markup("<strong><bdi>{}</bdi></strong>").format(value)


def render(
    message: Message,
    mail_id: UUID,
    sender: Address,
    recipient: str,
    facts: Mapping[str, object],
    number: int = 1,
) -> EmailMessage:
    """The whole mail, the `number`th that is sent of it. A `brand` among the facts sends it in a
    business's name, and answers to its support address; a `stop_address` is what mail programs ask
    for no more of these (RFC 8058). It is in the `language` among the facts, else in English.
    Raises ValueError where the recipient is no address."""
    language = facts.get("language")
    if not isinstance(language, Language):
        language = get_or_english(None)
    templates = _environment(language)
    subject = templates.get_template(f"{message}/subject.txt").render(facts)
    stop_address = facts.get("stop_address")
    mail = EmailMessage(policy=POLICY if stop_address is None else ONE_LINE)
    brand = facts.get("brand")
    if isinstance(brand, Brand):
        sender = Address(brand.name, sender.username, sender.domain)
        if brand.support is not None:
            mail["Reply-To"] = _address(brand.support)
        if brand.is_test:
            mark = language.gettext("Test")
            subject = f"[{mark}] {subject}"
    mail["From"] = sender
    mail["To"] = _address(recipient)
    mail["Subject"] = " ".join("".join(filter(_is_shown, subject)).split())[:MAX_SUBJECT]
    mail["Date"] = datetime.now(UTC)
    again = f".{number}" if number > 1 else ""
    mail["Message-ID"] = f"<{mail_id}{again}@{sender.domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    if stop_address is not None:
        mail["List-Unsubscribe"] = f"<{stop_address}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.set_content(templates.get_template(f"{message}/body.txt").render(facts))
    mail.make_alternative(boundary=f"={mail_id}=")  # looking for one that is free takes longer
    html = templates.get_template(f"{message}/body.html").render(facts, subject=mail["Subject"])
    mail.add_alternative(html, subtype="html")
    return mail


def example(
    message: Message, language: Language | None = None, today: date | None = None
) -> dict[str, object]:
    """Facts that the message could have, to look at, in this language or English, as of a day."""
    today = today or datetime.now(UTC).date()
    language = language or get_or_english(None)
    facts: dict[str, object] = json.loads((MESSAGES / message / "example.json").read_text())
    return {name: _said(fact, language, today) for name, fact in facts.items()}


def _said(fact: object, language: Language, today: date) -> object:
    """A fact as its mail has it: examples name amounts by `cents`, dates by how many `days` after
    today they are, and `sentence`s of the catalogues."""
    match fact:
        case {"cents": int(cents)}:
            return language.money(cents)
        case {"days": int(days)}:
            return language.day(today + timedelta(days))
        case {"sentence": str(sentence)}:
            return language.gettext(sentence)
        case _:
            return fact


def _is_shown(character: str) -> bool:
    return character.isprintable() or character.isspace() or character in ISOLATES


def _address(text: str) -> Address:
    try:
        return Address(addr_spec=text)
    except Exception as error:  # the parser raises what it likes
        raise ValueError("no address of a recipient") from error
