"""Sessions read and write values alike, whatever the environment and the database say."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import psycopg
import pytest

from payviox.audit import service as audit
from payviox.db import schema, session
from payviox.db.catalogue import find_differences
from payviox.db.pool import Connection, Database
from support.businesses import open_business
from support.databases import Urls

pytestmark = pytest.mark.anyio

ODD = {
    "datestyle": "'SQL, DMY'",
    "timezone": "'America/New_York'",
    "client_encoding": "'LATIN1'",
    "intervalstyle": "'sql_standard'",
    "bytea_output": "'escape'",
    "search_path": "'pg_catalog'",
    "standard_conforming_strings": "off",
    "quote_all_identifiers": "on",
}


@pytest.fixture
async def database(fresh_urls: Urls) -> AsyncIterator[Database]:
    """A database whose own settings are odd."""
    with fresh_urls.as_admin() as admin:
        for name, value in ODD.items():
            admin.execute(
                f"ALTER DATABASE {admin.info.dbname} SET {name} = {value}".encode()  # a test's own
            )
    opened = Database(fresh_urls.application)
    await opened.open()
    try:
        yield opened
    finally:
        await opened.close()


async def test_a_databases_own_settings_change_nothing(
    database: Database, fresh_urls: Urls
) -> None:
    business = await open_business(database)
    await database.write(
        audit.record, business.business_id, "test", "business.set", {"reference": "5 € für 東京"}
    )
    entries = await database.fetch(lambda db: audit.list_page(db, business.business_id, limit=10))
    (entry,) = [entry for entry in entries if entry.detail]
    assert entry.detail["reference"] == "5 € für 東京"
    assert entry.created_at.utcoffset() == datetime.now(UTC).utcoffset()
    assert schema.current(fresh_urls.owner) == schema.newest()

    async def settings(connection: Connection) -> list[object]:
        names = ("timezone", "search_path", "datestyle", "bytea_output", "client_encoding")
        found = []
        for name in names:
            cursor = await connection.execute("SELECT current_setting(%s)", [name])
            found += await cursor.fetchone() or ()
        return found

    assert await database.fetch(settings) == ["UTC", "public,pg_temp", "ISO, MDY", "hex", "UTF8"]
    assert await database.fetch(find_differences) == []


def test_libpqs_variables_reach_no_session_of_ours(
    urls: Urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGTZ", "America/New_York")
    monkeypatch.setenv("PGDATESTYLE", "German")
    monkeypatch.setenv("PGCLIENTENCODING", "SQL_ASCII")
    monkeypatch.setenv("PGOPTIONS", "-c search_path=nowhere")
    monkeypatch.setenv("PGAPPNAME", "an operator's own")
    session.forget_environment(embedded=False)
    assert schema.current(urls.application) == schema.newest()
    with psycopg.connect(urls.application) as connection:
        assert connection.info.parameter_status("TimeZone") != "America/New_York"
        assert connection.info.parameter_status("application_name") == "an operator's own"

    monkeypatch.setenv("PGHOSTADDR", "192.0.2.1")
    session.forget_environment(embedded=True)
    with psycopg.connect(urls.application) as connection:
        assert connection.info.parameter_status("application_name") == ""
