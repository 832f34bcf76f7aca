"""What PayPal's refusals of a new batch mean. Pure. Only an error that surely created nothing is
called not sent or failed."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from payviox.rails.failures import FailureWords, failed
from payviox.rails.http import Answer
from payviox.rails.paypal import reasons
from payviox.rails.paypal import status as states
from payviox.rails.paypal.payments import as_object, text
from payviox.rails.protocol import Outcome

NOT_TAKEN = frozenset({404, 405, 406, 413, 414, 415})
"""Statuses of a request that was not looked into: its address is not PayPal's, or not right."""

PAYPAL = ".paypal.com"
_BATCH = re.compile(r".*/v1/payments/payouts/([A-Za-z0-9_-]{1,64})/?")


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error as PayPal words it. `names` has the error's own name first, then its details'."""

    status: int
    names: tuple[str, ...]
    fields: tuple[str, ...]
    details: tuple[dict[str, Any], ...]
    body: dict[str, Any]

    @property
    def evidence(self) -> dict[str, Any]:
        """The answer without what the payment said of the payee."""
        values: dict[str, Any] = {"http_status": self.status}
        if self.names:
            values["error_name"] = self.names[0]
        if self.names[1:]:
            values["issues"] = list(self.names[1:4])
        debug_id = text(self.body.get("debug_id"))
        if debug_id is not None:
            values["debug_id"] = debug_id
        return values

    @property
    def is_duplicate(self) -> bool:
        """Whether PayPal has had this sender_batch_id before."""
        if self.status != 400 or "USER_BUSINESS_ERROR" not in self.names[:1]:
            return False
        return any("SENDER_BATCH_ID" in field.upper() for field in self.fields)


def read(answer: Answer) -> Refusal:
    body = answer.json()
    listed = body.get("details")
    details = tuple(d for d in (listed if isinstance(listed, list) else []) if isinstance(d, dict))
    words = [text(body.get("name")), *(text(detail.get("issue")) for detail in details)]
    fields = [text(detail.get("field")) for detail in details]
    return Refusal(
        answer.status,
        tuple(word for word in words if word is not None),
        tuple(field for field in fields if field is not None),
        details,
        body,
    )


def name_of(answer: Answer) -> str:
    """The error's name as PayPal has it, or the HTTP status where it has none."""
    return str(read(answer).evidence.get("error_name", answer.status))


def first_batch(refusal: Refusal, base_url: str) -> str | None:
    """The id of the batch that a duplicate was refused for. Nothing but the id is taken from the
    link, and only from one to PayPal, which names another host than is called, or to `base_url`."""
    own = urlsplit(base_url).netloc
    for href in _links(refusal):
        try:
            link = urlsplit(href)
        except ValueError:
            continue
        trusted = link.netloc == own or (link.scheme == "https" and _is_paypals(link.netloc))
        match = _BATCH.fullmatch(link.path)
        if trusted and match:
            return match[1]
    return None


def _is_paypals(host: str) -> bool:
    return host.lower().endswith(PAYPAL)


def _links(refusal: Refusal) -> Iterator[str]:
    """PayPal puts the link into the detail as `link`, its documents into the error as `links`."""
    for holder in (*refusal.details, refusal.body):
        for name in ("link", "links"):
            links = holder.get(name)
            for link in links if isinstance(links, list) else [links]:
                href = as_object(link).get("href")
                if isinstance(href, str):
                    yield href


def outcome(refusal: Refusal) -> Outcome:
    """What a refused submission came to; duplicates are the caller's."""
    evidence = refusal.evidence
    if refusal.status in NOT_TAKEN:
        return Outcome("not_sent", waiting="rail_unreachable", evidence=evidence)
    if refusal.status not in (400, 403, 422):
        return states.unknown(f"PayPal answered {refusal.status}", **evidence)
    for name in refusal.names:
        waiting = states.waiting_for(name)
        if waiting is not None:
            return Outcome("not_sent", waiting=waiting, evidence=evidence)
    if refusal.status == 403:
        return Outcome("not_sent", waiting="credentials_refused", evidence=evidence)
    reason = _reason(refusal)
    if reason is not None:
        return Outcome("failed", reason=reason, evidence=evidence)
    return states.unknown("PayPal refused for a reason that is not in its documents", **evidence)


def _reason(refusal: Refusal) -> FailureWords | None:
    for name in refusal.names:
        if name in reasons.FAILURES:
            return failed(reasons.FAILURES[name])
    if "VALIDATION_ERROR" not in refusal.names[:1]:
        return None
    for field in refusal.fields:
        if "receiver" in field.lower():
            return failed("bad_email")
        if "amount" in field.lower():
            return failed("bad_amount")
    return failed("refused")
