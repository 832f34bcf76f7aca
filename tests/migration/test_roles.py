"""What the application's role may do, and that it never is the owner or a superuser."""

import hashlib
import os
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from payviox.db import migrate, schema
from payviox.errors import SettingsError
from support.databases import Server, Urls

SECRET = "the secret key that these tests derive a password from"
APPEND_ONLY = (
    "transfers",
    "order_states",
    "audit_entries",
    "events",
    "delivery_attempts",
    "gift_card_reveals",
)


@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE {} SET business_id = business_id",
        "DELETE FROM {}",
        "TRUNCATE {}",
        "DROP TABLE {}",
        "ALTER TABLE {} ADD COLUMN more text",
        "ALTER TABLE {} DISABLE TRIGGER ALL",
        "SELECT * FROM {} FOR UPDATE",
    ],
)
def test_the_application_cannot_change_or_delete_what_was_written(
    urls: Urls, table: str, statement: str
) -> None:
    query = sql.SQL(statement).format(sql.Identifier(table))
    with (
        psycopg.connect(urls.application) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(query)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accounts SET kind = 'world'",
        "UPDATE accounts SET id = gen_random_uuid()",
        "DELETE FROM accounts",
        "DELETE FROM orders",
        "DELETE FROM gift_cards",
        "CREATE TABLE more (id int)",
        "UPDATE payviox_schema SET version_num = '0000'",
        "SET ROLE payviox_owner",
        "ALTER ROLE CURRENT_USER SUPERUSER",
        "SET session_replication_role = replica",
    ],
)
def test_the_application_cannot_do_more_than_its_work(urls: Urls, statement: str) -> None:
    with (
        psycopg.connect(urls.application) as connection,
        pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.InvalidParameterValue)),
    ):
        connection.execute(statement)  # type: ignore[arg-type]  # a test's own


# What an application that was taken over must not be able to rewrite: for each table the columns
# that change as it works. All others are written once.
CHANGES = {
    "accounts": "balance version",
    "allocation_groups": "",
    "api_keys": "revoked_at",
    "audit_entries": "",
    "businesses": "payouts_enabled withdrawals_enabled review_amount review_first_use"
    " review_shared_users"
    " review_velocity_orders review_velocity_amount review_rails min_withdrawal max_withdrawal"
    " hash_lifetime_days hash_lifetime_since balance_lifetime_days low_stock suspense_alert_hours",
    "deliveries": "status attempts round_attempts by_hand due_at",
    "delivery_attempts": "",
    "events": "",
    "evm_payments": "",
    "evm_transactions": "",
    "evm_wallets": "next_nonce",
    "gift_card_products": "alerted",
    "gift_card_reveals": "",
    "gift_cards": "status reference order_id delivered_at code pin key_id fingerprint",
    "idempotency_keys": "reference",
    "installation": "origin folder mark restored_at",
    "operators": "",
    "order_attempts": "outcome answer rounds started_at finished_at rail_order_id",
    "order_states": "",
    "orders": "status review_reasons reviewed_digest note failure waiting attempt due_at"
    " rail_order_id details updated_at",
    "organizations": "",
    "payout_users": "status hash_key_id hash_generation hash_digest hash_renewed_at",
    "payviox_jobs_schema": "",
    "payviox_schema": "",
    "quotes": "",
    "rail_accounts": "environment enabled min_amount max_amount low_float fee_payer"
    " fee_percentage_bp fee_fixed fee_cap settings credentials key_id updated_at",
    "rail_callbacks": "",
    "rail_products": "",
    "reconciliation_look_ups": "",
    "reconciliations": "",
    "sandbox_payments": "",
    "secret_keys": "",
    "stock_holds": "",
    "suspense_items": "evidence seen_at alerted_at resolved_at resolved_by resolution reason",
    "transfers": "",
    "webhook_settings": "url enabled events token next_token next_token_since key_id updated_at",
}
DELETES = {
    "allocation_groups",
    "secret_keys",
    "quotes",
    "rail_accounts",
    "rail_callbacks",
    "rail_products",
    "reconciliation_look_ups",
    "stock_holds",
}
TABLES = """
SELECT t.tablename FROM pg_tables t
WHERE t.schemaname = 'public' AND t.tablename NOT LIKE 'procrastinate%%'
"""
HELD = """
SELECT has_table_privilege('payviox_app', %(table)s, 'DELETE'),
       has_table_privilege('payviox_app', %(table)s, 'TRUNCATE, REFERENCES, TRIGGER'),
       array(SELECT attname::text FROM pg_attribute
             WHERE attrelid = %(table)s::regclass AND attnum > 0 AND NOT attisdropped
               AND has_column_privilege('payviox_app', %(table)s, attname::text, 'UPDATE')),
       array(SELECT attname::text FROM pg_attribute
             WHERE attrelid = %(table)s::regclass AND attnum > 0 AND NOT attisdropped
               AND has_column_privilege('payviox_app', %(table)s, attname::text, 'INSERT'))
"""


