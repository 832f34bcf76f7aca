"""What mail servers and mailbox providers send back about our mails: reports of what was not
delivered (RFC 3464) and complaints (RFC 5965). Reading alone; nothing is kept here."""

import re
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import Message
from typing import Literal
from uuid import UUID

MAX_BYTES = 1_000_000
MAX_REASON = 300
MAIL_ID = re.compile(
    r"<([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})(?:\.([0-9]{1,4}))?@"
)
CODE = re.compile(r"(?<![0-9.])([245])\.([0-9]{1,3})\.([0-9]{1,3})(?![0-9]|\.[0-9])")
NOBODY = re.compile(r"5[0-9]{2} 5\.(1\.[0-9]{1,3}|2\.1)(?![0-9]|\.[0-9])")
RETRYABLE = frozenset({(2, 2), (2, 3), (2, 4)})
"""Subject and detail of failures that say nothing against the address: a full mailbox, too much."""


@dataclass(frozen=True, slots=True)
class Report:
    """What came back about the `number`th sending of a mail. `is_wrong` says that its address takes
    no mail, now or later."""

    kind: Literal["bounced", "complained"]
    mail_id: UUID
    number: int
    reason: str
    is_wrong: bool


def read(content: bytes) -> Report | None:
    """The report in a mail that came back; None where it is no report of a mail of ours that
    failed, such as one of a delay or an answer from a holiday."""
    mail = message_from_bytes(content[:MAX_BYTES], policy=policy.compat32)
    kind = str(mail.get_param("report-type", "")).lower()
    about = _about(mail)
    if mail.get_content_type() != "multipart/report" or about is None:
        return None
    mail_id, number = about
    if kind == "feedback-report":
        return _complaint(mail_id, number, _fields(mail, "message/feedback-report"))
    if kind == "delivery-status":
        return _bounce(mail_id, number, _fields(mail, "message/delivery-status"))
    return None


def _complaint(mail_id: UUID, number: int, blocks: "list[Message[str, str]]") -> Report | None:
    kinds = [str(fields.get("Feedback-Type", "")) for fields in blocks]
    if not kinds or "not-spam" in kinds:
        return None
    return Report("complained", mail_id, number, f"complaint: {_line(kinds[0])}", is_wrong=True)


def _bounce(mail_id: UUID, number: int, blocks: "list[Message[str, str]]") -> Report | None:
    for fields in blocks:
        if str(fields.get("Action", "")).strip().lower() == "failed":
            status = str(fields.get("Status", "")).strip()
            said = str(fields.get("Diagnostic-Code", "")).partition(";")[2]
            reason = _line(said if CODE.search(said) else f"{status} {said}")
            is_wrong = _is_of_the_address(status or said)
            return Report("bounced", mail_id, number, reason, is_wrong=is_wrong)
    return None


def is_wrong_address(answer: str) -> bool:
    """Whether a mail server's refusal says that there is nobody at the address. Without a code of
    RFC 3463 it may as well refuse us."""
    return NOBODY.match(answer) is not None


def _is_of_the_address(text: str) -> bool:
    """Of a report, which says less: whatever is not about our text, us, or a full mailbox."""
    code = CODE.search(text)
    if code is None or code[1] != "5":
        return False
    subject, detail = int(code[2]), int(code[3])
    return subject in (0, 1, 2, 4) and (subject, detail) not in RETRYABLE


def _about(mail: "Message[str, str]") -> tuple[UUID, int] | None:
    """Which mail of ours a report returns, by its Message-ID."""
    for part in mail.walk():
        if part.get_content_type() not in ("message/rfc822", "text/rfc822-headers"):
            continue
        payload = part.get_payload()
        if isinstance(payload, list):
            text = "\n".join(
                str(inner["Message-ID"]) for inner in payload if isinstance(inner, Message)
            )
        else:
            text = str(payload)
        found = MAIL_ID.search(text)
        if found is not None:
            return UUID(found[1]), int(found[2] or 1)
    return None


def _fields(mail: "Message[str, str]", kind: str) -> "list[Message[str, str]]":
    """The blocks of fields of a report's machine-readable part."""
    parts = [part.get_payload() for part in mail.walk() if part.get_content_type() == kind]
    return [
        fields
        for blocks in parts
        if isinstance(blocks, list)
        for fields in blocks
        if isinstance(fields, Message)
    ]


def _line(text: str) -> str:
    shown = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(shown.split())[:MAX_REASON]
