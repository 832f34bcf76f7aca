"""`payviox` on a PostgreSQL of the operator's own: Debian's version 15, the oldest that works. What
is refused, what is migrated and as whom the application connects."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from support.installation import Installation
from support.live import free_port

SECRET_KEY = "a-secret-key-of-these-tests-alone-and-long-enough"
PROGRAMS = Path("/usr/lib/postgresql/15/bin")

pytestmark = [
    pytest.mark.skipif(not PROGRAMS.exists(), reason="no PostgreSQL 15 in /usr/lib/postgresql"),
    pytest.mark.xdist_group("external"),
]


def as_postgres(*command: str | Path, folder: Path) -> None:
    """PostgreSQL does not run as root; Debian's package made a user for it."""
    user = "postgres" if os.geteuid() == 0 else None
    subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        user=user,
        check=True,
        capture_output=True,
    )


@pytest.fixture(scope="module")
def superuser() -> Iterator[str]:
    """A superuser's URL of a server of PostgreSQL 15 on loopback, with passwords demanded."""
    folder = Path(tempfile.mkdtemp(prefix="pg15-", dir="/tmp"))
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    password = folder / "password"
    password.write_text("only for tests")
    password.chmod(0o644)
    port = free_port()
    options = f"-p {port} -c listen_addresses=127.0.0.1 -k {folder} -c fsync=off"
    data, log = folder / "data", folder / "log"
    try:
        as_postgres(
            *(PROGRAMS / "initdb", "-D", data, "-U", "admin", "-A", "scram-sha-256"),
            *("--pwfile", password),
            folder=folder,
        )
        as_postgres(
            *(PROGRAMS / "pg_ctl", "-D", data, "-l", log, "-o", options, "-w", "start"),
            folder=folder,
        )
        yield f"postgresql://admin:only%20for%20tests@127.0.0.1:{port}/postgres"
    finally:
        if data.exists():
            as_postgres(PROGRAMS / "pg_ctl", "-D", data, "-m", "immediate", "stop", folder=folder)
        shutil.rmtree(folder)


