"""How a comparison reads on a screen."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from payviox.businesses.model import Business
from payviox.cli.reconcile.report import print_report
from payviox.reconciliation.model import Liability, Report, Side

AT = datetime(2026, 11, 1, 8, 30, tzinfo=UTC)


def business_named(name: str) -> Business:
    return Business(
        id=uuid4(),
        organization_id=uuid4(),
        mode="test",
        name=name,
        hash_code="01234567",
        payouts_enabled=True,
        withdrawals_enabled=True,
        review_amount=None,
        review_first_use=False,
        review_shared_users=None,
        review_velocity_orders=None,
        review_velocity_amount=None,
        review_rails=[],
        min_withdrawal=1,
        max_withdrawal=10_000,
        hash_lifetime_days=None,
        balance_lifetime_days=None,
        low_stock=0,
        suspense_alert_hours=24,
        second_person_amount=None,
        created_at=AT,
    )


def report(business: Business, rail: str, **values: object) -> Report:
    made = Report(business.id, rail, since=AT, asked_at=AT)
    made.liability = Liability(in_transit=27_498, users=259_477)
    made.ours = Side(matched=49_824, in_transit=27_498, told=77_322)
    made.theirs = Side(matched=49_824, told=49_824)
    for name, value in values.items():
        setattr(made, name, value)
    return made


def test_each_sum_says_what_it_is_and_no_line_contradicts_another(
    capsys: pytest.CaptureFixture[str],
) -> None:
    acme = business_named("Acme")
    print_report([(acme, report(acme, "paypal"), [])])
    lines = capsys.readouterr().out.splitlines()
    table = [line.split("\t") for line in lines if "\t" in line]
    assert [row[0] for row in table] == [
        *("class", "matched", "in_transit", "suspense", "explained", "total"),
    ]
    assert table[-1][1:3] == ["$773.22", "$498.24"]
    assert "they differ by what is in one alone" in table[-1][3]
    assert "since 2026-11-01 08:30 UTC" in lines[1]


def test_a_miscount_has_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    acme = business_named("Acme")
    wrong = Side(matched=49_824, told=50_000)
    print_report([(acme, report(acme, "paypal", theirs=wrong), [])])
    assert "difference\t$0.00\t$1.76\t" in capsys.readouterr().out


def test_what_payout_users_may_ask_for_is_said_once_a_business(
    capsys: pytest.CaptureFixture[str],
) -> None:
    acme, other = business_named("Acme"), business_named("Other")
    found = [(acme, report(acme, rail), []) for rail in ("paypal", "stock")]
    print_report([*found, (other, report(other, "stock"), [])])
    lines = capsys.readouterr().out.splitlines()
    said = [line for line in lines if "$2,594.77" in line]
    assert [line.partition(" (")[0] for line in said] == ["Acme", "Other"]
