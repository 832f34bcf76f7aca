"""Handing a file over: it is written under a temporary name, that it is about to get its own is
committed, and then it is renamed. So whoever finds it half done knows: before that commit the bank
surely has not got it; after it the place is asked; and where that does not know, because a bank
takes files away, a person finds out. Nothing is sent a second time on a guess."""

from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from payviox import ids
from payviox.actors import Actor
from payviox.approvals import service as approvals
from payviox.audit import service as audit
from payviox.bank import files, holds
from payviox.bank.cutting import about
from payviox.bank.files import BeingReleased
from payviox.bank.model import BankFile, Way
from payviox.bank.queries import files as queries
from payviox.bank.releasing.folder import Folder
from payviox.bank.releasing.target import Networks, Target, TransferError
from payviox.db.pool import Connection, Database
from payviox.errors import Conflict
from payviox.event_log import EventLogger
from payviox.keyring import Keyring
from payviox.rails.bank import terms
from payviox.rails.bank.terms import Sftp
from payviox.rails.protocol import Account

if TYPE_CHECKING:
    from payviox.bank.releasing.sftp import SftpFolder

logger = EventLogger(__name__)

LEASE_S = 600.0
"""Who hands a file over has so long for it, more than all its transfers may take."""

GONE = (
    "It was handed over, or was not: there is no file of its name, and the bank may have taken it."
)


def target_of(
    account: Account, folder: Path | None, *, networks: Networks = ()
) -> "tuple[Way, Folder | SftpFolder]":
    """How the business's files get to its bank, and the place. `folder` is the installation's for
    all businesses; `networks` are those of its own in which an SFTP server may stand. Raises
    Conflict where files are downloaded, or there is no such folder."""
    chosen = terms.read(account.settings)
    if chosen.release == "sftp" and chosen.sftp is not None:
        return "sftp", _sftp(account, chosen.sftp, chosen.sftp.folder, networks=networks)
    if chosen.release == "folder":
        return "folder", Folder(_inside(account, folder, "out"))
    raise Conflict("This business's files are downloaded: nothing hands them over.")


def reports_of(
    account: Account, folder: Path | None, *, networks: Networks = ()
) -> "Folder | SftpFolder | None":
    """Where the business's bank puts its reports; None where they are uploaded."""
    chosen = terms.read(account.settings)
    if chosen.sftp is not None:
        if chosen.sftp.reports is None:
            return None
        return _sftp(account, chosen.sftp, chosen.sftp.reports, networks=networks)
    if chosen.release == "folder" and folder is not None:
        return Folder(_inside(account, folder, "in"))
    return None


def _sftp(account: Account, at: Sftp, folder: str, *, networks: Networks) -> "SftpFolder":
    from payviox.bank.releasing.sftp import SftpFolder  # noqa: PLC0415  # few banks: 0.1 s of imports

    return SftpFolder(at, account.credentials, folder, networks=networks)


def _inside(account: Account, folder: Path | None, name: str) -> Path:
    """A folder of the business's own. Raises Conflict."""
    if folder is None:
        raise Conflict("Whoever runs the installation has set no folder: PAYVIOX_BANK_FOLDER.")
    place = folder / ids.show(ids.BUSINESS, account.business_id) / name
    try:
        place.mkdir(mode=0o750, parents=True, exist_ok=True)
    except OSError as error:
        raise Conflict(f"The folder {place} cannot be made: {error.strerror}.") from error
    return place


async def release(
    database: Database,
    keyring: Keyring,
    way: Way,
    target: Target,
    business_id: UUID,
    file_id: UUID,
    actor: Actor,
) -> BankFile:
    """Hand an approved file to the bank. Raises NotFound, Forbidden, BeingReleased, and Conflict
    where it could not be handed over: it says whether the bank may have it all the same."""
    file, content = await database.write(_begin, keyring, business_id, file_id, way, actor)
    try:
        return await _write_and_rename(database, target, file, content)
    except TransferError as error:
        raise Conflict(
            f"Nobody knows yet whether the bank has the file; it is looked up. {error}"
        ) from error


async def resume(
    database: Database, keyring: Keyring, target: Target, business_id: UUID, file_id: UUID
) -> None:
    """Go on where whoever handed a file over is gone. Nobody is told but the log: the file says how
    far it is."""
    held = await database.write(_take_over, keyring, business_id, file_id)
    if held is None:
        return
    file, content = held
    try:
        if file.step == "writing":
            await _write_and_rename(database, target, file, content)
        else:
            await _look(database, target, file, content)
    except (Conflict, TransferError) as error:
        logger.warning("a file could not be handed over", file=file.name, problem=str(error))