def test_every_table_is_one_whose_rights_are_known(urls: Urls) -> None:
    with urls.as_admin() as admin:
        assert {row[0] for row in admin.execute(TABLES)} == set(CHANGES)


@pytest.mark.parametrize("table", CHANGES)
def test_the_application_may_change_the_columns_that_its_work_changes_alone(
    urls: Urls, table: str
) -> None:
    with urls.as_admin() as admin:
        row = admin.execute(HELD, {"table": table}).fetchone()
    assert row is not None
    deletes, more, updates, inserts = row
    assert isinstance(updates, list)
    assert isinstance(inserts, list)
    assert set(updates) == set(CHANGES[table].split())
    assert deletes == (table in DELETES)
    assert not more
    if table == "transfers":
        assert not {"id", "created_at"} & set(inserts), "neither its place nor its time is chosen"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE orders SET amount = 1",
        "UPDATE orders SET fees = 0, net_amount = amount",
        "UPDATE orders SET destination = '{}'",
        "UPDATE orders SET payout_user_id = gen_random_uuid()",
        "UPDATE orders SET rail = 'sandbox'",
        "UPDATE api_keys SET digest = 'x'",
        "UPDATE operators SET is_admin = true",
        "UPDATE payout_users SET email = 'mallory@x.test'",
        "UPDATE idempotency_keys SET digest = 'x'",
        "UPDATE rail_accounts SET business_id = gen_random_uuid()",
        "UPDATE rail_callbacks SET body = ''",
        "UPDATE evm_transactions SET raw = ''",
        "UPDATE evm_payments SET nonce = 0",
        "DELETE FROM evm_wallets",
        "UPDATE suspense_items SET rail = 'sandbox'",
        "DELETE FROM suspense_items",
        "UPDATE reconciliations SET report = '{}'",
        "INSERT INTO transfers (business_id, created_at) VALUES (gen_random_uuid(), '2020-01-01')",
        "INSERT INTO transfers (id) OVERRIDING SYSTEM VALUE VALUES (1)",
    ],
)
def test_what_was_agreed_is_not_for_the_application_to_change(urls: Urls, statement: str) -> None:
    with (
        psycopg.connect(urls.application) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement)  # type: ignore[arg-type]  # a test's own


@pytest.mark.parametrize("value", ["NULL", "now() + interval '1 day'"])
def test_a_revoked_key_stays_revoked(fresh_urls: Urls, value: str) -> None:
    with fresh_urls.as_admin() as admin:
        admin.execute(
            "WITH o AS (INSERT INTO organizations (id, name) VALUES (gen_random_uuid(), 'ACME')"
            " RETURNING id), b AS (INSERT INTO businesses (id, organization_id, mode, name,"
            " hash_code) SELECT gen_random_uuid(), id, 'test', 'ACME', '0123abcd' FROM o"
            " RETURNING id) INSERT INTO api_keys (id, business_id, kind, digest, hint)"
            " SELECT gen_random_uuid(), id, 'secret', 'd', 'h' FROM b"
        )
    with psycopg.connect(fresh_urls.application, autocommit=True) as connection:
        connection.execute("UPDATE api_keys SET revoked_at = now()")
        with pytest.raises(psycopg.errors.CheckViolation, match="for good"):
            connection.execute(f"UPDATE api_keys SET revoked_at = {value}")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("right", "culprit"),
    [
        ("GRANT UPDATE ON transfers TO {role}", "{role}"),
        ("GRANT UPDATE (reason) ON transfers TO {role}", "{role}"),
        ("GRANT DELETE ON transfers TO {role}", "{role}"),
        ("GRANT TRUNCATE ON transfers TO {role}", "{role}"),
        ("GRANT TRIGGER ON transfers TO {role}", "{role}"),
        ("ALTER ROLE {role} NOINHERIT; GRANT {owner} TO {role}", "{owner}"),
        ("ALTER ROLE {role} NOINHERIT; GRANT {superuser} TO {role}", "{superuser}"),
        ("GRANT pg_write_all_data TO {role}", "{role}"),
        ("ALTER ROLE {role} NOINHERIT; GRANT pg_write_all_data TO {role}", "pg_write_all_data"),
    ],
)
def test_whoever_could_change_a_transfer_is_refused_as_the_application(
    fresh_urls: Urls, right: str, culprit: str
) -> None:
    names = {
        "role": f"payviox_test_mighty_{os.getpid()}",  # roles belong to the whole server
        "owner": str(conninfo_to_dict(fresh_urls.owner)["user"]),
        "superuser": str(conninfo_to_dict(fresh_urls.admin)["user"]),
    }
    mighty = make_conninfo(fresh_urls.application, user=names["role"], password="x")
    with fresh_urls.as_admin() as admin:
        admin.execute(f"DROP ROLE IF EXISTS {names['role']}")
        admin.execute(f"CREATE ROLE {names['role']} LOGIN PASSWORD 'x' IN ROLE payviox_app")
        # Its own rights to look: before PostgreSQL 16, NOINHERIT takes those of the group away.
        database = conninfo_to_dict(fresh_urls.admin)["dbname"]
        admin.execute(
            f"GRANT CONNECT ON DATABASE {database} TO {names['role']};"
            f" GRANT USAGE ON SCHEMA public TO {names['role']}"
        )
        try:
            migrate.check_role(mighty)
            admin.execute(right.format(**names))  # type: ignore[arg-type]  # a test's own
            with pytest.raises(SettingsError, match="could change a transfer") as refused:
                migrate.check_role(mighty)
            assert f"'{culprit.format(**names)}'" in str(refused.value)
        finally:
            admin.execute(f"DROP OWNED BY {names['role']}; DROP ROLE {names['role']}")


