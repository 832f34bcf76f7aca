"""A process that does something with a bank's files and ends itself by SIGKILL at a named point.
Run as a program: `python dying_banker.py DATABASE_URL BUSINESS_ID FOLDER ACT POINT`; it says `done`
where it never came to that point. ACT is one of ACTS."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from payviox import wiring
from payviox.bank import cutting, files, imports, schedule
from payviox.bank.queries import files as files_queries
from payviox.bank.queries import imports as imports_queries
from payviox.bank.queries import payments as payments_queries
from payviox.bank.rail import BankRail
from payviox.bank.releasing import folder as folders
from payviox.bank.releasing import handing_over
from payviox.bank.releasing.folder import Folder
from payviox.bank.releasing.sftp import SftpFolder
from payviox.db.pool import Database
from payviox.rail_accounts.directory import Directory
from payviox.rails.protocol import Account
from payviox.withdrawals.sending import claims, processor
from support.banking import KEYRING, PERSON
from support.dying import after, before, die
from support.sftp import HERE

REPORT = "report.xml"
"""The file of FOLDER that is imported."""


class Given(NamedTuple):
    """What an act is done with."""

    database: Database
    account: Account
    folder: Path


async def send(given: Given) -> None:
    rails = wiring.rails(given.database, KEYRING)
    await processor.process_due(given.database, rails, business_id=given.account.business_id)


async def cut(given: Given) -> None:
    await cutting.cut(given.database, KEYRING, given.account, "ach", PERSON)


async def download(given: Given) -> None:
    file_id = await _only_file(given)
    at = (given.account.business_id, file_id, PERSON)
    await given.database.write(files.download, KEYRING, *at)
    await given_out()


async def given_out() -> None:
    """A download is committed, and its bytes go to whoever asked."""


async def release(given: Given) -> None:
    way, target = handing_over.target_of(given.account, given.folder, networks=HERE)
    at = (given.account.business_id, await _only_file(given), PERSON)
    await handing_over.release(given.database, KEYRING, way, target, *at)


async def take(given: Given) -> None:
    content = await asyncio.to_thread((given.folder / REPORT).read_bytes)
    await imports.take(given.database, given.account, REPORT, content, "upload", PERSON)


async def fetch(given: Given) -> None:
    await schedule.fetch_reports(given.database, given.account, given.folder)


async def _only_file(given: Given) -> UUID:
    (file,) = await given.database.fetch(lambda db: files.list_page(db, given.account.business_id))
    return file.id


def in_the_middle_of_putting() -> None:
    def half(self: Any, name: str, content: bytes) -> None:
        (self._path / name).write_bytes(content[: len(content) // 2])
        die()

    async def half_over_sftp(self: Any, name: str, content: bytes) -> None:
        async with self._connected() as sftp, sftp.open(self._at(name), "wb") as file:
            await file.write(content[: len(content) // 2])
        die()

    Folder._put = half  # type: ignore[method-assign]
    SftpFolder.put = half_over_sftp  # type: ignore[method-assign]


def in_the_middle_of_renaming() -> None:
    """At the first call to the operating system that gives the file its name."""

    class Dying:
        def __getattr__(self, name: str) -> Any:
            found = getattr(os, name)
            if name not in ("link", "rename", "replace"):
                return found

            def called(*given: Any, **named: Any) -> None:
                found(*given, **named)
                die()

            return called

    folders.os = Dying()  # type: ignore[assignment]


def both(call: str, wrap: Callable[[Any, str], None]) -> None:
    for target in (Folder, SftpFolder):
        wrap(target, call)


Points = dict[str, Callable[[], None]]

SENDING: Points = {
    "the payment is kept, not committed": lambda: after(payments_queries, "insert_many"),
    "the payment is committed": lambda: after(BankRail, "submit"),
    "the answer is written, not committed": lambda: after(claims, "record"),
}
CUTTING: Points = {
    "the payments are claimed": lambda: after(payments_queries, "lock_waiting"),
    "the file is kept, its payments are in none": lambda: after(files_queries, "insert"),
    "the file is written, not committed": lambda: after(cutting, "_cut"),
    "the file is committed": lambda: after(cutting, "cut"),
}
DOWNLOADING: Points = {
    "that it has left is written, not committed": lambda: after(files, "download"),
    "that it has left is committed": lambda: before(sys.modules[__name__], "given_out"),
}
RELEASING: Points = {
    "the beginning is written, not committed": lambda: after(handing_over, "_begin"),
    "the beginning is committed": lambda: before(handing_over, "_put"),
    "half of it is put": in_the_middle_of_putting,
    "it is put": lambda: after(handing_over, "_put"),
    "its name is announced, not committed": lambda: after(handing_over, "_is_about_to"),
    "its name is announced": lambda: both("rename", before),
    "it has its name": lambda: both("rename", after),
    "that it has left is written, not committed": lambda: after(handing_over, "_sent"),
    "that it has left is committed": lambda: after(handing_over, "release"),
}
RELEASING_INTO_A_FOLDER: Points = RELEASING | {"it gets its name": in_the_middle_of_renaming}
AT_THE_PLACE = ("half of it is put", "it is put", "its name is announced", "it has its name")
"""Those of a release in which the place matters."""
IMPORTING: Points = {
    "what it names is held": lambda: after(imports._Taking, "_hold"),
    "payments are changed, entries not kept": lambda: after(payments_queries, "set_statuses"),
    "entries are kept, files not settled": lambda: after(imports_queries, "insert_entries"),
    "one of two reports is written": lambda: after(imports._Taking, "take"),
    "all is written, not committed": lambda: after(imports, "_take"),
    "all is committed": lambda: after(imports, "take"),
}
FETCHING: Points = {"one of two files is taken": lambda: after(imports, "take")}
BOOKING: Points = {
    "the end is written, not committed": lambda: after(claims, "record"),
    "the end is committed": lambda: after(processor._Drain, "_record"),
}

ACTS: dict[str, tuple[Callable[[Given], Awaitable[None]], Points]] = {
    "sending": (send, SENDING),
    "cutting": (cut, CUTTING),
    "downloading": (download, DOWNLOADING),
    "releasing": (release, RELEASING_INTO_A_FOLDER),
    "importing": (take, IMPORTING),
    "fetching": (fetch, FETCHING),
    "booking": (send, BOOKING),
}
"""What is done, and where it dies in the order of doing it."""


async def main(url: str, business_id: UUID, folder: Path, act: str) -> None:
    database = Database(url)
    await database.open()
    account = await Directory(database, KEYRING).find(business_id, "bank")
    assert account is not None
    await ACTS[act][0](Given(database, account, folder))
    sys.stdout.write("done\n")


if __name__ == "__main__":
    ACTS[sys.argv[4]][1][sys.argv[5]]()
    asyncio.run(main(sys.argv[1], UUID(sys.argv[2]), Path(sys.argv[3]), sys.argv[4]))
