"""What banks' codes of rejections and returns mean to a payout user and to the payer."""

import re

import pytest

from payviox.rails.bank import pain002, reasons
from payviox.rails.failures import FAILURES, failed


@pytest.mark.parametrize(
    ("code", "status", "name"),
    [
        ("AC04", "returned", "bank_account_closed"),
        ("AC01", "rejected", "bank_account_unknown"),
        ("MD07", "returned", "bank_account_blocked"),
        ("AM04", "rejected", "bank_file_refused"),
        ("MS03", "returned", "bank_returned"),
        ("MS03", "rejected", "bank_refused"),
        (None, "returned", "bank_returned"),
        ("ZZ99", "rejected", "bank_refused"),
        ("R03", "returned", "bank_account_unknown"),
        ("R23", "returned", "bank_holder_refused"),
        ("R18", "returned", "bank_file_refused"),
        ("R99", "returned", "bank_returned"),
    ],
)
def test_a_code_becomes_words_of_the_one_catalogue(code: str, status: str, name: str) -> None:
    assert reasons.failure(code, status) == failed(name)  # type: ignore[arg-type]


def test_a_code_is_the_payees_or_the_payers_and_not_both() -> None:
    assert not reasons.ISO_OURS & set(reasons.ISO)
    assert not reasons.NACHA_OURS & set(reasons.NACHA)
    assert not reasons.UNSPECIFIED & (set(reasons.ISO) | reasons.ISO_OURS)
    assert {reasons.is_ours(code) for code in reasons.ISO_OURS | reasons.NACHA_OURS} == {True}
    assert not reasons.is_ours("AC04")
    assert not any(reasons.is_ours(code) for code in pain002.DUPLICATES)
    assert not reasons.is_ours(None)


def test_codes_are_spelled_as_banks_spell_them() -> None:
    for code in set(reasons.ISO) | reasons.ISO_OURS | reasons.UNSPECIFIED:
        assert re.fullmatch(r"[A-Z]{2}[0-9]{2}|[A-Z]{4}", code)
    for code in set(reasons.NACHA) | reasons.NACHA_OURS:
        assert re.fullmatch(r"R[0-9]{2}", code)
    assert set(reasons.ISO.values()) | set(reasons.NACHA.values()) <= set(FAILURES)
