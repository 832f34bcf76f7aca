"""Whether mails leave and are taken for ours: the mail server's dialogue, and records in DNS."""

import ssl
from email.headerregistry import Address

import dns.asyncresolver
import pytest
import trustme

from payviox.mails import checking, connections
from payviox.mails.checking import Finding
from payviox.smtp_server import SmtpServer
from support.dns_server import dns_server
from support.live import free_port
from support.mail_server import PASSWORD, USER, mail_server

pytestmark = pytest.mark.anyio

SENDER = Address("Acme", "payouts", "mail.acme.test")
GOOD = {
    "mail.acme.test": ["google-site-verification=1", "v=spf1 include:relay.test -all"],
    "_dmarc.acme.test": ["v=DMARC1; p=quarantine"],
    "s1._domainkey.mail.acme.test": ["v=DKIM1; k=rsa; p=MIIB"],
}


async def verdicts(
    texts: dict[str, list[str]], selector: str | None = "s1", return_path: str | None = None
) -> dict[str, str]:
    async with dns_server(texts) as resolver:
        found = await checking.check_domain(SENDER, return_path, selector, resolver)
    return {finding.subject: finding.verdict for finding in found}


async def test_a_domain_that_is_set_up_is_fine() -> None:
    assert await verdicts(GOOD) == {"SPF": "ok", "DKIM": "ok", "DMARC": "ok"}
    assert (await verdicts(GOOD, selector=None))["DKIM"] == "skipped"


@pytest.mark.parametrize(
    ("name", "texts", "subject"),
    [
        ("mail.acme.test", [], "SPF"),
        ("mail.acme.test", ["v=spf1 -all", "v=spf1 ~all"], "SPF"),
        ("mail.acme.test", ["v=spf10 -all"], "SPF"),
        ("mail.acme.test", ["v=spf1 +all"], "SPF"),
        ("s1._domainkey.mail.acme.test", [], "DKIM"),
        ("s1._domainkey.mail.acme.test", ["v=DKIM1; p="], "DKIM"),
        ("_dmarc.acme.test", [], "DMARC"),
        ("_dmarc.mail.acme.test", ["v=DMARC1; p=none", "v=DMARC1; p=reject"], "DMARC"),
    ],
)
async def test_what_receivers_would_stumble_over_is_named(
    name: str, texts: list[str], subject: str
) -> None:
    found = await verdicts({**GOOD, name: texts})
    assert {each for each, verdict in found.items() if verdict == "problem"} == {subject}


async def test_spf_is_that_of_the_domain_to_which_mails_return() -> None:
    found = await verdicts(GOOD, return_path="bounces@elsewhere.test")
    assert found["SPF"] == "problem"
    texts = {**GOOD, "elsewhere.test": ["v=spf1 a -all"]}
    assert (await verdicts(texts, return_path="bounces@elsewhere.test"))["SPF"] == "ok"


async def test_without_dns_nothing_is_said_to_be_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "DNS_S", 0.2)
    nobody = dns.asyncresolver.Resolver(configure=False)
    nobody.port = free_port()
    nobody.nameservers = ["127.0.0.1"]
    found = await checking.check_domain(SENDER, None, "s1", nobody)
    assert {finding.verdict for finding in found} == {"skipped"}


async def test_a_test_mail_shows_what_was_said_and_no_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    authority = trustme.CA()
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    monkeypatch.setattr(connections, "_default_tls", lambda: trusting)
    with mail_server(authority, password=True) as secure:
        server = SmtpServer("localhost", secure.port, "starttls", USER, PASSWORD)
        to = "ada@example.com"
        found, said = await checking.send_test(server, SENDER, "b@acme.test", to, "https://x.test")
        assert found == Finding("mail server", "ok", f"It took a mail to {to}.")
        assert said[0].startswith("S: 220 ")
        assert "C: STARTTLS" in said
        assert any(line.startswith("C: MAIL FROM:<b@acme.test>") for line in said)
        assert said[-2:] == ["C: DATA, the mail, and a dot", "S: 250 OK"]
        assert "C: AUTH …" in said
        assert USER not in "".join(said).replace("payviox@", "")
        assert len(secure.mails) == 1
        secure.refuse_recipients = ["550 5.7.1 Not from you"]
        found, said = await checking.send_test(server, SENDER, None, to, "https://x.test")
        assert found.verdict == "problem"
        assert "550 5.7.1 Not from you" in found.detail
        assert "S: 550 5.7.1 Not from you" in said


async def test_a_server_that_is_away_is_said_to_be() -> None:
    away = SmtpServer("127.0.0.1", free_port(), "none")
    found, said = await checking.send_test(away, SENDER, None, "ada@example.com", "https://x.test")
    assert (found.verdict, said) == ("problem", [])