async def settle(
    connection: Connection, business_id: UUID, file_id: UUID, actor: Actor, *, sent: bool
) -> BankFile:
    """A person has found out at the bank whether it has a file. That it has not lets it be handed
    over again: where the business has a threshold, two say so, whatever it comes to.

    Raises Conflict unless nobody else could find out, and what `approvals.sign` does.
    """
    file = await queries.find(connection, business_id, file_id, lock=True)
    if file is None or file.status != "approved" or file.step != "person":
        raise Conflict("Nobody has to find out about this file.")
    said = approvals.digest_of(file.digest, "not sent")
    if not sent and not await approvals.sign(
        connection, business_id, actor, "bank_file.settle", file_id, said, None
    ):
        return file
    detail = {**about(file), "sent": sent}
    await audit.record(connection, business_id, actor, "bank_file.settle", detail)
    if sent:
        await files.set_released(connection, file)
    else:
        await queries.update(connection, file, {"step": None, "problem": None, "lease_s": None})
    return await files.get(connection, business_id, file_id)


async def _begin(
    connection: Connection,
    keyring: Keyring,
    business_id: UUID,
    file_id: UUID,
    way: Way,
    actor: Actor,
) -> tuple[BankFile, bytes]:
    file = await queries.find(connection, business_id, file_id, lock=True)
    if file is None:
        await files.get(connection, business_id, file_id)
        raise BeingReleased
    if file.status != "approved":
        raise Conflict(f"A file that is {file.status.replace('_', ' ')} cannot be released.")
    if file.step is not None:
        raise BeingReleased
    await files.require_unheard(connection, file)
    content = await files.content_of(connection, keyring, file)
    changes = {"way": way, "step": "writing", "released_by": str(actor), "problem": None}
    await queries.update(connection, file, {**changes, "lease_s": LEASE_S})
    await audit.record(connection, business_id, actor, "bank_file.release", about(file))
    return file, content


async def _take_over(
    connection: Connection, keyring: Keyring, business_id: UUID, file_id: UUID
) -> tuple[BankFile, bytes] | None:
    file = await queries.find(connection, business_id, file_id, lock=True)
    if file is None or file.status != "approved" or file.is_leased:
        return None
    if file.step not in ("writing", "renaming"):
        return None
    if await holds.since(connection, business_id) is not None:
        return None
    await queries.update(connection, file, {"lease_s": LEASE_S})
    return file, await files.content_of(connection, keyring, file)


async def _write_and_rename(
    database: Database, target: Target, file: BankFile, content: bytes
) -> BankFile:
    temporary = f".{file.name}.part"
    try:
        await _put(target, temporary, content)
    except TransferError as error:
        await database.write(_not_sent, file, str(error))
        raise Conflict(f"The file was not handed over. {error}") from error
    if not await database.write(_is_about_to, file):
        raise BeingReleased
    try:
        await target.rename(temporary, file.name)
    except TransferError:
        return await _look(database, target, file, content)
    # Where it is gone at once, the bank has taken it: it was renamed, that much is sure.
    return await database.write(_sent, file)


async def _put(target: Target, name: str, content: bytes) -> None:
    """Raises TransferError, also where it arrived with another size."""
    await target.put(name, content)
    if await target.size_of(name) != len(content):
        raise TransferError("It arrived with another size.")


async def _look(database: Database, target: Target, file: BankFile, content: bytes) -> BankFile:
    """What became of a file that was about to get its name. Raises TransferError where the place
    cannot be asked; then somebody looks again later."""
    temporary = f".{file.name}.part"
    size = await target.size_of(file.name)
    if size == len(content):
        return await database.write(_sent, file)
    if size is None and await target.size_of(temporary) == len(content):
        await target.rename(temporary, file.name)  # it never had its name: nobody took it
        return await database.write(_sent, file)
    problem = GONE if size is None else f"There is a file of its name with {size} bytes."
    await database.write(_for_a_person, file, problem)
    raise Conflict(f"{problem} Find out at the bank whether it has the file.")


async def _not_sent(connection: Connection, file: BankFile, problem: str) -> None:
    if await _is_ours(connection, file, "writing"):
        await queries.update(connection, file, {"step": None, "lease_s": None, "problem": problem})


async def _is_about_to(connection: Connection, file: BankFile) -> bool:
    if not await _is_ours(connection, file, "writing"):
        return False
    await queries.update(connection, file, {"step": "renaming"})
    return True


async def _sent(connection: Connection, file: BankFile) -> BankFile:
    held = await queries.find(connection, file.business_id, file.id, lock=True)
    if held is not None and held.status == "approved":
        await files.set_released(connection, held)
    return await files.get(connection, file.business_id, file.id)


async def _for_a_person(connection: Connection, file: BankFile, problem: str) -> None:
    if await _is_ours(connection, file, "renaming"):
        changes = {"step": "person", "lease_s": None, "problem": problem}
        await queries.update(connection, file, changes)
        await audit.alert(connection, file.business_id, "bank_file.needs_a_person", about(file))


async def _is_ours(connection: Connection, file: BankFile, step: str) -> bool:
    held = await queries.find(connection, file.business_id, file.id, lock=True)
    return held is not None and held.status == "approved" and held.step == step
