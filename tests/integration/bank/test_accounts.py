"""Bank accounts that payout users name: kept once, encrypted, and nowhere else."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from payviox import ids
from payviox.actors import command
from payviox.auth import secret_keys
from payviox.bank import accounts
from payviox.bank.accounts import MOST, Accounts
from payviox.db.pool import Connection, Database
from payviox.keyring import Keyring
from payviox.maintenance.secret_rotation import rotate
from payviox.rail_accounts.directory import Directory
from payviox.rails.orders import Invalid
from support.accounts import connect
from support.banking import everything
from support.businesses import TestBusiness, open_business
from support.databases import Urls

pytestmark = pytest.mark.anyio

OLD = "the key that everything was written with"
NEW = "the key that comes after it and is as long"
BEFORE, ROTATING, AFTER = Keyring(OLD), Keyring(NEW, (OLD,)), Keyring(NEW)

IBAN = "DE89370400440532013000"
SEPA = {"name": "Ada Lovelace", "iban": "de89 3704 0044 0532 0130 00"}
ACH = {
    "scheme": "ach",
    "name": "Ada Lovelace",
    "routing_number": "021000021",
    "account_number": "123456789",
    "account_type": "checking",
    "holder": "person",
}


@pytest.fixture
async def business(fresh_urls: Urls) -> AsyncIterator[TestBusiness]:
    """One that nobody else's rows stand beside: a test counts and searches everything."""
    database = Database(fresh_urls.application)
    await database.open()
    try:
        await database.write(secret_keys.check, BEFORE)
        yield await open_business(database)
    finally:
        await database.close()


async def a_user(business: TestBusiness) -> UUID:
    user_id = ids.new()

    async def insert(db: Connection) -> None:
        await db.execute(
            "INSERT INTO payout_users (business_id, id, email, hash_key_id, hash_digest)"
            " VALUES (%s, %s, %s, %s, %s)",
            [business.business_id, user_id, f"{user_id}@x.test", "none", user_id.bytes],
        )

    await business.database.write(insert)
    return user_id


async def test_the_paying_account_is_nobodys_payee(business: TestBusiness) -> None:
    user = await a_user(business)
    kept = Accounts(business.database, BEFORE, Directory(business.database, BEFORE))
    assert await kept.keep(business.business_id, user, SEPA), "no account is connected"
    await connect(
        business.database, BEFORE, business.business_id, "bank", settings={"iban": SEPA["iban"]}
    )
    with pytest.raises(Invalid) as refused:
        await kept.keep(business.business_id, user, SEPA)
    said = refused.value.fields
    assert said == {"bank.iban": ["The bank.iban may not be the paying account itself."]}
    assert await kept.keep(business.business_id, user, ACH)
    assert await kept.keep(business.business_id, user, SEPA | {"iban": "NL91ABNA0417164300"})


async def keep(
    business: TestBusiness, user: UUID, named: dict[str, Any], keyring: Keyring = BEFORE
) -> dict[str, Any]:
    return await Accounts(business.database, keyring).keep(business.business_id, user, named)


async def test_an_account_named_again_is_the_same_and_another_name_makes_another(
    business: TestBusiness,
) -> None:
    ada, bob = await a_user(business), await a_user(business)
    first = await keep(business, ada, SEPA)
    assert first == {
        "account": first["account"],
        "payee": first["payee"],
        "scheme": "sepa",
        "country": "DE",
        "name": "Ada Lovelace",
        "masked": "DE89 •••• 3000",
    }
    assert await keep(business, ada, {**SEPA, "scheme": "sepa", "iban": IBAN}) == first
    renamed = await keep(business, ada, {**SEPA, "name": "A. Lovelace"})
    assert renamed["account"] != first["account"]
    others = await keep(business, bob, SEPA)
    assert others["account"] != first["account"]
    assert {first["payee"], renamed["payee"], others["payee"]} == {first["payee"]}
    us = await keep(business, ada, ACH)
    assert (us["masked"], us["country"], us["scheme"]) == ("•••• 6789", "US", "ach")
    assert us["payee"] != first["payee"]


async def test_a_known_account_is_named_by_its_owner_alone(business: TestBusiness) -> None:
    ada, bob = await a_user(business), await a_user(business)
    kept = await keep(business, ada, SEPA)
    assert await keep(business, ada, {"account": kept["account"]}) == kept
    for named in (kept["account"], "bac_", "bac_00000000-0000-7000-8000-000000000001", 7):
        with pytest.raises(Invalid) as refused:
            await keep(business, bob, {"account": named})
        assert list(refused.value.fields) == ["bank.account"]


