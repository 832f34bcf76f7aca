"""Whoever sends, cuts, hands over or imports is killed at every point of it. Another process goes
on: the bank, which takes away whatever it finds, got each payment once, its statement counts once,
and its books are ours to the cent."""

import asyncio
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from payviox import ids
from payviox.bank import account_books, files, schedule
from payviox.bank.model import BankFile
from payviox.bank.releasing import handing_over
from payviox.cli.demo.bank import answers
from payviox.cli.demo.bank.books import BankBooks
from support import accounts, dying_banker, warm
from support.banking import KEYRING, PERSON, Banking
from support.businesses import TestBusiness
from support.dying_banker import ACTS, AT_THE_PLACE, RELEASING_INTO_A_FOLDER, REPORT
from support.machine import stretch
from support.sftp import HERE

pytestmark = pytest.mark.anyio

AMOUNTS = (500, 700, 900)
OPENING = 100_000


@dataclass
class World:
    """A business and its bank, which meet by files alone. `place` is where the bank takes files."""

    bank: Banking
    books: BankBooks
    folder: Path
    place: Path
    refused: list[str] = field(default_factory=list)

    async def orders(self) -> None:
        for number, amount in enumerate(AMOUNTS):
            await self.bank.order(amount, email=f"p{number}@example.com")

    async def die(self, act: str, point: str) -> None:
        """Another process does this, and must come to the point."""
        url, business = self.bank.database.url, str(self.bank.id)
        ended = await asyncio.to_thread(
            warm.run,
            [dying_banker.__file__, url, business, str(self.folder), act, point],
            environment={},
            folder=self.folder,
            timeout=stretch(60),
        )
        assert ended.returncode == -signal.SIGKILL, ended

    def bank_takes(self) -> None:
        """The bank takes away every file that has its name."""
        for path in sorted(self.place.glob("payviox-*")):
            self._given(path.read_bytes())
            path.unlink()

    def _given(self, content: bytes) -> None:
        taken = self.books.take(content)
        if taken.refused:
            self.refused.append(taken.refused)

    async def files(self) -> list[BankFile]:
        return await self.bank.database.fetch(lambda db: files.list_page(db, self.bank.id))

    async def go_on(self) -> None:
        """A worker goes on with what somebody began to hand over."""
        await self.bank.database.write(
            lambda db: db.execute(
                "UPDATE bank_files SET lease_until = now() - interval '1 second'"
                " WHERE business_id = %s AND lease_until IS NOT NULL",
                [self.bank.id],
            )
        )
        account = await self.bank.account()
        for business_id, file_id in await schedule.list_stuck(self.bank.database):
            if business_id == self.bank.id:
                await schedule.go_on(
                    self.bank.database, KEYRING, account, self.folder, file_id, networks=HERE
                )

    async def finish(self) -> None:
        """Everything that people and worker do until nothing is left."""
        await self.go_on()
        self.bank_takes()
        await self.bank.desk.hurry(age_s=120)
        await self.bank.desk.process()
        await self.bank.cut()
        for file in await self.files():
            if file.status == "draft":
                await self.bank.approve(file)
        account = await self.bank.account()
        for file in await self.files():
            if file.status == "approved" and file.step is None:
                way, target = handing_over.target_of(account, self.folder, networks=HERE)
                at = (self.bank.id, file.id, PERSON)
                await handing_over.release(self.bank.database, KEYRING, way, target, *at)
        self.bank_takes()
        await self.bank.take(self.statement(), "last.xml")
        await self.bank.desk.hurry(age_s=120)
        await self.bank.desk.process()

    def statement(self) -> bytes:
        """The bank pays what it has, and says so from the first day on."""
        while any(each.state == "taken" for each in self.books.payments):
            self.books.close_day()
        return answers.statement(self.books, self.first, self.books.close_day())

    @property
    def first(self) -> Any:
        return min([self.books.today, *(line.day for line in self.books.lines)])

    async def check(self) -> None:
        assert self.refused == [], "the bank was given something twice"
        assert sorted(each.order.amount for each in self.books.payments) == list(AMOUNTS)
        assert [each.times_paid for each in self.books.payments] == [1, 1, 1]
        rows = await self.bank.business.rows(
            "SELECT p.status, o.status FROM bank_payments p"
            " JOIN orders o ON o.business_id = p.business_id AND o.id = p.order_id"
            " WHERE p.business_id = %s"
        )
        assert rows == [("booked", "succeeded")] * 3
        assert {file.status for file in await self.files()} == {"settled"}
        money = await self.bank.business.ledger()
        assert (money["settled:bank"], money["in_transit:bank"]) == (sum(AMOUNTS), 0)
        (account,) = await self.bank.database.fetch(account_books.read, self.bank.id)
        assert (account.closing, account.difference, account.gaps) == (self.books.balance, 0, [])
        assert account.closing == OPENING - money["settled:bank"]
        assert [(each.line, each.entries) for each in account.moved] == [("payments", 3)]


def books() -> BankBooks:
    settings = accounts.SETTINGS["bank"]
    today = datetime.now(UTC).date()
    return BankBooks(
        settings["company_id"], "USD", today, OPENING, number=settings["account_number"]
    )


