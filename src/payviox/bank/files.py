"""Files as people decide about them: approve, cancel, take by hand. Handing them over by folder or
SFTP is in releasing/. Database only, in the caller's transaction."""

import hashlib
from uuid import UUID

from payviox import ids
from payviox.actors import Actor
from payviox.approvals import service as approvals
from payviox.approvals.service import Started
from payviox.audit import service as audit
from payviox.bank import holds, matching
from payviox.bank.cutting import about
from payviox.bank.model import BankFile
from payviox.bank.queries import files as queries
from payviox.bank.queries import imports as imports_queries
from payviox.bank.queries import payments as payments_queries
from payviox.db.pool import Connection
from payviox.errors import Conflict, NotFound, PayvioxError
from payviox.keyring import Keyring
from payviox.rails.bank import calendars
from payviox.rights import service as rights
from payviox.withdrawals.sending import callbacks

list_page = queries.list_page
list_payments = payments_queries.list_of_file
list_waiting = payments_queries.list_waiting
list_of_order = payments_queries.list_of_order
sum_waiting = payments_queries.sum_waiting
count_by_status = payments_queries.count_by_status


class BeingReleased(Conflict):
    message = "This file is being handed to the bank."


class KnownToTheBank(Conflict):
    message = (
        "The bank has named payments of this file, which has not left by our books: see what it"
        " said of them. Cancel the file: what it named is then paid by no other."
    )


async def get(connection: Connection, business_id: UUID, file_id: UUID) -> BankFile:
    """Raises NotFound."""
    return _found(await queries.find(connection, business_id, file_id), file_id)


async def approve(
    connection: Connection, business_id: UUID, file_id: UUID, actor: Actor
) -> BankFile:
    """Sign a file, exactly as it was cut. Where the business has a threshold two people have to,
    whatever it comes to; who cut it by hand has signed. It stays a draft until then.

    Raises NotFound, Conflict unless it is a draft, and what `approvals.sign` does.
    """
    file = await _locked(connection, business_id, file_id)
    _require(file, ("draft",), "approved")
    digest = approvals.digest_of(file.digest, file.payments, file.total, file.currency)
    if not await approvals.sign(
        connection,
        business_id,
        actor,
        "bank_file.approve",
        file_id,
        digest,
        None,
        started=_started(file),
    ):
        return file
    await queries.update(connection, file, {"status": "approved", "approved_at": True})
    await audit.record(connection, business_id, actor, "bank_file.approve", about(file))
    return await get(connection, business_id, file_id)


async def cancel(connection: Connection, business_id: UUID, file_id: UUID, actor: Actor) -> None:
    """Take a file back that has not left: its payments wait for another one, under the same ids.

    Raises NotFound, and Conflict where it has left, or where nobody knows whether it has.
    """
    file = await _locked(connection, business_id, file_id)
    _require(file, ("draft", "approved"), "canceled")
    if file.step is not None:
        raise BeingReleased
    orders = await payments_queries.take_out_of_file(connection, business_id, file_id)
    await queries.update(connection, file, {"status": "canceled", "ended_at": True})
    await audit.record(connection, business_id, actor, "bank_file.cancel", about(file))
    await callbacks.look_soon(connection, business_id, sorted(set(orders)))


async def download(
    connection: Connection, keyring: Keyring, business_id: UUID, file_id: UUID, actor: Actor
) -> tuple[BankFile, bytes]:
    """A file's bytes, to be given to the bank by hand: from then on it has left. Again they are the
    same bytes, for who lost them; each time it is written down.

    Raises NotFound, and Conflict unless two people have approved it and nobody hands it over.
    """
    file = await _locked(connection, business_id, file_id)
    if file.status == "draft":
        raise Conflict("This file is not approved yet.")
    if file.status == "canceled":
        raise Conflict("This file was canceled. Nothing of it may be paid.")
    if file.status == "approved":
        if file.step is not None:
            raise BeingReleased
        await require_unheard(connection, file)
        changes = {"way": "download", "released_by": str(actor)}
        await set_released(connection, file, **changes)
        await audit.record(connection, business_id, actor, "bank_file.release", about(file))
    else:
        await audit.record(connection, business_id, actor, "bank_file.download", about(file))
    content = await content_of(connection, keyring, file)
    return await get(connection, business_id, file_id), content


