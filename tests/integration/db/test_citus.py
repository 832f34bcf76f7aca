"""A database whose businesses are spread over the nodes of a Citus cluster."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from payviox.allocations.batcher import Batcher
from payviox.allocations.model import Allocated, Item
from payviox.cli import serve
from payviox.db import catalogue, citus, migrate, schema
from payviox.db.pool import Database
from payviox.db.role import find_excess
from payviox.errors import SettingsError
from payviox.keyring import Keyring
from support.businesses import TestBusiness, open_business
from support.citus import CLUSTER
from support.databases import Server, Urls
from support.live import SECRET_KEY
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio

on_a_cluster = pytest.mark.skipif(
    CLUSTER not in os.environ, reason=f"{CLUSTER} names no Citus cluster"
)


@pytest.mark.skipif(CLUSTER in os.environ, reason="here is one server")
def test_one_server_is_refused_with_what_to_do_and_stays_as_it_is(urls: Urls) -> None:
    with pytest.raises(SettingsError, match=r"no extension citus.*Nothing was distributed"):
        citus.distribute(urls.owner)
    assert not citus.is_distributed(urls.owner)


@on_a_cluster
def test_what_a_business_has_is_distributed_and_the_installations_own_is_not(urls: Urls) -> None:
    with urls.as_admin() as admin:
        rows = admin.execute(
            "SELECT c.relname, d.partmethod, d.repmodel, d.colocationid FROM pg_class c"
            " LEFT JOIN pg_dist_partition d ON d.logicalrelid = c.oid"
            " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'"
        ).fetchall()
    distributed = {name: group for name, method, _, group in rows if method == "h"}
    everywhere = {name for name, method, model, _ in rows if method == "n" and model == "t"}
    assert {"accounts", "transfers", "orders", "events"} <= set(distributed)
    assert len(set(distributed.values())) == 1, "a business stands on one node with all it has"
    assert everywhere == set(citus.REFERENCE)
    others = {str(name) for name, *_ in rows} - set(distributed) - everywhere
    assert {name for name in others if not name.startswith("procrastinate")} == {
        "attention_choices", "attention_mails", "authenticator_apps", "exchange_rates",
        "identities", "installation", "installation_audit_entries", "invitations", "known_devices",
        "mails", "openid_requests",
        "passkey_challenges", "passkeys", "password_resets", "payviox_jobs_schema",
        "payviox_schema", "recovery_codes", "sessions", "sign_in_attempts", "started_sign_ins",
        "unlinked_issuers",
    }  # fmt: skip


@on_a_cluster
async def test_the_application_may_do_no_more_and_what_guards_the_tables_is_the_same(
    urls: Urls, database: Database
) -> None:
    with psycopg.connect(urls.application) as connection:
        assert find_excess(connection) == []
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(
                "INSERT INTO transfers (business_id, created_at) VALUES (%s, '2020-01-01')",
                [uuid4()],
            )
    assert await database.fetch(catalogue.find_differences) == []


def who_may_insert(urls: Urls) -> dict[str, set[str]]:
    """What each placement of a table says, of those that the application may insert into."""
    with urls.as_admin() as admin:
        tables = admin.execute(
            "SELECT logicalrelid::text FROM pg_dist_partition"
            " WHERE has_any_column_privilege('payviox_app', logicalrelid, 'INSERT')"
        ).fetchall()
        return {
            str(table): {
                str(row[0])
                for row in admin.execute(
                    "SELECT result FROM run_command_on_placements(%s::regclass,"
                    " $$SELECT has_table_privilege('payviox_app', '%%s', 'INSERT')$$)",
                    [table],
                ).fetchall()
            }
            for (table,) in tables
        }


@on_a_cluster
def test_the_application_inserts_into_every_placement_of_what_it_may_insert_into(
    urls: Urls,
) -> None:
    answers = who_may_insert(urls)
    assert {"accounts", "businesses", "sessions", "mails"} <= set(answers)
    assert {table for table, said in answers.items() if said != {"t"}} == set()


@on_a_cluster
def test_into_shards_that_lack_the_right_it_inserts_again_once_migrate_is_repeated(
    fresh_urls: Urls,
) -> None:
    """As a superuser's split leaves them."""
    with fresh_urls.as_admin() as admin:
        admin.execute(
            "SELECT run_command_on_placements('accounts', 'REVOKE INSERT ON %s FROM payviox_app')"
        )
    assert who_may_insert(fresh_urls)["accounts"] == {"f"}
    assert citus.distribute(fresh_urls.owner) == 0
    assert who_may_insert(fresh_urls)["accounts"] == {"t"}


