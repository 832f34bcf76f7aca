"""What an order keeps of a quote, and who sees which part of it."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from payviox.api.schemas.orders import CryptoView
from payviox.rails.evm.chains import BUILT_IN
from payviox.rails.evm.prices import Rate
from payviox.rails.evm.terms import Terms, asset, terms
from payviox.withdrawals.model import destination_digest

CHAIN = BUILT_IN["BEP20"]
TOKEN, DECIMALS = asset(CHAIN, "USDT")
TERMS = Terms(
    "BEP20",
    56,
    "USDT",
    TOKEN,
    DECIMALS,
    "0x52908400098527886E0F7030069857D2E4169EE7",
    49_500_000_000_000_000_001,
    Rate(Decimal(1), "one", datetime(2026, 1, 1, tzinfo=UTC)),
    12,
)


def test_terms_survive_being_kept_as_json() -> None:
    kept = msgspec.json.decode(msgspec.json.encode(TERMS.destination()))
    assert terms(kept) == TERMS
    assert kept["crypto_amount"] == "49.500000000000000001"


def test_terms_hold_only_for_the_very_chain_and_token_that_were_quoted() -> None:
    assert TERMS.holds(CHAIN)
    assert not TERMS.holds(replace(CHAIN, chain_id=97))
    assert not TERMS.holds(replace(CHAIN, tokens=BUILT_IN["ERC20"].tokens))
    assert not TERMS.holds(replace(CHAIN, tokens={}))
    assert not TERMS.holds(BUILT_IN["ERC20"])


def test_a_payout_user_sees_where_and_what_and_no_terms() -> None:
    shown = msgspec.to_builtins(msgspec.convert(TERMS.destination(), CryptoView))
    assert set(shown) == {"currency", "chain", "to_address", "crypto_amount"}


def test_other_terms_make_no_other_destination() -> None:
    later = replace(TERMS, units=1, network_fee=99).destination()
    assert destination_digest("crypto", later) == destination_digest("crypto", TERMS.destination())
    elsewhere = replace(TERMS, chain="ERC20").destination()
    assert destination_digest("crypto", elsewhere) != destination_digest("crypto", later)