def test_the_owner_and_a_superuser_are_refused_as_the_application(urls: Urls) -> None:
    migrate.check_role(urls.application)
    for url in (urls.owner, urls.admin):
        with pytest.raises(SettingsError, match="could change a transfer"):
            migrate.check_role(url)


@pytest.fixture
def derived(server: Server) -> Iterator[Urls]:
    """An empty database for an installation that gives a superuser's URL alone. Its login is
    dropped with it."""
    with server.fresh(migrated=False) as urls:
        yield urls
        name = str(conninfo_to_dict(urls.admin)["dbname"])
        login = f"payviox_web_{hashlib.sha256(name.encode()).hexdigest()[:8]}"
        with urls.as_admin() as admin:
            names = sql.Identifier(login)
            admin.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(names))


def test_a_superusers_url_alone_gives_a_lesser_login_that_works(derived: Urls) -> None:
    url = migrate.application_url(derived.admin, SECRET)
    assert url != derived.admin
    assert migrate.application_url(derived.admin, SECRET) == url, "the same the next time"
    migrate.migrate(derived.admin, url)
    schema.check(url)
    migrate.check_role(url)
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT count(*) FROM transfers").fetchone() == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DELETE FROM transfers")


def test_another_secret_key_renews_the_derived_password(derived: Urls) -> None:
    first = migrate.application_url(derived.admin, SECRET)
    migrate.migrate(derived.admin, first)
    second = migrate.application_url(derived.admin, f"{SECRET}, changed")
    psycopg.connect(second).close()
    assert conninfo_to_dict(first)["user"] == conninfo_to_dict(second)["user"]
    assert conninfo_to_dict(first)["password"] != conninfo_to_dict(second)["password"]


def test_a_lesser_roles_url_is_taken_as_it_is(urls: Urls) -> None:
    assert migrate.application_url(urls.application, SECRET) == urls.application


def test_an_owner_who_may_make_no_role_is_told_what_to_do(urls: Urls) -> None:
    with pytest.raises(SettingsError, match="CREATE ROLE payviox_web LOGIN"):
        migrate.application_url(urls.owner, SECRET)


def test_a_role_outside_the_group_is_told_what_it_lacks(urls: Urls, server: Server) -> None:
    name = "payviox_test_outsider"
    with urls.as_admin() as admin:
        admin.execute(f"DROP ROLE IF EXISTS {name}")
        admin.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'x'")
    outsider = make_conninfo(urls.application, user=name, password="x")
    try:
        with pytest.raises(SettingsError, match=f"GRANT payviox_app TO {name}"):
            migrate.migrate(urls.owner, outsider)
        migrate.migrate(urls.admin, outsider)
        migrate.check_role(outsider)
    finally:
        with urls.as_admin() as admin:
            admin.execute(f"DROP ROLE {name}")


def test_migrating_as_the_application_says_whose_connection_is_needed(server: Server) -> None:
    with server.fresh() as urls:
        with pytest.raises(SettingsError, match="Set PAYVIOX_MIGRATION_URL to connect as the"):
            migrate.migrate(urls.application, urls.application)
        assert migrate.migrate(urls.owner, urls.application)