@pytest.fixture
def database(superuser: str, request: pytest.FixtureRequest) -> str:
    """A superuser's URL of a new database."""
    name = f"external_{abs(hash(request.node.name)) % 10**9}"
    with psycopg.connect(superuser, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return make_conninfo(superuser, dbname=name)


def installation(tmp_path: Path, url: str, **more: str) -> Installation:
    return Installation(
        tmp_path / "home",
        {"PAYVIOX_DATABASE_URL": url, "PAYVIOX_SECRET_KEY": SECRET_KEY, **more},
    )


def current_user(url: str) -> Any:
    """Everybody but the asker who is connected to the database."""
    with psycopg.connect(url) as connection:
        return connection.execute(
            "SELECT DISTINCT a.usename, r.rolsuper FROM pg_stat_activity a"
            " JOIN pg_roles r ON r.rolname = a.usename"
            " WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()"
        ).fetchall()


def test_an_external_database_needs_a_secret_key_and_the_error_says_how_to_make_one(
    tmp_path: Path, database: str
) -> None:
    keyless = Installation(tmp_path / "home", {"PAYVIOX_DATABASE_URL": database})
    for command in (["serve"], ["migrate"], ["business", "list"]):
        said = keyless.refused(*command, status=2)
        assert "PAYVIOX_SECRET_KEY is required" in said
        assert "secrets.token_urlsafe" in said


def test_a_database_that_cannot_be_reached_is_named_without_its_password(tmp_path: Path) -> None:
    url = f"postgresql://somebody:hunter2@127.0.0.1:{free_port()}/nowhere"
    said = installation(tmp_path, url).refused("serve", status=2)
    assert "PAYVIOX_DATABASE_URL names cannot be used" in said
    assert "refused" in said
    assert "hunter2" not in said


def test_serve_refuses_an_unknown_schema_and_migrates_only_when_told_to(
    tmp_path: Path, database: str
) -> None:
    ours = installation(tmp_path, database)
    said = ours.refused("serve", status=2)
    assert "no Payviox schema yet" in said
    assert "`payviox migrate`" in said
    assert "--migrate" in said
    serving = ours.start("serve", "--migrate")
    assert serving.healthy()
    assert serving.stop() < 10
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("UPDATE payviox_schema SET version_num = '9999'")
    for command in (["serve"], ["serve", "--migrate"], ["migrate"], ["business", "list"]):
        said = ours.refused(*command, status=2)
        assert "9999" in said
        assert "newer Payviox" in said


def test_a_superusers_url_alone_is_enough_and_the_application_connects_as_a_lesser_login(
    tmp_path: Path, database: str
) -> None:
    ours = installation(tmp_path, database)
    assert "at schema" in ours.done("migrate")
    assert "at schema" in ours.done("migrate")
    serving = ours.start()
    try:
        business = ours.told("business", "create", "Acme")["test"]
        ours.done("business", "deposit", business["business_id"], "5000", "-r", "one")
        ours.done("business", "fund", business["business_id"], "5000")
        ours.done("business", "enable-payouts", business["business_id"])
        answer = httpx.post(
            f"{ours.url}/payout/create",
            headers={"Authorization": f"Bearer {business['secret_key']}"},
            json={"email": "ada@example.com", "amount": 2_500},
        )
        assert answer.status_code == 201
        connected = current_user(database)
        assert [is_superuser for _, is_superuser in connected] == [False]
        assert connected[0][0].startswith("payviox_web_")
    finally:
        assert serving.stop() < 10


def test_two_urls_separate_the_owner_from_the_application(tmp_path: Path, database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE ROLE the_owner LOGIN PASSWORD 'owner' CREATEROLE")
        connection.execute("CREATE ROLE the_web LOGIN PASSWORD 'web'")
        connection.execute("ALTER SCHEMA public OWNER TO the_owner")
        connection.execute("DROP ROLE IF EXISTS payviox_app_none")
        owns_group = connection.execute(
            "SELECT 1 FROM pg_roles WHERE rolname = 'payviox_app'"
        ).fetchone()
        if owns_group is None:
            connection.execute("CREATE ROLE payviox_app NOLOGIN")
        connection.execute("GRANT payviox_app TO the_owner WITH ADMIN OPTION")
        name = connection.info.dbname
        connection.execute(
            sql.SQL("GRANT CREATE ON DATABASE {} TO the_owner").format(sql.Identifier(name))
        )
    owner = make_conninfo(database, user="the_owner", password="owner")
    web = make_conninfo(database, user="the_web", password="web")
    ours = installation(tmp_path, web, PAYVIOX_MIGRATION_URL=owner)
    said = ours.refused("business", "list", status=2)
    assert "no Payviox schema yet" in said
    said = ours.refused("migrate", status=2)
    assert f"everybody has TEMPORARY on database {name}" in said, "another role's to revoke"
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            sql.SQL("REVOKE TEMPORARY ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name))
        )
    assert ours.told("business", "create", "Acme")["name"] == "Acme"
    swapped = installation(tmp_path, owner, PAYVIOX_MIGRATION_URL=database)
    said = swapped.refused("business", "list", status=2)
    assert "may do more than Payviox needs" in said


def test_another_secret_key_is_refused_until_the_old_one_is_given_too(
    tmp_path: Path, database: str
) -> None:
    new = "another-secret-key-of-these-tests-and-long-enough"
    ours = installation(tmp_path, database)
    ours.done("migrate")
    business_id = ours.told("business", "create", "Acme")["test"]["business_id"]
    shown = ours.told("webhook", "set", business_id, "--url", "https://example.com/hook")
    assert shown["token"].startswith("whsec_")
    said = installation(tmp_path, database, PAYVIOX_SECRET_KEY=new).refused(
        "business", "list", status=2
    )
    assert "PAYVIOX_PREVIOUS_SECRET_KEYS" in said
    assert SECRET_KEY not in said
    with psycopg.connect(database) as connection:
        logins = connection.execute("SELECT rolname, rolpassword FROM pg_authid").fetchall()
    both = installation(
        tmp_path, database, PAYVIOX_SECRET_KEY=new, PAYVIOX_PREVIOUS_SECRET_KEYS=SECRET_KEY
    )
    nothing = {
        "gift_cards": 0,
        "webhooks": 0,
        "rail_accounts": 0,
        "authenticator_apps": 0,
        "bank": 0,
        "seals": 0,
        "previous_keys": [],
    }
    assert both.told("secrets", "rotate") == nothing | {"webhooks": 1}
    assert both.told("secrets", "rotate") == nothing
    with psycopg.connect(database) as connection:
        now = connection.execute("SELECT rolname, rolpassword FROM pg_authid").fetchall()
    assert now == logins, "whoever still runs with the old key alone is not locked out"
    alone = installation(tmp_path, database, PAYVIOX_SECRET_KEY=new)
    assert alone.done("webhook", "rotate-token", business_id).startswith("whsec_")
