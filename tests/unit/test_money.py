"""Amounts as people type them: one reading, or none."""

import pytest

from payviox.money import MAX_TREASURY, InvalidAmount, dollars, typed_cents

AMOUNTS = {
    "1,234.50": 123_450,
    "1234.5": 123_450,
    "1234": 123_400,
    "1,234": 123_400,
    "$20": 2_000,
    " 0.01 ": 1,
    "1,000,000.00": 100_000_000,
    "007": 700,
}


@pytest.mark.parametrize(("text", "cents"), AMOUNTS.items())
def test_dollars_are_read_as_people_type_them(text: str, cents: int) -> None:
    assert typed_cents(text, MAX_TREASURY) == cents


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "$", ".", ".5", "1.", "-1", "+1", "1e3", "0x1", "1_000", "one", "1 000", "$ 1"),
        *("1.234,50", "1.234", "1,5", "12,34.00", "1,2345", ",123", "1,234,5", "1234,567", "1.2.3"),
        *("\u0661", "1\u00a0000", "1\n", "\uff11", "5$", "5 USD", "\u20ac5", "0", "0.00"),
        *("9" * 16, "1" + ",000" * 5, "10,000,000,000.01"),
    ],
)
def test_what_is_ambiguous_or_no_amount_is_refused(text: str) -> None:
    with pytest.raises(InvalidAmount):
        typed_cents(text, MAX_TREASURY)


def test_the_least_and_the_most_are_taken() -> None:
    assert typed_cents("0.01", 1) == 1
    assert typed_cents(dollars(MAX_TREASURY), MAX_TREASURY) == MAX_TREASURY
