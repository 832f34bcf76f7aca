"""The application's own role cannot change the ledger's past, whatever the code above it does."""

import psycopg
import pytest
from psycopg import sql

from payviox.db.role import check_role
from support.databases import Urls

pytestmark = pytest.mark.anyio

REFUSED = (psycopg.IntegrityError, psycopg.errors.InternalError_)
"""By a constraint; the second from a cluster's node that rows are copied to."""
FORBIDDEN = [
    "UPDATE transfers SET amount = 1",
    "UPDATE transfers SET from_version = 99",
    "UPDATE transfers SET created_at = now()",
    "UPDATE transfers SET reason = 'x'",
    "DELETE FROM transfers",
    "DELETE FROM transfers WHERE false",
    "TRUNCATE transfers",
    "TRUNCATE accounts CASCADE",
    "DELETE FROM accounts",
    "UPDATE accounts SET kind = 'world'",
    "UPDATE accounts SET business_id = business_id",
    "DELETE FROM payout_users",
    "DELETE FROM idempotency_keys",
    "DELETE FROM audit_entries",
    "UPDATE audit_entries SET actor = 'x'",
    "UPDATE installation_audit_entries SET actor = 'x'",
    "DELETE FROM installation_audit_entries",
    "DELETE FROM order_states",
    "UPDATE order_states SET status = 'x'",
    "UPDATE events SET body = '{}'",
    "DELETE FROM businesses",
    "ALTER TABLE transfers DISABLE TRIGGER ALL",
    "ALTER TABLE accounts DROP CONSTRAINT accounts_not_negative",
    "ALTER TABLE transfers OWNER TO CURRENT_USER",
    "GRANT ALL ON transfers TO CURRENT_USER",
    "DROP TABLE transfers",
    "CREATE TABLE mine (a int)",
    "CREATE RULE r AS ON INSERT TO transfers DO INSTEAD NOTHING",
    "SET session_replication_role = replica",
    "COPY transfers FROM PROGRAM 'true'",
]


@pytest.mark.parametrize("statement", FORBIDDEN)
async def test_the_application_may_not(business, urls: Urls, statement: str) -> None:
    await business.create("a@x.com", 1)
    before = await business.ledger()
    with psycopg.connect(urls.application, autocommit=True) as connection:
        if statement.startswith("GRANT"):  # PostgreSQL only warns; nothing must have been granted
            connection.execute(statement)
            held = connection.execute(
                "SELECT has_table_privilege('transfers', 'UPDATE, DELETE, TRUNCATE')"
            ).fetchone()
            assert held == (False,)
        else:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
    assert await business.ledger() == before


async def test_the_application_is_neither_superuser_nor_owner(urls: Urls) -> None:
    check_role(urls.application)
    with psycopg.connect(urls.application) as connection:
        row = connection.execute(
            "SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls"
            " FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        assert row == (False,) * 5
        owned = connection.execute(
            "SELECT count(*) FROM pg_class WHERE relowner = current_user::regrole"
        ).fetchone()
        assert owned == (0,)


async def test_the_constraints_hold_whoever_writes(business, urls: Urls) -> None:
    """Zero, negative, to itself, below nothing, a version twice: no row."""
    await business.create("a@x.com", 1)
    before = await business.ledger()
    columns = (
        "business_id, kind, amount, from_account, from_version, from_balance, to_account,"
        " to_version, to_balance"
    )
    wrong = {
        "amount": "0",
        "amount ": "-5",
        "to_account": "from_account",
        "from_version": "0",
        "kind": "'gift'",
        "from_version ": "from_version",  # as it is: that version is taken
    }
    with urls.as_admin() as admin:
        for column, value in wrong.items():
            values = columns.replace(column.strip(), value, 1)
            with pytest.raises(REFUSED, match="violates"):
                admin.execute(
                    sql.SQL(
                        f"INSERT INTO transfers ({columns}) SELECT {values} FROM transfers"  # type: ignore[arg-type]
                        " WHERE business_id = %s"
                    ),
                    [business.business_id],
                )
        for kind in ("main", "payout", "user"):
            with pytest.raises(psycopg.errors.CheckViolation):
                admin.execute(
                    "UPDATE accounts SET balance = -1 WHERE business_id = %s AND kind = %s",
                    [business.business_id, kind],
                )
        with pytest.raises(psycopg.errors.NumericValueOutOfRange):
            admin.execute(
                "UPDATE accounts SET balance = 9223372036854775807 + 1 WHERE business_id = %s",
                [business.business_id],
            )
    assert await business.ledger() == before
