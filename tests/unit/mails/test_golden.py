"""Every mail to a payout user in every language, as it is read: its subject and text stand in
`golden/`, for people who read languages; by rule the HTML says the same and is harmless.

`PAYVIOX_WRITE_GOLDEN=1` writes the files anew: look at what has changed."""

import html
import os
import re
from collections.abc import Mapping
from datetime import date
from email import message_from_bytes, policy
from email.message import EmailMessage
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from payviox.languages import catalogues
from payviox.languages.catalogues import Language
from payviox.mails.model import TO_PAYOUT_USERS, Brand, Message
from payviox.mails.rendering import example, render
from payviox.smtp_server import parse_sender

GOLDEN = Path(__file__).parent / "golden"
BETWEEN = "\n" + "=" * 72 + "\n"
SENDER = parse_sender("payouts@host.test")
BRAND = Brand("Acme", "#1f4b99", "help@acme.test", is_test=False)
TEST_BRAND = Brand("Acme", "#1f4b99", None, is_test=True)
CARD = {
    "is_gift_card": True,
    "state": "Your gift card is ready.",
    "next": "Show its code when you want to use it.",
}
EUROS = {"arrives": (2_246, "EUR"), "rate": ("EUR", "1.08", 100)}
"""$24.50 at 1.08 and a spread of one percent."""
VARIANTS: Mapping[str, list[dict[str, object]]] = {
    "destination_changed": [
        {},
        {"is_automatic": False},
        {"is_automatic": False, "is_removed": True},
        {"is_automatic": False, "is_off": True},
    ],
    "withdrawal_confirmed": [{}, {"in_review": False, "fees": ""}, EUROS],
    "withdrawal_on_its_way": [{}, {"by": ""}, EUROS],
    "withdrawal_delivered": [{}, CARD, EUROS],
    "money_received": [{}, {"brand": TEST_BRAND}],
}
"""What else a message can say."""
SENTENCES = ("state", "reason", "next", "by")
TAGS = {
    "a": {"href", "style"},
    "bdi": set[str](),
    "body": {"style"},
    "br": set[str](),
    "div": {"lang", "dir", "style"},
    "head": set[str](),
    "hr": {"style"},
    "html": {"lang", "dir"},
    "meta": {"charset", "name", "content"},
    "p": {"style", "dir"},
    "strong": set[str](),
    "title": set[str](),
}
"""What a mail is made of, and nothing else: nothing that runs, is fetched or is sent."""
EMPTY = {"br", "hr", "meta"}
NAMES = {"Acme", "EUR", "PayPal", "US", "USD", "com", "example", "ord", "redeem"}
"""Latin words of a mail in another script."""


@pytest.mark.parametrize("language", catalogues.every(), ids=lambda each: each.code)
@pytest.mark.parametrize("message", TO_PAYOUT_USERS)
def test_a_mail_reads_as_it_is_kept_and_its_html_says_the_same(
    message: Message, language: Language
) -> None:
    read = [rendered(message, language, more) for more in VARIANTS.get(message, [{}])]
    for mail, facts in read:
        check(mail, facts, language)
    kept = GOLDEN / language.code / f"{message}.txt"
    shown = BETWEEN.join(f"{mail['Subject']}\n\n{text_of(mail)}" for mail, _ in read)
    if os.environ.get("PAYVIOX_WRITE_GOLDEN"):
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(shown)
    assert shown == kept.read_text(), "PAYVIOX_WRITE_GOLDEN=1 writes it anew; read it then"


def test_nothing_is_kept_of_mails_that_are_none() -> None:
    kept = {path.relative_to(GOLDEN).as_posix() for path in GOLDEN.rglob("*.txt")}
    assert kept == {
        f"{code}/{message}.txt" for code in catalogues.codes() for message in TO_PAYOUT_USERS
    }


def rendered(
    message: Message, language: Language, more: Mapping[str, object]
) -> tuple[EmailMessage, dict[str, Any]]:
    """The mail as its reader gets it, and its facts in their language."""
    facts: dict[str, Any] = {"brand": BRAND, "language": language}
    facts |= example(message, language, date(2026, 5, 1))
    facts |= {name: said(name, fact, language) for name, fact in more.items()}
    mail = render(message, UUID(int=1), SENDER, "ada@example.com", facts)
    return message_from_bytes(mail.as_bytes(), policy=policy.default), facts  # type: ignore[return-value]  # the policy's


def said(name: str, fact: object, language: Language) -> object:
    """A variant's fact in this language."""
    match fact:
        case (int(cents), str(currency)):
            return language.money(cents, currency)
        case (str(currency), str(dollars), int(spread_bp)):
            return language.rate(currency, dollars, spread_bp)
    return language.gettext(str(fact)) if name in SENTENCES and fact else fact


def check(mail: EmailMessage, facts: Mapping[str, Any], language: Language) -> None:
    """The rules of every mail."""
    text, page = text_of(mail), part_of(mail, "html")
    parser = Parser()
    parser.feed(page)
    parser.close()
    assert parser.open == []
    assert parser.links == re.findall(r"https?://\S+", text) == [facts["link"]]
    assert parser.link_text == facts["link"], "a link says where it leads"
    assert f'<html lang="{language.code}" dir="{language.direction}">' in page
    assert words(parser.title) == words(str(mail["Subject"]))
    brand = facts["brand"].name
    assert words(parser.text) == [brand, *(word for word in words(text) if word != "--")]
    told = (
        facts.keys() - {"fees", "net_amount", "arrives", "rate"}
        if facts.get("is_back")
        else facts.keys()
    )
    everything = f"{mail['Subject']} {plain(text)}"
    amounts = {"amount", "balance", "fees", "net_amount", "arrives", "rate"}
    for name in told & {*amounts, "since", "until", "reference"}:
        assert plain(facts[name]) in everything, name
    for leftover in ("%(", "{{", "None", "Undefined", "&lt;", "  "):
        assert leftover not in everything, leftover
    if language.code == "ar":
        own = rf"https?://\S+|\S+@\S+|{facts.get('typed_code', '@')}"
        latin = set(re.findall(r"[A-Za-z]{2,}", re.sub(own, " ", everything)))
        assert latin <= NAMES
    assert len(mail.as_bytes()) < 100_000


class Parser(HTMLParser):
    """Reads a mail's HTML; fails at whatever is not in `TAGS` or is closed out of turn."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.links: list[str] = []
        self.title = self.text = self.link_text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert {name for name, _ in attrs} <= TAGS[tag], (tag, attrs)
        given = {name: value or "" for name, value in attrs}
        assert not re.search(r"url|expression|import|position", given.get("style", ""))
        assert "refresh" not in given.get("content", "")
        if tag == "a":
            self.links.append(given["href"])
        if tag not in EMPTY:
            self.open.append(tag)
        if tag in ("p", "br", "hr"):
            self.text += " "

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "title" in self.open:
            self.title += data
        elif "body" in self.open:
            self.text += data
        if "a" in self.open:
            self.link_text += data


def part_of(mail: EmailMessage, kind: str) -> str:
    body = mail.get_body((kind,))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


def text_of(mail: EmailMessage) -> str:
    return part_of(mail, "plain")


def plain(text: str) -> str:
    """Without the marks that keep directions apart."""
    return re.sub("[\u2068\u2069]", "", html.unescape(text))


def words(text: str) -> list[str]:
    return plain(text).split()
