"""Files are handed to the bank once, whatever breaks on the way: into a folder, and to a real SFTP
server whose host key is pinned."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncssh
import msgspec
import pytest

from payviox.actors import Actor
from payviox.bank import files, schedule
from payviox.bank.files import BeingReleased
from payviox.bank.model import BankFile
from payviox.bank.releasing import handing_over
from payviox.bank.releasing.folder import Folder
from payviox.bank.releasing.sftp import SftpFolder
from payviox.bank.releasing.target import TransferError
from payviox.db.pool import Connection
from payviox.errors import Conflict
from payviox.rails.bank.terms import Sftp
from support.banking import KEYRING, PERSON, Banking, answer
from support.businesses import TestBusiness
from support.sftp import HERE, secrets

pytestmark = pytest.mark.anyio


@pytest.fixture
async def bank(business: TestBusiness) -> Banking:
    return await Banking.of(business, release="folder")


def names(place: Path) -> list[str]:
    return sorted(each.name for each in place.iterdir() if each.is_file())


def content_of(path: Path) -> bytes:
    return path.read_bytes()


def put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def take_away(path: Path) -> None:
    path.unlink()


async def approved(bank: Banking) -> BankFile:
    await bank.order(500)
    await bank.desk.process()
    return await bank.approve(await bank.file())


async def release(bank: Banking, file: BankFile, target: Any) -> BankFile:
    return await handing_over.release(
        bank.database, KEYRING, "folder", target, bank.id, file.id, PERSON
    )


async def let_the_lease_run_out(bank: Banking) -> None:
    async def work(db: Connection) -> None:
        await db.execute(
            "UPDATE bank_files SET lease_until = now() - interval '1 second'"
            " WHERE business_id = %s",
            [bank.id],
        )

    await bank.database.write(work)


class Died(BaseException):
    """What ends a process: nothing of ours catches it."""


class Dying(Folder):
    """A folder whose user dies before or after a call."""

    def __init__(self, path: Path, call: str, *, before: bool) -> None:
        super().__init__(path)
        self._call = call
        self._before = before

    async def put(self, name: str, content: bytes) -> None:
        await self._do("put", lambda: super(Dying, self).put(name, content))

    async def rename(self, name: str, new_name: str) -> None:
        await self._do("rename", lambda: super(Dying, self).rename(name, new_name))

    async def _do(self, call: str, work: Callable[[], Awaitable[None]]) -> None:
        if call == self._call and self._before:
            raise Died
        await work()
        if call == self._call:
            raise Died


class Refusing(Folder):
    """A folder that a call cannot be made to."""

    def __init__(self, path: Path, call: str) -> None:
        super().__init__(path)
        self._call = call

    async def put(self, name: str, content: bytes) -> None:
        await super().put(name, content[:-1] if self._call == "put" else content)

    async def rename(self, name: str, new_name: str) -> None:
        if self._call == "rename":
            await super().rename(name, new_name)
            raise TransferError("It did not answer.")
        await super().rename(name, new_name)


async def test_a_file_lies_in_the_folder_whole_and_once(bank: Banking, tmp_path: Path) -> None:
    file = await approved(bank)
    released = await release(bank, file, Folder(tmp_path))
    assert (released.status, released.way, released.step) == ("released", "folder", None)
    assert names(tmp_path) == [file.name]
    content = content_of(tmp_path / file.name)
    assert content == await bank.download(file)
    with pytest.raises(Conflict):
        await release(bank, file, Folder(tmp_path))


async def test_of_several_who_release_at_once_one_does(bank: Banking, tmp_path: Path) -> None:
    file = await approved(bank)
    ends = await asyncio.gather(
        *(release(bank, file, Folder(tmp_path)) for _ in range(4)), return_exceptions=True
    )
    assert sum(isinstance(end, BankFile) for end in ends) == 1
    assert len(names(tmp_path)) == 1


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("call", ["put", "rename"])
async def test_whoever_dies_while_releasing_leaves_what_another_goes_on_with(
    bank: Banking, tmp_path: Path, call: str, before: bool
) -> None:
    file = await approved(bank)
    with pytest.raises(Died):
        await release(bank, file, Dying(tmp_path, call, before=before))
    with pytest.raises(BeingReleased):
        await bank.download(file)
    with pytest.raises(BeingReleased):
        await bank.database.write(files.cancel, bank.id, file.id, PERSON)
    assert (bank.id, file.id) not in await schedule.list_stuck(bank.database), "it is leased"
    await let_the_lease_run_out(bank)
    assert (bank.id, file.id) in await schedule.list_stuck(bank.database)
    await handing_over.resume(bank.database, KEYRING, Folder(tmp_path), bank.id, file.id)
    assert (await bank.look(file)).status == "released"
    assert names(tmp_path) == [file.name]
    assert content_of(tmp_path / file.name) == await bank.download(file)


async def test_a_file_that_the_bank_may_have_taken_away_is_for_a_person(
    bank: Banking, tmp_path: Path
) -> None:
    file = await approved(bank)
    with pytest.raises(Died):
        await release(bank, file, Dying(tmp_path, "rename", before=False))
    take_away(tmp_path / file.name)  # the bank takes files away
    await let_the_lease_run_out(bank)
    await handing_over.resume(bank.database, KEYRING, Folder(tmp_path), bank.id, file.id)
    file = await bank.look(file)
    assert (file.status, file.step) == ("approved", "person")
    assert names(tmp_path) == [], "nothing is sent on a guess"
    with pytest.raises(Conflict):
        await release(bank, file, Folder(tmp_path))

    async def settle(sent: bool) -> BankFile:
        return await bank.database.write(
            lambda db: handing_over.settle(db, bank.id, file.id, PERSON, sent=sent)
        )

    assert (await settle(False)).step is None
    assert (await release(bank, file, Folder(tmp_path))).status == "released"
    with pytest.raises(Conflict):
        await settle(True)


async def test_what_the_bank_says_of_such_a_file_proves_that_it_has_it(
    bank: Banking, tmp_path: Path
) -> None:
    file = await approved(bank)
    with pytest.raises(Died):
        await release(bank, file, Dying(tmp_path, "rename", before=False))
    take_away(tmp_path / file.name)
    await bank.take(answer(file, status="ACCP"))
    assert (await bank.look(file)).status == "accepted"


async def test_a_file_that_arrives_cut_off_is_not_sent_and_may_be_released_again(
    bank: Banking, tmp_path: Path
) -> None:
    file = await approved(bank)
    with pytest.raises(Conflict, match="another size"):
        await release(bank, file, Refusing(tmp_path, "put"))
    file = await bank.look(file)
    assert (file.status, file.step) == ("approved", None)
    assert file.problem == "It arrived with another size."
    assert (await release(bank, file, Folder(tmp_path))).status == "released"
    assert names(tmp_path) == [file.name]


async def test_an_answer_that_is_lost_after_renaming_is_looked_up(
    bank: Banking, tmp_path: Path
) -> None:
    file = await approved(bank)
    assert (await release(bank, file, Refusing(tmp_path, "rename"))).status == "released"


async def test_a_name_that_is_taken_is_not_written_over(bank: Banking, tmp_path: Path) -> None:
    file = await approved(bank)
    put(tmp_path / file.name, b"somebody else's")
    with pytest.raises(Conflict, match="bytes"):
        await release(bank, file, Folder(tmp_path))
    assert content_of(tmp_path / file.name) == b"somebody else's"
    assert (await bank.look(file)).step == "person"


async def test_a_file_is_put_on_an_sftp_server_whole_and_under_its_name_alone(
    bank: Banking,
    sftp: Sftp,
    keys: tuple[asyncssh.SSHKey, asyncssh.SSHKey],
    tmp_path: Path,
) -> None:
    file = await approved(bank)
    target = SftpFolder(sftp, secrets(keys[1]), sftp.folder, networks=HERE)
    assert (await release(bank, file, target)).status == "released"
    assert names(tmp_path / "in") == [file.name]
    assert content_of(tmp_path / "in" / file.name) == await bank.download(file)
    assert [each.name for each in await target.list_files()] == [file.name]
    assert await target.get(file.name, 10) == content_of(tmp_path / "in" / file.name)[:11]


async def test_another_host_key_or_user_gets_nothing(
    bank: Banking,
    sftp: Sftp,
    keys: tuple[asyncssh.SSHKey, asyncssh.SSHKey],
    tmp_path: Path,
) -> None:
    file = await approved(bank)
    other = asyncssh.generate_private_key("ssh-ed25519")
    pinned = msgspec.structs.replace(sftp, host_key=other.export_public_key().decode().strip())
    for account, key, words in (
        (pinned, keys[1], "another host key"),
        (sftp, other, "refuses the user"),
    ):
        with pytest.raises(Conflict, match=words):
            await release(bank, file, SftpFolder(account, secrets(key), sftp.folder, networks=HERE))
    with pytest.raises(Conflict, match="public address"):
        await release(bank, file, SftpFolder(sftp, secrets(keys[1]), sftp.folder))
    assert names(tmp_path / "in") == []
    file = await bank.look(file)
    assert (file.status, file.step) == ("approved", None)


async def test_reports_in_the_folder_are_fetched_once(bank: Banking, tmp_path: Path) -> None:
    file = await approved(bank)
    account = await bank.account()
    way, target = handing_over.target_of(account, tmp_path)
    released = await handing_over.release(
        bank.database, KEYRING, way, target, bank.id, file.id, Actor("command:test")
    )
    assert released.status == "released"
    place = tmp_path / f"biz_{bank.id}" / "in"
    put(place / "answer.xml", answer(file, status="ACCP"))
    put(place / "rubbish.xml", b"<nothing/>")
    for _ in range(2):
        await schedule.fetch_reports(bank.database, account, tmp_path)
    assert (await bank.look(file)).status == "accepted"
    assert (
        await bank.business.scalar(
            "SELECT count(*) FROM bank_imports WHERE business_id = %s", bank.id
        )
        == 1
    )


async def test_what_is_no_report_does_not_keep_others_from_being_fetched(
    bank: Banking, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "MOST_REPORTS", 2)
    file = await approved(bank)
    await bank.download(file)
    place = tmp_path / f"biz_{bank.id}" / "in"
    place.mkdir(parents=True)
    for number in range(4):
        put(place / f"a{number}.pdf", b"%PDF-1.7")
    put(place / "b.xml", answer(file, status="ACCP"))
    for _ in range(3):
        await schedule.fetch_reports(bank.database, await bank.account(), tmp_path)
    assert (await bank.look(file)).status == "accepted"