@pytest.fixture
async def world(business: TestBusiness, tmp_path: Path) -> World:
    """Whose bank takes files out of a folder."""
    bank = await Banking.of(business, release="folder")
    place = tmp_path / ids.show(ids.BUSINESS, bank.id) / "out"
    found = World(bank, books(), tmp_path, place)
    await found.orders()
    return found


@pytest.mark.parametrize("point", ACTS["sending"][1])
async def test_sending(world: World, point: str) -> None:
    await world.die("sending", point)
    await world.finish()
    await world.check()


@pytest.mark.parametrize("point", ACTS["cutting"][1])
async def test_cutting(world: World, point: str) -> None:
    await world.bank.desk.process()
    await world.die("cutting", point)
    await world.finish()
    await world.check()


@pytest.mark.parametrize("point", ACTS["downloading"][1])
async def test_downloading(world: World, point: str) -> None:
    """Whoever did not get the bytes asks again; nobody hands the file over beside them."""
    await world.bank.desk.process()
    file = await world.bank.approve(await world.bank.file())
    await world.die("downloading", point)
    left = point == "that it has left is committed"
    assert ((await world.bank.look(file)).status == "released") == left
    if left:
        world.books.take(await world.bank.download(file))
    await world.finish()
    await world.check()


@pytest.mark.parametrize("point", RELEASING_INTO_A_FOLDER)
async def test_releasing_into_a_folder(world: World, point: str) -> None:
    await world.bank.desk.process()
    await world.bank.approve(await world.bank.file())
    await world.die("releasing", point)
    world.bank_takes()
    await world.finish()
    await world.check()
    assert list(world.place.iterdir()) == [], "nothing is left of it"


@pytest.fixture(scope="module")
def keys() -> tuple[asyncssh.SSHKey, asyncssh.SSHKey]:
    """The server's key, and a user's."""
    make = asyncssh.generate_private_key
    return make("ssh-ed25519"), make("ssh-ed25519")


@pytest.fixture
async def far(
    world: World, keys: tuple[asyncssh.SSHKey, asyncssh.SSHKey], tmp_path: Path
) -> AsyncIterator[World]:
    """The same, whose bank has a real SFTP server."""
    host, user = keys
    world.place = tmp_path / "sftp"
    world.place.mkdir()

    def root(channel: Any) -> asyncssh.SFTPServer:
        return asyncssh.SFTPServer(channel, chroot=str(world.place).encode())

    acceptor = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_host_keys=[host],
        authorized_client_keys=asyncssh.import_authorized_keys(user.export_public_key().decode()),
        sftp_factory=root,
    )
    settings = {
        "release": "sftp",
        "sftp_host": "127.0.0.1",
        "sftp_port": str(acceptor.get_port()),
        "sftp_user": "acme",
        "sftp_host_key": host.export_public_key().decode().strip(),
        "sftp_folder": "/",
    }
    await accounts.connect(
        world.bank.database,
        KEYRING,
        world.bank.id,
        "bank",
        settings=settings,
        credentials={"sftp_key": user.export_private_key().decode()},
    )
    try:
        yield world
    finally:
        acceptor.close()
        await acceptor.wait_closed()


@pytest.mark.parametrize("point", AT_THE_PLACE)
async def test_releasing_over_sftp(far: World, point: str) -> None:
    await far.bank.desk.process()
    await far.bank.approve(await far.bank.file())
    await far.die("releasing", point)
    far.bank_takes()
    await far.finish()
    await far.check()
    assert list(far.place.iterdir()) == [], "nothing is left of it"


def put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


async def two_days(world: World) -> tuple[bytes, bytes]:
    """The bank has all payments and pays them; the statements of two times."""
    await world.bank.desk.process()
    file = await world.bank.approve(await world.bank.file())
    world.books.take(await world.bank.download(file))
    first = world.statement()
    return first, answers.statement(world.books, world.books.today, world.books.close_day())


@pytest.mark.parametrize("point", ACTS["importing"][1])
async def test_importing(world: World, point: str) -> None:
    first, second = await two_days(world)
    rest = second[second.index(b"<Stmt>") : second.index(b"</Stmt>") + len(b"</Stmt>")]
    both = first.replace(b"</Stmt>", b"</Stmt>" + rest)
    put(world.folder / REPORT, both)
    await world.die("importing", point)
    again = await world.bank.take(both, REPORT)
    assert again.is_repeated == (point == "all is committed")
    assert len(again.reports) == 2
    await world.finish()
    await world.check()


async def test_fetching(world: World) -> None:
    place = world.folder / ids.show(ids.BUSINESS, world.bank.id) / "in"
    for name, content in zip(("a.xml", "b.xml"), await two_days(world), strict=True):
        put(place / name, content)
    await world.die("fetching", "one of two files is taken")
    account = await world.bank.account()
    for _ in range(2):
        await schedule.fetch_reports(world.bank.database, account, world.folder)
    rows = await world.bank.business.rows(
        "SELECT file_name FROM bank_imports WHERE business_id = %s ORDER BY id"
    )
    assert rows == [("a.xml",), ("b.xml",)]
    await world.finish()
    await world.check()


@pytest.mark.parametrize("point", ACTS["booking"][1])
async def test_booking(world: World, point: str) -> None:
    first, _ = await two_days(world)
    await world.bank.take(first)
    await world.die("booking", point)
    await world.finish()
    await world.check()
