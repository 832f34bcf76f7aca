"""Two people for acts over a business's threshold. Database only, in the caller's transaction;
amounts are US cents.

People are operators, admins too, on a page or named by a command's `--operator`. A secret key and
the worker are nobody: what they do was let in by something else."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from payviox import actors, ids
from payviox.actors import Actor
from payviox.approvals.model import Signature, Started, WaitingAct, digest_of
from payviox.approvals.queries import signatures, waiting_acts
from payviox.audit import service as audit
from payviox.auth import operators
from payviox.businesses import service as businesses
from payviox.db.pool import Connection
from payviox.errors import Conflict, NotFound
from payviox.rights import service as rights
from payviox.rights.roles import Right

__all__ = [
    "NothingSigned",
    "Refused",
    "Signature",
    "Started",
    "WaitingAct",
    "approve",
    "ask",
    "cancel",
    "digest_of",
    "get",
    "list_signatures",
    "list_waiting",
    "needs_second",
    "sign",
    "take_back",
]

COMMAND = "command:"

list_waiting = waiting_acts.list_waiting
list_signatures = signatures.list_counting


class Refused(Conflict):
    message = "You started this or signed it already. Another person has to approve it."


class NothingSigned(Conflict):
    message = "There is no signature of yours to take back."


async def needs_second(
    connection: Connection, business_id: UUID, actor: Actor, amount: int | None
) -> bool:
    """Whether this person may do an act over so many cents only with a second one; None is an act
    that needs two whenever the business has a threshold.

    Raises Conflict for a command that names nobody though there are operators.
    """
    threshold = (await businesses.get(connection, business_id)).second_person_amount
    if threshold is None or (amount is not None and amount <= threshold):
        return False
    if actor.startswith(COMMAND):
        await operators.acting(connection, None, actor)
    return rights.operator_of(actor) is not None


async def sign(
    connection: Connection,
    business_id: UUID,
    actor: Actor,
    act: Right,
    subject: UUID,
    digest: bytes,
    amount: int | None,
    *,
    started: Started | None = None,
    typed: Mapping[str, object] | None = None,
) -> bool:
    """Sign an act on a subject, such as an order or an upload, as `digest_of` names what was shown.

    True: the act may go on, so the caller does it in this transaction. It is under the threshold,
    the actor is no person, or this is the second person's signature on this digest. False: it waits
    for a second person; the signature is kept and audited, and the caller commits that and does
    nothing else. `started` is the operator whose work the subject is: having started it is their
    signature until they sign it or take that back, so that one other person is enough. What was
    `typed` is kept for the second person and is in the digest. A signature counts for as long as
    whose it is may do the act, without a break.

    Raises Refused for who started or signed it already, Forbidden, and Conflict for a command that
    names nobody. The caller holds the subject, or nothing yet.
    """
    if not await needs_second(connection, business_id, actor, amount):
        return True
    operator_id = _operator(actor)
    await rights.require(connection, business_id, actor, act)
    await signatures.lock_subject(connection, business_id, subject)
    same = [
        each
        for each in await list_signatures(connection, business_id, subject, act)
        if each.digest == digest
    ]
    if operator_id in [each.operator_id for each in same]:
        raise Refused
    before: dict[UUID, int | None] = {each.operator_id: each.id for each in reversed(same)}
    if (
        started is not None
        and started.by != operator_id
        and await _counts(connection, business_id, act, started.by, started.at)
        and not await signatures.has_signed(connection, business_id, subject, started.by)
    ):
        before[started.by] = None
    enough, completes = bool(before), next(iter(before.values()), None)
    await signatures.insert(
        connection, business_id, act, subject, digest, operator_id, completes, typed
    )
    detail = {"act": act, "subject": str(subject), "amount": amount, "enough": enough}
    if act.startswith("order."):
        detail["order"] = str(subject)
    await audit.record(connection, business_id, actor, "approval.sign", detail, after=typed)
    return enough


async def _counts(
    connection: Connection, business_id: UUID, act: Right, operator_id: UUID, signed_at: datetime
) -> bool:
    since = await rights.may_since(connection, operator_id, business_id, act)
    return since is not None and since <= signed_at


async def take_back(
    connection: Connection, business_id: UUID, actor: Actor, act: Right, subject: UUID
) -> None:
    """Let one's own signatures for an act on a subject count no more. Raises NothingSigned, and
    Forbidden."""
    operator_id = _operator(actor)
    await signatures.lock_subject(connection, business_id, subject)
    unused = await signatures.list_unused(connection, business_id, subject, act)
    mine = [each for each in unused if each.operator_id == operator_id]
    if not mine:
        raise NothingSigned
    for each in mine:  # whoever completes their own signature uses it up for nothing
        await signatures.insert(
            connection, business_id, "approval.cancel", subject, each.digest, operator_id, each.id
        )
    detail = {"act": act, "subject": str(subject)}
    await audit.record(connection, business_id, actor, "approval.cancel", detail)


async def ask(
    connection: Connection,
    business_id: UUID,
    actor: Actor,
    act: Right,
    amount: int | None,
    parameters: dict[str, Any],
) -> WaitingAct | None:
    """Put an act that has no subject yet before a second person, with all that it needs; None where
    the actor may do it alone, which the caller then does. Raises what `sign` does."""
    if not await needs_second(connection, business_id, actor, amount):
        return None
    await rights.require(connection, business_id, actor, act)
    waiting_id, operator_id = ids.new(), _operator(actor)
    await waiting_acts.insert(
        connection, business_id, waiting_id, act, parameters, amount, operator_id
    )
    waiting = await get(connection, business_id, waiting_id)
    await signatures.insert(
        connection, business_id, act, waiting_id, waiting.digest, operator_id, None
    )
    await audit.record(
        connection, business_id, actor, "approval.ask", _about(waiting), after=parameters
    )
    return waiting


async def approve(
    connection: Connection, business_id: UUID, waiting_id: UUID, actor: Actor
) -> WaitingAct:
    """Sign a waiting act as the second person and end it: the caller does it in this transaction.

    Raises NotFound, Refused, Forbidden, and Conflict where it has ended.
    """
    waiting = await _lock(connection, business_id, waiting_id)
    act: Right = waiting.act  # type: ignore[assignment]  # as `ask` kept it
    if not await sign(
        connection,
        business_id,
        actor,
        act,
        waiting_id,
        waiting.digest,
        waiting.amount,
    ):
        raise Conflict("Who started it may not do it any more. Cancel it, and start it anew.")
    ended_by = rights.operator_of(actor)
    await waiting_acts.end(connection, business_id, waiting_id, "done", ended_by)
    return waiting


async def cancel(
    connection: Connection, business_id: UUID, waiting_id: UUID, actor: Actor
) -> WaitingAct:
    """End a waiting act without doing it; who may do it may cancel it, and who started it.

    Raises NotFound, Forbidden, and Conflict where it has ended.
    """
    waiting = await _lock(connection, business_id, waiting_id)
    operator_id = rights.operator_of(actor)
    if operator_id != waiting.started_by:
        act: Right = waiting.act  # type: ignore[assignment]  # as `ask` kept it
        await rights.require(connection, business_id, actor, act)
    await waiting_acts.end(connection, business_id, waiting_id, "canceled", operator_id)
    await audit.record(connection, business_id, actor, "approval.cancel", _about(waiting))
    return waiting


async def get(connection: Connection, business_id: UUID, waiting_id: UUID) -> WaitingAct:
    """Raises NotFound."""
    waiting = await waiting_acts.find(connection, business_id, waiting_id)
    if waiting is None:
        raise NotFound
    return waiting


async def _lock(connection: Connection, business_id: UUID, waiting_id: UUID) -> WaitingAct:
    waiting = await waiting_acts.find(connection, business_id, waiting_id, lock=True)
    if waiting is None:
        raise NotFound
    if waiting.status != "waiting":
        raise Conflict(f"It was {waiting.status} already. Nothing more was done.")
    return waiting


def _operator(actor: Actor) -> UUID:
    operator_id = rights.operator_of(actor)
    if operator_id is None:
        raise ValueError(f"{actor} is no operator")
    return operator_id


def _about(waiting: WaitingAct) -> dict[str, object]:
    return {
        "approval": str(waiting.id),
        "act": waiting.act,
        "amount": waiting.amount,
        "started_by": actors.operator(waiting.started_by),
    }
