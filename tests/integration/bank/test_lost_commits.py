"""The process that cuts, releases or imports dies, or loses its database, at a COMMIT: whoever does
it again finds what was done, and no payment is in two files or booked twice."""

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from payviox.bank import files
from payviox.bank.releasing import handing_over
from payviox.bank.releasing.folder import Folder
from payviox.db.pool import Database
from payviox.errors import Conflict, OutcomeUnknown
from support.banking import KEYRING, PERSON, Banking, entry, statement
from support.businesses import TestBusiness
from support.databases import Urls
from support.proxy import Moment, Proxy, proxy

pytestmark = pytest.mark.anyio

MOMENTS: list[Moment] = ["before COMMIT", "COMMIT sent", "COMMIT done"]


@pytest.fixture(scope="module")
async def far(urls: Urls) -> AsyncIterator[tuple[Proxy, Database]]:
    """The database behind a network that fails."""
    async with proxy(urls.application) as network:
        database = Database(network.url)
        await database.open()
        try:
            yield network, database
        finally:
            await database.close()


@pytest.fixture
async def bank(business: TestBusiness) -> Banking:
    bank = await Banking.of(business)
    for number in range(3):
        await bank.order(100 + number, email=f"p{number}@example.com")
    await bank.desk.process()
    return bank


def from_afar(bank: Banking, database: Database) -> Banking:
    return replace(bank, business=replace(bank.business, database=database))


@pytest.mark.parametrize("moment", MOMENTS)
async def test_cutting(bank: Banking, far: tuple[Proxy, Database], moment: Moment) -> None:
    network, database = far
    network.cut_at(moment)
    with suppress(OutcomeUnknown):
        await from_afar(bank, database).cut()
    network.disarm()
    await bank.cut()
    rows = await bank.business.rows(
        "SELECT count(*), sum(payments), sum(total) FROM bank_files WHERE business_id = %s"
    )
    assert rows == [(1, 3, 303)]


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("commit", [1, 2, 3])
async def test_releasing(
    bank: Banking, far: tuple[Proxy, Database], tmp_path: Path, moment: Moment, commit: int
) -> None:
    """At each of its three transactions: it begins, it is about to be renamed, it has left."""
    network, database = far
    file = await bank.approve(await bank.file())
    target = Counting(tmp_path, network, moment, commit)
    target.arm(0)
    with suppress(OutcomeUnknown, Conflict):
        await handing_over.release(database, KEYRING, "folder", target, bank.id, file.id, PERSON)
    network.disarm()
    await bank.database.write(
        lambda db: db.execute(
            "UPDATE bank_files SET lease_until = now() WHERE business_id = %s", [bank.id]
        )
    )
    await handing_over.resume(bank.database, KEYRING, Folder(tmp_path), bank.id, file.id)
    if (await bank.look(file)).status == "approved":  # it never began
        await handing_over.release(
            bank.database, KEYRING, "folder", Folder(tmp_path), bank.id, file.id, PERSON
        )
    assert (await bank.look(file)).status == "released"
    assert target.renamed + target.others(file.name) == 1
    assert target.names() == [file.name]


class Counting(Folder):
    """A folder that counts what gets its name, and has the network fail at one of the commits."""

    def __init__(self, path: Path, network: Proxy, moment: Moment, commit: int) -> None:
        super().__init__(path)
        self._place = path
        self._network = network
        self._moment = moment
        self._commit = commit
        self.renamed = 0

    def arm(self, done: int) -> None:
        if done + 1 == self._commit:
            self._network.cut_at(self._moment)

    async def put(self, name: str, content: bytes) -> None:
        await super().put(name, content)
        self.arm(1)

    async def rename(self, name: str, new_name: str) -> None:
        await super().rename(name, new_name)
        self.renamed += 1
        self.arm(2)

    def names(self) -> list[str]:
        return sorted(each.name for each in self._place.iterdir())

    def others(self, name: str) -> int:
        """Whether somebody else gave it its name."""
        return int(not self.renamed and name in self.names())


@pytest.mark.parametrize("moment", MOMENTS)
async def test_importing(bank: Banking, far: tuple[Proxy, Database], moment: Moment) -> None:
    network, database = far
    file = await bank.approve(await bank.file())
    await bank.download(file)
    payments = await bank.database.fetch(files.list_payments, bank.id, file.id)
    lines = [entry(each, ref=each.end_to_end_id) for each in payments]
    content = statement(lines, opening=1_000, closing=697)
    network.cut_at(moment)
    await from_afar(bank, database).take(content)
    network.disarm()
    assert (await bank.take(content)).is_repeated
    await bank.desk.process()
    books = await bank.business.ledger()
    assert (books["settled:bank"], books["in_transit:bank"]) == (303, 0)
    assert (
        await bank.business.scalar(
            "SELECT count(*) FROM bank_entries WHERE business_id = %s", bank.id
        )
        == 3
    )
