"""What mails look like, and that nothing of a stranger's steers one."""

import html
import re
from email import message_from_bytes, policy
from typing import get_args
from uuid import UUID

import pytest

from payviox.languages import catalogues
from payviox.mails.model import TO_PAYOUT_USERS, Brand, Message
from payviox.mails.rendering import MESSAGES, example, render
from payviox.smtp_server import SmtpServer, parse, parse_sender

SENDER = parse_sender("Acme Payouts <payouts@acme.test>")
FACTS = {
    "organization": "Acme",
    "inviter": "ada@acme.test",
    "role": "viewer",
    "meaning": "look",
    "until": "2026-12-01 10:00 UTC",
    "link": "https://acme.test/dashboard/invitation/x",
    "email": "grace@acme.test",
    "site": "https://acme.test",
}


FOLDERS = sorted(path.name for path in MESSAGES.iterdir() if path.is_dir())
BRAND = Brand("Acme <b>", "#1f4b99", "help@acme.test", is_test=False)


@pytest.mark.parametrize("message", [name for name in FOLDERS if name not in TO_PAYOUT_USERS])
def test_every_message_has_a_subject_a_text_and_the_same_in_html(message: str) -> None:
    facts = {**example(message), **FACTS}  # type: ignore[arg-type]  # a folder
    mail = render(message, UUID(int=1), SENDER, "grace@acme.test", facts)  # type: ignore[arg-type]  # as above
    read = message_from_bytes(mail.as_bytes(), policy=policy.default)
    text, page = read.get_body(("plain",)), read.get_body(("html",))  # type: ignore[attr-defined]  # EmailMessage
    assert read["Subject"]
    assert (read["From"], read["To"]) == ("Acme Payouts <payouts@acme.test>", "grace@acme.test")
    assert read["Message-ID"] == f"<{UUID(int=1)}@acme.test>"
    if "{{ link }}" in (MESSAGES / message / "body.txt").read_text():
        assert FACTS["link"] in text.get_content()
        assert f'<a href="{FACTS["link"]}">{FACTS["link"]}</a>' in page.get_content()


@pytest.mark.parametrize("message", ["attention", "attention_digest"])
def test_text_and_html_of_a_mail_to_an_operator_say_the_same(message: Message) -> None:
    mail = render(message, UUID(int=1), SENDER, "grace@acme.test", example(message))
    read = message_from_bytes(mail.as_bytes(), policy=policy.default)
    text, page = [read.get_body((kind,)).get_content() for kind in ("plain", "html")]  # type: ignore[attr-defined]  # EmailMessage
    inline = re.sub(r"</?(strong|a)\b[^>]*>", "", page.partition("<body")[2].partition(">")[2])
    words = html.unescape(re.sub(r"<[^>]+>", " ", inline)).split()
    assert words == text.split()
    assert page.count("href=") == text.count("https://")
    assert not re.search(r"src=|url\(|<script|<form", page)


def test_a_name_breaks_no_header_and_no_html() -> None:
    name = "Acme\r\nBcc: everybody@evil.test\n\n<b>&\u2028\x00"
    facts = {**FACTS, "organization": name}
    mail = render("invitation", UUID(int=1), SENDER, "grace@acme.test", facts)
    read = message_from_bytes(mail.as_bytes(), policy=policy.default)
    assert read["Bcc"] is None
    assert read["Subject"] == "You are invited to Acme Bcc: everybody@evil.test <b>&"
    assert "<b>" not in read.get_body(("html",)).get_content()  # type: ignore[attr-defined]  # EmailMessage


@pytest.mark.parametrize(
    "recipient", ["", "nobody", "a@x.test\nBcc: b@x.test", "a@x.test, b@x.test", "a@x.test>"]
)
def test_what_is_no_single_address_gets_no_mail(recipient: str) -> None:
    with pytest.raises(ValueError, match="no address"):
        render("test", UUID(int=1), SENDER, recipient, FACTS)


def test_a_mail_server_is_named_by_a_url() -> None:
    assert parse("smtp://me:p%40ss@mail.test") == SmtpServer(
        "mail.test", 587, "starttls", "me", "p@ss"
    )
    assert parse("smtps://mail.test") == SmtpServer("mail.test", 465, "from the start")
    assert parse("smtp://mailpit:1025?tls=no") == SmtpServer("mailpit", 1025, "none")
    assert "p@ss" not in repr(parse("smtp://me:p%40ss@mail.test"))


@pytest.mark.parametrize(
    "url",
    [
        "mail.test",
        "http://mail.test",
        "smtp://",
        "smtps://mail.test?tls=no",
        "smtp://mail.test?tls=maybe",
        "smtp://mail.test/inbox",
        "smtp://me@mail.test",
        "smtp://mail.test:x",
    ],
)
def test_what_names_no_mail_server_is_refused(url: str) -> None:
    with pytest.raises(ValueError):
        parse(url)


@pytest.mark.parametrize("text", ["nobody", "a@b@c", "x\n<a@b.test>", "<>", ""])
def test_what_is_no_sender_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no sender"):
        parse_sender(text)


def test_every_message_has_a_folder() -> None:
    assert sorted(get_args(Message)) == FOLDERS


def test_a_brands_name_breaks_neither_a_header_nor_html() -> None:
    english = catalogues.get_or_english(None)
    shown = {**example("money_received"), "brand": BRAND, "language": english}
    mail = render("money_received", UUID(int=1), SENDER, "grace@acme.test", shown)
    read = message_from_bytes(mail.as_bytes(), policy=policy.default)
    assert read["From"] == '"Acme <b>" <payouts@acme.test>'
    assert read["Reply-To"] == "help@acme.test"
    page = read.get_body(("html",)).get_content()  # type: ignore[attr-defined]  # EmailMessage
    assert "Acme &lt;b&gt;" in page
    assert "<b>" not in page


def test_an_amount_stays_in_one_piece_in_a_subject_from_right_to_left() -> None:
    language = catalogues.get_or_english("ar")
    shown = {**example("money_received", language), "brand": BRAND, "language": language}
    mail = render("money_received", UUID(int=1), SENDER, "grace@acme.test", shown)
    read = message_from_bytes(mail.as_bytes(), policy=policy.default)
    amount = " ".join(language.money(2_500).split())
    assert f"\u2068{amount}\u2069" in read["Subject"]


def test_where_to_ask_for_no_more_stands_in_one_line_of_the_header() -> None:
    stop_address = f"https://acme.test/redeem/reminders/{'x' * 120}"
    shown = {**example("reminder"), "brand": BRAND, "stop_address": stop_address}
    mail = render("reminder", UUID(int=1), SENDER, "grace@acme.test", shown)
    lines = mail.as_bytes().split(b"\r\n")
    assert f"List-Unsubscribe: <{stop_address}>".encode() in lines
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click" in lines