@pytest.mark.parametrize(
    ("named", "fields"),
    [
        ({"name": "Ada"}, {"bank.iban"}),
        ({"scheme": "swift", "iban": IBAN}, {"bank.scheme"}),
        ({"iban": IBAN}, {"bank.name"}),
        ({**SEPA, "iban": "DE89370400440532013001"}, {"bank.iban"}),
        ({**SEPA, "iban": "US12345678"}, {"bank.iban"}),
        ({**SEPA, "iban": ["DE"]}, {"bank.iban"}),
        ({**SEPA, "name": "🙂"}, {"bank.name"}),
        ({**SEPA, "name": "A" * 71}, {"bank.name"}),
        ({**SEPA, "scheme": "sepa", "account_number": "1234"}, {"bank.account_number"}),
        ({**SEPA, "address": {"city": "Bonn"}}, {"bank.address.country"}),
        ({**SEPA, "address": "Bonn"}, {"bank.address"}),
        (
            {**SEPA, "address": {"city": "B" * 36, "country": "DE", "postal_code": "1" * 17}},
            {"bank.address.city", "bank.address.postal_code"},
        ),
        ({**ACH, "routing_number": "021000022"}, {"bank.routing_number"}),
        ({**ACH, "account_number": "12"}, {"bank.account_number"}),
        ({**ACH, "holder": "robot", "account_type": None}, {"bank.holder", "bank.account_type"}),
        ({**ACH, "name": "A name of more than 22 letters"}, {"bank.name"}),
    ],
)
async def test_what_cannot_be_paid_is_refused_field_by_field_and_kept_nowhere(
    business: TestBusiness, named: dict[str, Any], fields: set[str]
) -> None:
    user = await a_user(business)
    with pytest.raises(Invalid) as refused:
        await keep(business, user, named)
    assert set(refused.value.fields) == fields
    assert await business.scalar("SELECT count(*) FROM bank_accounts") == 0


async def test_nobody_names_accounts_without_end(business: TestBusiness) -> None:
    user = await a_user(business)
    for number in range(MOST):
        await keep(business, user, {**ACH, "account_number": f"{number:06}9"})
    with pytest.raises(Invalid, match="refuses"):
        await keep(business, user, {**ACH, "account_number": "7777"})
    await keep(business, user, {**ACH, "account_number": "0000009"})


async def test_the_number_stands_encrypted_in_one_place_and_rotates(
    business: TestBusiness, fresh_urls: Urls
) -> None:
    user = await a_user(business)
    first, second = await keep(business, user, SEPA), await keep(business, user, ACH)
    rows = everything(fresh_urls)
    for secret in (IBAN, IBAN[4:], "123456789", "021000021"):
        assert secret not in rows
        assert secret.encode().hex() not in rows
    await business.database.write(secret_keys.check, ROTATING)
    again = await keep(business, user, SEPA, ROTATING)
    assert again == first, "found by the fingerprint of the previous key"
    done = await rotate(business.database, ROTATING, command())
    assert done.bank == 2
    assert BEFORE.current.id not in {left.key_id for left in done.still_needed}
    assert await keep(business, user, SEPA, AFTER) == first
    account_id = accounts.account_in(second)
    assert account_id is not None
    opened = await business.database.fetch(
        accounts.open_all, AFTER, business.business_id, [account_id]
    )
    assert opened[account_id].number == ("021000021", "123456789")
    assert "123456789" not in repr(opened)


async def test_an_account_waits_out_the_businesss_cooling_time(business: TestBusiness) -> None:
    user = await a_user(business)
    await keep(business, user, SEPA)
    await business.set(bank_cooling_hours=48)
    await keep(business, user, ACH)
    waits = await business.rows(
        "SELECT scheme, usable_from > now() + interval '47 hours' FROM bank_accounts"
        " WHERE business_id = %s ORDER BY 1"
    )
    assert [tuple(row) for row in waits] == [("ach", True), ("sepa", False)]


async def test_what_nothing_came_of_is_forgotten(business: TestBusiness, fresh_urls: Urls) -> None:
    user = await a_user(business)
    old, saved = await keep(business, user, SEPA), await keep(business, user, ACH)
    young = await keep(business, user, {**ACH, "account_number": "5555"})
    with fresh_urls.as_admin() as admin:
        admin.execute(
            "INSERT INTO saved_destinations (business_id, id, payout_user_id, provider,"
            " destination) VALUES (%s, gen_random_uuid(), %s, 'bank',"
            " jsonb_build_object('account', %s::text))",
            [business.business_id, user, saved["account"]],
        )
        admin.execute(
            "UPDATE bank_accounts SET seen_at = now() - interval '31 days' WHERE id <> %s",
            [young["account"].removeprefix("bac_")],
        )
    assert await business.database.write(accounts.forget_unused, business.business_id, 10) == 1
    left = await business.rows("SELECT 'bac_' || id FROM bank_accounts WHERE business_id = %s")
    assert {row[0] for row in left} == {saved["account"], young["account"]}
    with pytest.raises(Invalid):
        await keep(business, user, {"account": old["account"]})
