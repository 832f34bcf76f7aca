"""What the application's role may do, and that it never is the owner or a superuser."""

import hashlib
import os
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from payviox.db import login, migrate, schema
from payviox.db.grants import Right, granted
from payviox.db.role import check_role, find_excess
from payviox.errors import SettingsError
from support.databases import Server, Urls

SECRET = "the secret key that these tests derive a password from"
APPEND_ONLY = (
    "transfers",
    "order_states",
    "audit_entries",
    "events",
    "gift_card_reveals",
    "signatures",
    "seals",
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
    "api_keys": "revoked_at name scopes amount_limit daily_limit networks expires_at",
    "api_requests": "",
    "audit_entries": "",
    "authenticator_apps": "secret key_id last_step confirmed_at",
    "automatic_withdrawals": "destination_id above set_at due_at held_back",
    "bank_accounts": "sealed key_id number_digest fingerprint changed_at changed_why seen_at",
    "bank_entries": "",
    "bank_files": "sealed key_id status approved_at way step lease_until problem released_by"
    " released_at ended_at",
    "bank_holds": "",
    "bank_imports": "",
    "bank_payments": "worth worth_rate status file_id code settles_on booked_on updated_at",
    "businesses": "payouts_enabled withdrawals_enabled review_amount review_first_use"
    " review_shared_users"
    " review_velocity_orders review_velocity_amount review_rails min_withdrawal max_withdrawal"
    " hash_lifetime_days hash_lifetime_since balance_lifetime_days low_stock suspense_alert_hours"
    " second_person_amount"
    " notify brand_name brand_color brand_logo support_email language methods_off"
    " reminder_days expiry_notice_days balance_lifetime_since code_first code_amount"
    " code_new_device review_new_bank_account bank_cooling_hours",
    "daily_flows": "came went",
    "daily_flows_until": "version balance summed_at",
    "deliveries": "status attempts round_attempts by_hand due_at replayed",
    "delivery_attempts": "",
    "events": "",
    "expiry_notices": "",
    "evm_payments": "",
    "evm_transactions": "",
    "evm_wallet_owners": "",
    "exchange_rates": "",
    "evm_wallets": "next_nonce",
    "gift_card_import_problems": "",
    "gift_card_imports": "status refused_why lines imported duplicates bad seen_at",
    "gift_card_products": "alerted",
    "gift_card_reveals": "",
    "gift_cards": "status reference order_id delivered_at code pin key_id fingerprint",
    "idempotency_keys": "reference",
    "identities": "",
    "installation": "origin folder mark restored_at",
    "installation_audit_entries": "",
    "invitations": "role invited_by number digest is_mailed expires_at ended ended_at",
    "key_spending": "amount",
    "key_uses": "called_at place",
    "known_devices": "place agent seen_at",
    "allocation_notices": "amount",
    "attention_choices": "causes is_daily with_test zone digest_on",
    "attention_mails": "id told_at has_ended",
    "mail_addresses": "state reason",
    "mails": "status attempts due_at handed_at number answer ended_at",
    "memberships": "role role_since",
    "openid_requests": "",
    "operators": "password_hash disabled_at enabled_at seen_at email_verified",
    "order_attempts": "outcome answer rounds started_at finished_at rail_order_id",
    "order_states": "",
    "orders": "status review_reasons reviewed_digest note failure waiting attempt due_at"
    " rail_order_id details updated_at",
    "organizations": "",
    "passkey_challenges": "",
    "passkeys": "sign_count used_at",
    "password_resets": "expires_at",
    "payout_user_devices": "seen_at",
    "payout_user_languages": "language is_chosen",
    "payout_user_sessions": "seen_at",
    "payout_users": "status hash_key_id hash_generation hash_digest hash_renewed_at seen_at"
    " reminders_stopped_at",
    "payviox_jobs_schema": "",
    "payviox_schema": "",
    "quotes": "",
    "rail_accounts": "environment enabled min_amount max_amount low_float fee_payer"
    " fee_percentage_bp fee_fixed fee_cap settings credentials key_id updated_at",
    "rail_callbacks": "",
    "rail_products": "",
    "reconciliation_look_ups": "",
    "recovery_codes": "used_at",
    "reconciliations": "",
    "redeem_codes": "",
    "redeem_tickets": "",
    "sandbox_payments": "",
    "sessions": "digest method proved_at seen_at",
    "sign_in_attempts": "",
    "saved_views": "",
    "signatures": "",
    "seals": "",
    "secret_keys": "",
    "started_sign_ins": "",
    "saved_destinations": "removed_at",
    "sites": "origins host host_token host_verified_at host_lost_at",
    "stock_holds": "",
    "suspense_items": "evidence seen_at alerted_at resolved_at resolved_by resolution reason",
    "tax_notes": "state note noted_at",
    "tax_thresholds": "amount",
    "transfers": "",
    "unclaimed": "version since days amounts reminders reminded_at",
    "unclaimed_days": "",
    "upload_files": "",
    "upload_rows": "status problem earlier",
    "unlinked_issuers": "",
    "uploads": "sheet header columns status checked_at asked started_by started_at due_at ended_at"
    " stopped_why payments amount people paid paid_amount refused turn lease_until",
    "withdrawal_codes": "id key_id guesses sent_at confirmed_at",
    "waiting_acts": "status ended_by ended_at",
    "webhook_settings": "url enabled events token next_token next_token_since key_id updated_at",
}
NOT_YET_BY_COLUMN = {"installation"}  # one row, made by the migration
MADE_BY_THE_DATABASE = {
    *("created_at", "updated_at", "finished_at", "delivered_at", "received_at", "fetched_at"),
    *("confirmed_at", "proved_at", "used_at", "set_at"),
    *("opened_at", "seen_at", "asked_at", "revoked_at", "resolved_at", "hash_renewed_at"),
}
DELETES = {
    "gift_card_imports",
    "delivery_attempts",
    "reconciliations",
    "allocation_groups",
    "allocation_notices",
    "expiry_notices",
    "unclaimed",
    "unclaimed_days",
    "api_requests",
    "bank_accounts",
    "bank_holds",
    "attention_choices",
    "authenticator_apps",
    "automatic_withdrawals",
    "identities",
    "known_devices",
    "openid_requests",
    "passkey_challenges",
    "passkeys",
    "payout_user_devices",
    "payout_user_sessions",
    "withdrawal_codes",
    "recovery_codes",
    "redeem_codes",
    "redeem_tickets",
    "started_sign_ins",
    "mail_addresses",
    "mails",
    "memberships",
    "password_resets",
    "saved_views",
    "secret_keys",
    "sessions",
    "sign_in_attempts",
    "quotes",
    "rail_accounts",
    "rail_callbacks",
    "rail_products",
    "reconciliation_look_ups",
    "stock_holds",
    "tax_thresholds",
    "unlinked_issuers",
    "upload_files",
    "uploads",
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
    if table not in NOT_YET_BY_COLUMN:
        assert not MADE_BY_THE_DATABASE & set(inserts), "the database says when"
        identities = "SELECT attname::text FROM pg_attribute WHERE attrelid = %s::regclass"
        with urls.as_admin() as admin:
            made = admin.execute(f"{identities} AND attidentity <> ''", [table])
            assert not {str(row[0]) for row in made} & set(inserts), "nor is its place chosen"


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
        "INSERT INTO gift_card_reveals (id) OVERRIDING SYSTEM VALUE VALUES (-1)",
        "INSERT INTO order_states (business_id, created_at) VALUES (gen_random_uuid(), now())",
        "INSERT INTO orders (id, attempt, rail_order_id) VALUES (gen_random_uuid(), 1, 'x')",
        "INSERT INTO events (id, created_at) VALUES (gen_random_uuid(), '2020-01-01')",
        "CREATE TEMPORARY TABLE transfers (id int)",
        "CREATE TEMPORARY VIEW accounts AS SELECT 1",
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


# What a role may have been given, by whichever statement, and how the refusal names it.
TOO_MUCH = {
    "GRANT UPDATE ON transfers TO {role}": "{role} has UPDATE on table transfers",
    "GRANT UPDATE (reason) ON transfers TO {role}": "UPDATE on column reason of table transfers",
    "GRANT DELETE ON transfers TO payviox_app": "payviox_app has DELETE on table transfers",
    "GRANT TRUNCATE ON transfers TO PUBLIC": "everybody has TRUNCATE on table transfers",
    "GRANT TRIGGER ON accounts TO {role}": "TRIGGER on table accounts",
    "GRANT ALL ON orders TO {role}": "has DELETE on table orders",
    "GRANT UPDATE ON events TO {role}": "UPDATE on table events",
    "GRANT INSERT ON transfers TO {role}": "INSERT on table transfers",
    "GRANT SELECT ON accounts TO {role} WITH GRANT OPTION": "to grant it to others",
    "GRANT UPDATE ON SEQUENCE transfers_id_seq TO {role}": "UPDATE on sequence transfers_id_seq",
    "GRANT CREATE ON SCHEMA public TO {role}": "CREATE on schema public",
    "GRANT CREATE ON DATABASE {database} TO {role}": "CREATE on database",
    "GRANT TEMPORARY ON DATABASE {database} TO PUBLIC": "everybody has TEMPORARY on database",
    "GRANT SET ON PARAMETER session_replication_role TO {role}": "SET on parameter",
    "GRANT EXECUTE ON FUNCTION pg_read_file(text) TO {role}": "EXECUTE on function pg_read_file",
    "GRANT EXECUTE ON FUNCTION pg_ls_dir(text) TO PUBLIC": "everybody has EXECUTE on function",
    "ALTER ROLE {role} CREATEROLE": "{role} has CREATEROLE",
    "ALTER ROLE {role} CREATEDB": "{role} has CREATEDB",
    "ALTER ROLE {role} REPLICATION": "{role} has REPLICATION",
    "ALTER ROLE {role} BYPASSRLS": "{role} has BYPASSRLS",
    "ALTER ROLE {role} SUPERUSER": "{role} has SUPERUSER",
    "ALTER ROLE {role} NOINHERIT; GRANT {owner} TO {role}": "a member of {owner}",
    "ALTER ROLE {role} NOINHERIT; GRANT {superuser} TO {role}": "{superuser} has SUPERUSER",
    "GRANT pg_write_all_data TO {role}": "a member of pg_write_all_data",
    "GRANT pg_execute_server_program TO {role}": "a member of pg_execute_server_program",
    "GRANT pg_signal_backend TO {role}": "a member of pg_signal_backend",
    "GRANT pg_read_all_data TO payviox_app": "a member of pg_read_all_data",
    "GRANT payviox_app TO {role} WITH ADMIN OPTION": "may grant payviox_app to others",
    "ALTER DATABASE {database} OWNER TO {role}": "a member of pg_database_owner",
    "ALTER SCHEMA public OWNER TO {role}": "{role} owns schema public",
    "ALTER TABLE quotes OWNER TO {role}": "{role} owns table quotes",
    "ALTER FUNCTION api_keys_stay_revoked() OWNER TO {role}": "{role} owns function",
    "CREATE FUNCTION lent() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'": "call lent()",
}


@pytest.fixture(scope="module")
def mighty(urls: Urls) -> Iterator[str]:
    """The URL of a member of payviox_app that tests give more rights."""
    role = f"payviox_test_mighty_{os.getpid()}"  # roles belong to the whole server
    names = {
        "role": sql.Identifier(role),
        "database": sql.Identifier(str(conninfo_to_dict(urls.admin)["dbname"])),
    }
    with urls.as_admin() as admin:
        for statement in (
            "DROP ROLE IF EXISTS {role}",
            "CREATE ROLE {role} LOGIN PASSWORD 'x' IN ROLE payviox_app",
            # Its own rights to look: before PostgreSQL 16, NOINHERIT takes the group's away.
            "GRANT CONNECT ON DATABASE {database} TO {role}",
            "GRANT USAGE ON SCHEMA public TO {role}",
        ):
            admin.execute(sql.SQL(statement).format(**names))
        try:
            yield make_conninfo(urls.application, user=role, password="x")
        finally:
            admin.execute(sql.SQL("DROP OWNED BY {role}").format(**names))
            admin.execute(sql.SQL("DROP ROLE {role}").format(**names))


def excess_after(urls: Urls, mighty: str, right: str) -> tuple[list[str], dict[str, str]]:
    """What the role may do too much after a superuser's statement, which is then rolled back: roles
    and their memberships are the whole server's."""
    names = {
        "role": str(conninfo_to_dict(mighty)["user"]),
        "owner": str(conninfo_to_dict(urls.owner)["user"]),
        "superuser": str(conninfo_to_dict(urls.admin)["user"]),
        "database": str(conninfo_to_dict(urls.admin)["dbname"]),
    }
    with psycopg.connect(urls.admin) as connection, connection.transaction(force_rollback=True):
        connection.execute(right.format(**names))  # type: ignore[arg-type]  # a test's own
        role = sql.Identifier(names["role"])
        connection.execute(sql.SQL("SET LOCAL SESSION AUTHORIZATION {}").format(role))
        return find_excess(connection), names


@pytest.mark.parametrize("right", TOO_MUCH)
def test_any_right_more_is_named(urls: Urls, mighty: str, right: str) -> None:
    excess, names = excess_after(urls, mighty, right)
    expected = TOO_MUCH[right].format(**names)
    assert any(expected in text for text in excess), excess
    assert excess_after(urls, mighty, "SELECT 1")[0] == []


def test_a_role_with_more_rights_is_refused_and_those_too_many_to_name_are_counted(
    urls: Urls, mighty: str
) -> None:
    check_role(mighty)
    role = sql.Identifier(str(conninfo_to_dict(mighty)["user"]))
    every = "DELETE ON ALL TABLES IN SCHEMA public"
    with urls.as_admin() as admin:
        admin.execute(sql.SQL(f"GRANT {every} TO {{}}").format(role))
        try:
            with pytest.raises(SettingsError, match=r"has DELETE on table \w+; and \d+ more"):
                check_role(mighty)
        finally:
            admin.execute(sql.SQL(f"REVOKE {every} FROM {{}}").format(role))


def test_what_a_role_set_for_its_later_sessions_is_reset_at_the_next_start(
    urls: Urls, mighty: str
) -> None:
    role = sql.Identifier(str(conninfo_to_dict(mighty)["user"]))
    database = sql.Identifier(str(conninfo_to_dict(mighty)["dbname"]))
    with psycopg.connect(mighty, autocommit=True) as connection:
        alter = sql.SQL("ALTER ROLE {} SET synchronous_commit = off").format(role)
        connection.execute(alter)
        connection.execute(
            sql.SQL("ALTER ROLE {} IN DATABASE {} SET search_path = pg_temp").format(role, database)
        )
    check_role(mighty)
    with urls.as_admin() as admin:
        left = "SELECT count(*) FROM pg_db_role_setting WHERE setrole = {}::regrole"
        assert admin.execute(sql.SQL(left).format(role.as_string())).fetchone() == (0,)


def test_what_only_a_superuser_may_set_for_a_role_is_refused(urls: Urls, mighty: str) -> None:
    """The role cannot take it back, as it can its own."""
    right = "ALTER ROLE {role} SET session_replication_role = replica"
    excess, _ = excess_after(urls, mighty, right)
    assert any("session_replication_role=replica" in text for text in excess)


def test_the_owner_and_a_superuser_are_refused_as_the_application(urls: Urls) -> None:
    check_role(urls.application)
    for url in (urls.owner, urls.admin):
        with pytest.raises(SettingsError, match="may do more than"):
            check_role(url)


def test_what_the_migrations_grant_is_what_the_database_holds(urls: Urls) -> None:
    """The reader of their SQL misses nothing and makes nothing up."""
    held = """
    SELECT c.relname::text, coalesce(t.attname::text, ''), a.privilege_type
    FROM pg_class c LEFT JOIN pg_attribute t ON t.attrelid = c.oid AND t.attacl IS NOT NULL,
    LATERAL (SELECT DISTINCT * FROM aclexplode(t.attacl)
             UNION SELECT DISTINCT * FROM aclexplode(c.relacl) WHERE t.attnum IS NULL) a
    WHERE c.relnamespace = 'public'::regnamespace AND c.relname NOT LIKE 'procrastinate%%'
      AND a.grantee = 'payviox_app'::regrole
    UNION
    SELECT c.relname::text, '', a.privilege_type FROM pg_class c, aclexplode(c.relacl) a
    WHERE c.relnamespace = 'public'::regnamespace AND c.relname NOT LIKE 'procrastinate%%'
      AND a.grantee = 'payviox_app'::regrole
    UNION ALL VALUES ('public', '', 'USAGE')
    """
    with urls.as_admin() as admin:
        assert {Right(*map(str, row)) for row in admin.execute(held)} == granted()


@pytest.fixture
def derived(server: Server) -> Iterator[Urls]:
    """An empty database for an installation that gives a superuser's URL alone. Its login is
    dropped with it."""
    with server.fresh(migrated=False) as urls:
        yield urls
        name = str(conninfo_to_dict(urls.admin)["dbname"])
        made = f"payviox_web_{hashlib.sha256(name.encode()).hexdigest()[:8]}"
        with urls.as_admin() as admin:
            names = sql.Identifier(made)
            admin.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(names))


