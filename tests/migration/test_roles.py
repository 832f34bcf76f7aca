"""What the application's role may do, and that it never is the owner or a superuser."""

import hashlib
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from payviox.db import migrate
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
    migrate.check_schema(url)
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
