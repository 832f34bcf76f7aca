"""What a person decides about an upload that was checked: to pay it, now or at a time, to discard
it, to take back what is not paid yet, to let it go on. Database only; the worker pays
(paying.py)."""

from datetime import UTC, datetime
from uuid import UUID

from payviox import ids
from payviox.actors import Actor
from payviox.allocations.queries import upload_rows as rows_queries
from payviox.allocations.queries import uploads as queries
from payviox.allocations.uploads.model import OPEN, Asked, Choices, Part, Upload, UploadChanged
from payviox.approvals import service as approvals
from payviox.approvals.service import Started
from payviox.audit import service as audit
from payviox.businesses import service as businesses
from payviox.db import jobs
from payviox.db.pool import Connection
from payviox.errors import Conflict, InsufficientPayoutBalance, NotFound, PayoutsDisabled
from payviox.ledger import service as ledger
from payviox.rights import service as rights


class AlreadyConfirmed(Conflict):
    message = "This upload was confirmed already."


class NothingToPay(Conflict):
    message = "There is nothing to pay in this upload."


class NotOpen(Conflict):
    message = "This upload has ended: nothing of it is still to be paid."


class NotAsked(Conflict):
    message = "This upload waits for nobody's second confirmation."


class StillChecked(Conflict):
    message = "This file is still being checked. Discard it once that is over."


class NotStopped(Conflict):
    message = "This upload has not stopped."


async def start(
    connection: Connection,
    business_id: UUID,
    upload_id: UUID,
    *,
    choices: Choices,
    shown: Part,
    due_at: datetime | None,
    actor: Actor,
) -> bool:
    """Confirm an upload: what was shown is paid, at once or when it is due. False: over the
    business's threshold it waits for a second person, who confirms the very same; whoever uploaded
    the file has signed for what the other one chooses, unless they confirmed something themselves.

    Raises NotFound, AlreadyConfirmed, NothingToPay, UploadChanged where it would pay anything else
    than `shown`, approvals.Refused; and, where it is to be paid at once, PayoutsDisabled and
    InsufficientPayoutBalance.
    """
    await queries.lock_confirming(connection, business_id)
    upload = await _locked(connection, business_id, upload_id)
    if upload.status != "checked":
        raise AlreadyConfirmed
    await rows_queries.refresh_earlier(connection, business_id, upload_id)
    plan = await rows_queries.plan(connection, business_id, upload_id, choices)
    if plan.chosen != shown:
        raise UploadChanged
    if not plan.chosen.payments:
        raise NothingToPay
    if due_at is None:
        await _require_funds(connection, business_id, plan.chosen.amount)
    about = {
        "payments": plan.chosen.payments,
        "people": plan.people,
        "amount": plan.chosen.amount,
        "due_at": due_at.astimezone(UTC).isoformat() if due_at is not None else None,
    }
    asked = Asked(actor, choices.repeats, choices.earlier, choices.recent, due_at)
    if not await approvals.sign(
        connection,
        business_id,
        actor,
        "upload.start",
        upload_id,
        approvals.digest_of(upload.digest, asked.repeats, asked.earlier, asked.recent, about),
        plan.chosen.amount,
        started=_started(upload),
    ):
        await queries.set_asked(connection, business_id, upload_id, asked)
        return False
    await rows_queries.leave_out(connection, business_id, upload_id, choices)
    await queries.set_started(
        connection,
        business_id,
        upload_id,
        actor=actor,
        due_at=due_at,
        payments=plan.chosen.payments,
        amount=plan.chosen.amount,
        people=plan.people,
    )
    detail = {**_about(upload), **about}
    await audit.record(connection, business_id, actor, "upload.start", detail)
    if due_at is None:
        await jobs.wake(connection, jobs.PAY_UPLOADS, business_id)
    return True


def _started(upload: Upload) -> Started | None:
    """Whoever uploaded the file has signed for it."""
    operator_id = rights.operator_of(Actor(upload.created_by))
    return None if operator_id is None else Started(operator_id, upload.created_at)


async def take_back(
    connection: Connection, business_id: UUID, upload_id: UUID, actor: Actor
) -> None:
    """Take one's own confirmation back while it waits for a second person's. Raises NotFound,
    NotAsked, approvals.NothingSigned."""
    upload = await _locked(connection, business_id, upload_id)
    if upload.status != "checked" or upload.asked is None:
        raise NotAsked
    await approvals.take_back(connection, business_id, actor, "upload.start", upload_id)
    if upload.asked.by == actor:
        await queries.set_asked(connection, business_id, upload_id, None)


async def refresh(connection: Connection, business_id: UUID, upload_id: UUID) -> None:
    """Look again which rows other uploads pay, so that what is shown next can be confirmed. Raises
    NotFound."""
    await queries.lock_confirming(connection, business_id)
    upload = await _locked(connection, business_id, upload_id)
    if upload.status == "checked":
        await rows_queries.refresh_earlier(connection, business_id, upload_id)


async def discard(connection: Connection, business_id: UUID, upload_id: UUID, actor: Actor) -> None:
    """Forget an upload that nobody has confirmed, or that waits for a second person, with its rows.
    Raises NotFound, StillChecked, AlreadyConfirmed."""
    upload = await _locked(connection, business_id, upload_id)
    if upload.status == "checking":
        raise StillChecked
    if upload.status not in ("unmapped", "checked"):
        raise AlreadyConfirmed
    await queries.delete(connection, business_id, upload_id)
    await audit.record(connection, business_id, actor, "upload.discard", _about(upload))


async def cancel(connection: Connection, business_id: UUID, upload_id: UUID, actor: Actor) -> None:
    """Leave unpaid what is not paid yet, for good. Raises NotFound, NotOpen."""
    upload = await _locked(connection, business_id, upload_id)
    if upload.status not in OPEN:
        raise NotOpen
    await queries.set_canceled(connection, business_id, upload_id)
    detail = {**_about(upload), "paid": upload.paid, "left": upload.left}
    await audit.record(connection, business_id, actor, "upload.cancel", detail)


async def resume(connection: Connection, business_id: UUID, upload_id: UUID, actor: Actor) -> None:
    """Let an upload that stopped go on, as whoever says so. Raises NotFound, NotStopped."""
    upload = await _locked(connection, business_id, upload_id)
    if upload.status != "stopped":
        raise NotStopped
    await queries.set_resumed(connection, business_id, upload_id, actor)
    detail = {**_about(upload), "left": upload.left, "stopped_why": upload.stopped_why}
    await audit.record(connection, business_id, actor, "upload.resume", detail)
    await jobs.wake(connection, jobs.PAY_UPLOADS, business_id)


async def _locked(connection: Connection, business_id: UUID, upload_id: UUID) -> Upload:
    upload = await queries.find(connection, business_id, upload_id, lock=True)
    if upload is None:
        raise NotFound(missing=f"upload {ids.show(ids.UPLOAD, upload_id)}")
    return upload


async def _require_funds(connection: Connection, business_id: UUID, amount: int) -> None:
    business = await businesses.get(connection, business_id)
    if not business.payouts_enabled:
        raise PayoutsDisabled
    if (await ledger.balances(connection, business_id, ["payout"]))["payout"] < amount:
        raise InsufficientPayoutBalance


def _about(upload: Upload) -> dict[str, object]:
    return {
        "upload": ids.show(ids.UPLOAD, upload.id),
        "file": upload.file_name,
        "sha256": upload.digest,
    }
