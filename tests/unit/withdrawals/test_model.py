"""The table of an order's states, against docs/architecture.md's, and what hangs on it."""

from typing import get_args
from uuid import uuid4

import pytest

from payviox.order_states import (
    CANCELABLE,
    GIVES_BACK,
    MAY_BECOME,
    REJECTABLE,
    IllegalTransition,
    Status,
    check_transition,
)
from payviox.withdrawals.model import (
    EVENT_OF,
    MAX_REFERENCE,
    destination_digest,
    payee_digest,
    reference,
    review_digest,
)

STATES: tuple[Status, ...] = get_args(Status)
ALLOWED = {
    "created": {"review", "queued", "canceled"},
    "review": {"queued", "rejected", "canceled"},
    "queued": {"sending", "canceled", "rejected", "review"},
    "sending": {"sent", "succeeded", "failed", "unknown", "queued"},
    "unknown": {"sent", "succeeded", "failed", "queued"},
    "sent": {"succeeded", "failed", "canceled", "unknown", "queued"},
    "succeeded": {"returned"},
}


@pytest.mark.parametrize("old", STATES)
@pytest.mark.parametrize("new", STATES)
def test_a_state_may_become_what_the_table_says_and_nothing_else(old: Status, new: Status) -> None:
    if new in ALLOWED.get(old, set()):
        check_transition(old, new)
    else:
        with pytest.raises(IllegalTransition):
            check_transition(old, new)


def test_final_states_stand() -> None:
    for state in ("failed", "rejected", "canceled", "returned"):
        assert MAY_BECOME[state] == frozenset()


def test_what_is_canceled_or_rejected_was_never_at_a_rail() -> None:
    assert {"created", "review", "queued"} == CANCELABLE
    assert {"review", "queued"} == REJECTABLE
    for state in CANCELABLE:
        assert "canceled" in MAY_BECOME[state]
    for state in REJECTABLE:
        assert "rejected" in MAY_BECOME[state]


def test_every_end_is_told_to_the_business() -> None:
    assert {*GIVES_BACK, "succeeded", "returned"} <= EVENT_OF.keys()
    assert len(set(EVENT_OF.values())) == len(EVENT_OF)


def test_a_reference_names_order_and_attempt_and_fits_the_strictest_rail() -> None:
    order_id = uuid4()
    assert reference(order_id, 7) == f"ord_{order_id}.7"
    assert len(reference(order_id, 999)) == MAX_REFERENCE
    with pytest.raises(OverflowError):
        reference(order_id, 1_000)


def test_a_review_binds_every_part_of_amount_and_destination() -> None:
    digests = {
        review_digest("paypal", 100, 100, {"email": "a@x.com"}),
        review_digest("paypal", 101, 101, {"email": "a@x.com"}),
        review_digest("paypal", 100, 99, {"email": "a@x.com"}),
        review_digest("paypal", 100, 100, {"email": "b@x.com"}),
        review_digest("crypto", 100, 100, {"email": "a@x.com"}),
    }
    assert len(digests) == 5


def test_a_destination_is_the_same_however_its_fields_are_ordered() -> None:
    named = {"chain": "ERC20", "currency": "USDT", "to_address": "0x1"}
    turned = dict(reversed(named.items()))
    assert destination_digest("crypto", named) == destination_digest("crypto", turned)


@pytest.mark.parametrize(
    "spelled", ["mule@gmail.com", "mule+1@gmail.com", "m.u.le@gmail.com", "mule+a.b@googlemail.com"]
)
def test_a_mailbox_is_one_payee_however_spelled(spelled: str) -> None:
    mailbox = payee_digest("paypal", {"email": "mule@gmail.com"})
    assert payee_digest("paypal", {"email": spelled}) == mailbox
    assert payee_digest("paypal", {"email": "mules@gmail.com"}) != mailbox


def test_dots_count_and_plus_tags_do_not_at_other_providers() -> None:
    one = payee_digest("paypal", {"email": "a.b@example.com"})
    assert one == payee_digest("paypal", {"email": "a.b+tag@example.com"})
    assert one != payee_digest("paypal", {"email": "ab@example.com"})


def test_an_address_is_one_payee_on_every_chain_and_gift_cards_have_none() -> None:
    one = payee_digest("crypto", {"currency": "USDT", "chain": "ERC20", "to_address": "0xAb"})
    assert one == payee_digest(
        "crypto", {"currency": "USDC", "chain": "BEP20", "to_address": "0xaB"}
    )
    assert payee_digest("gift_card", {"product": "x"}) is None


def test_a_bank_account_is_one_destination_and_one_payee_whatever_stands_beside_it() -> None:
    named = {"account": "acc_1", "payee": "iban", "name": "Ada"}
    assert destination_digest("bank", named) == destination_digest("bank", named | {"name": "A."})
    assert destination_digest("bank", named) != destination_digest("bank", named | {"account": "2"})
    assert payee_digest("bank", named) == payee_digest("bank", named | {"account": "acc_2"})
    assert payee_digest("bank", named) != payee_digest("bank", named | {"payee": "another"})