def test_a_superusers_url_alone_gives_a_lesser_login_that_works(derived: Urls) -> None:
    url = login.application_url(derived.admin, SECRET)
    assert url != derived.admin
    assert login.application_url(derived.admin, SECRET) == url, "the same the next time"
    migrate.migrate(derived.admin, url)
    schema.check(url)
    check_role(url)
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT count(*) FROM transfers").fetchone() == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DELETE FROM transfers")


def test_another_secret_key_renews_the_derived_password(derived: Urls) -> None:
    first = login.application_url(derived.admin, SECRET)
    migrate.migrate(derived.admin, first)
    second = login.application_url(derived.admin, f"{SECRET}, changed")
    psycopg.connect(second).close()
    assert conninfo_to_dict(first)["user"] == conninfo_to_dict(second)["user"]
    assert conninfo_to_dict(first)["password"] != conninfo_to_dict(second)["password"]


def test_a_lesser_roles_url_is_taken_as_it_is(urls: Urls) -> None:
    assert login.application_url(urls.application, SECRET) == urls.application


def test_an_owner_who_may_make_no_role_is_told_what_to_do(urls: Urls) -> None:
    with pytest.raises(SettingsError, match="CREATE ROLE payviox_web LOGIN"):
        login.application_url(urls.owner, SECRET)


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
        check_role(outsider)
    finally:
        with urls.as_admin() as admin:
            admin.execute(f"DROP ROLE {name}")


def test_migrating_as_the_application_says_whose_connection_is_needed(server: Server) -> None:
    with server.fresh() as urls:
        with pytest.raises(SettingsError, match="Set PAYVIOX_MIGRATION_URL to connect as the"):
            migrate.migrate(urls.application, urls.application)
        assert migrate.migrate(urls.owner, urls.application)
