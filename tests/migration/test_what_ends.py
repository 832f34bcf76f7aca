"""What the database refuses to everybody, its owner too: to change what has ended."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from support.databases import Urls

BUSINESS, USER, PRODUCT, OTHER = (f"00000000-0000-7000-8000-00000000000{n}" for n in (1, 2, 3, 4))
STATUSES = {
    "created": {"review", "queued", "canceled"},
    "succeeded": {"returned"},
    "failed": set(),
    "rejected": set(),
    "canceled": set(),
    "returned": set(),
}

SETUP = f"""
INSERT INTO organizations (id, name) VALUES ('{BUSINESS}', 'ACME');
INSERT INTO businesses (id, organization_id, mode, name, hash_code)
  VALUES ('{BUSINESS}', '{BUSINESS}', 'test', 'ACME', '0123abcd');
INSERT INTO payout_users (business_id, id, email, hash_key_id, hash_digest, hash_generation)
  VALUES ('{BUSINESS}', '{USER}', 'a@example.com', 'k', 'd', 3);
INSERT INTO gift_card_products (business_id, id, name, brand, country, currency, face_value, price)
  VALUES ('{BUSINESS}', '{PRODUCT}', 'Shop', 'Shop', 'US', 'USD', 1, 1),
         ('{BUSINESS}', '{OTHER}', 'Shop', 'Shop', 'US', 'USD', 2, 2);
"""
ORDER = f"""
INSERT INTO orders (business_id, id, payout_user_id, provider, rail, status, amount, fees,
  net_amount, destination, destination_digest, note)
VALUES ('{BUSINESS}', gen_random_uuid(), '{USER}', 'paypal', 'sandbox', %s, 1, 0, 1, '{{}}', '',
  'why')
RETURNING id
"""
CARD = f"""
INSERT INTO gift_cards (business_id, id, product_id, status, reference, order_id, code, key_id,
  fingerprint, delivered_at)
VALUES ('{BUSINESS}', gen_random_uuid(), '{PRODUCT}', %s, 'ref', gen_random_uuid(), 'c', 'k', 'f',
  now())
"""
ITEM = f"""
INSERT INTO suspense_items (business_id, id, rail, cause, subject, amount, evidence, resolved_at,
  resolved_by, resolution, reason)
VALUES ('{BUSINESS}', gen_random_uuid(), 'sandbox', 'stuck', 's', 1, '{{}}', now(), 'me',
  'absorbed', 'because')
