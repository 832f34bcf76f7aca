"""Bringing databases to this version's schema, from empty and from every earlier one, and refusing
those that are not known."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from payviox.db import migrate, schema
from payviox.db.pool import Database
from payviox.db.role import check_role
from payviox.errors import SchemaInUse, SchemaUnknown
from payviox.ledger.verify import verify
from support.databases import Server, Urls

DATA = Path(__file__).parent / "data"
WITH_DATA = [revision for revision in schema.revisions() if (DATA / f"{revision}.sql").exists()]

# Everything that a migration could have left different, with names and not numbers.
SHAPE = """
SELECT 'column', table_name, column_name, data_type || ' ' || is_nullable || ' '
       || coalesce(column_default, '') || ' ' || is_identity
FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND conrelid <> 0
UNION ALL SELECT 'index', tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT 'grant', relname, '', coalesce(relacl::text, '')
FROM pg_class WHERE relnamespace = 'public'::regnamespace
UNION ALL SELECT 'column grant', attrelid::regclass::text, attname, attacl::text
FROM pg_attribute WHERE attacl IS NOT NULL
UNION ALL SELECT 'function', proname, '', md5(prosrc) FROM pg_proc
WHERE pronamespace = 'public'::regnamespace
UNION ALL SELECT 'trigger', tgrelid::regclass::text, tgname, pg_get_triggerdef(oid) FROM pg_trigger
WHERE NOT tgisinternal
ORDER BY 1, 2, 3
"""

TABLES = """
SELECT tablename FROM pg_tables
WHERE schemaname = 'public' AND tablename NOT LIKE 'procrastinate%%' ORDER BY 1
"""
COUNT = sql.SQL("SELECT count(*) FROM {}")


@pytest.fixture
def empty(server: Server) -> Iterator[Urls]:
    """A database without any table."""
    with server.fresh(migrated=False) as urls:
        yield urls


def shape(urls: Urls) -> list[tuple[Any, ...]]:
    with urls.as_admin() as admin:
        return admin.execute(SHAPE).fetchall()


def test_an_empty_database_is_brought_to_the_newest_schema(empty: Urls) -> None:
    assert schema.current(empty.application) is None
    assert migrate.migrate(empty.owner, empty.application) == schema.newest()
    schema.check(empty.application)
    check_role(empty.application)
    before = shape(empty)
    assert migrate.migrate(empty.owner, empty.application) == schema.newest()
    assert shape(empty) == before, "again changes nothing"


@pytest.mark.parametrize("revision", schema.revisions())
def test_from_every_earlier_schema_the_newest_is_the_same_as_from_empty(
    empty: Urls, urls: Urls, revision: str
) -> None:
    assert migrate.migrate(empty.owner, empty.application, to=revision) == revision
    migrate.migrate(empty.owner, empty.application)
    assert shape(empty) == shape(urls)


@pytest.mark.anyio
@pytest.mark.parametrize("revision", WITH_DATA)
async def test_what_an_earlier_schema_kept_is_there_and_in_order_afterwards(
    empty: Urls, revision: str
) -> None:
    migrate.migrate(empty.owner, empty.application, to=revision)
    with psycopg.connect(empty.owner) as owner:
        owner.execute((DATA / f"{revision}.sql").read_bytes(), prepare=False)
    before = counts(empty)
    migrate.migrate(empty.owner, empty.application)
    after = counts(empty)
    assert {name: after[name] for name in before} == before, "not a row was lost"
    database = Database(empty.application)
    await database.open()
    async with database.read() as connection:
        report = await verify(connection)
    await database.close()
    assert report.ok, report.problems
    assert (report.businesses, report.accounts, report.transfers, report.orders) == (2, 14, 10, 2)


@pytest.mark.anyio
async def test_an_older_schema_that_somebody_works_on_is_not_migrated(empty: Urls) -> None:
    older = schema.revisions()[-2]
    migrate.migrate(empty.owner, empty.application, to=older)
    before = shape(empty)
    database = Database(empty.application)
    await database.open()
    with pytest.raises(SchemaInUse, match=r"stop every .* Nothing was changed"):
        migrate.migrate(empty.owner, empty.application)
    assert (schema.current(empty.owner), shape(empty)) == (older, before)
    await database.close()
    assert migrate.migrate(empty.owner, empty.application) == schema.newest()


@pytest.mark.anyio
async def test_where_nothing_is_to_be_migrated_others_may_work_on_it(fresh_urls: Urls) -> None:
    database = Database(fresh_urls.application)
    await database.open()
    assert migrate.migrate(fresh_urls.owner, fresh_urls.application) == schema.newest()
    await database.close()


def counts(urls: Urls) -> dict[str, int]:
    """How many rows each table has."""
    with urls.as_admin() as admin:
        tables = [str(row[0]) for row in admin.execute(TABLES).fetchall()]
        rows = [admin.execute(COUNT.format(sql.Identifier(table))).fetchone() for table in tables]
    return {table: int(row[0]) for table, row in zip(tables, rows, strict=True) if row}


def test_every_revision_that_has_rows_to_lose_has_data_to_try_it_with() -> None:
    assert schema.revisions() == WITH_DATA


def test_two_migrations_at_once_wait_for_one_another(empty: Urls) -> None:
    with ThreadPoolExecutor(4) as threads:
        reached = [
            threads.submit(migrate.migrate, empty.owner, empty.application) for _ in range(4)
        ]
        assert {each.result() for each in reached} == {schema.newest()}
    schema.check(empty.application)


def test_a_database_without_a_schema_is_refused_and_the_command_is_named(empty: Urls) -> None:
    with pytest.raises(SchemaUnknown, match="payviox migrate"):
        schema.check(empty.application)


def test_an_older_schema_is_refused_and_the_command_is_named(
    urls: Urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = schema.revisions()
    monkeypatch.setattr(schema, "revisions", lambda: [*known, "9998"])
    with pytest.raises(SchemaUnknown, match=rf"at schema {known[-1]}, .* needs 9998.* backup"):
        schema.check(urls.application)


def test_a_newer_schema_is_refused_by_all_and_nothing_is_changed(fresh_urls: Urls) -> None:
    with fresh_urls.as_admin() as admin:
        admin.execute("UPDATE payviox_schema SET version_num = '9999'")
        admin.execute("ALTER TABLE orders ADD COLUMN of_the_future text")
    before = shape(fresh_urls)
    with pytest.raises(SchemaUnknown, match=r"9999.*newer Payviox"):
        schema.check(fresh_urls.application)
    with pytest.raises(SchemaUnknown, match=r"9999.*Nothing was changed"):
        migrate.migrate(fresh_urls.owner, fresh_urls.application)
    assert shape(fresh_urls) == before
    assert schema.current(fresh_urls.application) == "9999"
