"""What a person decides about an upload that was checked: to pay it, now or at a time, to take back
what is not paid yet, to let it go on. Database only; the worker pays (paying.py)."""

from datetime import datetime
from uuid import UUID

from payviox import ids
from payviox.actors import Actor
from payviox.allocations.queries import upload_rows as rows_queries
from payviox.allocations.queries import uploads as queries
from payviox.allocations.uploads.model import OPEN, Choices, Part, Upload, UploadChanged
from payviox.audit import service as audit
from payviox.businesses import service as businesses
from payviox.db import jobs
from payviox.db.pool import Connection
from payviox.errors import Conflict, InsufficientPayoutBalance, NotFound, PayoutsDisabled
from payviox.ledger import service as ledger


class AlreadyConfirmed(Conflict):
    message = "This upload was confirmed already."


class NothingToPay(Conflict):
    message = "There is nothing to pay in this upload."


class NotOpen(Conflict):
    message = "This upload has ended: nothing of it is still to be paid."


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
) -> None:
    """Confirm an upload: what was shown is paid, at once or when it is due.

    Raises NotFound, AlreadyConfirmed, UploadChanged where it would pay anything else than `shown`,
    NothingToPay; and, where it is to be paid at once, PayoutsDisabled, InsufficientPayoutBalance.
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
    detail: dict[str, object] = {
        **_about(upload),
        "payments": plan.chosen.payments,
        "people": plan.people,
        "amount": plan.chosen.amount,
    }
    if due_at is not None:
        detail["due_at"] = due_at.isoformat()
    await audit.record(connection, business_id, actor, "upload.start", detail)
    if due_at is None:
        await jobs.wake(connection, jobs.PAY_UPLOADS, business_id)


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
