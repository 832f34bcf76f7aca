"""Which addresses a business's payees may have."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payviox.rails.evm.addresses import checksummed, payee_problem, problem

WALLET = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
TOKEN = "0xdAC17F958D2ee523a2206206994597C13D831ec7"
SOMEBODY = "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"


@given(st.binary(min_size=20, max_size=20).filter(lambda raw: int.from_bytes(raw, "big") > 0xFFFF))
def test_a_checksummed_address_is_good_and_stays_as_it_is(raw: bytes) -> None:
    spelled = checksummed("0x" + raw.hex())
    assert problem(spelled) is None
    assert checksummed(spelled) == spelled


@given(st.integers(0, 39))
def test_one_letter_in_the_other_case_is_refused(position: int) -> None:
    letter = WALLET[2 + position]
    changed = WALLET[: 2 + position] + letter.swapcase() + WALLET[3 + position :]
    assert (problem(changed) is None) == letter.isdigit()


@pytest.mark.parametrize("number", [1, 4, 9, 0x0A, 0x11, 0x100, 0x1001, 0xFFFF])
def test_nobody_is_paid_at_a_built_in_contract(number: int) -> None:
    assert problem(f"0x{number:040x}") is not None


def test_the_first_address_behind_the_built_in_ones_is_somebodys() -> None:
    assert problem(f"0x{0x10000:040x}") is None


@pytest.mark.parametrize("spelled", [str.lower, str, lambda address: "0x" + address[2:].upper()])
def test_neither_the_wallet_nor_a_token_is_a_payee_however_spelled(spelled) -> None:
    facts = {"wallets": [WALLET], "contracts": [TOKEN]}
    assert "wallet" in str(payee_problem(spelled(WALLET), **facts))
    assert "token" in str(payee_problem(spelled(TOKEN), **facts))
    assert payee_problem(spelled(SOMEBODY), **facts) is None


def test_a_payee_needs_a_good_address_too() -> None:
    assert payee_problem("0x12", wallets=[WALLET], contracts=[TOKEN]) is not None
