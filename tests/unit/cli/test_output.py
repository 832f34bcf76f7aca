"""What commands print: ids whole on any terminal, and amounts that are read as cents."""

from datetime import UTC, datetime, timedelta

import click
import pytest

from payviox import ids
from payviox.cli.output import CENTS, LIMIT, counted, print_pairs, print_table, table_lines
from payviox.cli.reconcile.compare import Since

ROW_ID = ids.show(ids.ORDER, ids.new())
EVENT_ID = ids.show(ids.EVENT, ids.new())
AT = datetime(2026, 1, 2, 3, 4, 5, 678_901, UTC)


def test_a_table_that_fits_is_one_line_a_row() -> None:
    assert table_lines(("order_id", "status", "created_at"), [(ROW_ID, "succeeded", AT)], 80) == [
        f"{'order_id':<40}  status     created_at",
        f"{ROW_ID}  succeeded  2026-01-02T03:04:05Z",
    ]


@pytest.mark.parametrize("width", [20, 40, 60])
def test_ids_are_whole_and_alone_on_their_lines_where_a_table_does_not_fit(width: int) -> None:
    columns = ("event_id", "type", "order_id", "attempts")
    rows = [(EVENT_ID, "payout.succeeded", ROW_ID, 1), (EVENT_ID, "x", None, 12)]
    assert table_lines(columns, rows, width) == [
        "event_id",
        "order_id",
        "  type              attempts",
        EVENT_ID,
        ROW_ID,
        "  payout.succeeded  1",
        EVENT_ID,
        "-",
        "  x                 12",
    ]


@pytest.mark.parametrize(
    ("given", "cents"),
    [("12.50", "1250 for $12.50"), ("$12", "1200 for $12.00"), ("0.07", "7 for")],
)
def test_an_amount_in_dollars_is_answered_with_what_it_is_in_cents(given: str, cents: str) -> None:
    with pytest.raises(click.BadParameter, match=r"Amounts are in cents: ") as refused:
        CENTS.convert(given, None, None)
    assert cents in str(refused.value)


@pytest.mark.parametrize("given", ["0", "-5", "1.5", "1e3", "ten", "1000000000001", "1_2.50"])
def test_what_is_no_amount_is_refused(given: str) -> None:
    with pytest.raises(click.BadParameter, match="is not"):
        CENTS.convert(given, None, None)
    assert CENTS.convert("1250", None, None) == 1250


def test_things_are_counted_in_words() -> None:
    assert [counted(n, "webhook") for n in (0, 1, 2_000)] == [
        "0 webhooks",
        "1 webhook",
        "2,000 webhooks",
    ]


@pytest.mark.parametrize(
    ("kind", "given", "said"),
    [
        (CENTS, "abc", "'abc' is not a valid amount in cents."),
        (LIMIT, "abc", "'abc' is not a valid whole number."),
        (LIMIT, "0", "0 is not in the range from 1 to 1,000."),
    ],
)
def test_what_is_no_number_is_said_in_plain_words(
    kind: click.ParamType[int], given: str, said: str
) -> None:
    with pytest.raises(click.BadParameter) as refused:
        kind.convert(given, None, None)
    assert str(refused.value) == said


def test_money_is_dollars_in_text_and_other_numbers_are_what_they_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_table(("amount", "attempts", "balance"), [(123_456, 123_456, None)], "")
    print_pairs({"payout_balance": -5, "low_stock": 5, "min_amount": 100})
    assert capsys.readouterr().out.splitlines() == [
        "amount\tattempts\tbalance",
        "$1,234.56\t123456\t-",
        "payout_balance  -$0.05",
        "low_stock       5",
        "min_amount      $1.00",
    ]


@pytest.mark.parametrize("given", ["7d", "7D"])
def test_days_are_read_in_either_case(given: str) -> None:
    found = Since().convert(given, None, None)
    assert datetime.now(UTC) - found >= timedelta(days=7)


@pytest.mark.parametrize("given", ["0001-01-01", "99999d", "1999-12-31"])
def test_a_day_before_any_payment_is_refused(given: str) -> None:
    with pytest.raises(click.BadParameter, match="is before 2000"):
        Since().convert(given, None, None)