"""


@pytest.fixture
def owner(urls: Urls) -> Iterator["psycopg.Connection[Any]"]:
    """A superuser, whom no GRANT binds, in a transaction that is rolled back."""
    with psycopg.connect(urls.admin) as connection, connection.transaction(force_rollback=True):
        connection.execute(SETUP)
        yield connection


def refused(connection: "psycopg.Connection[Any]", statement: str) -> str | None:
    """Which constraint refuses the statement, None where it is done."""
    try:
        with connection.transaction():
            assert connection.execute(statement).rowcount == 1  # type: ignore[arg-type]
    except psycopg.errors.CheckViolation as error:
        return error.diag.constraint_name
    return None


@pytest.mark.parametrize("status", STATUSES)
def test_an_order_that_has_ended_becomes_nothing_else(
    owner: "psycopg.Connection[Any]", status: str
) -> None:
    owner.execute(ORDER, [status])
    for other in (*STATUSES, "queued", "sending", "unknown", "review", "sent"):
        with owner.transaction(force_rollback=True):
            done = refused(owner, f"UPDATE orders SET status = '{other}'") is None
            allowed = status == "created" or other == status or other in STATUSES[status]
            assert done == allowed, (status, other)


def test_an_ended_order_keeps_what_was_said_of_it_and_is_still_looked_up(
    owner: "psycopg.Connection[Any]",
) -> None:
    owner.execute(ORDER, ["rejected"])
    for change in ("note = 'other'", "failure = 'x'", "review_reasons = '{x}'", "note = NULL"):
        assert refused(owner, f"UPDATE orders SET {change}") == "orders_stay_ended"
    assert refused(owner, "UPDATE orders SET due_at = now(), waiting = 'person'") is None


@pytest.mark.parametrize(
    ("before", "after", "done"),
    [
        ("'succeeded'", "'returned'", True),
        ("'succeeded'", "'succeeded'", True),
        ("'succeeded'", "'not_sent'", False),
        ("'succeeded'", "NULL", False),
        ("'returned'", "'succeeded'", False),
        ("'failed'", "'succeeded'", True),
        ("'not_sent'", "NULL", True),
    ],
)
def test_an_attempt_that_paid_stays_one_that_paid(
    owner: "psycopg.Connection[Any]", before: str, after: str, done: bool
) -> None:
    order = owner.execute(ORDER, ["sending"]).fetchone()
    owner.execute(
        "INSERT INTO order_attempts (business_id, order_id, number, reference, request, outcome)"
        f" VALUES ('{BUSINESS}', %s, 1, 'r', '{{}}', {before})",  # type: ignore[arg-type]
        order,
    )
    refusal = refused(owner, f"UPDATE order_attempts SET outcome = {after}")
    assert refusal == (None if done else "order_attempts_stay_paid")


@pytest.mark.parametrize(
    ("status", "change", "done"),
    [
        ("delivered", "status = 'available'", False),
        ("delivered", "status = 'void'", False),
        ("delivered", "code = 'other'", False),
        ("delivered", "pin = 'other'", False),
        ("delivered", "fingerprint = 'other'", False),
        ("delivered", f"product_id = '{OTHER}'", False),
        ("delivered", f"product_id = '{OTHER}', key_id = 'next'", False),
        ("delivered", "expires_on = '2030-01-01'", False),
        ("delivered", "order_id = gen_random_uuid()", False),
        ("delivered", "reference = NULL", False),
        ("delivered", "code = 'same code', key_id = 'next'", True),
        ("reserved", "status = 'available', reference = NULL, order_id = NULL", False),
        ("reserved", "order_id = gen_random_uuid()", False),
        ("reserved", "status = 'delivered'", True),
        ("void", "status = 'available'", False),
        ("available", "status = 'void'", True),
    ],
)
def test_a_card_that_left_the_stock_stays_as_it_left(
    owner: "psycopg.Connection[Any]", status: str, change: str, done: bool
) -> None:
    owner.execute(CARD, [status])
    refusal = refused(owner, f"UPDATE gift_cards SET {change}")
    assert refusal == (None if done else "gift_cards_stay_bound")


@pytest.mark.parametrize(
    "change", ["reason = 'x'", "resolved_at = NULL, resolved_by = NULL, resolution = NULL"]
)
def test_a_resolved_item_stays_resolved(owner: "psycopg.Connection[Any]", change: str) -> None:
    owner.execute(ITEM)
    assert refused(owner, f"UPDATE suspense_items SET {change}") == "suspense_items_stay_resolved"


def test_a_used_key_a_rotated_hash_and_a_nonce_given_out_never_come_back(
    owner: "psycopg.Connection[Any]",
) -> None:
    owner.execute(
        "INSERT INTO idempotency_keys (business_id, caller, path, key, digest)"
        f" VALUES ('{BUSINESS}', 'c', '/p', 'k', 'd')"
    )
    assert refused(owner, "UPDATE idempotency_keys SET reference = '{}'") is None
    refusal = refused(owner, "UPDATE idempotency_keys SET reference = '[1]'")
    assert refusal == "idempotency_keys_stay_used"
    assert refused(owner, "UPDATE payout_users SET hash_generation = 4") is None
    refusal = refused(owner, "UPDATE payout_users SET hash_generation = 3")
    assert refusal == "payout_users_hash_goes_on"
    owner.execute(
        "INSERT INTO evm_wallet_owners (business_id, chain_id, address)"
        f" VALUES ('{BUSINESS}', 1, '0x')"
    )
    owner.execute(
        "INSERT INTO evm_wallets (business_id, chain_id, address, next_nonce)"
        f" VALUES ('{BUSINESS}', 1, '0x', 5)"
    )
    assert refused(owner, "UPDATE evm_wallets SET next_nonce = 6") is None
    refusal = refused(owner, "UPDATE evm_wallets SET next_nonce = 5")
    assert refusal == "evm_wallets_nonce_goes_on"
