"""Keeping rates, and the one that counts now."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from aiohttp import web

from payviox.actors import Actor
from payviox.db.pool import Database
from payviox.errors import Conflict
from payviox.maintenance import fetched_rates
from payviox.rates import service
from payviox.rates.model import RateUnknown
from payviox.settings import Settings
from support.databases import Urls

pytestmark = pytest.mark.anyio

SOMEBODY = Actor("command:somebody")
TODAY = datetime.now(UTC).date() - timedelta(days=1)


def of_ecb(rates: dict[str, str]) -> bytes:
    cubes = "".join(
        f'<Cube time="{day}"><Cube currency="USD" rate="{rate}"/></Cube>'
        for day, rate in rates.items()
    )
    return f"<Envelope><Cube>{cubes}</Cube></Envelope>".encode()


@pytest.fixture(autouse=True)
def none_yet(urls: Urls) -> None:
    with psycopg.connect(urls.owner, autocommit=True) as owner:
        owner.execute("TRUNCATE exchange_rates")


async def test_without_a_rate_nothing_is_priced_and_it_is_said_what_to_do(
    database: Database,
) -> None:
    with pytest.raises(RateUnknown, match="no rate of EUR by ecb: import the European"):
        await database.fetch(service.find, "ecb", "EUR")


async def test_the_newest_rate_of_a_source_counts_until_its_end(database: Database) -> None:
    week_ago = TODAY - timedelta(days=7)
    file = of_ecb({str(week_ago): "1.05", str(TODAY): "1.0825"})
    newest, new = await database.write(service.import_ecb, file, SOMEBODY)
    assert (newest.rate, new) == (Decimal("1.0825"), 2)
    assert (await database.fetch(service.find, "ecb", "EUR")).rate == Decimal("1.0825")
    with pytest.raises(RateUnknown):
        await database.fetch(service.find, "fixed", "EUR")
    await database.write(service.set_fixed, "EUR", Decimal("1.09"), 1, SOMEBODY)
    await database.write(service.set_fixed, "EUR", Decimal("1.1"), 1, SOMEBODY)
    assert (await database.fetch(service.find, "fixed", "EUR")).rate == Decimal("1.1")


async def test_an_old_rate_refuses(database: Database) -> None:
    file = of_ecb({str(TODAY - timedelta(days=6)): "1.05"})
    await database.write(service.import_ecb, file, SOMEBODY)
    with pytest.raises(RateUnknown, match=r"by ecb ended .* import the European Central Bank"):
        await database.fetch(service.find, "ecb", "EUR")


async def test_a_file_twice_changes_nothing_and_another_rate_for_a_day_is_refused(
    database: Database,
) -> None:
    file = of_ecb({str(TODAY): "1.0825"})
    assert (await database.write(service.import_ecb, file, SOMEBODY))[1] == 1
    assert (await database.write(service.import_ecb, file, SOMEBODY))[1] == 0
    both = of_ecb({str(TODAY - timedelta(days=1)): "1.07", str(TODAY): "1.0826"})
    with pytest.raises(Conflict, match=r"is known as 1\.0825"):
        await database.write(service.import_ecb, both, SOMEBODY)
    assert len(await database.fetch(service.list_newest, 10)) == 1  # nothing of the file was kept


@asynccontextmanager
async def answering(body: bytes, kind: str, status: int = 200) -> AsyncIterator[str]:
    """A service that says this."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=body, content_type=kind, status=status)

    app = web.Application()
    app.router.add_get("/rates", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/rates"
    finally:
        await runner.cleanup()


async def test_the_worker_fetches_what_the_settings_say(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    xml = of_ecb({str(TODAY): "1.0825"})
    now = datetime.now(UTC).isoformat()
    json = f'{{"currency":"EUR","rate":"1.0831","as_of":"{now}"}}'.encode()
    for body, kind in ((xml, "text/xml"), (json, "application/json")):
        async with answering(body, kind) as url:
            await fetched_rates.fetch(database, Settings(tmp_path, rates_url=url))
    assert (await database.fetch(service.find, "ecb", "EUR")).rate == Decimal("1.0825")
    assert (await database.fetch(service.find, "http", "EUR")).rate == Decimal("1.0831")
    for body, status in ((b"gone", 500), (b"<a/>", 200)):
        async with answering(body, "text/xml", status) as url:
            await fetched_rates.fetch(database, Settings(tmp_path, rates_url=url))
    await fetched_rates.fetch(database, Settings(tmp_path, rates_url="http://127.0.0.1:1/s3cret"))
    assert "answered 500" in caplog.text
    assert "could not be had" in caplog.text
    assert "s3cret" not in caplog.text
    assert len(await database.fetch(service.list_newest, 10)) == 2
