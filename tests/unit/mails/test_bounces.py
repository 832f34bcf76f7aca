"""Reports of mail servers and complaints, as they come back: what each says of which mail."""

from uuid import UUID

import pytest

from payviox.mails import bounces
from payviox.mails.bounces import Report

MAIL = UUID("018f0000-0000-7000-8000-0000000000a1")
RETURNED = f"""Content-Type: message/rfc822

From: Acme <payouts@example.com>
To: ada@example.com
Message-ID: <{MAIL}@example.com>
Subject: Acme sent you $25.00

Acme sent you $25.00.
"""
STATUS = """Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.com

Final-Recipient: rfc822; ada@example.com
Action: {action}
Status: {status}
Diagnostic-Code: smtp; {said}
"""


def report(*parts: str, kind: str = "delivery-status", returned: str = RETURNED) -> bytes:
    """A mail as a server sends it back."""
    head = (
        "From: MAILER-DAEMON@mx.example.com\nTo: bounces@example.com\nMIME-Version: 1.0\n"
        f'Content-Type: multipart/report; report-type={kind}; boundary="b"\n\n'
    )
    said = "Content-Type: text/plain\n\nI could not deliver it.\n"
    body = "".join(f"--b\n{part}\n" for part in (said, *parts, returned))
    return f"{head}{body}--b--\n".encode()


def status(
    action: str = "failed", code: str = "5.1.1", said: str = "550 5.1.1 No such user"
) -> str:
    return STATUS.format(action=action, status=code, said=said)


def test_a_mail_that_nobody_takes_says_so_and_that_its_address_is_wrong() -> None:
    assert bounces.read(report(status())) == Report(
        "bounced", MAIL, 1, "550 5.1.1 No such user", is_wrong=True
    )


@pytest.mark.parametrize(
    ("code", "said", "is_wrong"),
    [
        ("5.0.0", "550 unknown", True),
        ("5.1.10", "550 no mail is taken", True),
        ("5.4.4", "host not found", True),
        ("5.2.2", "552 5.2.2 Mailbox full", False),
        ("5.7.1", "550 5.7.1 Blocked: we do not like you", False),
        ("5.6.0", "554 5.6.0 What a text", False),
        ("4.4.7", "delivery time expired", False),
        ("", "550 5.1.1 nobody", True),
        ("", "nothing known", False),
    ],
)
def test_only_what_is_about_the_address_speaks_against_it(
    code: str, said: str, is_wrong: bool
) -> None:
    found = bounces.read(report(status(code=code, said=said)))
    assert found is not None
    assert found.is_wrong is is_wrong
    assert said in found.reason


def test_the_headers_alone_and_a_later_number_name_the_mail() -> None:
    headers = f"Content-Type: text/rfc822-headers\n\nMessage-ID: <{MAIL}.3@example.com>\n"
    found = bounces.read(report(status(), returned=headers))
    assert found is not None
    assert (found.mail_id, found.number) == (MAIL, 3)


def test_a_complaint_is_none_where_it_says_that_it_is_no_spam() -> None:
    feedback = "Content-Type: message/feedback-report\n\nFeedback-Type: {}\nVersion: 1\n"
    found = bounces.read(report(feedback.format("abuse"), kind="feedback-report"))
    assert found == Report("complained", MAIL, 1, "complaint: abuse", is_wrong=True)
    assert bounces.read(report(feedback.format("not-spam"), kind="feedback-report")) is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"From: ada@example.com\nSubject: On holiday\n\nBack on Monday.\n",
        report(status("delayed", "4.4.1", "still trying")),
        report(status(), returned="Content-Type: message/rfc822\n\nMessage-ID: <x@y.z>\n\nHi\n"),
        report(status(), returned=""),
        report(),
        report(kind="disposition-notification"),
        b"Content-Type: multipart/report; report-type=delivery-status\n\n\xff\xfe\x00",
    ],
)
def test_what_is_no_report_of_a_failure_of_ours_is_none(content: bytes) -> None:
    assert bounces.read(content) is None


@pytest.mark.parametrize(
    ("answer", "is_wrong"),
    [
        ("550 5.1.1 No such user", True),
        ("550 5.2.1 Mailbox disabled", True),
        ("550 No such user", False),
        ("554 5.7.1 Relay access denied", False),
        ("552 5.2.2 Full", False),
        ("550 5.7.1 192.5.1.1 is blocked", False),
        ("450 4.1.1 Greylisted", False),
    ],
)
def test_a_refusal_speaks_against_an_address_only_by_its_code(answer: str, is_wrong: bool) -> None:
    assert bounces.is_wrong_address(answer) is is_wrong
