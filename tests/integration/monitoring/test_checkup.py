"""A look at the whole installation: each thing that may be wrong is found, with what to do."""

import threading
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import psycopg
import pytest
import trustme
from msgspec import structs

from payviox import wiring
from payviox.db import clock
from payviox.db.embedded.archive import SLOT
from payviox.db.pool import Connection, Database
from payviox.giftcards import holds, restores
from payviox.installation import keyring_of
from payviox.monitoring import archive
from payviox.monitoring.checkup import Finding, examine, of_database, of_surroundings
from payviox.monitoring.queries import durability
from payviox.monitoring.queries.durability import Durability
from payviox.rail_accounts import checking
from payviox.settings import Settings
from support.businesses import TestBusiness, open_business
from support.collector import collector
from support.databases import Urls
from support.live import free_port
from support.mail_server import mail_server

pytestmark = pytest.mark.anyio


async def findings(settings: Settings, database: Database) -> dict[str, Finding]:
    keyring = keyring_of(settings)
    rails = wiring.rails(database, keyring)
    try:
        found = [each async for each in examine(settings, database, keyring, rails, "test")]
    finally:
        await rails.close()
    return {each.subject: each for each in found}


async def test_what_is_well_and_what_is_not_set_up(
    settings: Settings, database: Database, urls: Urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _no_workers(urls)
    monkeypatch.setattr(of_database, "SLOW_MS", 60_000.0)
    there = replace(settings, public_url=f"http://127.0.0.1:{free_port()}")
    found = await findings(replace(there, database_url="elsewhere"), database)
    assert found["database"].verdict == "ok", found
    assert found["clock"].verdict == "ok"
    assert found["worker"].verdict == "problem"
    assert "payviox worker" in found["worker"].advice
    assert found["mail"].verdict == "warning"
    assert found["public address"].verdict == "warning"
    assert found["reachable"].verdict == "problem"
    assert "disk" not in found, "the database's is another machine's"


@pytest.mark.parametrize(
    ("change", "verdict", "says"),
    [
        ({}, "ok", "PostgreSQL 17.2, fsync on, 0 standbys"),
        ({"fsync": False}, "problem", "fsync off"),
        ({"full_page_writes": False}, "problem", "full_page_writes off"),
        ({"standbys": 1}, "warning", "its standby lags"),
        ({"standbys": 1, "names_synchronous_standbys": True}, "ok", "1 standbys"),
    ],
)
async def test_a_server_that_may_lose_what_it_committed_is_found(
    settings: Settings,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    change: dict[str, Any],
    verdict: str,
    says: str,
) -> None:
    async def read(_: Connection) -> Durability:
        return structs.replace(Durability(170_002, True, True, False, 0), **change)

    monkeypatch.setattr(durability, "read", read)
    found = (await findings(settings, database))["durability"]
    assert found.verdict == verdict
    assert says in found.detail


async def test_what_takes_wal_for_the_archive_or_a_copy_is_no_standby(
    database: Database, urls: Urls
) -> None:
    before = (await database.fetch(durability.read)).standbys
    with ExitStack() as connected:
        for name in (SLOT, "pg_basebackup", "pg_receivewal"):
            connected.enter_context(_taking_wal(urls, name))
        assert (await database.fetch(durability.read)).standbys == before
        connected.enter_context(_taking_wal(urls, "walreceiver"))
        assert (await database.fetch(durability.read)).standbys == before + 1


def _taking_wal(urls: Urls, name: str) -> psycopg.Connection[Any]:
    return psycopg.connect(
        urls.admin, replication="database", application_name=name, autocommit=True
    )


async def test_a_far_database_makes_all_slow(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of_database, "SLOW_MS", 0.0)
    assert (await findings(settings, database))["database"].verdict == "warning"


async def test_a_folder_of_backups_that_hangs_holds_up_nothing_else(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = threading.Event()

    async def state(_: Connection) -> archive.State:
        return archive.State(0, is_written=True, is_lost=False, command_fails=False)

    monkeypatch.setattr(archive, "state", state)
    monkeypatch.setattr(archive, "place", lambda _: answers.wait())
    monkeypatch.setattr(archive, "COMMAND_WAITS_S", 0.01)
    try:
        found = await findings(settings, database)
    finally:
        answers.set()
    assert found["backups"].verdict == "problem"
    assert "does not answer" in found["backups"].detail
    assert "attention" in found


async def test_a_trials_laxity_is_a_problem_once_live_money_is_there(
    settings: Settings, database: Database, make_business: Callable[..., Awaitable[TestBusiness]]
) -> None:
    lax = replace(settings, allow_private_webhooks=True)
    before = await findings(lax, database)
    assert before["private webhooks"].verdict == "warning"
    await make_business(mode="live", funds=1_000)
    assert (await findings(lax, database))["private webhooks"].verdict == "problem"
    assert (await findings(lax, database))["public address"].verdict == "problem"


async def test_an_address_without_encryption_is_a_problem(
    settings: Settings, database: Database
) -> None:
    found = await findings(replace(settings, public_url="http://payouts.invalid"), database)
    assert "not encrypted" in found["public address"].detail
    assert found["reachable"].verdict == "problem"


async def test_a_clock_that_is_off_is_a_problem(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = clock.host_time
    monkeypatch.setattr(clock, "host_time", lambda: real() + 3_600)
    found = (await findings(settings, database))["clock"]
    assert found.verdict == "problem"
    assert "ahead of the database's" in found.detail


async def test_a_full_disk_is_a_problem(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of_surroundings, "LOW_SHARE", 1.1)
    assert (await findings(settings, database))["disk"].verdict == "problem"


async def test_the_mail_server_is_asked_to_let_us_in_and_gets_no_mail(
    settings: Settings, database: Database
) -> None:
    with mail_server() as server:
        url = f"smtp://127.0.0.1:{server.port}?tls=no"
        named = replace(settings, smtp_url=url, mail_from="pay@example.com")
        assert (await findings(named, database))["mail"].verdict == "ok"
        assert not server.mails
    with mail_server(trustme.CA(), password=True) as server:
        named = replace(named, smtp_url=f"smtp://u:wrong@127.0.0.1:{server.port}")
        assert (await findings(named, database))["mail"].verdict == "problem"
    gone = (await findings(named, database))["mail"]
    assert gone.verdict == "problem"
    assert "payviox mail check" in gone.advice


async def test_gift_cards_that_a_restore_holds_are_told(
    settings: Settings, database: Database
) -> None:
    business = await open_business(database)
    assert "gift cards" not in await findings(settings, database)
    await database.write(restores.hold_after_restore, "test")
    told = (await findings(settings, database))["gift cards"]
    await database.write(holds.release, business.business_id, "test")
    assert told.verdict == "warning"
    assert "payviox database after-restore" in told.advice


async def test_a_part_that_breaks_off_hides_no_other_and_no_secret_is_shown(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "sk_live_" + "s" * 43

    def break_off(_: Path) -> Finding:
        raise OSError(f"cannot look with {secret}")

    monkeypatch.setattr(of_surroundings, "disk", break_off)
    found = await findings(settings, database)
    assert found["disk"].verdict == "not checked"
    assert "cannot look" in found["disk"].detail
    assert secret not in found["disk"].detail
    assert {"database", "mail", "reachable"} <= found.keys()


async def test_rails_of_one_business_that_do_not_answer_hide_none_of_another(
    settings: Settings,
    database: Database,
    make_business: Callable[..., Awaitable[TestBusiness]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = {(await make_business()).business_id: name for name in ("hangs", "answers")}

    async def accounts_of(_: Database, business_id: UUID) -> list[Any]:
        return [SimpleNamespace(rail=names[business_id])] if business_id in names else []

    async def check(*given: Any, **_: str) -> list[Any]:
        accounts = given[3]
        if accounts and accounts[0].rail == "hangs":
            raise TimeoutError
        return [checking.Checked(account, ()) for account in accounts]

    monkeypatch.setattr(checking, "accounts_of", accounts_of)
    monkeypatch.setattr(checking, "check", check)
    found = await findings(settings, database)
    late = [each for each in found.values() if each.subject.startswith("rails of")]
    assert [each.verdict for each in late] == ["not checked"]
    assert [s for s in found if s.startswith("answers of")], found


async def _no_workers(urls: Urls) -> None:
    with urls.as_admin() as connection:
        connection.execute("DELETE FROM procrastinate_workers")


async def test_a_collector_of_traces_that_does_not_answer_as_one_is_named(
    settings: Settings,
) -> None:
    assert await of_surroundings.traces(settings) == []
    with collector() as collected:
        there = replace(settings, otlp_endpoint=f"{collected.url}/")
        answers = {}
        for status in (200, 401, 404):
            collected.status = status
            (answers[status],) = await of_surroundings.traces(there)
    (away,) = await of_surroundings.traces(there)
    assert [answers[status].verdict for status in (200, 401, 404)] == ["ok", "ok", "warning"]
    assert "404" in answers[404].detail
    assert (away.verdict, away.subject) == ("warning", "traces")
    assert "PAYVIOX_OTLP_ENDPOINT" in away.advice
    assert collected.spans == []