async def require_unheard(connection: Connection, file: BankFile) -> None:
    """Raises HeldFiles, and KnownToTheBank where the bank has a file that has not left. The caller
    holds it, as who imports what the bank says of it does."""
    await holds.require_none(connection, file.business_id)
    if await imports_queries.has_unheeded(connection, file.business_id, file.id):
        raise KnownToTheBank


async def content_of(connection: Connection, keyring: Keyring, file: BankFile) -> bytes:
    """A file's bytes as they were cut. Raises PayvioxError where they are not."""
    sealed, key_id = await queries.sealed_bytes(connection, file.business_id, file.id)
    content = keyring.decrypt(sealed, key_id, file.place)
    if hashlib.sha256(content).hexdigest() != file.digest:
        raise PayvioxError(f"The file {file.name} is not what was cut. Nothing was given out.")
    return content


async def set_released(connection: Connection, file: BankFile, **changes: object) -> None:
    """A file has left, and its payments with it. The caller holds it."""
    await queries.update(
        connection,
        file,
        {
            **changes,
            "status": "released",
            "released_at": True,
            "step": None,
            "lease_s": None,
            "problem": None,
        },
    )
    # A file that waited for its people is executed when the bank has it, not before.
    today = (await queries.now(connection)).astimezone(calendars.ZONES[file.scheme]).date()
    ahead = calendars.AHEAD[file.scheme]
    settles_on = max(file.execution_date, calendars.days_after(file.scheme, today, ahead))
    orders = await payments_queries.release_file(connection, file.business_id, file.id, settles_on)
    await callbacks.look_soon(connection, file.business_id, sorted(set(orders)))


async def follow_payments(connection: Connection, business_id: UUID, file_id: UUID) -> None:
    """Let a file's state be what its payments' are: nothing is settled while one of them is on its
    way."""
    file = await queries.find(connection, business_id, file_id, lock=True)
    if file is None:
        return
    counts = await payments_queries.count_by_status(connection, business_id, file_id)
    status = matching.file_status(counts)
    if status is None or status == file.status:
        return
    ended = status in ("settled", "partly_returned", "rejected") and file.ended_at is None
    changes: dict[str, object] = {"status": status}
    await queries.update(connection, file, changes | ({"ended_at": True} if ended else {}))


async def reencrypt(connection: Connection, keyring: Keyring, limit: int = 10) -> int:
    """Bring up to `limit` files under the current key; answers how many, as
    `accounts.reencrypt`."""
    others = await queries.list_other_keys(connection, keyring.current.id, limit)
    for business_id, file_id in others:
        file = await _locked(connection, business_id, file_id)
        sealed = keyring.encrypt(await content_of(connection, keyring, file), file.place)
        await queries.update(connection, file, {"sealed": sealed, "key_id": keyring.current.id})
    return len(others)


async def _locked(connection: Connection, business_id: UUID, file_id: UUID) -> BankFile:
    return _found(await queries.find(connection, business_id, file_id, lock=True), file_id)


def _found(file: BankFile | None, file_id: UUID) -> BankFile:
    if file is None:
        raise NotFound(missing=f"file {ids.show(ids.BANK_FILE, file_id)}")
    return file


def _require(file: BankFile, allowed: tuple[str, ...], verb: str) -> None:
    if file.status not in allowed:
        said = file.status.replace("_", " ")
        raise Conflict(f"A file that is {said} cannot be {verb}.")


def _started(file: BankFile) -> Started | None:
    """Who cut it by hand has signed for it."""
    operator_id = rights.operator_of(Actor(file.created_by))
    return None if operator_id is None else Started(operator_id, file.created_at)
