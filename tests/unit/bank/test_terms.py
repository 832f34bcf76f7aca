"""What a business says of its account at a bank: what is refused, when a file is due, and what an
order's state is by the bank's words."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from payviox.bank import outcomes, schedule
from payviox.bank.matching import file_status
from payviox.bank.model import Payment
from payviox.rails.bank import terms
from payviox.rails.bank.settings import SETTINGS as SETTINGS_OF_BANKS
from payviox.rails.fees import FeePolicy
from payviox.rails.protocol import Account
from support.accounts import SETTINGS

GUIDE = Path(__file__).parents[3] / "docs" / "bank.md"
NOW = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
PAYMENT = Payment(
    business_id=UUID(int=1),
    reference="ord_1.1",
    order_id=UUID(int=2),
    account_id=UUID(int=3),
    end_to_end_id="ABC",
    scheme="sepa",
    name="Ada",
    currency="EUR",
    amount=100,
    worth=None,
    cents=110,
    status="waiting",
    file_id=None,
    not_before=NOW,
    is_cooling=False,
    code=None,
    settles_on=None,
    booked_on=None,
    created_at=NOW,
    updated_at=NOW,
    read_at=NOW,
)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"schemes": ""}, {"schemes"}),
        ({"schemes": "sepa, swift"}, {"schemes"}),
        ({"iban": ""}, {"iban"}),
        ({"iban": "DE02120300000000202052"}, {"iban"}),
        ({"bic": "x"}, {"bic"}),
        ({"country": "DE"}, {"city"}),
        ({"company_id": "1"}, {"company_id"}),
        ({"originating_dfi": "1"}, {"originating_dfi"}),
        ({"sepa_format": "mt101"}, {"sepa_format"}),
        ({"success": "hoped_for"}, {"success"}),
        ({"release": "pigeon"}, {"release"}),
        ({"check_float": "perhaps"}, {"check_float"}),
        ({"cut_at": "25:00"}, {"cut_at"}),
        ({"cut_off": "3pm"}, {"cut_off"}),
        ({"release": "sftp"}, {"sftp_host", "sftp_user", "sftp_host_key"}),
        ({"schemes": "ach", "iban": None}, set()),
        ({"schemes": "sepa", "company_id": None, "originating_dfi": None}, set()),
        ({"cut_at": "never"}, set()),
        ({"cut_at": "14:30, 09:00"}, set()),
    ],
)
def test_settings_that_no_file_could_be_made_by_are_named(
    changed: dict[str, Any], named: set[str]
) -> None:
    assert set(terms.problems({**SETTINGS["bank"], **changed})) == named


def test_the_guide_has_every_setting_with_its_meaning_and_default() -> None:
    guide = GUIDE.read_text()
    for name, setting in SETTINGS_OF_BANKS.items():
        default = f"`{setting.default}`" if setting.default else ""
        default = default or ("" if setting.optional else "required")
        assert f"| `{name}` | {setting.meaning} | {default} |" in guide


def account(**settings: str) -> Account:
    return Account(
        *(UUID(int=1), "bank", "live", True, None, None, None),
        FeePolicy(),
        {**SETTINGS["bank"], **settings},
        {},
    )


@pytest.mark.parametrize(
    ("at", "is_due"),
    [
        ("2026-12-01T08:59:00+01:00", False),
        ("2026-12-01T09:00:00+01:00", True),
        ("2026-12-01T09:29:00+01:00", True),
        ("2026-12-01T09:31:00+01:00", False),
        ("2026-12-01T14:30:00+01:00", True),
        ("2026-12-05T09:00:00+01:00", False),  # a Saturday
        ("2026-12-25T09:00:00+01:00", False),  # TARGET is closed
    ],
)
def test_a_file_is_due_at_the_businesss_times_on_banking_days(at: str, is_due: bool) -> None:
    found = schedule.is_due(account(cut_at="14:30, 09:00"), "sepa", datetime.fromisoformat(at))
    assert (found is not None) == is_due
    assert schedule.is_due(account(), "sepa", datetime.fromisoformat(at)) is None


def test_success_is_booked_or_that_nothing_came_back_in_time() -> None:
    booked = terms.read(SETTINGS["bank"])
    patient = terms.read({**SETTINGS["bank"], "success": "not_returned"})
    left = msgspec.structs.replace(
        PAYMENT, status="released", file_id=UUID(int=9), settles_on=date(2026, 12, 1)
    )
    paid = msgspec.structs.replace(left, status="booked", booked_on=date(2026, 12, 2))
    later = datetime(2026, 12, 20, tzinfo=UTC)
    taken = msgspec.structs.replace(left, status="accepted")
    for terms_now in (booked, patient):
        silent = outcomes.outcome(left, terms_now, later)
        assert (silent.state, silent.waiting) == ("accepted", "bank_answer")
    assert outcomes.outcome(taken, booked, later).state == "accepted"
    assert outcomes.outcome(paid, booked, NOW).state == "succeeded"
    for payment in (taken, paid):
        soon = outcomes.outcome(payment, patient, NOW)
        assert (soon.state, soon.waiting) == ("accepted", "bank_returns")
        assert outcomes.outcome(payment, patient, later).state == "succeeded"
    assert outcomes.outcome(left, None, later).state == "accepted", "without terms, the cautious"


@pytest.mark.parametrize(
    ("status", "code", "state", "waiting", "retryable"),
    [
        ("waiting", None, "accepted", "bank_file", False),
        ("taken_back", None, "canceled", None, False),
        ("rejected", "AC04", "failed", None, False),
        ("rejected", "AM04", "failed", "float_empty", True),
        ("returned", "AC04", "returned", None, False),
    ],
)
def test_what_the_bank_said_is_the_orders_state(
    status: Any, code: str | None, state: str, waiting: str | None, retryable: bool
) -> None:
    payment = msgspec.structs.replace(PAYMENT, status=status, code=code)
    found = outcomes.outcome(payment, None, NOW)
    assert (found.state, found.waiting, found.retryable) == (state, waiting, retryable)
    assert "masked" not in found.details


@pytest.mark.parametrize(
    ("counts", "status"),
    [
        ({"released": 3}, None),
        ({"released": 1, "booked": 2}, "accepted"),
        ({"accepted": 1, "booked": 2}, "accepted"),
        ({"booked": 3}, "settled"),
        ({"booked": 2, "returned": 1}, "partly_returned"),
        ({"booked": 2, "rejected": 1}, "partly_returned"),
        ({"rejected": 3}, "rejected"),
    ],
)
def test_a_file_is_what_its_payments_are(counts: dict[str, int], status: str | None) -> None:
    assert file_status(counts) == status


def test_what_waits_for_a_file_is_not_looked_at_again_and_again() -> None:
    """The file wakes it; nothing but the end of its cooling time comes by time alone."""
    terms_now = terms.read(SETTINGS["bank"])
    free = outcomes.outcome(PAYMENT, terms_now, NOW + timedelta(days=3))
    assert (free.waiting, free.again_s) == ("bank_file", outcomes.LOOK_AGAIN_S)
    cooling = msgspec.structs.replace(PAYMENT, is_cooling=True)
    found = outcomes.outcome(cooling, terms_now, NOW - timedelta(hours=2))
    assert (found.waiting, found.again_s) == ("bank_cooling", 2 * 3600.0)