@on_a_cluster
async def test_a_business_that_is_paid_gets_a_shard_and_a_node_of_its_own_and_loses_nothing(
    fresh_urls: Urls,
) -> None:
    def give_it_its_own(owner_url: str, business: UUID) -> None:
        with psycopg.connect(owner_url, autocommit=True) as owner:
            owner.execute(
                "SELECT isolate_tenant_to_new_shard('accounts', %s, 'CASCADE',"
                " shard_transfer_mode => 'block_writes')",
                [business],
            )
            [(shard, *home)] = owner.execute(
                "SELECT shardid, nodename, nodeport FROM pg_dist_shard_placement"
                " WHERE shardid = get_shard_id_for_distribution_column('accounts', %s)",
                [business],
            ).fetchall()
            [other] = owner.execute(
                "SELECT nodename, nodeport FROM pg_dist_node WHERE shouldhaveshards"
                " AND (nodename, nodeport) <> (%s, %s) LIMIT 1",
                home,
            ).fetchall()
            owner.execute(
                "SELECT citus_move_shard_placement(%s, %s, %s, %s, %s, 'force_logical')",
                [shard, *home, *other],
            )

    async with opened(fresh_urls) as database:
        business = await open_business(database, funds=1_000_000)
        batcher, moved, paid = Batcher(database, Keyring(SECRET_KEY)), asyncio.Event(), 0

        async def call(number: int) -> None:
            nonlocal paid
            while not moved.is_set():
                [outcome] = await batcher.submit(
                    business.business_id, [Item(f"u{number}@x.com", 1)]
                )
                assert isinstance(outcome, Allocated)
                paid += 1

        calls = asyncio.gather(*(call(number) for number in range(4)))
        try:
            await asyncio.to_thread(give_it_its_own, fresh_urls.owner, business.business_id)
        finally:
            moved.set()
            await calls
        books = await business.ledger()
        assert books.transfers["allocation"] == paid > 0


@on_a_cluster
async def test_a_database_in_use_is_distributed_and_goes_on_with_its_money(server: Server) -> None:
    async def use(business: TestBusiness) -> None:
        batcher = Batcher(business.database, Keyring(SECRET_KEY))
        [outcome] = await batcher.submit(business.business_id, [Item("ada@example.com", 5_000)])
        assert isinstance(outcome, Allocated)
        desk = Desk.of(business)
        order = await desk.withdraw(UUID(outcome.user_id), 2_500)
        await desk.process()
        assert (await desk.get(order)).status == "succeeded"

    with server.fresh(migrated=False) as fresh:
        migrate.migrate(fresh.owner, fresh.application)
        async with opened(fresh) as database:
            business = await open_business(database, funds=20_000)
            await use(business)
            before = await business.ledger()
        assert not citus.is_distributed(fresh.owner)
        assert citus.distribute(fresh.owner) > 0
        assert citus.distribute(fresh.owner) == 0, "again it does nothing"
        assert citus.is_distributed(fresh.owner)
        async with opened(fresh) as database:
            business = replace(business, database=database)
            assert await business.ledger() == before
            await use(business)
            after = await business.ledger()
        assert (before["ada@example.com"], after["ada@example.com"]) == (2_500, 5_000)


@on_a_cluster
def test_a_worker_is_refused_with_where_to_connect(urls: Urls) -> None:
    with urls.as_admin() as admin:
        row = admin.execute(
            "SELECT nodename, nodeport FROM pg_dist_node WHERE groupid <> 0 LIMIT 1"
        ).fetchone()
    assert row is not None
    host, port = row
    for url in (urls.application, urls.owner):
        with pytest.raises(SettingsError, match="Name the cluster's coordinator"):
            schema.check(make_conninfo(url, host=str(host), port=str(port)))
        schema.check(url)


@asynccontextmanager
async def opened(urls: Urls) -> AsyncIterator[Database]:
    database = Database(urls.application)
    await database.open()
    try:
        yield database
    finally:
        await database.close()


def test_the_embedded_database_is_one_server(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PAYVIOX_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PAYVIOX_DATABASE_URL", raising=False)
    with pytest.raises(SettingsError, match=r"embedded database is one server.*Nothing was"):
        serve.migrate.main(["--citus"], standalone_mode=False)
    assert not (tmp_path / "home" / "postgres").exists()
