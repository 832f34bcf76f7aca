"""Indexes of the ledger that stay half empty are built anew beside everything else, and guard as
before."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from payviox.db import compact
from payviox.db.catalogue import find_differences
from payviox.db.pool import Database
from payviox.errors import Conflict, SettingsError
from support.databases import Urls
from support.polling import until

pytestmark = pytest.mark.anyio

TRANSFERS = 4_000

# Two businesses, the payments of the first before those of the other in every index.
FILL = """
INSERT INTO transfers (business_id, kind, amount, from_account, from_version, from_balance,
                       to_account, to_version, to_balance)
SELECT b, 'allocation', 1, b, i, 1, gen_random_uuid(), 1, 1
FROM unnest(ARRAY['00000000-0000-7000-8000-000000000001'::uuid,
                  'ffffffff-0000-7000-8000-000000000001']) WITH ORDINALITY AS both_of(b, place)
CROSS JOIN generate_series(1, %s) i ORDER BY place DESC, i
"""


@pytest.fixture
def admin(
    fresh_urls: Urls, monkeypatch: pytest.MonkeyPatch
) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    monkeypatch.setattr(compact, "LEAST_BYTES", 0)
    with fresh_urls.as_admin() as connection:
        connection.execute(FILL, [TRANSFERS])
        yield connection


async def test_what_takes_much_more_than_it_needs_is_built_anew_once(
    fresh_urls: Urls, admin: psycopg.Connection[tuple[object, ...]]
) -> None:
    before = _rows(admin)
    done = compact.compact(fresh_urls.owner)
    assert [each.index for each in done] == ["transfers_from_version", "transfers_pkey"]
    for each in done:
        assert each.after_bytes < 0.9 * each.before_bytes
        assert each.after_bytes == _one(admin, "SELECT pg_relation_size(%s::regclass)", each.index)
    assert compact.compact(fresh_urls.owner) == []
    assert _rows(admin) == before
    with pytest.raises(psycopg.errors.UniqueViolation):
        admin.execute(FILL, [1])
    assert await _differences(fresh_urls) == []


async def test_what_an_interrupted_run_left_goes_with_the_next(
    fresh_urls: Urls, admin: psycopg.Connection[tuple[object, ...]]
) -> None:
    invalid = "SELECT count(*) FROM pg_index WHERE NOT indisvalid"
    with (
        fresh_urls.as_admin() as writer,
        psycopg.connect(fresh_urls.owner, autocommit=True) as owner,
        ThreadPoolExecutor(1) as beside,
    ):
        writer.execute("BEGIN")
        writer.execute("LOCK transfers IN ROW EXCLUSIVE MODE")
        reindex = beside.submit(owner.execute, "REINDEX INDEX CONCURRENTLY transfers_pkey")
        until(lambda: _one(admin, invalid) == 1)  # from then on it waits for the writer
        admin.execute("SELECT pg_cancel_backend(%s)", [owner.info.backend_pid])
        with pytest.raises(psycopg.errors.QueryCanceled):
            reindex.result()
        writer.execute("ROLLBACK")
    assert _one(admin, invalid) == 1
    assert await _differences(fresh_urls) == [], "it turns away no more than the one it is of"

    compact.compact(fresh_urls.owner)
    assert _one(admin, invalid) == 0


def test_one_at_a_time_and_only_for_the_owner(
    fresh_urls: Urls, admin: psycopg.Connection[tuple[object, ...]]
) -> None:
    with pytest.raises(SettingsError, match="PAYVIOX_MIGRATION_URL"):
        compact.compact(fresh_urls.application)
    admin.execute("SELECT pg_advisory_lock(%s)", [compact._LOCK])
    with pytest.raises(Conflict):
        compact.compact(fresh_urls.owner)


async def _differences(urls: Urls) -> list[str]:
    database = Database(urls.application, size=1, engine_size=1, readers=1)
    await database.open()
    try:
        return await database.fetch(find_differences)
    finally:
        await database.close()


def _rows(admin: psycopg.Connection[tuple[object, ...]]) -> object:
    return _one(admin, "SELECT md5(string_agg(t::text, ' ' ORDER BY id)) FROM transfers t")


def _one(admin: psycopg.Connection[tuple[object, ...]], query: str, *parameters: object) -> object:
    row = admin.execute(query, parameters or None).fetchone()  # type: ignore[arg-type]  # a test's
    return row and row[0]
