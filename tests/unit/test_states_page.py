"""docs/states.md lists every state, every reason for a failure and every error that any caller may
see, in the catalogues' own words. PAYVIOX_WRITE_STATES=1 writes its tables anew."""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from payviox import errors
from payviox.allocations.batch import PartlyDone
from payviox.api.batch import BatchRefused
from payviox.errors import ScopeMissing
from payviox.order_states import STATES
from payviox.rails.failures import FAILURES
from payviox.web.request_body import RequestTimeout
from payviox.webhooks.settings import NothingToConfirm, NoWebhook, TokenWaits
from payviox.withdrawals import whereabouts

PAGE = Path(__file__).parents[2] / "docs" / "states.md"
WHO = {
    "payout_user": "the payout user",
    "business": "you",
    "operator": "the operator",
    "rail": "the rail",
    "nobody": "nobody",
}
NOT_OF_THE_API = {"Forbidden", "TooManyAttempts", "ClientGone", "FieldErrors"}
WORDED_BY_THE_CALL = {"KeyRefused", "ScopeMissing"}
"""Their words are each call's own."""


def states() -> Iterator[str]:
    yield "| state | what it means | what to do | who ends it | what the payout user reads |"
    yield "|---|---|---|---|---|"
    for name in STATES:
        state = whereabouts.STATES[name]
        yield (
            f"| `{name}` | {state.meaning} | {state.advice} | {WHO[state.who]} |"
            f" {state.recipient} {state.next} |"
        )


def failures() -> Iterator[str]:
    yield "| `reason` | what happened | what helps | name |"
    yield "|---|---|---|---|"
    for name, reason in sorted(FAILURES.items()):
        yield f"| {reason.recipient} | {reason.meaning} | {reason.advice} | `{name}` |"


def refusals() -> Iterator[str]:
    known = {
        kind
        for name, kind in vars(errors).items()
        if isinstance(kind, type)
        and issubclass(kind, errors.PayvioxError)
        and name not in NOT_OF_THE_API | WORDED_BY_THE_CALL
    }
    yield from _listed(known | {RequestTimeout}, [ScopeMissing("…"), ScopeMissing()])


def _listed(
    kinds: Iterable[type[errors.PayvioxError]], others: Sequence[errors.PayvioxError] = ()
) -> Iterator[str]:
    yield "| status | `error` |"
    yield "|---|---|"
    rows = [(kind.status, kind.message) for kind in kinds]
    for status, message in sorted([*rows, *((each.status, str(each)) for each in others)]):
        assert message != errors.PayvioxError.message or status == 500
        yield f"| {status} | {message} |"


def refusals_of_single_calls() -> Iterator[str]:
    return _listed({BatchRefused, PartlyDone, NoWebhook, NothingToConfirm, TokenWaits})


TABLES = {
    "states": states,
    "failures": failures,
    "errors": refusals,
    "single": refusals_of_single_calls,
}


def test_the_page_has_every_state_reason_and_error() -> None:
    text = PAGE.read_text(encoding="utf-8")
    written = text
    for name, rows in TABLES.items():
        table = "\n".join(rows())
        written, number = re.subn(
            rf"(<!-- {name} -->\n\n).*?(\n\n<!-- end -->)",
            lambda match, table=table: match[1] + table + match[2],
            written,
            flags=re.DOTALL,
        )
        assert number == 1
    if os.environ.get("PAYVIOX_WRITE_STATES"):
        PAGE.write_text(written, encoding="utf-8")
    else:
        assert text == written
