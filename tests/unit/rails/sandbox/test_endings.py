"""The sandbox's table of endings."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payviox.rails.evm import addresses
from payviox.rails.sandbox import endings
from payviox.rails.sandbox.endings import ENDINGS, PRODUCTS, SUCCEED, ending_of

DOCUMENT = Path(__file__).parents[4] / "docs" / "sandbox.md"
ADDRESS = "0xdAC17F958D2ee523a2206206994597C13D831ec7"


def test_endings_are_told_apart() -> None:
    assert len({e.number for e in ENDINGS}) == len({e.name for e in ENDINGS}) == len(ENDINGS)
    assert all(addresses.problem(e.address) is None for e in ENDINGS)
    assert all(e.product_id in PRODUCTS for e in ENDINGS)
    assert all(_remainder(e.iban) == 1 for e in ENDINGS)


def _remainder(iban: str) -> int:
    """What the check digits of an IBAN make 1 (ISO 13616)."""
    return int("".join(str(int(each, 36)) for each in iban[4:] + iban[:4])) % 97


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: ending.name)
def test_every_way_to_ask_for_an_ending_works(ending: endings.Ending) -> None:
    crypto = {"to_address": ending.address}
    bank = {"masked": f"{ending.iban[:4]} •••• {ending.iban[-4:]}"}
    assert ending_of("paypal", 50_000 + ending.number, {"email": "a@x.com"}) is ending
    assert ending_of("paypal", 500, {"email": f"{ending.name}@example.com"}) is ending
    assert ending_of("crypto", 500, crypto) is ending
    assert ending_of("gift_card", 1_000, {"product": ending.product_id}) is ending
    assert ending_of("bank", 500, bank) is ending
    assert ending_of("bank", 500, {"masked": f"•••• {ending.number}"}) is ending


@given(st.integers(1, 10**8).filter(lambda a: not 6601 <= a % 10_000 <= 6609))
def test_what_the_table_does_not_list_succeeds(amount: int) -> None:
    assert ending_of("paypal", amount, {"email": "failure@example.com"}) is SUCCEED
    assert ending_of("crypto", amount, {"to_address": ADDRESS}) is SUCCEED
    assert ending_of("bank", amount, {"masked": "•••• 12AB"}) is SUCCEED


def test_the_documentations_table_is_the_codes() -> None:
    assert endings.table() in DOCUMENT.read_text(encoding="utf-8")
