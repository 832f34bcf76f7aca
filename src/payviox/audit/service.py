"""Recording acts and alerts, and reading them. Database only, in the caller's transaction: what is
rolled back leaves no entry."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from payviox import actors
from payviox.actors import WORKER, Actor
from payviox.acts import Act, Alert, InstallationAct
from payviox.audit.model import AuditEntry, Kind
from payviox.audit.queries import entries as queries
from payviox.db.pool import Connection
from payviox.rights import proof
from payviox.rights import service as rights

list_of_installation = queries.list_of_installation
exists = queries.exists


async def record(
    connection: Connection,
    business_id: UUID,
    actor: Actor,
    act: Act,
    detail: Mapping[str, object] | None = None,
    *,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
    needs_proof: bool = True,
) -> None:
    """Write down an act with who did it and from where. No secret may be in any of the values.
    Where `before` and `after` are given, what is the same in both is left out. What only stops
    something of an act that asks for proof needs none.

    Raises Forbidden where the actor's role does not allow the act, and ProofNeeded where it asks
    for fresh proof (of `detail["amount"]` cents or more): everything is rolled back then.
    """
    await rights.require(connection, business_id, actor, act)
    if needs_proof:
        proof.require(actor, act, (detail or {}).get("amount"))
    if before is not None and after is not None:
        changed = [name for name in after if before.get(name) != after[name]]
        before = {name: before.get(name) for name in changed}
        after = {name: after[name] for name in changed}
    await queries.insert(
        connection, business_id, "act", act, actor, actors.place(), detail or {}, before, after
    )


async def alert(
    connection: Connection, business_id: UUID, name: Alert, detail: Mapping[str, object]
) -> None:
    """Write down what the worker noticed and somebody should look at."""
    await alert_all(connection, business_id, name, [detail])


async def alert_all(
    connection: Connection,
    business_id: UUID,
    name: Alert,
    details: Sequence[Mapping[str, object]],
) -> None:
    """The same of several at once, an entry each."""
    await queries.insert_alerts(connection, business_id, name, WORKER, details)


async def record_of_installation(
    connection: Connection,
    actor: Actor,
    act: InstallationAct,
    detail: Mapping[str, object] | None = None,
) -> None:
    """Write down an act that is no single business's. Raises ProofNeeded, as `record` does."""
    proof.require(actor, act)
    await queries.insert_of_installation(connection, act, actor, actors.place(), detail or {})


async def list_page(
    connection: Connection,
    business_id: UUID,
    *,
    act: str | None = None,
    kind: Kind | None = None,
    order_id: UUID | None = None,
    after: int | None = None,
    limit: int,
) -> list[AuditEntry]:
    """A business's entries, newest first; those about one order where it is named."""
    return await queries.list_page(
        connection, business_id, act=act, kind=kind, order_id=order_id, after=after, limit=limit
    )
